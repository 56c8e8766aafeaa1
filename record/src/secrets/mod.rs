//! What stands for the secrets in a recording: as long, equal where they were equal, different where
//! they were different, and no way back once the key is gone.

mod passwords;
mod requests;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use engine::{Config, ConnectionId};
use protocol::RESERVED_PREFIX;
use protocol::limits::{TCP_HEADER, UDP_HEADER};
use protocol::tcp::ReplyForm;
use protocol::udp::{Bundle, Datagram, DatagramError, Text};
use zeroize::Zeroize;

use crate::draws::Draw;
use crate::limits::FILLER;
use crate::record::{Bytes, Told};
use passwords::Passwords;
use requests::Requests;

/// A token's first characters, which say where its member's record is; its random bytes, and the
/// characters that these are.
const PLACE_CHARS: usize = 16;
const RANDOM_BYTES: usize = 16;
const RANDOM_CHARS: usize = 22;
const TOKEN_CHARS: usize = PLACE_CHARS + RANDOM_CHARS;

/// Replaces the secrets of one server's life by a key that is wiped at the end of it.
pub(crate) struct Replacer {
    tokens: Tokens,
    passwords: Passwords,
    requests: Requests,
    reply_form: ReplyForm,
    /// Whether the request that the present event made whole is one that no server understands, so
    /// that its room's name, which the reply repeats, may be anything.
    is_room_hidden: bool,
    /// What is written of the present event's bytes.
    stem: Vec<u8>,
}

/// Random bytes, and so tokens, to others.
struct Tokens {
    key: [u8; blake3::KEY_LEN],
    /// How often random bytes for a token were drawn: the server has issued no more.
    drawn: u64,
}

impl Replacer {
    pub(crate) fn new(secret: &[u8; blake3::KEY_LEN], config: &Config) -> Self {
        Self {
            tokens: Tokens::new(blake3::derive_key("chat record 1: tokens", secret)),
            passwords: Passwords::new(blake3::derive_key("chat record 1: passwords", secret)),
            requests: Requests::new(config.caps.payload),
            reply_form: config.reply_form,
            is_room_hidden: false,
            stem: Vec::new(),
        }
    }

    /// What was drawn, replaced. A token that is made of it is the replaced token.
    pub(crate) fn draw(&mut self, draw: &Draw) -> Draw {
        let bytes = draw.as_ref()?;
        if bytes.len() == RANDOM_BYTES {
            self.tokens.drawn += 1;
        }
        let mut replaced = bytes.clone();
        self.tokens.fill(bytes, &mut replaced);
        Some(replaced)
    }

    /// A datagram that came. Of one that the server drops whatever its names and its text are, only
    /// the sizes stay, or the reason: it may be anything.
    pub(crate) fn datagram(&mut self, bytes: &[u8]) -> Bytes<'_> {
        self.is_room_hidden = false;
        let stem = &mut self.stem;
        stem.clear();
        match Datagram::parse(bytes) {
            Ok(datagram) => {
                let names = UDP_HEADER + datagram.room().len() + datagram.user().len();
                let token_end = names + datagram.token().len();
                stem.extend_from_slice(bytes.get(..token_end).unwrap_or_default());
                let is_issued = self.tokens.replace(stem.get_mut(names..).unwrap_or_default());
                if !is_issued {
                    stem.truncate(UDP_HEADER);
                } else if let Text::Reserved(_) = datagram.text() {
                    stem.extend_from_slice(RESERVED_PREFIX.as_bytes());
                }
            }
            Err(DatagramError::TooLong) => {}
            // Sizes that promise more than comes, and a byte that no UTF-8 has.
            Err(DatagramError::Truncated) => {
                stem.extend([0xff; UDP_HEADER].iter().take(bytes.len()));
            }
            Err(DatagramError::NotUtf8) => stem.extend_from_slice(&[0, 0, 0, 0xff]),
        }
        Bytes { stem, size: bytes.len() }
    }

    /// A connection was opened.
    pub(crate) fn opened(&mut self, connection: ConnectionId) {
        self.requests.begin(connection);
    }

    /// A connection is gone.
    pub(crate) fn closed(&mut self, connection: ConnectionId) {
        self.requests.forget(connection);
    }

    /// How many connections it holds something of.
    #[cfg(test)]
    pub(crate) fn connections(&self) -> usize {
        self.requests.len()
    }

    /// Bytes that came on a connection. What they tell of the request that they belong to goes to
    /// `fills`, as records.
    pub(crate) fn received(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        fills: &mut Vec<Vec<u8>>,
    ) -> Told<'_> {
        let Self { tokens, passwords, requests, stem, is_room_hidden, .. } = self;
        stem.clear();
        *is_room_hidden = false;
        let pieces = requests.received(connection, bytes, stem, |frame, out| {
            *is_room_hidden = !requests::replace_body(frame, tokens, passwords, out);
        });
        match pieces {
            None => Told::Received(connection, Bytes { stem, size: bytes.len() }),
            Some(request) => {
                fills.extend(requests::fills(request, stem));
                Told::Piece { connection, size: bytes.len(), request }
            }
        }
    }

    /// A reply of the server's, in place. It has one token at most.
    pub(crate) fn reply(&self, bytes: &mut [u8]) {
        let json = match (self.reply_form, bytes.first()) {
            (ReplyForm::Framed, Some(room_size)) => TCP_HEADER + usize::from(*room_size),
            _ => 0,
        };
        if self.is_room_hidden {
            bytes.get_mut(TCP_HEADER.min(json)..json).unwrap_or_default().fill(FILLER);
        }
        // No name has this in it: its quotes are escaped.
        const KEY: &[u8] = br#""token":""#;
        let json = bytes.get_mut(json..).unwrap_or_default();
        let key = json.windows(KEY.len()).position(|window| window == KEY);
        let token = key.and_then(|key| json.get_mut(key + KEY.len()..));
        if let Some(token) = token.and_then(|rest| rest.get_mut(..TOKEN_CHARS)) {
            self.tokens.replace(token);
        }
    }

    /// A datagram of the server's, in place: chat bears a text of a member's, a notice a token, and a
    /// bundle other datagrams.
    pub(crate) fn outgoing(&self, bytes: &mut [u8]) {
        if Bundle::is_one(bytes) {
            let mut rest = bytes.get_mut(UDP_HEADER..).unwrap_or_default();
            while let Some((length, after)) = rest.split_first_chunk_mut::<2>() {
                let length = usize::from(u16::from_be_bytes(*length));
                let Some((datagram, after)) = after.split_at_mut_checked(length) else { return };
                self.outgoing_one(datagram);
                rest = after;
            }
        } else {
            self.outgoing_one(bytes);
        }
    }

    fn outgoing_one(&self, bytes: &mut [u8]) {
        let Some((sizes, rest)) = bytes.split_first_chunk_mut::<UDP_HEADER>() else { return };
        let [room, user, token] = sizes.map(usize::from);
        let Some(rest) = rest.get_mut(room + user..) else { return };
        if token == 0 {
            rest.fill(FILLER);
        } else {
            self.tokens.replace(rest.get_mut(..token).unwrap_or_default());
        }
    }
}

impl Tokens {
    fn new(key: [u8; blake3::KEY_LEN]) -> Self {
        Self { key, drawn: 0 }
    }

    /// Replaces the characters of a token: of one that the server may have issued by those that the
    /// replaced draw makes, of any other by filler. Gives which it was.
    fn replace(&self, token: &mut [u8]) -> bool {
        let is_issued = self.replace_issued(token).is_some();
        if !is_issued {
            token.fill(FILLER);
        }
        is_issued
    }

    fn replace_issued(&self, token: &mut [u8]) -> Option<()> {
        let (place, others) = token.split_first_chunk_mut::<PLACE_CHARS>()?;
        let others: &mut [u8; RANDOM_CHARS] = others.try_into().ok()?;
        if !self.may_lead(place) {
            return None;
        }
        let mut random = [0; RANDOM_BYTES];
        BASE64URL_NOPAD.decode_mut(others, &mut random).ok()?;
        let mut replaced = [0; RANDOM_BYTES];
        self.fill(&random, &mut replaced);
        BASE64URL_NOPAD.encode_mut(&replaced, others);
        random.zeroize();
        Some(())
    }

    /// Whether a token's place may be a member's: it stays in the file, and what a stranger sent is to
    /// leave nothing there. A place is how often the like of it was used before, twice over, and its
    /// number: neither is more than the tokens so far.
    fn may_lead(&self, place: &[u8; PLACE_CHARS]) -> bool {
        let mut bytes = [0; PLACE_CHARS / 2];
        if HEXLOWER.decode_mut(place, &mut bytes).is_err() {
            return false;
        }
        let place = u64::from_be_bytes(bytes);
        place >> 33 < self.drawn && place & u64::from(u32::MAX) <= self.drawn
    }

    fn fill(&self, draw: &[u8], replaced: &mut [u8]) {
        let hash = blake3::keyed_hash(&self.key, draw);
        match hash.as_bytes().get(..replaced.len()) {
            Some(head) => replaced.copy_from_slice(head),
            None => blake3::Hasher::new_keyed(&self.key).update(draw).finalize_xof().fill(replaced),
        }
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that has seen a draw for a token.
    fn replacer() -> Replacer {
        let mut replacer = Replacer::new(&[7; 32], &Config::default());
        replacer.draw(&Some([0; RANDOM_BYTES].into()));
        replacer
    }

    fn datagram(fields: [&str; 4]) -> Vec<u8> {
        let [room, user, token, text] = fields;
        let sizes = [room, user, token].map(|field| field.len() as u8);
        [&sizes[..], [room, user, token, text].concat().as_bytes()].concat()
    }

    fn replaced(bytes: &[u8]) -> Vec<u8> {
        let (mut replacer, mut out) = (replacer(), Vec::new());
        replacer.datagram(bytes).write(&mut out);
        assert_eq!(out.len(), bytes.len());
        out
    }

    /// The token that a server makes of a draw for its first member.
    fn issued(draw: u8) -> String {
        token("0000000100000001", &[draw; RANDOM_BYTES])
    }

    fn token(place: &str, random: &[u8]) -> String {
        [place, &BASE64URL_NOPAD.encode(random)].concat()
    }

    #[test]
    fn a_token_becomes_what_the_replaced_draw_makes() {
        let draw = replacer().draw(&Some([1; RANDOM_BYTES].into())).unwrap();
        let bytes = replaced(&datagram(["部屋", "ボブ", &issued(1), "秘密の話"]));
        let parsed = Datagram::parse(&bytes).unwrap();
        assert_eq!(parsed.token(), token("0000000100000001", &draw));
        assert_ne!(parsed.token(), issued(1));
        assert_eq!((parsed.room(), parsed.user()), ("部屋", "ボブ"));
        assert_eq!(parsed.raw_text(), "x".repeat("秘密の話".len()));
    }

    #[test]
    fn what_a_text_is_stays() {
        for (text, other) in [("", ""), ("SYSTEM_OF_OURS", "SYSTEM_xxxxxxx"), ("a", "x")] {
            let bytes = replaced(&datagram(["r", "u", &issued(1), text]));
            assert_eq!(Datagram::parse(&bytes).unwrap().raw_text(), other);
        }
    }

    #[test]
    fn what_bears_no_token_may_be_anything_and_only_its_sizes_stay() {
        let beyond = ["0000000300000001", "0000000100000002", "correct_horse_ba"];
        let [reused, second, secret] = beyond.map(|place| token(place, &[1; RANDOM_BYTES]));
        let no_base64 = [&issued(1)[..PLACE_CHARS + 21], "3"].concat();
        let short = &issued(1)[1..];
        for token in ["", "guess", short, &no_base64, &reused, &second, &secret] {
            let bytes = replaced(&datagram(["here", "bob", token, "text"]));
            assert_eq!(bytes, datagram(["xxxx", "xxx", &"x".repeat(token.len()), "xxxx"]));
        }
    }

    #[test]
    fn of_what_is_dropped_unread_the_reason_stays() {
        let long = vec![b's'; 4097];
        for bytes in
            [&b"\x05sec"[..], b"", b"s", b"\0\0\0secret\xff", b"\x01\x01\0\xc3\xa9s", &long]
        {
            let other = replaced(bytes);
            assert_eq!(Datagram::parse(bytes).unwrap_err(), Datagram::parse(&other).unwrap_err());
            assert!(!other.contains(&b's'), "{bytes:?}");
        }
    }

    #[test]
    fn a_reply_and_a_notice_have_the_same_token() {
        let (replacer, token) = (replacer(), issued(3));
        let json = format!(r#"{{"message":"m","user_name":"\"token\":\"u","token":"{token}"}}"#);
        let room = r#""token":"0000000100000001abcdefghijklmnopqrstuv""#;
        let mut header = [0; TCP_HEADER];
        header[0] = room.len() as u8;
        let mut reply = [&header[..], room.as_bytes(), json.as_bytes()].concat();
        replacer.reply(&mut reply);
        let mut notice = datagram(["r", "u", &token, "SYSTEM_MEMBER_LEFT"]);
        replacer.outgoing(&mut notice);
        let notice = Datagram::parse(&notice).unwrap();
        assert_eq!(notice.raw_text(), "SYSTEM_MEMBER_LEFT");
        let reply = String::from_utf8(reply[TCP_HEADER..].to_vec()).unwrap();
        assert_eq!(reply, format!("{room}{}", json.replace(&token, notice.token())));

        let mut chat = datagram(["r", "u", "", "SYSTEMのこと"]);
        replacer.outgoing(&mut chat);
        assert_eq!(chat, datagram(["r", "u", "", &"x".repeat("SYSTEMのこと".len())]));
    }

    quickcheck::quickcheck! {
        fn datagrams_are_what_they_were(sizes: (u8, u8), body: String, cut: u8) -> bool {
            let (room, user) = (sizes.0 % 8, sizes.1 % 8);
            let at = body.char_indices().map(|(at, _)| at).find(|at| *at >= (room + user).into());
            let (names, text) = body.split_at(at.unwrap_or(0));
            let token = issued(1);
            let sizes = [room, user, token.len() as u8];
            let bytes = [&sizes[..], names.as_bytes(), token.as_bytes(), text.as_bytes()].concat();
            let bytes = &bytes[..bytes.len() - usize::from(cut % 4).min(bytes.len())];
            let other = replaced(bytes);
            match (Datagram::parse(bytes), Datagram::parse(&other)) {
                (Ok(a), Ok(b)) => {
                    let kind = |text| match text {
                        Text::Presence => 0,
                        Text::Chat(_) => 1,
                        Text::Reserved(_) => 2,
                    };
                    let is_issued = a.token() == token;
                    (a.room(), a.user(), kind(a.text())) == (b.room(), b.user(), kind(b.text()))
                        || !is_issued
                }
                (a, b) => a.err() == b.err(),
            }
        }
    }
}
