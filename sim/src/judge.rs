//! The model and the rules without a world: for whoever makes up a server's events by other means.

use engine::{Action, Actions, Config, Event, Instant, Server};

use crate::comparison;
use crate::invariants::{self, Broken, Bystander, Step};
use crate::model::Model;

/// Tells a server of events and looks, after each, at what it did: whether it is what the model
/// expects, and whether every rule holds.
#[derive(Debug)]
pub struct Judge {
    pub(crate) model: Model,
    pub(crate) bystander: Bystander,
}

impl Judge {
    /// For a server that starts with these settings at [`Instant::ZERO`].
    pub fn new(rules: Config) -> Self {
        Self { model: Model::new(rules, Instant::ZERO), bystander: Bystander::default() }
    }

    /// Tells `server` of `event`, and gives what it does. The server is to be told by nobody else, to
    /// number no two connections the same, and to be told of at most 64 datagrams together.
    ///
    /// # Errors
    /// The rule that is broken, and how.
    pub fn tell(
        &mut self,
        server: &mut Server,
        event: Event<'_>,
        now: Instant,
    ) -> Result<Vec<Action<'static>>, String> {
        let mut actions = Actions::new();
        server.handle_into(event, now, &mut actions);
        let actions: Vec<Action<'_>> = actions.iter().collect();
        self.look(server, &event, now, &actions).map_err(|(rule, how)| format!("{rule}: {how}"))?;
        Ok(actions.into_iter().map(Action::into_owned).collect())
    }

    /// Looks at what `server` did when it was told of `event`.
    pub(crate) fn look(
        &mut self,
        server: &Server,
        event: &Event<'_>,
        now: Instant,
        actions: &[Action<'_>],
    ) -> Result<(), Broken> {
        let seen = comparison::seen(actions, self.model.rules().reply_form);
        let expected = self.model.step(*event, now, &seen);
        let step = Step {
            event,
            now: self.model.now(),
            actions,
            expected: &expected,
            census: server.census(),
            counters: server.counters(),
            deadline: server.next_deadline(),
            model: &self.model,
        };
        invariants::check(&mut self.bystander, &step)
    }
}
