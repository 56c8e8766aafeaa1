//! The end: everyone is told, and everything is closed.

use protocol::udp::NoticeText;

use super::Server;
use super::directory::{Former, Member};
use super::notices::{in_words_of, push};
use crate::action::{Actions, Recipient};

impl Server {
    /// Tells everyone that the server stops, and closes everything.
    pub(super) fn shut_down(&mut self, actions: &mut Actions) {
        self.is_stopping = true;
        self.tellings.keep_farewells();
        let mut all = usize::MAX;
        self.tell(&mut all, actions);
        while let Some((id, _)) = self.directory.idlest() {
            let Some(room) = self.directory.member(id).map(Member::room) else {
                break;
            };
            let Some(closed) = self.directory.close(room) else {
                break;
            };
            for Former { id: member, member: record, address } in closed.members {
                let Some(address) = address else { continue };
                let to = Recipient { member, address };
                if let Some(text) = in_words_of(NoticeText::Shutdown, record.features) {
                    push(to, &closed.name, &closed.host, &record.token, text, actions);
                }
            }
        }
        while let Some(connection) = self.connections.idlest_of_all() {
            self.connections.forget(connection);
            actions.close(connection);
        }
    }
}
