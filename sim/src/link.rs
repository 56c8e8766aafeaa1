//! The network between one party and the server: datagrams are lost, doubled, late or early, streams
//! stall and come in pieces. What befalls a packet depends on the party's own generator alone, so
//! that leaving a party out of a world leaves the others' packets as they were.

use std::time::Duration;

use engine::Instant;
use fastrand::Rng;

/// How bad the network is: chances of a thousand, and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// A datagram is lost.
    pub loss: u16,
    /// A datagram comes twice.
    pub duplicate: u16,
    /// A datagram comes seconds late, after others that were sent later.
    pub late: u16,
    /// A piece of a stream waits for seconds.
    pub stall: u16,
    /// A lost datagram is reported to its sender as unreachable.
    pub unreachable: u16,
    /// The server is woken late.
    pub slow_timer: u16,
    /// The server has other work when a datagram comes, and finds more of them afterwards.
    pub busy: u16,
    /// The least time that a packet takes, in microseconds.
    pub delay: u64,
    /// What may be added to it.
    pub jitter: u64,
    /// The most bytes of a piece of a stream.
    pub piece: usize,
}

impl Weather {
    /// Nothing goes wrong.
    pub const FINE: Self = Self {
        loss: 0,
        duplicate: 0,
        late: 0,
        stall: 0,
        unreachable: 0,
        slow_timer: 0,
        busy: 0,
        delay: 2_000,
        jitter: 1_000,
        piece: 1500,
    };
}

/// The longest that a late datagram or a stalled piece is late.
const LATE: u64 = 3_000_000;

/// One party's link.
#[derive(Debug)]
pub(crate) struct Link {
    rng: Rng,
    /// Nothing passes before.
    cut_until: Instant,
}

/// What becomes of a datagram: when it arrives, and perhaps when once more.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    pub(crate) arrivals: [Option<Instant>; 2],
    pub(crate) is_refused: bool,
    pub(crate) faults: u64,
}

/// One direction of a stream: what was sent first arrives first.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    last: Instant,
}

impl Link {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), cut_until: Instant::ZERO }
    }

    /// Nothing passes until then.
    pub(crate) fn cut(&mut self, until: Instant) {
        self.cut_until = self.cut_until.max(until);
    }

    /// What becomes of a datagram that is sent now. Each one draws the same number of times.
    pub(crate) fn datagram(&mut self, now: Instant, weather: &Weather) -> Fate {
        let [lost, doubled, late, refused] = [(); 4].map(|()| self.rng.u16(..1000));
        let (first, second) = (self.delay(weather), self.delay(weather));
        let lateness = Duration::from_micros(self.rng.u64(..LATE));
        let mut fate = Fate::default();
        if now < self.cut_until || lost < weather.loss {
            fate.is_refused = refused < weather.unreachable;
            fate.faults = 1 + u64::from(fate.is_refused);
            return fate;
        }
        let is_late = late < weather.late;
        let is_doubled = doubled < weather.duplicate;
        let lateness = if is_late { lateness } else { Duration::ZERO };
        fate.arrivals = [Some(now + first + lateness), is_doubled.then(|| now + second)];
        fate.faults = u64::from(is_late) + u64::from(is_doubled);
        fate
    }

    /// When a piece of a stream arrives that is sent now, and the faults that it met.
    pub(crate) fn piece(
        &mut self,
        pipe: &mut Pipe,
        now: Instant,
        weather: &Weather,
    ) -> (Instant, u64) {
        let stalled = self.rng.u16(..1000) < weather.stall;
        let delay = self.delay(weather);
        let stall = Duration::from_micros(self.rng.u64(..LATE));
        let stall = if stalled { stall } else { Duration::ZERO };
        pipe.last = pipe.last.max(now.max(self.cut_until) + delay + stall);
        (pipe.last, u64::from(stalled))
    }

    /// Where the next piece of `rest` bytes ends.
    pub(crate) fn cut_of(&mut self, rest: usize, weather: &Weather) -> usize {
        self.rng.usize(1..=weather.piece.max(1)).min(rest)
    }

    fn delay(&mut self, weather: &Weather) -> Duration {
        Duration::from_micros(weather.delay + self.rng.u64(..=weather.jitter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_arrives_in_its_order_and_after_a_cut() {
        let mut link = Link::new(1);
        let mut pipe = Pipe::default();
        let weather = Weather { stall: 500, ..Weather::FINE };
        let end = Instant::from_micros(5_000_000);
        link.cut(end);
        let mut last = end;
        for micros in 0..100 {
            let (at, _) = link.piece(&mut pipe, Instant::from_micros(micros), &weather);
            assert!(at >= last);
            last = at;
        }
    }

    #[test]
    fn each_fault_comes_about_as_often_as_the_weather_says() {
        let weather = Weather { loss: 100, duplicate: 100, late: 100, ..Weather::FINE };
        let mut link = Link::new(2);
        let fates: Vec<Fate> =
            (0..10_000).map(|_| link.datagram(Instant::ZERO, &weather)).collect();
        let lost = fates.iter().filter(|fate| fate.arrivals[0].is_none()).count();
        let doubled = fates.iter().filter(|fate| fate.arrivals[1].is_some()).count();
        let late = |fate: &&Fate| fate.arrivals[0].is_some_and(|at| at.as_micros() > 10_000);
        let late = fates.iter().filter(late).count();
        for count in [lost, doubled, late] {
            assert!((700..1300).contains(&count), "{count}");
        }
        assert!(link.datagram(Instant::ZERO, &Weather::FINE).arrivals[0].is_some());
    }
}
