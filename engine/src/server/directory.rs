//! Who is in which room: the seed's `rooms_list` and `token_list`, as one record with its indexes.
//!
//! Everything that has to be kept in step is private to this file: nobody can touch a member without
//! its seat, its token's and its name's index entries and its place in the order of activity.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use protocol::tcp::{Feature, Features, Names, Roster};
use protocol::{RoomName, UserName};
use slotmap::SlotMap;

use super::credentials::{IssuedToken, PasswordHash};
use crate::action::{MemberId, Recipient};
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

impl Member {
    /// A member that has yet to be given a room.
    pub(super) fn new(token: IssuedToken, name: UserName, ip: IpAddr, features: Features) -> Self {
        Self { token, name, ip, features, room: RoomId::default(), seat: 0, number: 0 }
    }

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
    by_token: HashTable<MemberId>,
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
            by_token: HashTable::new(),
            by_name: HashTable::new(),
            activity: Recency::default(),
            admitted: 0,
            hasher: FixedState::with_seed(hash_seed),
        }
    }

    /// Opens a room with its host in it. The name must be free. Gives both. Costs O(log rooms).
    pub(super) fn open_room(
        &mut self,
        name: RoomName,
        password: PasswordHash,
        host: Member,
        now: Instant,
    ) -> (RoomId, MemberId) {
        let (seats, roster) = (Vec::new(), Roster::default());
        let room = Room { name: name.clone(), password, host: MemberId::default(), seats, roster };
        let room = self.rooms.insert(room);
        self.rooms_by_name.insert(name, room);
        let host = self.admit(room, host, now);
        if let Some(room) = self.rooms.get_mut(room) {
            room.host = host;
        }
        (room, host)
    }

    /// Seats a member in a room. Its name must be free there, and its token new. Costs O(1).
    pub(super) fn admit(&mut self, room: RoomId, mut member: Member, now: Instant) -> MemberId {
        let seats = self.rooms.get(room).map_or(0, Room::members);
        member.room = room;
        member.number = self.admitted;
        self.admitted += 1;
        member.seat = u32::try_from(seats).unwrap_or(u32::MAX);
        let (token_hash, name_hash) = (self.token_hash(&member), self.name_hash(&member));
        let id = self.members.insert(member);
        if let (Some(room), Some(member)) = (self.rooms.get_mut(room), self.members.get(id)) {
            room.seats.push(Seat { member: id, address: None, features: member.features });
            room.roster.set(seats, &member.name);
        }
        let Self { members, hasher, by_token, by_name, .. } = self;
        by_token.insert_unique(token_hash, id, |id| rehash(members, hasher, *id, hash_token));
        by_name.insert_unique(name_hash, id, |id| rehash(members, hasher, *id, hash_name));
        self.activity.touch(id, now);
        id
    }

    /// The member that bears `token`, compared in constant time. Costs O(1).
    pub(super) fn by_token(&self, token: &str) -> Option<(MemberId, &Member)> {
        let hash = self.hasher.hash_one(token);
        let matches = |id: &MemberId| self.members.get(*id).is_some_and(|m| m.token.matches(token));
        let id = *self.by_token.find(hash, matches)?;
        self.members.get(id).map(|member| (id, member))
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
        if let Ok(entry) = self.by_token.find_entry(self.token_hash(&member), |other| *other == id)
        {
            entry.remove();
        }
        if let Ok(entry) = self.by_name.find_entry(self.name_hash(&member), |other| *other == id) {
            entry.remove();
        }
        self.activity.remove(id);
        Some(member)
    }

    fn host_of(&self, id: MemberId) -> Option<MemberId> {
        let member = self.members.get(id)?;
        self.rooms.get(member.room).map(|room| room.host)
    }

    fn token_hash(&self, member: &Member) -> u64 {
        hash_token(&self.hasher, member)
    }

    fn name_hash(&self, member: &Member) -> u64 {
        hash_name(&self.hasher, member)
    }
}

fn hash_token(hasher: &FixedState, member: &Member) -> u64 {
    hasher.hash_one(member.token.as_str())
}

fn hash_name(hasher: &FixedState, member: &Member) -> u64 {
    hasher.hash_one((member.room, member.name.as_str()))
}

/// The hash of a member whose index entry moves because its table grows.
fn rehash(
    members: &SlotMap<MemberId, Member>,
    hasher: &FixedState,
    id: MemberId,
    hash: impl FnOnce(&FixedState, &Member) -> u64,
) -> u64 {
    members.get(id).map_or(0, |member| hash(hasher, member))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::server::credentials::Credentials;

    fn member(token: &str, name: &str) -> Member {
        let name = UserName::new(name).unwrap();
        let ip = IpAddr::from([127, 0, 0, 1]);
        Member::new(IssuedToken::new(token).unwrap(), name, ip, Features::NONE)
    }

    /// Every index, checked against the records by search.
    fn check(directory: &Directory) {
        assert_eq!(directory.by_token.len(), directory.members.len());
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

    fn step(directory: &mut Directory, model: &mut Model, kind: u8, number: u8, now: Instant) {
        let mut entropy = SeededEntropy::new(1);
        let password = Credentials::new(&mut entropy).unwrap().hash("");
        let (room, user) = (format!("room {}", kind % 3), format!("user {}", number % 5));
        let name = RoomName::new(&room).unwrap();
        let token = format!("token {}", now.as_micros());
        match (kind / 3 % 4, directory.room_named(&name).map(|(id, _)| id)) {
            (0, None) => {
                directory.open_room(name, password, member(&token, &user), now);
                model.push((token, room, user, true));
            }
            (0 | 1, Some(id)) => {
                let taken = model.iter().any(|(_, r, u, _)| *r == room && *u == user);
                assert_eq!(directory.is_taken(id, &user), taken);
                if !taken {
                    directory.admit(id, member(&token, &user), now);
                    model.push((token, room, user, false));
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
                    }
                    Departure::Guest { former, .. } => {
                        assert!(!host && former.member.token.matches(&token));
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
        let password = Credentials::new(&mut SeededEntropy::new(1)).unwrap().hash("");
        let name = RoomName::new("r").unwrap();
        let host = member("host", "host");
        let (room, _) = directory.open_room(name, password, host, Instant::ZERO);
        let mut guests: Vec<_> = (0..1004)
            .map(|number| {
                let guest = member(&format!("token {number}"), &format!("user {number}"));
                directory.admit(room, guest, Instant::ZERO)
            })
            .collect();
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
        let password = Credentials::new(&mut SeededEntropy::new(1)).unwrap().hash("");
        let name = RoomName::new("r").unwrap();
        let host = member("host", "host");
        let (room, _) = directory.open_room(name, password, host, Instant::ZERO);
        let guests: Vec<_> = (0..1000)
            .map(|number| {
                let guest = member(&format!("token {number}"), &format!("user {number}"));
                directory.admit(room, guest, Instant::ZERO)
            })
            .collect();
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
    fn only_those_with_an_address_are_recipients() {
        let mut directory = Directory::new(7);
        let password = Credentials::new(&mut SeededEntropy::new(1)).unwrap().hash("");
        let name = RoomName::new("r").unwrap();
        let (room, _) = directory.open_room(name, password, member("t1", "a"), Instant::ZERO);
        let guest = directory.admit(room, member("t2", "b"), Instant::ZERO);
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        directory.renew(guest, address, Instant::ZERO);
        let recipients: Vec<_> = directory.room(room).unwrap().recipients().collect();
        assert_eq!(recipients, [Recipient { member: guest, address }]);
    }
}
