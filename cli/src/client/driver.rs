//! The two runtimes behind one shape.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use engine::client::{Answered, Gone, Happening, Input, Joined, Joining, Output};

/// How long to wait for a connection, and for each part of a reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait until a server has heard that the user leaves.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(2);

/// Puts input into a session, waiting while it takes none; `false` when it is over.
pub(super) type InputSender = dyn Fn(Input) -> bool + Send + Sync;

/// What a client needs of a runtime.
pub(super) trait Driver {
    /// A TCP connection.
    type Stream;
    /// The end of a session's input at which it is taken out.
    type Inputs;
    /// A member's datagram socket.
    type Link;

    fn connect(&self, server: SocketAddr) -> io::Result<Self::Stream>;

    fn request(
        &self,
        stream: &Self::Stream,
        request: &[u8],
        joining: Joining,
        outputs: &mut Vec<Output>,
    ) -> io::Result<Answered>;

    fn inputs(&self) -> io::Result<(Box<InputSender>, Self::Inputs)>;

    fn register(&self, server: SocketAddr, outputs: Vec<Output>) -> io::Result<Self::Link>;

    fn chat(
        &self,
        joined: Box<Joined>,
        link: Self::Link,
        inputs: &Self::Inputs,
        show: &mut dyn FnMut(Happening),
    ) -> io::Result<Gone>;

    fn farewell(&self, server: SocketAddr, request: &[u8]) -> io::Result<()>;
}

/// The smol runtime.
pub(super) struct Smol(runtime_smol::Clock);

impl Smol {
    pub(super) fn start() -> Self {
        Self(runtime_smol::Clock::start())
    }
}

impl Driver for Smol {
    type Stream = smol::Async<std::net::TcpStream>;
    type Inputs = runtime_smol::client::Inputs;
    type Link = runtime_smol::client::Link;

    fn connect(&self, server: SocketAddr) -> io::Result<Self::Stream> {
        smol::block_on(runtime_smol::client::connect(server, PATIENCE))
    }

    fn request(
        &self,
        stream: &Self::Stream,
        request: &[u8],
        joining: Joining,
        outputs: &mut Vec<Output>,
    ) -> io::Result<Answered> {
        let Self(clock) = self;
        let request =
            runtime_smol::client::request(stream, request, joining, clock, PATIENCE, outputs);
        smol::block_on(request)
    }

    fn inputs(&self) -> io::Result<(Box<InputSender>, Self::Inputs)> {
        let (sender, inputs) = runtime_smol::client::inputs();
        Ok((Box::new(move |input| sender.send(input)), inputs))
    }

    fn register(&self, server: SocketAddr, outputs: Vec<Output>) -> io::Result<Self::Link> {
        runtime_smol::client::register(server, outputs)
    }

    fn chat(
        &self,
        joined: Box<Joined>,
        link: Self::Link,
        inputs: &Self::Inputs,
        show: &mut dyn FnMut(Happening),
    ) -> io::Result<Gone> {
        let Self(clock) = self;
        let chat = runtime_smol::client::chat(joined, link, inputs, clock, show);
        smol::block_on(chat)
    }

    fn farewell(&self, server: SocketAddr, request: &[u8]) -> io::Result<()> {
        smol::block_on(runtime_smol::client::farewell(server, request, FAREWELL_PATIENCE))
    }
}

/// The std runtime.
pub(super) struct Std(runtime_std::Clock);

impl Std {
    pub(super) fn start() -> Self {
        Self(runtime_std::Clock::start())
    }
}

impl Driver for Std {
    type Stream = std::net::TcpStream;
    type Inputs = runtime_std::client::Inputs;
    type Link = runtime_std::client::Link;

    fn connect(&self, server: SocketAddr) -> io::Result<Self::Stream> {
        runtime_std::client::connect(server, PATIENCE)
    }

    fn request(
        &self,
        stream: &Self::Stream,
        request: &[u8],
        joining: Joining,
        outputs: &mut Vec<Output>,
    ) -> io::Result<Answered> {
        let Self(clock) = self;
        runtime_std::client::request(stream, request, joining, clock, PATIENCE, outputs)
    }

    fn inputs(&self) -> io::Result<(Box<InputSender>, Self::Inputs)> {
        let (sender, inputs) = runtime_std::client::inputs()?;
        Ok((Box::new(move |input| sender.send(input)), inputs))
    }

    fn register(&self, server: SocketAddr, outputs: Vec<Output>) -> io::Result<Self::Link> {
        runtime_std::client::register(server, outputs)
    }

    fn chat(
        &self,
        joined: Box<Joined>,
        link: Self::Link,
        inputs: &Self::Inputs,
        show: &mut dyn FnMut(Happening),
    ) -> io::Result<Gone> {
        let Self(clock) = self;
        runtime_std::client::chat(joined, link, inputs, clock, show)
    }

    fn farewell(&self, server: SocketAddr, request: &[u8]) -> io::Result<()> {
        runtime_std::client::farewell(server, request, FAREWELL_PATIENCE)
    }
}
