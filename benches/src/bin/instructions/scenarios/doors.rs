//! Coming in and going out, at the engine: the connection, the request and the reply.

use benches::{
    Member, Populated, address, create as creation, join as request, room_name, user_name,
};
use protocol::RoomName;
use protocol::tcp::Features;

use super::counted;

/// The number of a user, and of a room, that is in no fixture.
const NEWCOMER: usize = 1_000_000;

/// Into rooms in which the host is alone.
pub(super) fn join(rooms: usize, rounds: u32) {
    let mut populated = Populated::new(rooms, 1, Features::NONE);
    let numbers = (0..rooms).step_by(7).cycle().take(rounds as usize);
    let requests: Vec<_> = numbers
        .map(|number| {
            let room = room_name(number);
            let bytes = request(&room, &user_name(NEWCOMER), Features::NONE);
            (room, bytes)
        })
        .collect();
    come_and_go(&mut populated, &requests);
}

/// Of new rooms.
pub(super) fn create(rooms: usize, rounds: u32) {
    let mut populated = Populated::new(rooms, 1, Features::NONE);
    let requests: Vec<_> = (NEWCOMER..)
        .take(rounds as usize)
        .map(|number| {
            let room = room_name(number);
            let bytes = creation(&room, &user_name(NEWCOMER), Features::NONE);
            (room, bytes)
        })
        .collect();
    come_and_go(&mut populated, &requests);
}

/// Out of a room of ten, one after the other and in again.
pub(super) fn leave(rounds: u32) {
    let mut populated = Populated::new(1, 10, Features::NONE);
    let (room, user) = (room_name(0), user_name(NEWCOMER));
    let bytes = request(&room, &user, Features::NONE);
    for _ in 0..rounds {
        let from = address(NEWCOMER);
        let guest = populated.admit(room.clone(), user.clone(), from, &bytes);
        let farewell = guest.departure();
        counted(&mut || populated.request(from, &farewell));
        populated.hang_up();
    }
    assert_eq!(populated.server.counters().departures, u64::from(rounds));
}

/// Each comes in and goes again, twice over: the coming is counted the second time, as the tables grow
/// the first time.
fn come_and_go(populated: &mut Populated, requests: &[(RoomName, Vec<u8>)]) {
    let before = populated.server.counters().joins;
    let (user, from) = (user_name(NEWCOMER), address(NEWCOMER));
    for is_counted in [false, true] {
        for (room, bytes) in requests {
            let mut come = || populated.request(from, bytes);
            if is_counted {
                counted(&mut come);
            } else {
                come();
            }
            let token = populated.admitted().token;
            populated.hang_up();
            let (room, user) = (room.clone(), user.clone());
            populated.leave(&Member { room, user, token, address: from });
        }
    }
    let joins = populated.server.counters().joins - before;
    assert_eq!(joins, 2 * requests.len() as u64, "all were let in");
}
