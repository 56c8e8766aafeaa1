//! The roll call: who is not there would be counted as losing everything.

use std::io;

use super::{Speaker, WAKE};
use crate::link::{Link, READ_BYTES};
use crate::payload::Stamp;
use crate::readiness::Readiness;
use crate::slice::Slice;

/// How often everyone is called to say who is there.
const ROLL_CALLS: usize = 30;

/// Calls in every room until all have heard it. Who has not registers once more.
pub(super) fn call(
    links: &mut [Box<dyn Link>],
    speaker: &mut Speaker,
    slice: &Slice,
) -> io::Result<()> {
    let (members, mut buffer) = (speaker.load.members, vec![0; READ_BYTES]);
    let mut readiness = Readiness::of(links)?;
    let mut present = vec![false; links.len()];
    // Who calls is there; should it hear itself, that changes nothing.
    present.iter_mut().step_by(members).for_each(|caller| *caller = true);
    for _ in 0..ROLL_CALLS {
        slice.stop.check()?;
        let incomplete = |room: &&[bool]| room.iter().any(|present| !present);
        let rooms = present.chunks(members).enumerate();
        let rooms: Vec<_> =
            rooms.filter(|(_, room)| incomplete(room)).map(|(room, _)| room).collect();
        if rooms.is_empty() {
            return Ok(());
        }
        for room in rooms {
            let caller = room * members;
            let text = speaker.text(caller, speaker.load.sizes.largest(), slice.clock.now());
            links.get_mut(caller).map_or(Ok(()), |link| link.say(text))?;
        }
        while present.contains(&false) {
            let ready: Vec<_> = readiness.wait(WAKE)?.collect();
            if ready.is_empty() {
                break;
            }
            for number in ready {
                let (Some(link), Some(present)) = (links.get_mut(number), present.get_mut(number))
                else {
                    continue;
                };
                link.hear(&mut buffer, &mut |text| *present |= Stamp::parse(text).is_some())?;
            }
        }
        for (link, _) in links.iter_mut().zip(&present).filter(|(_, present)| !**present) {
            link.register()?;
        }
    }
    let absent = present.iter().filter(|present| !**present).count();
    Err(io::Error::other(format!("{absent} members hear nothing")))
}
