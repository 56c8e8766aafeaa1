//! The checks can fail: a server that breaks a rule now and then is found out, and by that rule.

use std::borrow::Cow;
use std::collections::BTreeSet;

use engine::{Action, ConnectionId, Recipient};

use super::Tamper;
use crate::plan::Plan;
use crate::trace::Depth;
use crate::wire::Fields;

/// Worlds within which each has to be found.
const WORLDS: u64 = 20;

/// The rules that a change breaks, in worlds that are only as bad as they are.
fn found(tamper: Tamper) -> BTreeSet<&'static str> {
    let outcomes = (0..WORLDS).map(|seed| Plan::draw(seed).run_tampered(Depth::Nothing, tamper));
    outcomes.filter_map(|outcome| outcome.violation).map(|violation| violation.rule).collect()
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

#[test]
fn each_rule_finds_what_breaks_it() {
    let cases: [(&str, Tamper); 10] = [
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
        ("sizes_hold", |actions| {
            for action in actions {
                if let Action::Relay { datagram, .. } = action {
                    datagram.to_mut().resize(4097, b'a');
                }
            }
        }),
    ];
    for (number, (rule, tamper)) in cases.into_iter().enumerate() {
        let rules = found(tamper);
        assert!(rules.contains(rule), "case {number}: {rule} is not among {rules:?}");
    }
    assert_eq!(found(|_| {}), BTreeSet::new());
}
