//! The rules about what members say, and who gets it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use engine::{Action, Event, Incoming, MemberId, Recipient};

use super::{Bystander, Step, datagrams, require};
use crate::model::Room;
use crate::wire::{Fields, is_bundle, opened};

/// Why: chat is for those in the room.
pub(super) fn no_copy_to_a_non_member(
    bystander: &mut Bystander,
    step: &Step<'_>,
) -> Result<(), String> {
    for (fields, to) in relayed(step) {
        let Some(room) = step.model.rooms_list.get(fields.room) else {
            return Err("there is no such room".to_owned());
        };
        for to in to {
            let mut addresses = room.members.values();
            require(addresses.any(|address| *address == Some(to.address)), || {
                format!("no member is at {}", to.address)
            })?;
            let token = bystander.members.get(&to.member);
            require(token.is_none_or(|token| room.members.contains_key(token)), || {
                format!("who is at {} is not a member", to.address)
            })?;
        }
    }
    Ok(())
}

/// Why: who speaks has seen it already.
pub(super) fn no_copy_to_the_sender(
    bystander: &mut Bystander,
    step: &Step<'_>,
) -> Result<(), String> {
    for (fields, to) in relayed(step) {
        let Some(room) = step.model.rooms_list.get(fields.room) else { continue };
        for to in to {
            let said_it = |token: &&String| {
                let record = step.model.token_list.get(*token);
                record.is_some_and(|record| record.user_name == fields.user)
            };
            // Whoever is there, where the number of the member says nothing yet.
            let is_the_sender = match bystander.members.get(&to.member) {
                Some(token) => said_it(&token),
                None => tokens_at(room, to.address).all(|token| said_it(&token)),
            };
            require(!is_the_sender, || "a copy to the sender".to_owned())?;
        }
    }
    Ok(())
}

/// Why: a message is said once.
pub(super) fn no_copy_twice(_: &mut Bystander, step: &Step<'_>) -> Result<(), String> {
    if !matches!(step.event, Event::Datagrams(_)) {
        let mut relays = 0;
        for (_, to) in relayed(step) {
            relays += 1;
            let members: BTreeSet<MemberId> = to.iter().map(|to| to.member).collect();
            require(members.len() == to.len(), || "a member gets two copies".to_owned())?;
        }
        return require(relays <= 1, || "one datagram was relayed twice".to_owned());
    }
    let said = |fields: &Fields<'_>| {
        let is_it = |came: &Incoming<'_>| {
            Fields::read(came.bytes).is_some_and(|sent| Fields { token: "", ..sent } == *fields)
        };
        datagrams(step.event).filter(is_it).count()
    };
    let mut times: BTreeMap<(MemberId, &str, &str, &str), usize> = BTreeMap::new();
    for (fields, to) in relayed(step) {
        for to in to {
            let Fields { room, user, text, .. } = fields;
            *times.entry((to.member, room, user, text)).or_default() += 1;
        }
    }
    for ((_, room, user, text), times) in times {
        // Once needs no counting: that it was said at all, the comparison sees.
        let is_sound = times == 1 || times <= said(&Fields { room, user, token: "", text });
        require(is_sound, || format!("a member gets {times} copies of what {user} said"))?;
    }
    Ok(())
}

/// Why: an answer that comes before its question makes no sense.
pub(super) fn each_speaker_is_heard_in_its_order(
    _: &mut Bystander,
    step: &Step<'_>,
) -> Result<(), String> {
    let Event::Datagrams(_) = step.event else { return Ok(()) };
    let mut heard: BTreeMap<(MemberId, &str, &str), Vec<&str>> = BTreeMap::new();
    for (Fields { room, user, text, .. }, to) in relayed(step) {
        for to in to {
            heard.entry((to.member, room, user)).or_default().push(text);
        }
    }
    for ((_, room, user), texts) in heard {
        let mut said = datagrams(step.event)
            .filter_map(|came| Fields::read(came.bytes))
            .filter(|fields| (fields.room, fields.user) == (room, user));
        for text in texts {
            require(said.any(|fields| fields.text == text), || {
                format!("{user} is not heard in the order in which it spoke")
            })?;
        }
    }
    Ok(())
}

/// Why: whoever does not know them shows nothing of what is in them.
pub(super) fn no_bundle_to_who_did_not_ask(
    bystander: &mut Bystander,
    step: &Step<'_>,
) -> Result<(), String> {
    for action in step.actions {
        let Some((first, to)) = relay(action).and_then(|(mut all, to)| Some((all.next()?, to)))
        else {
            continue;
        };
        if !is_bundle(first) {
            continue;
        }
        let fields = opened(first).and_then(|inside| Fields::read(inside.first()?));
        let room = fields.and_then(|fields| step.model.rooms_list.get(fields.room));
        let Some(room) = room else { return Err("a bundle for no room".to_owned()) };
        for to in to {
            let asked = |token: &String| {
                step.model.token_list.get(token).is_some_and(|record| record.features.bundle)
            };
            // Anyone who is there, where the number of the member says nothing yet.
            let asked = match bystander.members.get(&to.member) {
                Some(token) => asked(token),
                None => tokens_at(room, to.address).any(asked),
            };
            require(asked, || format!("a bundle to {}, who did not ask for any", to.address))?;
        }
    }
    Ok(())
}

/// Why: one that cannot be read is lost with all that is in it, and one that is too large is cut apart
/// on the way. Of a run the system takes all but the last to be equal in size.
pub(super) fn bundles_are_sound(_: &mut Bystander, step: &Step<'_>) -> Result<(), String> {
    for action in step.actions {
        if let Action::Notify { datagram, .. } = action {
            require(!is_bundle(datagram), || "a notice in a bundle".to_owned())?;
        }
        let Some((datagrams, _)) = relay(action) else { continue };
        let all: Vec<&[u8]> = datagrams.collect();
        let bundles = all.iter().filter(|bytes| is_bundle(bytes)).count();
        require(bundles == 0 || bundles == all.len(), || "bundles among others".to_owned())?;
        if let Action::Burst { run, .. } = action {
            let is_run = all.len() > 1 && run.size().get() <= run.bytes().len();
            require(is_run, || "a run of one".to_owned())?;
        }
        for bytes in all.iter().filter(|bytes| is_bundle(bytes)) {
            let Some(inside) = opened(bytes) else { return Err("it cannot be read".to_owned()) };
            require(bytes.len() <= LARGEST_BUNDLE, || format!("{} bytes", bytes.len()))?;
            let is_needed = all.len() > 1 || inside.len() > 1;
            require(is_needed, || "a message that is alone".to_owned())?;
        }
    }
    Ok(())
}

/// The most bytes of a bundle.
const LARGEST_BUNDLE: usize = 1200;

/// What an action sends to several, one datagram after the other as the network carries them.
pub(super) fn relay<'a>(
    action: &'a Action<'_>,
) -> Option<(impl Iterator<Item = &'a [u8]>, &'a [Recipient])> {
    match action {
        Action::Relay { datagram, to } => Some((datagram.chunks(datagram.len().max(1)), &to[..])),
        Action::Burst { run, to } => Some((run.bytes().chunks(run.size().get()), &to[..])),
        _ => None,
    }
}

/// What is relayed in a step, and to whom, with the bundles opened. What cannot be opened is left out.
pub(super) fn relayed<'a>(step: &Step<'a>) -> impl Iterator<Item = (Fields<'a>, &'a [Recipient])> {
    step.actions.iter().filter_map(relay).flat_map(|(datagrams, to)| {
        let inside = datagrams.flat_map(|bytes| opened(bytes).unwrap_or_default());
        inside.filter_map(Fields::read).map(move |fields| (fields, to))
    })
}

/// The tokens of a room's members that are at an address.
fn tokens_at(room: &Room, address: SocketAddr) -> impl Iterator<Item = &String> {
    let members = room.members.iter().filter(move |(_, at)| **at == Some(address));
    members.map(|(token, _)| token)
}
