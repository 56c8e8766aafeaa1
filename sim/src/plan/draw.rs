//! Drawing a plan from a number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use engine::{Caps, Config, Instant};
use fastrand::Rng;
use protocol::tcp::ReplyForm;

use super::{Asks, Deed, Kind, Party, Plan, What, settling};
use crate::cast;
use crate::link::Weather;

impl Plan {
    /// The world of that number.
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let config = config(&mut rng);
        let mut weather = weather(&mut rng);
        let clients = match rng.u8(..4) {
            0 => rng.usize(1..=3),
            1 | 2 => rng.usize(2..=10),
            _ => rng.usize(10..=40),
        };
        let hostile = rng.usize(..=3);
        let parties = parties(&mut rng, clients, hostile, &config);
        let unit = config.idle_timeout;
        let calm_at = Instant::ZERO + unit * rng.u32(3..=9);
        let end = calm_at + settling(&config);
        let rooms = 1 + clients / rng.usize(3..=8);
        let is_lively = rng.u8(..3) == 0;
        let mut drawing = Drawing { rng, unit, rooms, calm_at, end, is_lively, deeds: Vec::new() };
        for (number, party) in parties.iter().enumerate() {
            match party.kind {
                Kind::Client { .. } => drawing.client(number),
                Kind::Hostile => drawing.hostile(number),
            }
        }
        if hostile > 0 && drawing.rng.u8(..6) == 0 {
            // A telling is short: who is to come meanwhile has to be near, and its request in one
            // piece, since a turn is taken at each.
            let Weather { delay, jitter, piece, .. } = Weather::FINE;
            let (delay, jitter) = (weather.delay.min(delay), weather.jitter.min(jitter));
            weather = Weather { delay, jitter, piece, ..weather };
            drawing.crowd(clients, config.sweep_interval, &weather);
        }
        let Drawing { mut rng, mut deeds, .. } = drawing;
        deeds.sort_by_key(|deed| (deed.at, deed.party));
        let shuts_down = rng.u8(..10) == 0;
        Self { seed, weather, config, parties, deeds, calm_at, shuts_down }
    }

    /// An hour of ordinary chat: a fine network, nobody hostile, the default settings.
    pub fn ordinary(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let config = Config::default();
        let clients = rng.usize(2..=40);
        let mut parties = parties(&mut rng, clients, 0, &config);
        let calm_at = Instant::ZERO + Duration::from_secs(3600);
        let rooms = 1 + clients / 8;
        let mut deeds = Vec::new();
        for (number, party) in parties.iter_mut().enumerate() {
            if let Kind::Client { keepalive, .. } = &mut party.kind {
                *keepalive = Some(Duration::from_secs(40));
            }
            let what = What::Enter { room: number % rooms, knows_password: true };
            let at = Instant::from_micros(number as u64 * 1_000_000);
            deeds.push(Deed { at, party: number, what, seed: rng.u64(..) });
            let mut at = at + Duration::from_secs(rng.u64(60..120));
            while at < calm_at {
                let what = What::Say(rng.usize(6..16));
                deeds.push(Deed { at, party: number, what, seed: rng.u64(..) });
                at = at + Duration::from_millis(rng.u64(2_000..60_000));
            }
        }
        deeds.sort_by_key(|deed| (deed.at, deed.party));
        let weather = Weather { busy: 500, ..Weather::FINE };
        Self { seed, weather, config, parties, deeds, calm_at, shuts_down: false }
    }
}

fn config(rng: &mut Rng) -> Config {
    let (idle, sweep) = match rng.u8(..6) {
        0 => (3_000, 1_000),
        1 => (30_000, 7_000),
        2 => (10_500, 15_000),
        _ => (120_000, 20_000),
    };
    let caps = match rng.u8(..4) {
        0 => Caps {
            payload: rng.u32(60..400),
            rooms: rng.usize(1..5),
            room_members: rng.usize(1..6),
            members: rng.usize(1..12),
            connections: rng.usize(2..10),
            connections_per_address: rng.usize(1..6),
            remembered_tokens: rng.usize(..5),
        },
        1 => Caps { connections: rng.usize(8..20), connections_per_address: 6, ..Caps::default() },
        _ => Caps::default(),
    };
    let reply_form = if rng.u8(..5) == 0 { ReplyForm::Bare } else { ReplyForm::Framed };
    Config {
        idle_timeout: Duration::from_millis(idle),
        sweep_interval: Duration::from_millis(sweep),
        reply_form,
        caps,
    }
}

fn weather(rng: &mut Rng) -> Weather {
    let busy = rng.choice([0, 300, 900]).unwrap_or_default();
    let calmness = if rng.bool() { 30 } else { 1 };
    match rng.u8(..4) {
        0 => Weather { busy, ..Weather::FINE },
        1 | 2 => Weather {
            loss: rng.u16(..60),
            duplicate: rng.u16(..30),
            late: rng.u16(..30),
            stall: rng.u16(..50),
            unreachable: rng.u16(..20),
            slow_timer: rng.u16(..200),
            busy,
            delay: rng.u64(100..50_000),
            jitter: rng.u64(..80_000) / calmness,
            piece: rng.usize(1..1500),
        },
        _ => Weather {
            loss: rng.u16(100..500),
            duplicate: rng.u16(50..300),
            late: rng.u16(50..300),
            stall: rng.u16(50..300),
            unreachable: rng.u16(..200),
            slow_timer: rng.u16(200..900),
            busy,
            delay: rng.u64(1_000..400_000),
            jitter: rng.u64(1_000..900_000) / calmness,
            piece: rng.usize(1..60),
        },
    }
}

fn parties(rng: &mut Rng, clients: usize, hostile: usize, config: &Config) -> Vec<Party> {
    // Some share an address, as behind a NAT.
    let homes = clients.div_ceil(2);
    let mut parties = Vec::new();
    for number in 0..clients {
        let home = rng.usize(..homes) as u8;
        let ip = if home % 4 == 3 {
            IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, home.into()))
        } else {
            IpAddr::from(Ipv4Addr::new(192, 0, 2, home + 1))
        };
        let keepalive = (rng.u8(..5) < 3).then(|| config.idle_timeout / 3);
        // A name may be wanted by two.
        let name = cast::user(if rng.u8(..8) == 0 { rng.usize(..clients) } else { number });
        let is_mapped = [(); 2].map(|()| ip.is_ipv4() && rng.u8(..4) == 0);
        let asks = match rng.u8(..8) {
            0..4 => Asks::All,
            4..6 => Asks::Notices,
            6 => Asks::Bundles,
            _ => Asks::Nothing,
        };
        parties.push(Party { kind: Kind::Client { keepalive, asks }, name, ip, is_mapped });
    }
    for number in 0..hostile {
        let ip = IpAddr::from(Ipv4Addr::new(198, 51, 100, number as u8 + 1));
        let name = format!("悪者{number}");
        let is_mapped = [rng.bool(), rng.bool()];
        parties.push(Party { kind: Kind::Hostile, name, ip, is_mapped });
    }
    parties
}

/// How long before all is healed a crowd is due at the latest: the telling is to be disturbed.
const BEFORE_CALM: Duration = Duration::from_secs(10);

/// A plan in the making.
struct Drawing {
    rng: Rng,
    unit: Duration,
    rooms: usize,
    calm_at: Instant,
    end: Instant,
    /// Whether many speak at the same moments.
    is_lively: bool,
    deeds: Vec<Deed>,
}

impl Drawing {
    fn deed(&mut self, at: Instant, party: usize, what: What) {
        let seed = self.rng.u64(..);
        self.deeds.push(Deed { at, party, what, seed });
    }

    /// A time of up to `most`.
    fn pause(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.rng.u64(1..=(most.as_micros() as u64).max(1)))
    }

    fn enter(&mut self) -> What {
        let knows_password = self.rng.u8(..12) != 0;
        What::Enter { room: self.rng.usize(..self.rooms), knows_password }
    }

    /// Somebody joins, chats, falls silent, leaves, crashes, and comes back.
    fn client(&mut self, party: usize) {
        let mut at = Instant::ZERO + self.pause(self.unit);
        let what = self.enter();
        self.deed(at, party, what);
        let pace = self.unit / self.rng.u32(2..=24);
        loop {
            at = at + self.pause(pace);
            if at >= self.end {
                return;
            }
            if self.is_lively {
                let moment = (self.unit.as_micros() as u64 / 50).max(1);
                at = Instant::from_micros(at.as_micros().next_multiple_of(moment));
            }
            if at >= self.calm_at {
                let what = What::Say(self.rng.usize(..64));
                self.deed(at, party, what);
                continue;
            }
            let what = match self.rng.u8(..100) {
                0..64 => What::Say(self.rng.usize(..64)),
                64..70 => What::Chatter { first: self.rng.usize(..64), count: self.rng.u8(2..40) },
                70..74 => What::Rebind,
                74..78 => What::Cut(self.cut(at)),
                78..80 => What::Reset,
                80..83 => What::Leave,
                83..85 => What::LeaveNow,
                85..89 => What::Crash { resets: self.rng.bool() },
                89..92 => {
                    // Silent for longer than the server waits.
                    at = at + self.unit + self.pause(self.unit);
                    continue;
                }
                _ => self.enter(),
            };
            self.deed(at, party, what);
        }
    }

    /// How long somebody is cut off, at most until all is healed.
    fn cut(&mut self, at: Instant) -> Duration {
        let most = if self.rng.u8(..10) == 0 { self.unit * 5 } else { self.unit * 3 / 2 };
        self.pause(most).min(self.calm_at.since(at))
    }

    /// Somebody means no good.
    fn hostile(&mut self, party: usize) {
        let mut at = Instant::ZERO;
        let pace = self.unit / self.rng.u32(2..=20);
        loop {
            at = at + self.pause(pace);
            if at >= self.calm_at {
                return;
            }
            let what = self.malice();
            self.deed(at, party, what);
        }
    }

    fn malice(&mut self) -> What {
        let room = self.rng.usize(..=self.rooms);
        match self.rng.u8(..100) {
            0..8 => What::Noise,
            8..18 => What::Mangle,
            18..36 => What::Replay { spoofs: self.rng.bool() },
            36..46 => What::Forge,
            46..52 => What::Guess { room },
            52..55 => What::Flood(self.rng.u16(1..60)),
            55..60 => What::Hoard(self.rng.u8(1..12)),
            60..72 => What::Ask(self.rng.usize(..1000)),
            72..78 => What::Break(self.rng.usize(..1000)),
            78..84 => What::Intrude { room, creates: self.rng.u8(..4) == 0 },
            84 if self.rng.u8(..10) == 0 => What::Swarm { room, count: self.rng.u8(20..150) },
            84..86 => What::Oust,
            86..94 => What::Speak(self.rng.usize(..64)),
            94..96 => What::Chorus(self.rng.u8(2..100)),
            96 => What::Reset,
            97 => What::Crowd,
            98 => What::Starve(self.pause(self.unit / 2)),
            _ => What::Rebind,
        }
    }

    /// Many join and half of them fall silent. While everyone is told of it, others do things.
    fn crowd(&mut self, clients: usize, sweep_interval: Duration, weather: &Weather) {
        let hostile = clients;
        // A room whose host is not one of those who come and go as they please.
        let room = self.rooms;
        let count = self.rng.u8(100..250);
        let come = Instant::ZERO + self.unit + self.pause(self.unit / 2);
        let grid = sweep_interval.as_micros() as u64;
        // They are in when a request, its reply and a presence have gone their ways.
        let way = weather.delay + weather.jitter;
        let due = (come + self.unit).as_micros() + 6 * way;
        let sweep = Instant::from_micros(due.next_multiple_of(grid));
        if sweep + BEFORE_CALM > self.calm_at {
            return;
        }
        let open = What::Intrude { room, creates: true };
        let before = Instant::ZERO + (come.since(Instant::ZERO) - self.unit / 20);
        self.deed(before, hostile, open);
        self.deed(come, hostile, What::Swarm { room, count });
        let again = come + self.unit * 7 / 10;
        self.deed(again, hostile, What::Stir);
        for party in (0..clients).step_by(2) {
            self.deed(before, party, What::LeaveNow);
            self.deed(come, party, What::Enter { room, knows_password: true });
            self.deed(again, party, What::Say(0));
        }
        let start = Instant::from_micros(sweep.as_micros().saturating_sub(weather.delay));
        self.between_turns(start, Duration::from_micros(6 * way), clients, room);
    }

    /// What others do in `room`, from `start`, while everyone is told. A join is `answered` in that time.
    fn between_turns(&mut self, start: Instant, answered: Duration, clients: usize, room: usize) {
        let hostile = clients;
        // A turn is taken at each request too, so half of these scenes have next to none.
        let most = if self.rng.bool() { 3 } else { 0 };
        for party in 0..clients {
            let mut at = start + self.pause(Duration::from_millis(40));
            for _ in 0..self.rng.u8(2..7) {
                let what = match self.rng.u8(..8) {
                    0 if most > 0 => What::Leave,
                    1 if most > 0 => What::Enter { room, knows_password: true },
                    0..3 => What::Rebind,
                    3 => What::Chatter { first: 0, count: 9 },
                    _ => What::Say(self.rng.usize(..64)),
                };
                self.deed(at, party, what);
                at = at + self.pause(Duration::from_millis(40));
            }
        }
        // Some who are out come back under their names, and others leave.
        let mut at = start;
        for _ in 0..=self.rng.u8(..=most) {
            let in_at = at + answered;
            let [come, leave, speak] = [self.rng.u8(2..4), self.rng.u8(1..=2), self.rng.u8(..50)];
            self.deed(at, hostile, What::Swarm { room, count: come });
            self.deed(in_at, hostile, What::Disperse(leave));
            self.deed(in_at, hostile, What::Chorus(speak));
            at = in_at + self.pause(Duration::from_millis(40));
        }
    }
}
