//! What must hold whatever happens, one function for each rule. They look at the packets as a
//! bystander would, so a mistake that the model shared with the engine would still be seen.

mod relays;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use engine::{
    Action, Census, ConnectionId, Counters, Event, Incoming, Instant, MemberId, Recipient,
};
use protocol::tcp::ReplyForm;

use crate::comparison;
use crate::model::{CLOSED, Expected, Model, NOTICES_A_TURN, SHUTDOWN, TIMED_OUT};
use crate::wire::Fields;
use relays::{
    bundles_are_sound, each_speaker_is_heard_in_its_order, no_bundle_to_who_did_not_ask,
    no_copy_to_a_non_member, no_copy_to_the_sender, no_copy_twice, relay, relayed,
};

/// What a bystander who sees all packets knows.
#[derive(Debug, Default)]
pub(crate) struct Bystander {
    /// The tokens that were given out.
    pub(crate) issued: BTreeMap<String, Issued>,
    /// Every address from which a datagram with a token came that was then a member's or remembered.
    proved: BTreeSet<SocketAddr>,
    /// Which token the engine's number of a member stands for.
    members: BTreeMap<MemberId, String>,
    /// The connections that had their reply.
    answered: BTreeSet<ConnectionId>,
}

/// A token that was given out.
#[derive(Debug)]
pub(crate) struct Issued {
    /// How many were given out before: its name in a trace.
    pub(crate) number: usize,
    room: String,
    user: String,
    ip: IpAddr,
    /// From where datagrams came that bear it and all that belongs to it.
    addresses: BTreeSet<SocketAddr>,
}

/// One event and what the engine did about it.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) event: &'a Event<'a>,
    pub(crate) now: Instant,
    pub(crate) actions: &'a [Action<'a>],
    pub(crate) expected: &'a Expected,
    pub(crate) census: Census,
    pub(crate) counters: &'a Counters,
    pub(crate) deadline: Option<Instant>,
    /// The model after the event.
    pub(crate) model: &'a Model,
}

/// The name of a rule, and the rule.
type Rule = (&'static str, fn(&mut Bystander, &Step<'_>) -> Result<(), String>);

/// Those that are looked at after every event, in this order.
const RULES: [Rule; 14] = [
    ("actions_name_who_is_there", actions_name_who_is_there),
    ("no_copy_to_a_non_member", no_copy_to_a_non_member),
    ("no_copy_to_the_sender", no_copy_to_the_sender),
    ("no_copy_twice", no_copy_twice),
    ("each_speaker_is_heard_in_its_order", each_speaker_is_heard_in_its_order),
    ("bundles_are_sound", bundles_are_sound),
    ("no_bundle_to_who_did_not_ask", no_bundle_to_who_did_not_ask),
    ("no_token_but_the_recipients_own", no_token_but_the_recipients_own),
    ("nobody_who_is_in_is_told_to_be_out", nobody_who_is_in_is_told_to_be_out),
    ("no_answer_without_a_token", no_answer_without_a_token),
    ("no_bytes_to_an_address_that_proved_nothing", no_bytes_to_an_address_that_proved_nothing),
    ("caps_hold", caps_hold),
    ("sizes_hold", sizes_hold),
    ("turns_are_bounded", turns_are_bounded),
];

/// Those about what is left when it is done, once what was done is known to be right.
const RULES_OF_STATE: [Rule; 2] = [
    ("the_census_and_the_counters_are_the_models", the_census_and_the_counters_are_the_models),
    ("woken_in_time_and_not_for_nothing", woken_in_time_and_not_for_nothing),
];

/// A rule that is broken, and how.
pub(crate) type Broken = (&'static str, String);

/// Looks at everything; the first rule that is broken.
pub(crate) fn check(bystander: &mut Bystander, step: &Step<'_>) -> Result<(), Broken> {
    bystander.look(step);
    for (name, rule) in RULES {
        rule(bystander, step).map_err(|how| (name, how))?;
    }
    comparison::compare(step.expected, step.actions, step.model.rules())
        .map_err(|how| ("the_engine_does_what_the_model_expects", how))?;
    for (name, rule) in RULES_OF_STATE {
        rule(bystander, step).map_err(|how| (name, how))?;
    }
    Ok(())
}

/// Why: a driver cannot do anything with a number that it has never seen or has dropped, and a
/// number that stood for two members in turn would send one's copies to the other.
fn actions_name_who_is_there(bystander: &mut Bystander, step: &Step<'_>) -> Result<(), String> {
    for action in step.actions {
        match action {
            Action::Write { connection, .. } => {
                require(step.model.is_connected(*connection), || {
                    format!("{connection:?} is not open")
                })?;
                require(bystander.answered.insert(*connection), || {
                    format!("{connection:?} had its reply already")
                })?;
            }
            Action::HalfClose { connection } => {
                require(step.model.is_connected(*connection), || {
                    format!("{connection:?} is not open")
                })?;
            }
            Action::Close { connection } => {
                require(!step.model.is_connected(*connection), || {
                    format!("{connection:?} is to stay")
                })?;
            }
            Action::Notify { datagram, to } => {
                let token = Fields::read(datagram).map(|fields| fields.token).unwrap_or_default();
                let known = bystander.members.entry(to.member).or_insert_with(|| token.to_owned());
                require(known == token, || "a member's number stands for two".to_owned())?;
            }
            Action::Relay { .. } | Action::Burst { .. } => {}
        }
    }
    Ok(())
}

/// Why: who knows a token can speak as its member.
fn no_token_but_the_recipients_own(
    bystander: &mut Bystander,
    step: &Step<'_>,
) -> Result<(), String> {
    for (fields, _) in relayed(step) {
        require(fields.token.is_empty(), || "a token was relayed".to_owned())?;
    }
    for action in step.actions {
        let Action::Notify { datagram, to } = action else { continue };
        let token = Fields::read(datagram).map(|fields| fields.token).unwrap_or_default();
        let issued = bystander.issued.get(token);
        require(issued.is_some_and(|issued| issued.addresses.contains(&to.address)), || {
            format!("the token in a notice to {} was never seen from there", to.address)
        })?;
    }
    Ok(())
}

/// Why: a client believes such a notice, and its user is thrown out of a room that it is in.
fn nobody_who_is_in_is_told_to_be_out(_: &mut Bystander, step: &Step<'_>) -> Result<(), String> {
    for action in step.actions {
        let Action::Notify { datagram, .. } = action else { continue };
        let Some(fields) = Fields::read(datagram) else { continue };
        let Some(record) = step.model.token_list.get(fields.token) else { continue };
        let is_out = match fields.text {
            CLOSED | SHUTDOWN => true,
            TIMED_OUT => fields.user == record.user_name,
            _ => false,
        };
        require(!is_out, || format!("{} is told {}", record.user_name, fields.text))?;
    }
    Ok(())
}

/// Why: an answer to whoever asks is an answer to a forged source address.
fn no_answer_without_a_token(_: &mut Bystander, step: &Step<'_>) -> Result<(), String> {
    let is_chat = matches!(step.event, Event::Datagram { .. } | Event::Datagrams(_));
    if step.expected.authentic.contains(&true) || !is_chat {
        return Ok(());
    }
    let due = step.expected.by_time.iter().chain(&step.expected.perhaps);
    let due: usize = due.map(|copies| copies.to.len()).sum();
    let sent = recipients(step).count();
    require(sent <= due, || format!("{sent} datagrams were sent, of which {due} were due anyway"))
}

/// Why: whoever forges a source address must not make the server send to it.
fn no_bytes_to_an_address_that_proved_nothing(
    bystander: &mut Bystander,
    step: &Step<'_>,
) -> Result<(), String> {
    for to in recipients(step) {
        require(bystander.proved.contains(&to.address), || {
            format!("{} never sent a valid datagram", to.address)
        })?;
    }
    Ok(())
}

/// Why: strangers must not make the server grow without bounds.
fn caps_hold(_: &mut Bystander, step: &Step<'_>) -> Result<(), String> {
    let (census, caps) = (step.census, &step.model.rules().caps);
    for (what, held, cap) in [
        ("rooms", census.rooms, caps.rooms),
        ("members", census.members, caps.members),
        ("connections", census.connections, caps.connections),
        ("remembered tokens", census.remembered_tokens, caps.remembered_tokens),
    ] {
        require(held <= cap, || format!("{held} {what}, of at most {cap}"))?;
    }
    if let Event::Opened { from, .. } = step.event {
        let held = step.model.connections_from(from.ip().to_canonical());
        let cap = caps.connections_per_address;
        require(held <= cap, || format!("{held} connections from one address, of at most {cap}"))?;
    }
    for (fields, to) in relayed(step) {
        let cap = caps.room_members;
        require(to.len() < cap, || {
            format!("{} copies in {}, of at most {cap}", to.len(), fields.room)
        })?;
    }
    Ok(())
}

/// Why: what is larger does not fit the reader's buffer.
fn sizes_hold(_: &mut Bystander, step: &Step<'_>) -> Result<(), String> {
    for action in step.actions {
        let (size, most) = match action {
            Action::Notify { datagram, .. } => (datagram.len(), 4096),
            Action::Relay { .. } | Action::Burst { .. } => {
                let sizes = relay(action).into_iter().flat_map(|(all, _)| all.map(<[u8]>::len));
                (sizes.max().unwrap_or(0), 4096)
            }
            Action::Write { bytes, .. } => match step.model.rules().reply_form {
                ReplyForm::Bare => (bytes.len(), 1024),
                ReplyForm::Framed => (bytes.len(), 32 + 255 + 1024 * 1024),
            },
            Action::HalfClose { .. } | Action::Close { .. } => continue,
        };
        require(size <= most, || format!("{size} bytes, of at most {most}"))?;
    }
    Ok(())
}

/// Why: however many go at once, the others are not kept waiting. Who stops the server does not care.
fn turns_are_bounded(_: &mut Bystander, step: &Step<'_>) -> Result<(), String> {
    if matches!(step.event, Event::Shutdown) {
        return Ok(());
    }
    let told = step.actions.iter().filter(|action| matches!(action, Action::Notify { .. }));
    // Each datagram may have an answer, to somebody who is out.
    let (told, most) = (told.count(), NOTICES_A_TURN + datagrams(step.event).count());
    require(told <= most, || format!("{told} notices in a turn"))
}

/// Why: an operator goes by these numbers.
fn the_census_and_the_counters_are_the_models(
    _: &mut Bystander,
    step: &Step<'_>,
) -> Result<(), String> {
    let census = step.model.census();
    require(step.census == census, || format!("{:?}, expected {census:?}", step.census))?;
    let counters = step.model.counters();
    require(step.counters == counters, || format!("{:?},\n  expected {counters:?}", step.counters))
}

/// Why: a wake too late keeps the dead in their rooms, one too early is a busy loop.
fn woken_in_time_and_not_for_nothing(_: &mut Bystander, step: &Step<'_>) -> Result<(), String> {
    let need = step.model.next_need();
    let in_time = need.is_none_or(|need| step.deadline.is_some_and(|deadline| deadline <= need));
    require(in_time, || format!("to be woken at {:?}, needed at {need:?}", step.deadline))?;
    // The next turn of a telling is due at once.
    let is_to_come = |deadline| deadline > step.now || step.model.is_behind();
    require(step.deadline.is_none_or(is_to_come), || {
        format!("to be woken at {:?}, which is past", step.deadline)
    })?;
    require(need.is_some() || step.deadline.is_none(), || "to be woken for nothing".to_owned())
}

/// Why: whatever came, came and went; a server that runs for months must not keep a crumb of each.
pub(crate) fn nothing_is_left(census: Census, deadline: Option<Instant>) -> Result<(), String> {
    require(census == Census::default(), || format!("{census:?}"))?;
    require(deadline.is_none(), || format!("there is nothing left, and it wakes at {deadline:?}"))
}

/// Why: a lost notice must leave nobody talking to a room that is gone. A client that gets answers to its
/// presences goes by their absence. For any other, nothing can be said of a token that the server has
/// forgotten: it is as good as a forged one, and never answered.
pub(crate) fn who_still_sends_knows_whether_it_is_in(
    model: &Model,
    token: &str,
    gets_answers: bool,
) -> Result<(), String> {
    let is_in = model.token_list.contains_key(token)
        || !gets_answers && model.departed.may_be_forgotten(token);
    require(is_in, || "its session says that it is in, and it is not".to_owned())
}

impl Bystander {
    /// Takes note of who was let in, and of who proved where it is.
    fn look(&mut self, step: &Step<'_>) {
        match step.event {
            Event::Datagram { .. } | Event::Datagrams(_) => {
                let authentic = datagrams(step.event).zip(&step.expected.authentic);
                for (Incoming { from, bytes }, _) in
                    authentic.filter(|(_, is_its_own)| **is_its_own)
                {
                    let Some(fields) = Fields::read(bytes) else { continue };
                    let Some(issued) = self.issued.get_mut(fields.token) else { continue };
                    let is_own = issued.room == fields.room
                        && issued.user == fields.user
                        && issued.ip == from.ip().to_canonical();
                    if is_own {
                        issued.addresses.insert(from);
                        self.proved.insert(from);
                    }
                }
            }
            Event::Received { connection, .. } => {
                let Some(ip) = step.model.connection_ip(*connection) else { return };
                let new =
                    step.model.token_list.iter().filter(|(_, r)| r.last_access == step.model.now());
                for (token, record) in new {
                    let number = self.issued.len() + 1;
                    self.issued.entry(token.clone()).or_insert_with(|| Issued {
                        number,
                        room: record.room_name.clone(),
                        user: record.user_name.clone(),
                        ip,
                        addresses: BTreeSet::new(),
                    });
                }
            }
            Event::Closed { connection } => {
                self.answered.remove(connection);
            }
            _ => {}
        }
    }
}

fn require(holds: bool, how: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(how()) }
}

/// The datagrams of an event.
fn datagrams<'a>(event: &Event<'a>) -> impl Iterator<Item = Incoming<'a>> {
    let (one, several) = match *event {
        Event::Datagram { from, bytes } => (Some(Incoming { from, bytes }), &[][..]),
        Event::Datagrams(batch) => (None, batch),
        _ => (None, &[][..]),
    };
    one.into_iter().chain(several.iter().copied())
}

/// All to whom a datagram was sent, for each of them.
fn recipients<'a>(step: &Step<'a>) -> impl Iterator<Item = &'a Recipient> {
    step.actions.iter().flat_map(|action| match action {
        Action::Relay { to, .. } | Action::Burst { to, .. } => &to[..],
        Action::Notify { to, .. } => std::slice::from_ref(to),
        _ => &[],
    })
}
