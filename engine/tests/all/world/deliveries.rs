//! What the server sent to whom.

use std::net::SocketAddr;

use engine::{Action, Recipient};
use protocol::udp::{Bundle, Datagram, NoticeText, Text};

use super::people::Client;

/// One datagram that the server sent to one address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Delivery {
    pub(crate) to: SocketAddr,
    pub(crate) room: String,
    pub(crate) about: String,
    pub(crate) token: String,
    pub(crate) text: String,
}

/// Those deliveries, in the order in which a world gives them.
pub(crate) fn all(deliveries: impl IntoIterator<Item = Delivery>) -> Vec<Delivery> {
    let mut all: Vec<_> = deliveries.into_iter().collect();
    all.sort();
    all
}

/// No delivery at all.
pub(crate) fn nothing() -> Vec<Delivery> {
    Vec::new()
}

/// What `from` says, as `to` gets it.
pub(crate) fn chat(from: &Client, text: &str, to: &Client) -> Delivery {
    Delivery {
        to: to.address,
        room: from.room.to_string(),
        about: from.user.to_string(),
        token: String::new(),
        text: text.to_owned(),
    }
}

/// A notice about `about`, as `to` gets it: in its own room and with its own token.
pub(crate) fn notice(text: NoticeText, about: &Client, to: &Client) -> Delivery {
    Delivery {
        to: to.address,
        room: to.room.to_string(),
        about: about.user.to_string(),
        token: to.token.clone(),
        text: text.as_str().to_owned(),
    }
}

/// The datagrams among `actions`, one by one, in the order of [`all`].
pub(crate) fn deliveries(actions: &[Action<'_>]) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for action in actions {
        if let Action::Relay { to, .. } | Action::Burst { to, .. } = action {
            assert!(!to.is_empty(), "a relay has recipients");
        }
        let is_notice = matches!(action, Action::Notify { .. });
        for (bytes, to) in action.copies() {
            for datagram in unbundled(bytes) {
                let datagram = Datagram::parse(datagram).expect("what is sent is valid");
                let is_reserved = matches!(datagram.text(), Text::Reserved(_));
                assert_eq!(is_reserved, is_notice, "{datagram:?}");
                assert_eq!(datagram.token() != "", is_notice, "only a notice bears a token");
                deliveries.push(delivery(&datagram, &to));
            }
        }
    }
    all(deliveries)
}

/// The datagrams in one, which may be a bundle.
pub(crate) fn unbundled(bytes: &[u8]) -> Vec<&[u8]> {
    if !Bundle::is_one(bytes) {
        return vec![bytes];
    }
    Bundle::parse(bytes).expect("a bundle that is sent is valid").datagrams().collect()
}

fn delivery(datagram: &Datagram<'_>, to: &Recipient) -> Delivery {
    Delivery {
        to: to.address,
        room: datagram.room().to_owned(),
        about: datagram.user().to_owned(),
        token: datagram.token().to_owned(),
        text: datagram.raw_text().to_owned(),
    }
}

/// As [`deliveries`], of actions that touch no connection.
pub(super) fn only_datagrams(actions: &[Action<'_>]) -> Vec<Delivery> {
    let is_datagram = |action: &Action<'_>| {
        matches!(action, Action::Relay { .. } | Action::Burst { .. } | Action::Notify { .. })
    };
    assert!(actions.iter().all(is_datagram), "{actions:?}");
    deliveries(actions)
}
