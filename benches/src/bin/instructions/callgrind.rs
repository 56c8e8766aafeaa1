//! Runs this very program under callgrind, valgrind's counter of instructions.

use std::env;
use std::fs;
use std::io;
use std::process::Command;

/// What has to be installed.
const REMEDY: &str = "valgrind is needed to count instructions: apt-get install valgrind";

/// The one architecture whose counts are kept; those of another say nothing beside them.
const ARCHITECTURE: &str = "x86_64";

/// What a scenario has counted; the rest of its process, which prepares it, is not. Its name is what
/// valgrind is told.
#[inline(never)]
pub(super) fn only_this_is_counted(work: &mut dyn FnMut()) {
    work();
    // Else the call above could be the last of this function, and be outside of it.
    std::hint::black_box(());
}

/// Whether instructions can be counted here.
pub(super) fn check() -> io::Result<()> {
    if env::consts::ARCH != ARCHITECTURE {
        let message = format!("counts are kept for {ARCHITECTURE}; this is {}", env::consts::ARCH);
        return Err(io::Error::other(message));
    }
    match Command::new("valgrind").arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(io::Error::other(REMEDY)),
    }
}

/// How many instructions a scenario takes in all of its rounds.
pub(super) fn count(scenario: &str) -> io::Result<u64> {
    let directory = tempfile::tempdir()?;
    let profile = directory.path().join("profile");
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--tool=callgrind", "--toggle-collect=*only_this_is_counted*"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe()?)
        .args(["--scenario", scenario]);
    // What is in the environment lies on the stack, and moves it.
    let path = env::var_os("PATH").unwrap_or_default();
    let output = command.env_clear().env("PATH", path).output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{scenario} failed under valgrind: {text}")));
    }
    let total = total(&fs::read_to_string(profile)?);
    // A profile without a count is of a function that was not found or not called.
    total.filter(|total| *total > 0).ok_or_else(|| {
        io::Error::other(format!("{scenario} counted nothing: was the executable stripped?"))
    })
}

fn total(profile: &str) -> Option<u64> {
    let line = profile.lines().find_map(|line| line.strip_prefix("summary:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_that_of_the_summary() {
        assert_eq!(total("events: Ir\nsummary: 7006\n\ntotals: 7006\n"), Some(7006));
        assert_eq!(total("events: Ir\n"), None);
        assert_eq!(total("summary: none\n"), None);
    }
}
