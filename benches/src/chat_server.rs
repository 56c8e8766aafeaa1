//! This project's server as a process: how it is built and started, and what it replies.

use std::env;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use protocol::tcp::State;

use crate::server_process::ServerProcess;

/// Builds the server anew, so that what is measured is what the source says. Started without Cargo,
/// the harness takes what is there.
///
/// # Errors
/// When Cargo cannot be run, or fails.
pub fn build() -> io::Result<()> {
    let Some(cargo) = env::var_os("CARGO") else { return Ok(()) };
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--package", "cli"]);
    if command.current_dir(env!("CARGO_MANIFEST_DIR")).status()?.success() {
        return Ok(());
    }
    Err(io::Error::other("the server could not be built"))
}

/// The executable beside the harness's own, which the same build made.
///
/// # Errors
/// The system's.
pub fn executable() -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name("cli"))
}

/// Starts it on this runtime, on a free port, with such options besides. It keeps those who are silent
/// for as long as any run takes.
///
/// # Errors
/// Those of [`ServerProcess::announced`].
pub fn start(runtime: &str, options: &[&str]) -> io::Result<ServerProcess> {
    let mut command = Command::new(executable()?);
    command.args(["server", "--listen", "127.0.0.1:0", "--runtime", runtime]);
    command.args(["--idle-timeout", "1h"]).args(options).env("RUST_LOG", "warn");
    ServerProcess::announced(&mut command)
}

/// Whether a reply's header says that what was asked was done. A bare loop's reply has that, too.
///
/// # Errors
/// When it does not; the reply is in the text.
pub fn check(reply: &[u8]) -> io::Result<()> {
    if reply.get(2) == Some(&(State::Done as u8)) {
        return Ok(());
    }
    Err(io::Error::other(format!("a request was answered {:?}", String::from_utf8_lossy(reply))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_an_error() {
        assert!(check(&[0, 1, 2, 0]).is_ok() && check(&[0, 3, 2, 0]).is_ok());
        assert!(check(&[0, 1, 1, 0]).is_err() && check(&[0, 3, 1, 0]).is_err());
        assert!(check(&[]).is_err());
    }
}
