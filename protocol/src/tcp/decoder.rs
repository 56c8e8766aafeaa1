//! Cutting one frame from a stream of bytes, in typed states.
//!
//! ```text
//! AwaitingHeader ──▶ AwaitingBody ──▶ Frame
//! ```
//!
//! Each state consumes itself and answers one of three things, [`Progress`]: incomplete (the same
//! state again), invalid, or done (the next state). Bytes after the frame are left in the input:
//! whether they came along with it is an accident of how the stream was cut, so they mean nothing.

use super::body::Body;
use super::header::{Header, HeaderError};
use crate::limits::{MAX_OPERATION_PAYLOAD, TCP_HEADER};

/// What a decoder in one state answers to more bytes.
#[derive(Debug)]
pub enum Progress<Same, Next, Error> {
    /// All the bytes were taken, and more are needed.
    Incomplete(Same),
    /// What came can never become valid.
    Invalid(Error),
    /// The state is over. The bytes that were not needed are left in the input.
    Done(Next),
}

/// Waits for the 32 bytes of a header.
#[derive(Debug)]
pub struct AwaitingHeader {
    received: heapless::Vec<u8, TCP_HEADER, u8>,
    max_payload: u32,
}

impl AwaitingHeader {
    /// Begins a frame whose payload may be up to `max_payload` bytes (never more than 2²⁹).
    pub fn new(max_payload: u32) -> Self {
        let max_payload = max_payload.min(MAX_OPERATION_PAYLOAD);
        Self { received: heapless::Vec::new(), max_payload }
    }

    /// Takes what it needs from the front of `input`.
    pub fn feed(mut self, input: &mut &[u8]) -> Progress<Self, AwaitingBody, HeaderError> {
        let lacking = TCP_HEADER - self.received.len();
        let (taken, rest) = input.split_at(lacking.min(input.len()));
        *input = rest;
        // Cannot fail: no more is taken than is lacking.
        let _ = self.received.extend_from_slice(taken);
        let Ok(header) = <&[u8; TCP_HEADER]>::try_from(self.received.as_slice()) else {
            return Progress::Incomplete(self);
        };
        match Header::parse(header, self.max_payload) {
            Ok(header) => Progress::Done(AwaitingBody::new(header)),
            Err(error) => Progress::Invalid(error),
        }
    }

    /// The first bytes that came, for telling a framed reply from a bare one.
    pub(super) fn has_begun(&self) -> bool {
        !self.received.is_empty()
    }
}

/// Has a valid header, and waits for the room name and the payload.
pub struct AwaitingBody {
    header: Header,
    body: Body,
}

impl AwaitingBody {
    fn new(header: Header) -> Self {
        Self { header, body: Body::new(header.body_size()) }
    }

    /// Takes what it needs from the front of `input`. A body cannot be invalid here: what it means
    /// is [`crate::tcp::Request::parse`]'s to say.
    pub fn feed(mut self, input: &mut &[u8]) -> Progress<Self, Frame, core::convert::Infallible> {
        self.body.fill(input);
        if self.body.is_full() {
            Progress::Done(Frame { header: self.header, body: self.body })
        } else {
            Progress::Incomplete(self)
        }
    }

    /// The header that came.
    pub fn header(&self) -> &Header {
        &self.header
    }
}

/// A whole frame. Its bytes are wiped when it is dropped.
pub struct Frame {
    header: Header,
    body: Body,
}

impl Frame {
    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The room name's bytes, not yet validated.
    pub fn room(&self) -> &[u8] {
        self.body.bytes().get(..self.room_size()).unwrap_or_default()
    }

    /// The payload's bytes, not yet validated.
    pub fn payload(&self) -> &[u8] {
        self.body.bytes().get(self.room_size()..).unwrap_or_default()
    }

    fn room_size(&self) -> usize {
        usize::from(self.header.room_size)
    }
}

/// The states before [`Frame`] as one type, for whoever keeps a connection among others.
#[derive(Debug)]
pub enum FrameDecoder {
    /// See [`AwaitingHeader`].
    Header(AwaitingHeader),
    /// See [`AwaitingBody`].
    Body(AwaitingBody),
}

impl FrameDecoder {
    /// Begins a frame whose payload may be up to `max_payload` bytes (never more than 2²⁹).
    pub fn new(max_payload: u32) -> Self {
        Self::Header(AwaitingHeader::new(max_payload))
    }

    /// Takes what it needs from the front of `input`, through both states if that much is there.
    pub fn feed(self, input: &mut &[u8]) -> Progress<Self, Frame, HeaderError> {
        let body = match self {
            Self::Header(state) => match state.feed(input) {
                Progress::Incomplete(state) => return Progress::Incomplete(Self::Header(state)),
                Progress::Invalid(error) => return Progress::Invalid(error),
                Progress::Done(body) => body,
            },
            Self::Body(state) => state,
        };
        match body.feed(input) {
            Progress::Incomplete(state) => Progress::Incomplete(Self::Body(state)),
            Progress::Done(frame) => Progress::Done(frame),
            Progress::Invalid(never) => match never {},
        }
    }

    /// Whether any byte has come.
    pub fn has_begun(&self) -> bool {
        match self {
            Self::Header(state) => state.has_begun(),
            Self::Body(_) => true,
        }
    }

    /// The operation, once the header is known.
    pub fn operation(&self) -> Option<super::Operation> {
        match self {
            Self::Header(_) => None,
            Self::Body(state) => Some(state.header().operation()),
        }
    }
}

impl core::fmt::Debug for AwaitingBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AwaitingBody").field("header", &self.header).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Frame").field("header", &self.header).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::super::header::{self, HeaderFault, State};
    use super::*;

    fn frame(room: &[u8], payload: &[u8]) -> Vec<u8> {
        let header = header::encode(room.len() as u8, 1, State::Request, payload.len() as u32);
        [&header[..], room, payload].concat()
    }

    /// Feeds `chunks` until an answer, and gives it with the bytes that were not needed.
    fn feed_all<'a>(
        chunks: impl Iterator<Item = &'a [u8]>,
    ) -> (Progress<FrameDecoder, Frame, HeaderError>, Vec<u8>) {
        let mut decoder = FrameDecoder::new(1000);
        let mut chunks = chunks.into_iter();
        while let Some(mut chunk) = chunks.next() {
            match decoder.feed(&mut chunk) {
                Progress::Incomplete(same) => {
                    assert!(chunk.is_empty(), "an incomplete frame takes all there is");
                    decoder = same;
                }
                answer => {
                    let rest = core::iter::once(chunk).chain(chunks).flatten().copied().collect();
                    return (answer, rest);
                }
            }
        }
        (Progress::Incomplete(decoder), Vec::new())
    }

    #[test]
    fn an_empty_body_is_done_with_its_header() {
        let bytes = frame(b"", b"");
        let (answer, _) = feed_all([&bytes[..]].into_iter());
        assert!(matches!(answer, Progress::Done(frame) if frame.payload().is_empty()));
    }

    #[test]
    fn a_size_over_the_cap_is_refused_from_the_header_alone() {
        let mut header = header::encode(4, 2, State::Request, 1 << 29);
        let (answer, _) = feed_all(header.chunks(1));
        let Progress::Invalid(error) = answer else { panic!("{answer:?}") };
        assert_eq!(error.operation, 2);
        assert_eq!(error.fault, HeaderFault::PayloadTooLarge { cap: 1000 });
        header[3] = 0x80;
        let (answer, _) = feed_all(core::iter::once(&header[..]));
        assert!(matches!(answer, Progress::Invalid(_)));
    }

    #[test]
    fn the_wires_own_cap_bounds_the_readers() {
        let bytes = header::encode(0, 1, State::Request, (1 << 29) + 1);
        let answer = FrameDecoder::new(u32::MAX).feed(&mut &bytes[..]);
        assert!(matches!(answer, Progress::Invalid(_)));
    }

    #[test]
    fn tells_whether_any_byte_came_and_what_is_asked_once_it_is_known() {
        let bytes = frame("部屋".as_bytes(), b"{}");
        for came in 0..bytes.len() {
            let (Progress::Incomplete(decoder), _) = feed_all([&bytes[..came]].into_iter()) else {
                panic!("{came} bytes are not all")
            };
            assert_eq!(decoder.has_begun(), came > 0, "{came}");
            let known = (came >= TCP_HEADER).then_some(header::Operation::Create);
            assert_eq!(decoder.operation(), known, "{came}");
        }
    }

    #[test]
    fn shows_the_header_and_not_what_may_be_a_password() {
        let bytes = frame(b"room", b"hunter2");
        let (Progress::Incomplete(FrameDecoder::Body(body)), _) =
            feed_all([&bytes[..bytes.len() - 1]].into_iter())
        else {
            panic!("a byte is lacking")
        };
        let header = format!("{:?}", body.header());
        assert_eq!(format!("{body:?}"), format!("AwaitingBody {{ header: {header}, .. }}"));
        let (Progress::Done(frame), _) = feed_all([&bytes[..]].into_iter()) else {
            panic!("whole")
        };
        assert_eq!(format!("{frame:?}"), format!("Frame {{ header: {header}, .. }}"));
    }

    quickcheck::quickcheck! {
        fn however_it_is_split_it_is_the_same(
            room: Vec<u8>, payload: Vec<u8>, rest: Vec<u8>, cuts: Vec<u8>
        ) -> bool {
            let room = &room[..room.len().min(255)];
            let bytes = [frame(room, &payload), rest.clone()].concat();
            let mut chunks = Vec::new();
            let mut left = &bytes[..];
            for cut in cuts {
                let (chunk, more) = left.split_at(usize::from(cut % 40).min(left.len()));
                chunks.push(chunk);
                left = more;
            }
            chunks.push(left);
            let (Progress::Done(frame), after) = feed_all(chunks.into_iter()) else { return false };
            frame.room() == room && frame.payload() == payload && after == rest
        }

        fn one_byte_at_a_time_every_prefix_is_incomplete(payload: Vec<u8>) -> bool {
            let bytes = frame("部屋".as_bytes(), &payload);
            let (all_but_one, last) = bytes.split_at(bytes.len() - 1);
            let (Progress::Incomplete(decoder), _) = feed_all(all_but_one.chunks(1)) else {
                return false;
            };
            matches!(decoder.feed(&mut &last[..]), Progress::Done(_))
        }

        fn any_bytes_are_answered(bytes: Vec<u8>) -> bool {
            let (answer, rest) = feed_all(bytes.chunks(7));
            !matches!(answer, Progress::Incomplete(_)) || rest.is_empty()
        }
    }
}
