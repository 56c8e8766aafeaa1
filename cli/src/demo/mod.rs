//! The demonstration: a server and three clients in one process, on a simulated clock.
//!
//! The engine decides everything that is shown. The story only says who does what and when, and
//! compares what came of it with what it tells; where they differ, the demonstration fails.

mod columns;
mod person;
mod screen;
mod sight;
mod stage;
mod wire;

use std::io::{self, Write};
use std::time::Duration;

use engine::client::{Happening, Lobby, Reason};
use engine::{Config, Instant};
use protocol::RoomName;
use protocol::tcp::ErrorCode;

use person::{Ask, Who};
use screen::Screen;
use sight::Sight;
use stage::{Stage, Step};

const ROOM: &str = "広場";
const PASSWORD: &str = "開けゴマ";

/// How long ボブ's client is silent before it sends presence.
const KEEPALIVE: Duration = Duration::from_secs(40);

/// Writes the demonstration to `out`; with `wire`, every packet too.
///
/// # Errors
/// Those of writing, and that something did not happen as the story tells it.
pub(crate) fn run(wire: bool, out: &mut impl Write) -> io::Result<()> {
    let config = Config::default();
    let mut story = Story {
        room: RoomName::new(ROOM).map_err(io::Error::other)?,
        stage: Stage::new(config.clone(), KEEPALIVE)?,
        screen: Screen::new(out, wire),
    };
    story.the_server_starts(&config)?;
    story.alice_opens_a_room()?;
    story.the_others_join()?;
    story.they_talk()?;
    story.carol_falls_silent()?;
    story.alice_leaves()?;
    story.the_end()
}

struct Story<'a, W> {
    room: RoomName,
    stage: Stage,
    screen: Screen<'a, W>,
}

impl<W: Write> Story<'_, W> {
    fn the_server_starts(&mut self, config: &Config) -> io::Result<()> {
        self.screen.prose(
            "A chat server and three clients, all in this one process and without a network. The \
             clock runs as fast as it can. Each column is what one of the three has on the screen: \
             > is what they say, * is what their client tells them, and [ ] is what it sends to the \
             server besides.",
        )?;
        self.screen.scene("1. The server starts")?;
        let first = self.stage.look()?;
        self.screen.step(&first)?;
        let (idle, sweep) = (config.idle_timeout.as_secs(), config.sweep_interval.as_secs());
        self.screen.prose(&format!(
            "        (it drops who is silent for more than {idle} s, and looks every {sweep} s)"
        ))
    }

    fn alice_opens_a_room(&mut self) -> io::Result<()> {
        self.screen.scene("2. alice opens a room with a password, and is its host")?;
        self.enter(5, Who::Alice, Lobby::create)
    }

    fn the_others_join(&mut self) -> io::Result<()> {
        self.screen.scene("3. ボブ and carol join; carol has the password wrong at first")?;
        self.enter(15, Who::Bob, Lobby::join)?;
        let refusal = self.ask(22, Who::Carol, Lobby::join, "open sesame")?;
        expect(
            &refusal,
            Who::Carol,
            "that the password is wrong",
            |sight| matches!(sight, Sight::Refused(refusal) if refusal.error == ErrorCode::WrongPassword),
        )?;
        self.enter(31, Who::Carol, Lobby::join)
    }

    fn they_talk(&mut self) -> io::Result<()> {
        self.screen.scene("4. They talk; what one says goes to the others")?;
        self.say(35, Who::Carol, "Hi! 開けゴマ :)")?;
        self.say(40, Who::Alice, "ようこそ、広場へ！")?;
        self.say(44, Who::Bob, "こんにちは。Nice to meet you, carol 👋")
    }

    fn carol_falls_silent(&mut self) -> io::Result<()> {
        let keepalive = KEEPALIVE.as_secs();
        self.screen.scene(&format!(
            "5. carol falls silent; ボブ's client keeps alive (--keepalive {keepalive}s)"
        ))?;
        self.pass_to(90)?;
        self.say(90, Who::Alice, "ボブさん、まだいますか？")?;
        self.say(96, Who::Bob, "はい、いますよ")?;
        let steps = self.pass_to(165)?;
        expect(&steps, Who::Carol, "the warning", |sight| {
            matches!(sight, Sight::Happened(Happening::IdleWarning(_)))
        })?;
        expect(&steps, Who::Bob, "a presence", |sight| *sight == Sight::Present)?;
        let over = Sight::Over(Reason::TimedOut);
        expect(&steps, Who::Carol, "that she timed out", |sight| *sight == over)?;
        let told = Sight::Happened(Happening::MemberTimedOut(Who::Carol.name().to_owned()));
        for who in [Who::Alice, Who::Bob] {
            expect(&steps, who, "that carol timed out", |sight| *sight == told)?;
        }
        self.say(165, Who::Alice, "carol is asleep.")?;
        self.say(170, Who::Bob, "そうみたいですね。おやすみなさい 💤")
    }

    fn alice_leaves(&mut self) -> io::Result<()> {
        self.screen.scene("6. alice leaves, and she is the host: the room is closed")?;
        self.pass_to(180)?;
        let step = self.stage.leave(Who::Alice)?;
        self.screen.step(&step)?;
        if step.census.rooms != 0 {
            return Err(unexpected("the room is still open"));
        }
        let steps = [step];
        for (who, reason) in [(Who::Alice, Reason::Left), (Who::Bob, Reason::RoomClosed)] {
            let over = Sight::Over(reason);
            expect(&steps, who, "that it is over", |sight| *sight == over)?;
        }
        Ok(())
    }

    fn the_end(&mut self) -> io::Result<()> {
        self.screen.heading("Now try it yourself")?;
        self.screen.line("Start a server:                cli server")?;
        self.screen.line("and in two other terminals:    cli client")
    }

    /// Asks to be let in with the right password; everyone there is told.
    fn enter(&mut self, second: u64, who: Who, ask: Ask) -> io::Result<()> {
        let others = self.others(who);
        let steps = self.ask(second, who, ask, PASSWORD)?;
        expect(&steps, who, "that it is let in", |sight| matches!(sight, Sight::LetIn { .. }))?;
        let told = Sight::Happened(Happening::MemberJoined(who.name().to_owned()));
        for other in others {
            expect(&steps, other, &format!("that {who} joined"), |sight| *sight == told)?;
        }
        Ok(())
    }

    fn ask(&mut self, second: u64, who: Who, ask: Ask, password: &str) -> io::Result<[Step; 1]> {
        self.pass_to(second)?;
        let step = self.stage.ask(who, ask, self.room.clone(), password)?;
        self.screen.step(&step)?;
        Ok([step])
    }

    /// Says something, which everyone else in the room gets.
    fn say(&mut self, second: u64, who: Who, text: &str) -> io::Result<()> {
        self.pass_to(second)?;
        let others = self.others(who);
        let steps = [self.stage.say(who, text)?];
        for step in &steps {
            self.screen.step(step)?;
        }
        let (from, text) = (who.name().to_owned(), text.to_owned());
        let heard = Sight::Happened(Happening::Chat { from, text });
        for other in others {
            expect(&steps, other, &format!("what {who} said"), |sight| *sight == heard)?;
        }
        Ok(())
    }

    /// The clock goes on, and what comes of that is shown.
    fn pass_to(&mut self, second: u64) -> io::Result<Vec<Step>> {
        let steps = self.stage.pass(Instant::ZERO + Duration::from_secs(second))?;
        for step in &steps {
            self.screen.step(step)?;
        }
        Ok(steps)
    }

    /// Who is in the room besides.
    fn others(&self, who: Who) -> Vec<Who> {
        let all = Who::ALL.into_iter();
        all.filter(|other| *other != who && self.stage.is_in(*other)).collect()
    }
}

/// Makes sure that somebody saw something.
fn expect(steps: &[Step], who: Who, what: &str, is: impl Fn(&Sight) -> bool) -> io::Result<()> {
    let mut sights = steps.iter().flat_map(|step| &step.sights);
    if sights.any(|(seer, sight)| *seer == who && is(sight)) {
        return Ok(());
    }
    Err(unexpected(&format!("{who} was to see {what}, and did not")))
}

fn unexpected(what: &str) -> io::Error {
    io::Error::other(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal that goes away after so many bytes.
    struct Vanishing(usize);

    impl Write for Vanishing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_failure_to_write_is_handed_on() {
        let mut whole = Vec::new();
        run(true, &mut whole).unwrap();
        assert!(run(true, &mut Vanishing(whole.len())).is_ok());
        for size in [0, 1, whole.len() / 2, whole.len() - 1] {
            let error = run(true, &mut Vanishing(size)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{size}");
        }
    }

    #[test]
    fn what_does_not_happen_is_an_error() {
        let mut stage = Stage::new(Config::default(), KEEPALIVE).unwrap();
        let step = stage.ask(Who::Bob, Lobby::join, RoomName::new(ROOM).unwrap(), "").unwrap();
        let steps = [step];
        let refused = |sight: &Sight| matches!(sight, Sight::Refused(_));
        expect(&steps, Who::Bob, "a refusal", refused).unwrap();
        assert!(expect(&steps, Who::Carol, "a refusal", refused).is_err());
        let error =
            expect(&steps, Who::Bob, "a welcome", |sight| matches!(sight, Sight::LetIn { .. }));
        assert_eq!(error.unwrap_err().to_string(), "ボブ was to see a welcome, and did not");
    }
}
