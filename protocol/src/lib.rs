//! The packets of a room chat over TCP and UDP, without any I/O.
//!
//! Bytes are parsed once, here, into types that cannot be wrong: [`RoomName`], [`UserName`],
//! [`Token`] and [`Message`] are valid by being there. [`tcp`] has the requests and replies by which
//! rooms are created and joined, [`udp`] the datagrams that carry the chat. Both directions of both
//! are here, since client and server share them. No input makes any of it panic, and nothing is
//! reserved for a size before the size was checked against a cap.
//!
//! ```
//! use protocol::tcp::{Admission, Features, FrameDecoder, Progress, Request, Secret};
//! use protocol::udp::{ClientDatagram, Datagram, Text};
//! use protocol::{Message, RoomName, Token, UserName};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let room = RoomName::new("部屋")?;
//! let user = UserName::new("alice")?;
//!
//! // A request over TCP, whose bytes may come in any pieces.
//! let (password, features) = (Secret::new("open sesame"), Features::NONE);
//! let admission = Admission { room: room.clone(), user: user.clone(), password, features };
//! let request = Request::Join(admission).encode();
//! let mut decoder = FrameDecoder::new(64 * 1024);
//! let mut joins = None;
//! for mut piece in request.chunks(5) {
//!     match decoder.feed(&mut piece) {
//!         Progress::Incomplete(same) => decoder = same,
//!         Progress::Invalid(error) => return Err(error.into()),
//!         Progress::Done(frame) => {
//!             joins = Some(matches!(Request::parse(&frame)?, Request::Join(who) if who.user == user));
//!             break;
//!         }
//!     }
//! }
//! assert_eq!(joins, Some(true));
//!
//! // A datagram, written into the caller's buffer and read where it lies.
//! let token = Token::new("the token from the reply").ok_or("an empty token")?;
//! let message = Some(Message::new("やあ")?);
//! let mut buffer = [0; protocol::limits::MAX_DATAGRAM];
//! let chat = ClientDatagram { room: &room, user: &user, token: &token, message };
//! let size = chat.write(&mut buffer)?;
//! let datagram = Datagram::parse(&buffer[..size])?;
//! assert!(matches!(datagram.text(), Text::Chat(message) if message.as_str() == "やあ"));
//! # Ok(())
//! # }
//! ```
//!
//! The crate does without std. Its one feature, `simd`, is for programs that have it: datagrams are then
//! checked for UTF-8 many bytes at a time, and one that is not ASCII costs a third to parse.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

pub mod limits;
mod message;
mod names;
pub mod tcp;
mod token;
pub mod udp;

pub use message::{Message, MessageError, RESERVED_PREFIX};
pub use names::{Name, NameError, Room, RoomName, User, UserName};
pub use token::Token;
