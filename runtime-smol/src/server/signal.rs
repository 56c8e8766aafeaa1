//! Waking one task from another.

use smol::channel::{Receiver, Sender, bounded};

/// Something that is said once until it is heard, however often it is said.
#[derive(Debug)]
pub(super) struct Signal {
    sender: Sender<()>,
    receiver: Receiver<()>,
}

impl Default for Signal {
    fn default() -> Self {
        let (sender, receiver) = bounded(1);
        Self { sender, receiver }
    }
}

impl Signal {
    pub(super) fn give(&self) {
        // Full when it has been said already.
        let _ = self.sender.try_send(());
    }

    pub(super) async fn wait(&self) {
        // Cannot fail: this very value holds the sender.
        let _ = self.receiver.recv().await;
    }
}
