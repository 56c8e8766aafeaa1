//! Requests and replies: one request, one reply, then the server closes.
//!
//! ```text
//! RoomNameSize 1 | Operation 1 | State 1 | OperationPayloadSize 29 | RoomName | OperationPayload
//! ```
//!
//! [`FrameDecoder`] cuts a frame from a stream, however its bytes are split; [`Request::parse`]
//! reads a client's. [`ReplyDecoder`] takes whichever form of reply comes, framed or bare.

mod body;
mod decoder;
mod features;
mod header;
mod json;
mod reply;
mod reply_decoder;
mod reply_writer;
mod request;
mod roster;
mod secret;

pub use decoder::{AwaitingBody, AwaitingHeader, Frame, FrameDecoder, Progress};
pub use features::{Feature, Features};
pub use header::{Header, HeaderError, HeaderFault, Operation, State};
pub use reply::{Admitted, ErrorCode, Limits, Listing, Refusal, Reply, ReplyError, RoomEntry};
pub use reply_decoder::{ReplyDecoder, ReplyText};
pub use reply_writer::{Answer, Listed, ReplyForm};
pub use request::{Admission, Departure, Request, RequestError};
pub use roster::{Names, Roster};
pub use secret::Secret;
