//! What the kernel counts for a process: its CPU time and its memory.

#![expect(clippy::disallowed_methods, reason = "a process is waited for until it is idle")]

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

/// Linux's clock tick, in which `stat` counts, on every architecture that Rust has.
const TICK: Duration = Duration::from_millis(10);

/// How long a process that is idle has used no time.
const REST: Duration = Duration::from_millis(2);

/// How often it is looked whether it is.
const LOOKS: u32 = 20;

/// The CPU time of a process once it is idle, so that nothing that it was asked for is left out. One
/// that does not come to rest is not waited for longer than a blink.
///
/// # Errors
/// Those of [`cpu_time`].
pub fn cpu_time_at_rest(pid: u32) -> io::Result<Duration> {
    let mut time = cpu_time(pid)?;
    for _ in 0..LOOKS {
        thread::sleep(REST);
        let later = cpu_time(pid)?;
        if later == time {
            break;
        }
        time = later;
    }
    Ok(time)
}

/// User and system time of all the threads of a process that are there.
///
/// The scheduler's own count is exact to the nanosecond for a process that sleeps; where the kernel
/// has none, ticks have to do.
///
/// # Errors
/// No such process, or a kernel that says it in another form.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    if let Ok(time) = scheduled(pid) {
        return Ok(time);
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    parse_stat(&stat).ok_or_else(|| io::Error::other("an unknown form of /proc/PID/stat"))
}

fn scheduled(pid: u32) -> io::Result<Duration> {
    let mut total = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        total += parse_schedstat(&text).ok_or_else(|| io::Error::other("no such count"))?;
    }
    Ok(total)
}

fn parse_schedstat(text: &str) -> Option<Duration> {
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

/// The 14th and 15th field. The second is the program's name, which may have spaces and brackets.
fn parse_stat(text: &str) -> Option<Duration> {
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user.checked_add(system)?)
}

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// What it has now.
    pub resident: u64,
    /// The most it ever had.
    pub peak: u64,
}

/// What a process has in memory, and the most it ever had.
///
/// # Errors
/// No such process, or a kernel that says it in another form.
pub fn memory(pid: u32) -> io::Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    parse_status(&status).ok_or_else(|| io::Error::other("an unknown form of /proc/PID/status"))
}

fn parse_status(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Memory { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_any_name() {
        let stat = "4242 (a ) b (c) S 1 4242 4242 0 -1 4194560 155 0 0 0 123 77 5 6 20 0 2 0 99";
        assert_eq!(parse_stat(stat), Some(Duration::from_millis(2000)));
        assert_eq!(parse_stat("4242 (a) S 1 2"), None);
        assert_eq!(parse_stat(""), None);
        assert_eq!(parse_schedstat("932263 0 2\n"), Some(Duration::from_nanos(932_263)));
        assert_eq!(parse_schedstat("\n"), None);
    }

    #[test]
    fn memory_is_found_by_its_names() {
        let status = "Name:\tcli\nVmPeak:\t  9 kB\nVmHWM:\t    5320 kB\nVmRSS:\t    4100 kB\n";
        assert_eq!(parse_status(status), Some(Memory { resident: 4100, peak: 5320 }));
        assert_eq!(parse_status("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn this_process_has_used_some_of_both() {
        let pid = std::process::id();
        let before = cpu_time(pid).unwrap();
        let mut sum = 0_u64;
        while cpu_time(pid).unwrap() < before + Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu_time_at_rest(pid).unwrap() >= before + Duration::from_millis(20));
        let memory = memory(pid).unwrap();
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
    }
}
