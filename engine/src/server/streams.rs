//! What happens on TCP connections, up to the request and from the reply on.

use alloc::string::ToString;
use core::net::SocketAddr;

use protocol::RoomName;
use protocol::tcp::{Answer, ErrorCode, HeaderError, HeaderFault, Request};
use tracing::debug;

use super::Server;
use super::connections::{End, Fed};
use crate::action::Actions;
use crate::event::ConnectionId;

impl Server {
    pub(super) fn opened(&mut self, id: ConnectionId, from: SocketAddr, actions: &mut Actions) {
        self.counters.connections += 1;
        if self.is_stopping {
            actions.close(id);
            return;
        }
        let ip = from.ip().to_canonical();
        if let Some(idlest) = self.connections.to_evict(ip, &self.config.caps) {
            self.evict(idlest, actions);
        }
        self.connections.open(id, ip, self.config.caps.payload, self.now);
    }

    pub(super) fn received(&mut self, id: ConnectionId, bytes: &[u8], actions: &mut Actions) {
        match self.connections.feed(id, bytes, self.now) {
            Fed::Nothing => {}
            Fed::Surplus => {
                self.connections.forget(id);
                actions.close(id);
            }
            Fed::Invalid(error) => self.refuse_header(id, error, actions),
            Fed::Request(frame, ip) => match Request::parse(&frame) {
                Ok(request) => self.request(id, ip, request, actions),
                Err(error) => {
                    let operation = frame.header().operation() as u8;
                    let room = RoomName::from_bytes(frame.room()).ok();
                    let code = ErrorCode::InvalidRequest;
                    self.refuse(id, operation, room.as_ref(), code, &error.to_string(), actions);
                }
            },
        }
    }

    pub(super) fn ended(&mut self, id: ConnectionId, actions: &mut Actions) {
        match self.connections.end(id, self.now) {
            End::Unknown => {}
            End::Clean => {
                self.connections.forget(id);
                actions.close(id);
            }
            End::Truncated { operation } => {
                let error = ErrorCode::InvalidRequest;
                let message = "the request ended before it was whole";
                self.refuse(id, operation, None, error, message, actions);
            }
        }
    }

    pub(super) fn crowded(&mut self, actions: &mut Actions) {
        if let Some(idlest) = self.connections.idlest_of_all() {
            self.evict(idlest, actions);
        }
    }

    /// Answers a connection's request, which is the last thing that is written to it.
    pub(super) fn reply(&self, id: ConnectionId, answer: &Answer<'_>, actions: &mut Actions) {
        actions.write(id, |bytes| answer.encode(self.config.reply_form, bytes));
        actions.half_close(id);
    }

    /// Answers that a request is refused.
    pub(super) fn refuse(
        &mut self,
        id: ConnectionId,
        operation: u8,
        room: Option<&RoomName>,
        error: ErrorCode,
        message: &str,
        actions: &mut Actions,
    ) {
        self.counters.refusals += 1;
        debug!(operation, %error, "refused");
        self.reply(id, &Answer::Refused { operation, room, error, message }, actions);
    }

    pub(super) fn close_lingerers(&mut self, actions: &mut Actions) {
        while let Some((id, until)) = self.connections.lingerer()
            && until <= self.now
        {
            self.connections.forget(id);
            actions.close(id);
        }
    }

    fn refuse_header(&mut self, id: ConnectionId, header: HeaderError, actions: &mut Actions) {
        let error = match header.fault {
            HeaderFault::PayloadTooLarge { .. } => ErrorCode::PayloadTooLarge,
            HeaderFault::UnknownOperation | HeaderFault::UnknownState(_) => {
                ErrorCode::InvalidRequest
            }
        };
        self.refuse(id, header.operation, None, error, &header.to_string(), actions);
    }

    fn evict(&mut self, id: ConnectionId, actions: &mut Actions) {
        self.counters.connections_evicted += 1;
        self.connections.forget(id);
        actions.close(id);
    }
}
