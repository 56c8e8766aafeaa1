//! Who is in which room: the seed's `rooms_list` and `token_list`, as one record with its indexes.
//!
//! Everything that has to be kept in step is private to this file: nobody can touch a member without
//! its seat, its name's index entry and its place in the order of activity.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use protocol::tcp::{Feature, Features, Names, Roster};
use protocol::{RoomName, UserName};
use slotmap::SlotMap;

use super::credentials::{self, IssuedToken, PasswordHash};
use crate::action::{MemberId, Recipient};
use crate::entropy::{Entropy, EntropyError};
use crate::recency::Recency;
use crate::time::Instant;

slotmap::new_key_type! {
    /// A room, for as long as it is open.
    pub(super) struct RoomId;
}

/// A member's record.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) token: IssuedToken,
    pub(super) name: UserName,
    /// Where it joined from, canonical: its datagrams must come from there.
    pub(super) ip: IpAddr,
    pub(super) features: Features,
    room: RoomId,
    /// Its place among the room's seats.
    seat: u32,
    /// How many had been admitted to any room before it.
    number: u64,
}

/// Who is about to be let in.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) name: UserName,
    pub(super) ip: IpAddr,
    pub(super) features: Features,
}

impl Member {
    /// Whether it was in its room already when so many had been admitted to any.
    pub(super) fn is_one_of_the_first(&self, admitted: u64) -> bool {
        self.number < admitted
    }

    pub(super) fn room(&self) -> RoomId {
        self.room
    }
}

/// A room's record.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: RoomName,
    pub(super) password: PasswordHash,
    host: MemberId,
    seats: Vec<Seat>,
    /// The names of those who sit on the seats, as replies list them.
    roster: Roster,
}

/// A member's place in its room. The addresses lie side by side, since a fan-out reads them all.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) member: MemberId,
    /// None until its first valid datagram.
    address: Option<SocketAddr>,
    /// The member's, here as well: to see that somebody is told nothing, no record is looked up.
    pub(super) features: Features,
}

impl Seat {
    /// The member, if it can be reached.
    pub(super) fn recipient(&self) -> Option<Recipient> {
        self.address.map(|address| Recipient { member: self.member, address })
    }

    /// Whether the member asked for bundles.
    pub(super) fn bundles(&self) -> bool {
        self.features.contains(Feature::Bundle)
    }
}

impl Room {
    pub(super) fn members(&self) -> usize {
        self.seats.len()
    }

    pub(super) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Keeps memory for twice as many seats as are taken when it had more than four times as many, so that
    /// rooms which were full once do not hold what they no longer need, and one seat costs O(1).
    fn give_seats_back(&mut self) {
        if self.seats.len() < self.seats.capacity() / 4 {
            self.seats.shrink_to(2 * self.seats.len());
        }
    }

    /// The members that can be reached.
    pub(super) fn recipients(&self) -> impl Iterator<Item = Recipient> {
        self.seats.iter().filter_map(Seat::recipient)
    }
}

/// A member that is no longer one, and where it could be reached.
#[derive(Debug)]
pub(super) struct Former {
    pub(super) id: MemberId,
    pub(super) member: Member,
    pub(super) address: Option<SocketAddr>,
}

/// A room that is no longer open.
#[derive(Debug)]
pub(super) struct ClosedRoom {
    pub(super) name: RoomName,
    pub(super) host: UserName,
    /// All who were in it, the host included.
    pub(super) members: Vec<Former>,
}

/// What a member's going amounts to.
#[derive(Debug)]
pub(super) enum Departure {
    /// A guest is gone, and the room goes on.
    Guest { room: RoomId, former: Former },
    /// The host is gone, and the room with it.
    Host(ClosedRoom),
}

/// Rooms and members.
#[derive(Debug)]
pub(super) struct Directory {
    members: SlotMap<MemberId, Member>,
    rooms: SlotMap<RoomId, Room>,
    /// In the order of their names, which is the order in which they are listed.
    rooms_by_name: BTreeMap<RoomName, RoomId>,
    by_name: HashTable<MemberId>,
    activity: Recency<MemberId>,
    /// How many members were admitted so far.
    admitted: u64,
    hasher: FixedState,
}

impl Directory {
    /// An empty directory. `hash_seed` is to be a secret, lest strangers choose names that collide.
    pub(super) fn new(hash_seed: u64) -> Self {
        Self {
            members: SlotMap::with_key(),
            rooms: SlotMap::with_key(),
            rooms_by_name: BTreeMap::new(),
            by_name: HashTable::new(),
            activity: Recency::default(),
            admitted: 0,
            hasher: FixedState::with_seed(hash_seed),
        }
    }

    /// Opens a room with its host in it, and gives the host. The name must be free. Costs O(log rooms).
    pub(super) fn open_room(
        &mut self,
        name: RoomName,
        password: PasswordHash,
        host: Newcomer,
        now: Instant,
        entropy: &mut dyn Entropy,
    ) -> Result<MemberId, EntropyError> {
        let (seats, roster) = (Vec::new(), Roster::default());
        let room = Room { name: name.clone(), password, host: MemberId::default(), seats, roster };
        let id = self.rooms.insert(room);
        let host = self.admit(id, host, now, entropy);
        match (self.rooms.get_mut(id), &host) {
            (Some(room), Ok(host)) => {
                room.host = *host;
                self.rooms_by_name.insert(name, id);
            }
            _ => {
                self.rooms.remove(id);
            }
        }
        host
    }

    /// Seats somebody in a room, with a token of random bytes from `entropy`. The name must be free
    /// there. Costs O(1).
    pub(super) fn admit(
        &mut self,
        room: RoomId,
        newcomer: Newcomer,
        now: Instant,
        entropy: &mut dyn Entropy,
    ) -> Result<MemberId, EntropyError> {
        let seats = self.rooms.get(room).map_or(0, Room::members);
        let seat = u32::try_from(seats).unwrap_or(u32::MAX);
        let (Newcomer { name, ip, features }, number) = (newcomer, self.admitted);
        let id = self.members.try_insert_with_key(|id| {
            let token = credentials::issue(id, entropy)?;
            Ok(Member { token, name, ip, features, room, seat, number })
        })?;
        self.admitted += 1;
        let Self { members, rooms, hasher, by_name, .. } = self;
        if let (Some(room), Some(member)) = (rooms.get_mut(room), members.get(id)) {
            room.seats.push(Seat { member: id, address: None, features });
            room.roster.set(seats, &member.name);
        }
        let name_hash = |id: &MemberId| members.get(*id).map_or(0, |m| hash_name(hasher, m));
        by_name.insert_unique(name_hash(&id), id, name_hash);
        self.activity.touch(id, now);
        Ok(id)
    }

    /// The member that bears `token`, which says where its record is, and is compared with its in
    /// constant time. Costs O(1).
    pub(super) fn by_token(&self, token: &str) -> Option<(MemberId, &Member)> {
        let id = credentials::alleged_bearer(token)?;
        let member = self.members.get(id)?;
        member.token.matches(token).then_some((id, member))
    }

    /// Whether a member of `room` bears `name`. Costs O(1).
    pub(super) fn is_taken(&self, room: RoomId, name: &str) -> bool {
        let hash = self.hasher.hash_one((room, name));
        let bears = |id: &MemberId| {
            self.members.get(*id).is_some_and(|m| m.room == room && m.name.as_str() == name)
        };
        self.by_name.find(hash, bears).is_some()
    }

    pub(super) fn room_named(&self, name: &RoomName) -> Option<(RoomId, &Room)> {
        let id = *self.rooms_by_name.get(name)?;
        self.rooms.get(id).map(|room| (id, room))
    }

    pub(super) fn room(&self, id: RoomId) -> Option<&Room> {
        self.rooms.get(id)
    }

    pub(super) fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.get(id)
    }

    /// Where a member sits. Costs O(1).
    pub(super) fn seat_of(&self, id: MemberId) -> Option<&Seat> {
        let member = self.members.get(id)?;
        self.rooms.get(member.room)?.seats.get(member.seat as usize)
    }

    /// The names of those whose seats are before a member's: of those who were there when it came,
    /// if it came last.
    pub(super) fn names_before(&self, id: MemberId) -> Names<'_> {
        let Some(member) = self.members.get(id) else { return Names::default() };
        let room = self.rooms.get(member.room);
        room.map_or_else(Names::default, |room| room.roster.names_before(member.seat as usize))
    }

    /// The rooms in the order of their names.
    pub(super) fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms_by_name.values().filter_map(|id| self.rooms.get(*id))
    }

    pub(super) fn is_host(&self, id: MemberId) -> bool {
        self.host_of(id).is_some_and(|host| host == id)
    }

    /// A member is active, and is now to be reached at `address`. Costs O(1).
    pub(super) fn renew(&mut self, id: MemberId, address: SocketAddr, now: Instant) {
        let Some(member) = self.members.get(id) else {
            return;
        };
        let seats = self.rooms.get_mut(member.room).map(|room| &mut room.seats);
        if let Some(seat) = seats.and_then(|seats| seats.get_mut(member.seat as usize)) {
            seat.address = Some(address);
        }
        self.activity.touch(id, now);
    }

    /// The member that has been inactive longest, and since when. Costs O(1).
    pub(super) fn idlest(&self) -> Option<(MemberId, Instant)> {
        self.activity.oldest()
    }

    /// The members and since when they are inactive, the longest first.
    pub(super) fn by_idleness(&self) -> impl Iterator<Item = (MemberId, Instant)> {
        self.activity.iter()
    }

    /// How many members were admitted so far.
    pub(super) fn admitted(&self) -> u64 {
        self.admitted
    }

    pub(super) fn member_count(&self) -> usize {
        self.members.len()
    }

    pub(super) fn room_count(&self) -> usize {
        self.rooms.len()
    }

    /// Takes a member out; with the host, the room and all who are in it. Costs O(1) but for one move
    /// of the names listed, or O(members of the room).
    pub(super) fn depart(&mut self, id: MemberId) -> Option<Departure> {
        if self.is_host(id) {
            return self.close(self.members.get(id)?.room).map(Departure::Host);
        }
        let room = self.members.get(id)?.room;
        let former = self.unseat(id)?;
        Some(Departure::Guest { room, former })
    }

    /// Takes a room out and all who are in it. Costs O(members of the room).
    pub(super) fn close(&mut self, id: RoomId) -> Option<ClosedRoom> {
        let room = self.rooms.remove(id)?;
        self.rooms_by_name.remove(&room.name);
        let host = self.members.get(room.host)?.name.clone();
        let leave = |seat: Seat| {
            let member = self.forget(seat.member)?;
            Some(Former { id: seat.member, member, address: seat.address })
        };
        let members = room.seats.into_iter().filter_map(leave).collect();
        Some(ClosedRoom { name: room.name, host, members })
    }

    fn unseat(&mut self, id: MemberId) -> Option<Former> {
        let member = self.forget(id)?;
        let room = self.rooms.get_mut(member.room)?;
        let vacated = member.seat as usize;
        if vacated >= room.seats.len() {
            return None;
        }
        let seat = room.seats.swap_remove(vacated);
        room.give_seats_back();
        room.roster.truncate(room.seats.len());
        // The last member now sits where this one sat.
        let moved = room.seats.get(vacated).and_then(|seat| self.members.get_mut(seat.member));
        if let Some(moved) = moved {
            moved.seat = member.seat;
            room.roster.set(vacated, &moved.name);
        }
        Some(Former { id, member, address: seat.address })
    }

    /// Takes a member out of everything but its room's seats.
    fn forget(&mut self, id: MemberId) -> Option<Member> {
        let member = self.members.remove(id)?;
        let name_hash = hash_name(&self.hasher, &member);
        if let Ok(entry) = self.by_name.find_entry(name_hash, |other| *other == id) {
            entry.remove();
        }
        self.activity.remove(id);
        Some(member)
    }

    fn host_of(&self, id: MemberId) -> Option<MemberId> {
        let member = self.members.get(id)?;
        self.rooms.get(member.room).map(|room| room.host)
    }
}

fn hash_name(hasher: &FixedState, member: &Member) -> u64 {
    hasher.hash_one((member.room, member.name.as_str()))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::server::credentials::Credentials;

    fn newcomer(name: &str) -> Newcomer {
        let name = UserName::new(name).unwrap();
        Newcomer { name, ip: IpAddr::from([127, 0, 0, 1]), features: Features::NONE }
    }

    fn entropy() -> SeededEntropy {
        SeededEntropy::new(1)
    }

    /// A room and its host.
    fn open(directory: &mut Directory, room: &str, user: &str) -> (RoomId, MemberId) {
        let (name, host) = (RoomName::new(room).unwrap(), newcomer(user));
        let password = Credentials::new(&mut entropy()).unwrap().hash("");
        let host =
            directory.open_room(name, password, host, Instant::ZERO, &mut entropy()).unwrap();
        (directory.members[host].room, host)
    }

    fn admit(directory: &mut Directory, room: RoomId, user: &str) -> MemberId {
        directory.admit(room, newcomer(user), Instant::ZERO, &mut entropy()).unwrap()
    }

    /// Every index, checked against the records by search.
    fn check(directory: &Directory) {
        assert_eq!(directory.by_name.len(), directory.members.len());
        assert_eq!(directory.by_idleness().count(), directory.members.len());
        assert_eq!(directory.rooms_by_name.len(), directory.rooms.len());
        let seats: usize = directory.rooms().map(Room::members).sum();
        assert_eq!(seats, directory.members.len());
        for (id, member) in &directory.members {
            let room = &directory.rooms[member.room];
            let seat = &room.seats[member.seat as usize];
            assert_eq!((seat.member, seat.features), (id, member.features));
            assert_eq!(directory.by_token(member.token.as_str()).unwrap().0, id);
            assert!(directory.is_taken(member.room, member.name.as_str()));
        }
        for (id, room) in &directory.rooms {
            assert_eq!(directory.room_named(&room.name).unwrap().0, id);
            assert_eq!(directory.members[room.host].room, id);
            let names = room.seats.iter().map(|seat| &directory.members[seat.member].name);
            assert_eq!(room.roster.names(), names.collect::<Roster>().names());
        }
    }

    /// The seed's `token_list`: token, room, user, whether it is the host.
    type Model = Vec<(String, String, String, bool)>;

    /// Whether a former member's token leads to nobody.
    fn is_out(directory: &Directory, former: &Former) -> bool {
        directory.by_token(former.member.token.as_str()).is_none()
    }

    fn step(directory: &mut Directory, model: &mut Model, kind: u8, number: u8, now: Instant) {
        // The random bytes are the same for all.
        let mut entropy = entropy();
        let password = Credentials::new(&mut entropy).unwrap().hash("");
        let token_of = |directory: &Directory, id| directory.members[id].token.as_str().into();
        let (room, user) = (format!("room {}", kind % 3), format!("user {}", number % 5));
        let name = RoomName::new(&room).unwrap();
        match (kind / 3 % 4, directory.room_named(&name).map(|(id, _)| id)) {
            (0, None) => {
                let host = newcomer(&user);
                let opened = directory.open_room(name, password, host, now, &mut entropy);
                model.push((token_of(directory, opened.unwrap()), room, user, true));
            }
            (0 | 1, Some(id)) => {
                let taken = model.iter().any(|(_, r, u, _)| *r == room && *u == user);
                assert_eq!(directory.is_taken(id, &user), taken);
                if !taken {
                    let guest = directory.admit(id, newcomer(&user), now, &mut entropy).unwrap();
                    model.push((token_of(directory, guest), room, user, false));
                }
            }
            (2, _) if !model.is_empty() => {
                let (token, ..) = &model[usize::from(number) % model.len()];
                let id = directory.by_token(token).unwrap().0;
                directory.renew(id, SocketAddr::from(([127, 0, 0, 1], 9)), now);
                assert_eq!(directory.by_idleness().last(), Some((id, now)));
            }
            (3, _) if !model.is_empty() => {
                let (token, room, _, host) = model[usize::from(number) % model.len()].clone();
                let id = directory.by_token(&token).unwrap().0;
                assert_eq!(directory.is_host(id), host);
                let in_room = model.iter().filter(|(_, r, ..)| *r == room).count();
                match directory.depart(id).unwrap() {
                    Departure::Host(closed) => {
                        assert!(host && closed.members.len() == in_room);
                        model.retain(|(_, r, ..)| *r != room);
                        assert!(closed.members.iter().all(|former| is_out(directory, former)));
                    }
                    Departure::Guest { former, .. } => {
                        assert!(!host && former.member.token.matches(&token));
                        assert!(is_out(directory, &former));
                        model.retain(|(t, ..)| *t != token);
                    }
                }
            }
            _ => {}
        }
    }

    quickcheck::quickcheck! {
        fn agrees_with_the_seeds_dictionaries(steps: Vec<(u8, u8)>) -> bool {
            let mut directory = Directory::new(7);
            let mut model = Model::new();
            for ((kind, number), time) in steps.into_iter().zip(0..) {
                step(&mut directory, &mut model, kind, number, Instant::from_micros(time));
                check(&directory);
                let mut records: Model = directory
                    .members
                    .iter()
                    .map(|(id, m)| {
                        let room = directory.rooms[m.room].name.to_string();
                        (m.token.as_str().into(), room, m.name.to_string(), directory.is_host(id))
                    })
                    .collect();
                records.sort();
                let mut expected = model.clone();
                expected.sort();
                assert_eq!(records, expected);
            }
            true
        }
    }

    #[test]
    fn who_sits_past_the_listed_seats_is_listed_on_one_that_is_vacated() {
        let mut directory = Directory::new(7);
        let (room, _) = open(&mut directory, "r", "host");
        let mut guests: Vec<_> =
            (0..1004).map(|n| admit(&mut directory, room, &format!("user {n}"))).collect();
        check(&directory);
        for place in [1002, 700, 3, 1000, 0, 500, 997, 900] {
            directory.depart(guests.swap_remove(place)).unwrap();
            check(&directory);
            let last = *guests.last().unwrap();
            let before = guests.split_last().unwrap().1.iter();
            let before = before.map(|guest| directory.members[*guest].name.clone());
            let names: Vec<_> =
                [UserName::new("host").unwrap()].into_iter().chain(before).collect();
            assert_eq!(directory.names_before(last), names.iter().collect::<Roster>().names());
        }
    }

    #[test]
    fn a_room_that_was_full_once_gives_its_memory_back() {
        let mut directory = Directory::new(7);
        let (room, _) = open(&mut directory, "r", "host");
        let guests: Vec<_> =
            (0..1000).map(|n| admit(&mut directory, room, &format!("user {n}"))).collect();
        let mut expected = directory.rooms[room].seats.capacity();
        for guest in guests {
            directory.depart(guest).unwrap();
            let Room { seats, .. } = &directory.rooms[room];
            // Not each time, and with space for as many again: who comes and goes costs nothing.
            expected = if seats.len() < expected / 4 { 2 * seats.len() } else { expected };
            assert_eq!(seats.capacity(), expected, "{}", seats.len());
        }
        assert!(expected < 8);
        check(&directory);
    }

    #[test]
    fn a_token_that_differs_anywhere_or_leads_past_the_end_is_nobodys() {
        let mut directory = Directory::new(7);
        let (room, host) = open(&mut directory, "r", "a");
        let guest = admit(&mut directory, room, "b");
        let tokens = [host, guest].map(|id| String::from(directory.members[id].token.as_str()));
        for token in &tokens {
            for place in 0..token.len() {
                let other = if &token[place..=place] == "a" { "b" } else { "a" };
                let altered = [&token[..place], other, &token[place + 1..]].concat();
                assert!(directory.by_token(&altered).is_none(), "{altered}");
            }
            for length in 0..token.len() {
                assert!(directory.by_token(&token[..length]).is_none());
            }
            assert!(directory.by_token(&format!("{token}A")).is_none());
        }
        for wild in ["_".repeat(38), "0".repeat(38), "\0".repeat(38), "あ".repeat(85)] {
            assert!(directory.by_token(&wild).is_none());
        }
        // The next has the same random bytes, and its record lies where the guest's was.
        directory.depart(guest).unwrap();
        let next = admit(&mut directory, room, "b");
        assert!(directory.by_token(&tokens[1]).is_none());
        let token = directory.members[next].token.as_str();
        assert_eq!(token[16..], tokens[1][16..]);
        assert_eq!(directory.by_token(token).unwrap().0, next);
    }

    #[test]
    fn without_random_bytes_nobody_is_let_in_and_nothing_is_left_of_it() {
        let mut directory = Directory::new(7);
        let mut none = |_: &mut [u8]| Err(EntropyError);
        let password = || Credentials::new(&mut entropy()).unwrap().hash("");
        let name = RoomName::new("r").unwrap();
        let (host, now) = (newcomer("a"), Instant::ZERO);
        directory.open_room(name.clone(), password(), host, now, &mut none).unwrap_err();
        assert!(directory.room_named(&name).is_none());
        assert_eq!((directory.room_count(), directory.admitted()), (0, 0));
        check(&directory);
        let (room, _) = open(&mut directory, "r", "a");
        directory.admit(room, newcomer("b"), now, &mut none).unwrap_err();
        assert_eq!((directory.member_count(), directory.admitted()), (1, 1));
        assert!(!directory.is_taken(room, "b"));
        check(&directory);
    }

    #[test]
    fn only_those_with_an_address_are_recipients() {
        let mut directory = Directory::new(7);
        let (room, _) = open(&mut directory, "r", "a");
        let guest = admit(&mut directory, room, "b");
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        directory.renew(guest, address, Instant::ZERO);
        let recipients: Vec<_> = directory.room(room).unwrap().recipients().collect();
        assert_eq!(recipients, [Recipient { member: guest, address }]);
    }
}
