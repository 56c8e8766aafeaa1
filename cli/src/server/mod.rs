//! `cli server`.

mod recording;
mod sockets;

use std::io::{self, Write};
use std::thread;

use engine::{Caps, Config, Counters, EntropyError, Instant, Machine, Server, StartError};
use record::{Recorder, Secrets};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::info;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::args::{Runtime, ServerArgs};
use crate::exit::{Exit, Failure};
use recording::Recording;
use sockets::Sockets;

/// Runs a server until it is told to stop.
pub(crate) fn run(args: &ServerArgs) -> Result<Exit, Failure> {
    let _flushes_at_the_end = log_to_stderr();
    sockets::raise_descriptor_limit();
    // The signals are taken before anybody is told that the server is there.
    let signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| failure(format!("signals cannot be watched: {error}")))?;
    let sockets = sockets::bind(args.listen).map_err(|error| {
        failure(format!(
            "cannot listen on {}: {error}. If another server runs there, stop it or choose another \
             port with --listen",
            args.listen
        ))
    })?;
    let entropy = |bytes: &mut [u8]| getrandom::fill(bytes).map_err(|_| EntropyError);
    let Some(file) = &args.record else {
        let server = Server::new(config(args), entropy, Instant::ZERO).map_err(refused)?;
        summarize(&serve(sockets, server, args.runtime, signals)?);
        return Ok(Exit::Clean);
    };
    let recording = Recording::begin(file)?;
    let secrets = if args.record_secrets { Secrets::Kept } else { Secrets::Replaced };
    let (queue, start) = (recording.queue(), Instant::ZERO);
    let server = Recorder::new(config(args), entropy, start, secrets, queue).map_err(refused)?;
    summarize(&serve(sockets, server, args.runtime, signals)?);
    recording.finish();
    Ok(Exit::Clean)
}

/// Says that the server is there, and serves until a signal.
fn serve(
    sockets: Sockets,
    server: impl Machine + Send,
    runtime: Runtime,
    signals: Signals,
) -> Result<Counters, Failure> {
    announce(&sockets, runtime);
    let counters = match runtime {
        Runtime::Smol => on_smol(sockets, server, signals),
        Runtime::Std => on_std(sockets, server, signals),
    };
    counters.map_err(|error| failure(format!("the server failed: {error}")))
}

fn on_smol(sockets: Sockets, server: impl Machine, signals: Signals) -> io::Result<Counters> {
    let (stop, stopped) = smol::channel::bounded::<()>(1);
    on_signal(signals, move || {
        // Full when it was asked already.
        let _ = stop.try_send(());
    })?;
    let stopped = async {
        let _ = stopped.recv().await;
    };
    let Sockets { listener, datagrams } = sockets;
    smol::block_on(runtime_smol::server::serve(listener, datagrams, server, stopped))
}

fn on_std(sockets: Sockets, server: impl Machine + Send, signals: Signals) -> io::Result<Counters> {
    let stop = runtime_std::server::Stop::new()?;
    let stopper = stop.clone();
    on_signal(signals, move || stopper.request())?;
    let Sockets { listener, datagrams } = sockets;
    runtime_std::server::serve(listener, datagrams, server, &stop)
}

/// Calls `stop` at the first signal; a second one ends the process at once.
fn on_signal(mut signals: Signals, stop: impl Fn() + Send + 'static) -> io::Result<()> {
    let wait = move || {
        for (count, signal) in signals.forever().enumerate() {
            if count > 0 {
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            stop();
            info!("stopping; once more to stop without telling anyone");
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait).map(|_| ())
}

fn config(args: &ServerArgs) -> Config {
    Config {
        idle_timeout: args.idle_timeout,
        sweep_interval: args.sweep_interval,
        reply_form: args.reply.into(),
        caps: Caps {
            payload: args.max_payload,
            rooms: args.max_rooms,
            room_members: args.max_room_members,
            members: args.max_members,
            connections: args.max_pending,
            connections_per_address: args.max_pending_per_address,
            ..Caps::default()
        },
    }
}

/// Says where the server is, on standard output, for people and for scripts that wait for it.
fn announce(sockets: &Sockets, runtime: Runtime) {
    let Ok(address) = sockets.listener.local_addr() else { return };
    let mut out = io::stdout().lock();
    // Nobody may be reading; the server is there all the same.
    let _ = writeln!(out, "listening on {address}").and_then(|()| out.flush());
    info!(%address, ?runtime, "ready for TCP and UDP; Ctrl-C stops it");
}

fn summarize(counters: &Counters) {
    let Counters { joins, messages, copies, timeouts, refusals, connections_evicted, .. } =
        counters;
    let Counters { malformed, unknown_token, mismatched, foreign_address, reserved, .. } = counters;
    info!(joins, messages, copies, timeouts, refusals, connections_evicted, "stopped");
    info!(malformed, unknown_token, mismatched, foreign_address, reserved, "datagrams dropped");
}

/// Logs without ever waiting for whoever reads the log: the lines go through a bounded queue to a
/// thread of their own, and are lost when it is full. What is given flushes the queue when dropped.
fn log_to_stderr() -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_LOG_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(io::stderr());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false)
        .log_internal_errors(false)
        .init();
    guard
}

/// Lines of the log that wait to be written at most.
const MAX_LOG_LINES: usize = 8192;

fn refused(error: StartError) -> Failure {
    Failure::new(Exit::Usage, error.to_string())
}

fn failure(message: String) -> Failure {
    Failure::new(Exit::Error, message)
}
