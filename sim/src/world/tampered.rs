//! The checks can fail: a server that breaks a rule now and then is found out, and by that rule.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::SocketAddr;

use engine::{Action, ConnectionId, Recipient};

use super::Tamper;
use crate::plan::Plan;
use crate::trace::Depth;
use crate::wire::{Fields, bundle, is_bundle, opened};

/// Worlds within which each has to be found.
const WORLDS: u64 = 100;

/// The rules that a change breaks, in worlds that are only as bad as they are, up to one.
fn found(tamper: Tamper, last: &str) -> BTreeSet<&'static str> {
    let mut rules = BTreeSet::new();
    for seed in 0..WORLDS {
        let outcome = Plan::draw(seed).run_tampered(Depth::Nothing, tamper);
        rules.extend(outcome.violation.map(|violation| violation.rule));
        if rules.contains(last) {
            break;
        }
    }
    rules
}

/// Changes the recipients of a relay.
fn relays(actions: &mut [Action<'_>], change: impl Fn(&mut Vec<Recipient>)) {
    for action in actions {
        if let Action::Relay { to, .. } = action {
            change(to.to_mut());
        }
    }
}

/// Changes a notice's fields.
fn notices(actions: &mut [Action<'_>], change: impl Fn(&mut Fields<'_>)) {
    for action in actions {
        if let Action::Notify { datagram, .. } = action {
            let bytes = datagram.to_vec();
            let mut fields = Fields::read(&bytes).unwrap();
            change(&mut fields);
            *datagram = Cow::Owned(fields.write());
        }
    }
}

/// Changes the datagrams of an action that sends several, or a bundle: each goes by itself then.
fn packets(actions: &mut Vec<Action<'_>>, change: impl Fn(&mut Vec<Vec<u8>>)) {
    let tampered = std::mem::take(actions).into_iter().flat_map(|action| {
        let Action::Burst { run, to } = &action else { return vec![action] };
        let mut packets: Vec<Vec<u8>> = run.datagrams().map(<[u8]>::to_vec).collect();
        change(&mut packets);
        let relay = |packet| Action::Relay { datagram: Cow::Owned(packet), to: to.clone() };
        packets.into_iter().map(relay).collect()
    });
    *actions = tampered.collect();
}

/// Changes what is in each bundle.
fn bundles(actions: &mut Vec<Action<'_>>, change: impl Fn(&mut Vec<Vec<u8>>)) {
    let changed = |packet: &[u8]| {
        let inside = opened(packet).unwrap();
        let mut inside: Vec<Vec<u8>> = inside.into_iter().map(<[u8]>::to_vec).collect();
        change(&mut inside);
        bundle(&inside.iter().map(|datagram| &datagram[..]).collect::<Vec<_>>())
    };
    packets(actions, |_| {});
    for action in actions {
        if let Action::Relay { datagram, .. } = action
            && is_bundle(datagram)
        {
            *datagram = Cow::Owned(changed(datagram));
        }
    }
}

/// Who has spoken gets its own message in a bundle, besides what the others said.
fn own_message_too(actions: &mut Vec<Action<'_>>) {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut heard: BTreeSet<(SocketAddr, Vec<u8>)> = BTreeSet::new();
    for (packet, to) in actions.iter().flat_map(Action::copies) {
        for datagram in opened(packet).unwrap() {
            all.push(datagram.to_vec());
            heard.insert((to.address, datagram.to_vec()));
        }
    }
    for action in actions {
        let Action::Relay { datagram, to } = action else { continue };
        if !is_bundle(datagram) {
            continue;
        }
        let mut inside = opened(datagram).unwrap();
        let room = Fields::read(inside[0]).unwrap().room;
        let is_own = |datagram: &&Vec<u8>| {
            let is_of_room = Fields::read(datagram).is_some_and(|fields| fields.room == room);
            is_of_room && !heard.contains(&(to[0].address, datagram.to_vec()))
        };
        if let Some(own) = all.iter().find(is_own) {
            inside.push(own);
            *datagram = Cow::Owned(bundle(&inside));
        }
    }
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let cases: [(&str, Tamper); 17] = [
        ("no_copy_to_a_non_member", |actions| {
            relays(actions, |to| to[0].address.set_port(9));
        }),
        ("no_copy_twice", |actions| relays(actions, |to| to.push(to[0]))),
        ("no_token_but_the_recipients_own", |actions| {
            for action in actions {
                if let Action::Relay { datagram, .. } = action {
                    let bytes = datagram.to_vec();
                    let fields = Fields { token: "t", ..Fields::read(&bytes).unwrap() };
                    *datagram = Cow::Owned(fields.write());
                }
            }
        }),
        ("no_token_but_the_recipients_own", |actions| notices(actions, |fields| fields.token = "")),
        ("the_engine_does_what_the_model_expects", |actions| {
            relays(actions, |to| to.truncate(to.len() - 1));
        }),
        ("the_engine_does_what_the_model_expects", |actions| {
            notices(actions, |fields| fields.user = "別人");
        }),
        ("the_engine_does_what_the_model_expects", |actions| {
            actions.retain(|action| !matches!(action, Action::Notify { .. }));
        }),
        ("the_engine_does_what_the_model_expects", |actions| {
            actions.retain(|action| !matches!(action, Action::Close { .. }));
        }),
        ("actions_name_who_is_there", |actions| {
            actions.push(Action::HalfClose { connection: ConnectionId(u64::MAX) });
        }),
        ("no_bundle_to_who_did_not_ask", |actions| {
            packets(actions, |packets| {
                if packets.len() > 1 && !is_bundle(&packets[0]) {
                    let all: Vec<&[u8]> = packets.iter().map(|packet| &packet[..]).collect();
                    *packets = vec![bundle(&all)];
                }
            });
        }),
        // The last message of a bundle is lost.
        ("the_engine_does_what_the_model_expects", |actions| {
            bundles(actions, |inside| inside.truncate(inside.len() - 1));
        }),
        ("the_engine_does_what_the_model_expects", |actions| {
            packets(actions, |packets| {
                if packets.len() > 1 {
                    packets.pop();
                }
            });
        }),
        ("each_speaker_is_heard_in_its_order", |actions| {
            bundles(actions, |inside| inside.reverse());
        }),
        ("each_speaker_is_heard_in_its_order", |actions| {
            packets(actions, |packets| packets.reverse());
        }),
        ("no_copy_to_the_sender", own_message_too),
        ("bundles_are_sound", |actions| bundles(actions, |inside| inside.push(vec![0; 1200]))),
        ("sizes_hold", |actions| {
            for action in actions {
                if let Action::Relay { datagram, .. } = action {
                    datagram.to_mut().resize(4097, b'a');
                }
            }
        }),
    ];
    for (number, (rule, tamper)) in cases.into_iter().enumerate() {
        let rules = found(tamper, rule);
        assert!(rules.contains(rule), "case {number}: {rule} is not among {rules:?}");
    }
}
