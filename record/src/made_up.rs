//! Bytes that a replay makes up, since the file leaves them out.

use std::collections::HashMap;

use engine::{Action, Actions, ConnectionId};

use crate::error::ReadError;
use crate::limits::MAX_MADE_UP;

/// How many bytes of requests the server holds that are not in the file.
#[derive(Debug, Default)]
pub(crate) struct MadeUp {
    /// By the connections that have had no reply: what comes after one is not held.
    by_connection: HashMap<ConnectionId, usize>,
    held: usize,
}

impl MadeUp {
    /// A connection was opened.
    pub(crate) fn opened(&mut self, connection: ConnectionId) {
        self.forget(connection);
        self.by_connection.insert(connection, 0);
    }

    /// So many bytes that are made up came on a connection.
    pub(crate) fn came(&mut self, connection: ConnectionId, size: usize) -> Result<(), ReadError> {
        if let Some(count) = self.by_connection.get_mut(&connection) {
            *count += size;
            self.held += size;
        }
        if self.held > MAX_MADE_UP {
            let what = "requests that it leaves out";
            return Err(ReadError::TooMuch { most: MAX_MADE_UP, what });
        }
        Ok(())
    }

    /// The server did this. What was answered is not held any more.
    pub(crate) fn answered(&mut self, actions: &Actions) {
        for action in actions.iter() {
            if let Action::Write { connection, .. } | Action::Close { connection } = action {
                self.forget(connection);
            }
        }
    }

    /// A connection is gone.
    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        self.held -= self.by_connection.remove(&connection).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few bytes that say that many were left out do not have the server hold them.
    #[test]
    fn what_is_made_up_is_bounded() {
        let mut made_up = MadeUp::default();
        let [first, second, third] = [1, 2, 3].map(ConnectionId);
        made_up.opened(first);
        made_up.opened(second);
        made_up.came(first, MAX_MADE_UP - 1).unwrap();
        made_up.came(second, 1).unwrap();
        let error = made_up.came(second, 1).unwrap_err();
        assert!(matches!(error, ReadError::TooMuch { most: MAX_MADE_UP, .. }), "{error}");
        // What comes for nobody, or after a reply, is not held.
        made_up.forget(first);
        for connection in [first, third] {
            made_up.came(connection, MAX_MADE_UP).unwrap();
        }
        assert_eq!(made_up.held, 2);
    }
}
