//! Socket IO of one IRIS connection.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::TcpStream;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::wait::within;
use crate::bridge::link_to_pg;
use crate::iris::{
    ConnectOptions, IrisConnection, LinkError, ParkedConnection, Progress, Reply, Request, SubmitOutcome,
};
use crate::wire::{PgError, SqlState};

/// Where IRIS is and how to log in there.
#[derive(Debug, Clone)]
pub struct IrisTarget {
    /// A name or an address.
    pub host: String,
    pub port: u16,
    pub login: ConnectOptions,
    /// Bound of connecting and logging in together.
    pub connect_timeout: Duration,
}

impl IrisTarget {
    /// `host:port`, for messages.
    pub fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// What happened to a connection; it must be dropped.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkFailure {
    #[error("cannot connect to IRIS at {place}: {source}")]
    Connect { place: String, source: io::Error },
    #[error("IRIS at {place} did not answer within {} ms", .limit.as_millis())]
    ConnectTimeout { place: String, limit: Duration },
    #[error("IRIS did not answer within {} ms", .limit.as_millis())]
    Silent { limit: Duration },
    #[error("the connection to IRIS broke: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Protocol(#[from] LinkError),
}

impl LinkFailure {
    pub(super) fn to_pg(&self) -> Box<PgError> {
        match self {
            Self::Protocol(error) => link_to_pg(error),
            _ => PgError::error(SqlState::CONNECTION_FAILURE, self.to_string()),
        }
    }

    /// The connection was of no use before the request came to it: the peer has gone, or a reply to somebody else's
    /// request came in.
    pub(super) fn is_of_the_past(&self) -> bool {
        matches!(
            self,
            Self::Io(_)
                | Self::Protocol(
                    LinkError::Closed | LinkError::OutOfOrder { .. } | LinkError::Unasked(_) | LinkError::CallBack(_)
                )
        )
    }
}

/// A logged-in connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    connection: IrisConnection,
    out: Vec<u8>,
    /// How much of `out` was sent: a flush may be dropped half-way and taken up again.
    sent_bytes: usize,
    address: SocketAddr,
    /// The same socket again, for the day when another shard takes it over.
    socket: Socket,
    /// An interruption may still hit what runs here: no other client may get it.
    is_tainted: bool,
}

/// What a send buffer may keep between requests.
const OUT_KEEP_BYTES_MAX: usize = 64 << 10;
/// A host that is gone without a word is found out: an idle connection after this time and three probes more, one with
/// a request on the way when nothing was acknowledged for so long. A statement that runs for hours is not touched by
/// it: the host of IRIS answers probes meanwhile.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(60);
/// Saying goodbye takes no longer than this.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// A clean connection between two shards: only bytes and numbers, no memory of the shard it comes from. What IRIS holds
/// prepared for it is forgotten here; other texts take the places: the keys of statements, and what is known of them, are each
/// shard's own.
#[derive(Debug)]
pub(super) struct Parked {
    socket: Socket,
    connection: ParkedConnection,
    address: SocketAddr,
}

/// A socket on its way to the address. What its options need is set before glommio has it; whether it arrives, the
/// first write tells.
fn set_out(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => return Err(error),
        Err(_) | Ok(()) => {}
    }
    // The ring waits for sockets itself, unless they say not to.
    socket.set_nonblocking(false)?;
    Ok(socket)
}

impl Link {
    pub(super) async fn connect(target: &IrisTarget) -> Result<Self, LinkFailure> {
        let timed_out = || LinkFailure::ConnectTimeout { place: target.place(), limit: target.connect_timeout };
        within(target.connect_timeout, async {
            let connection_failed = |source| LinkFailure::Connect { place: target.place(), source };
            let addresses = resolve(&target.host, target.port).await.map_err(connection_failed)?;
            let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for address in addresses {
                match Self::reach(address, target).await {
                    Ok(link) => return link.log_in().await,
                    Err(LinkFailure::Io(error)) => failure = error,
                    Err(error) => return Err(error),
                }
            }
            Err(connection_failed(failure))
        })
        .await
        .unwrap_or_else(|| Err(timed_out()))
    }

    /// Another connection to the server this one is on.
    pub(super) async fn connect_beside(address: SocketAddr, target: &IrisTarget) -> Result<Self, LinkFailure> {
        Self::reach(address, target).await?.log_in().await
    }

    fn over(socket: Socket, connection: IrisConnection, address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::from(socket.try_clone()?);
        Ok(Self { stream, connection, out: Vec::new(), sent_bytes: 0, address, socket, is_tainted: false })
    }

    /// Readies an idle connection for another shard.
    pub(super) fn park(self) -> Parked {
        let Self { connection, address, socket, .. } = self;
        Parked { socket, connection: connection.park(), address }
    }

    /// Takes over a connection of another shard.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub(super) fn unpark(parked: Parked, target: &IrisTarget) -> io::Result<Self> {
        let Parked { socket, connection, address } = parked;
        Self::over(socket, IrisConnection::resume(target.login.clone(), connection), address)
    }

    /// Connects and says hello.
    async fn reach(address: SocketAddr, target: &IrisTarget) -> Result<Self, LinkFailure> {
        let connection = IrisConnection::new(target.login.clone());
        let mut link = Self::over(set_out(address)?, connection, address)?;
        link.connection.start(&mut link.out)?;
        link.flush().await?;
        Ok(link)
    }

    async fn log_in(mut self) -> Result<Self, LinkFailure> {
        loop {
            self.receive_some().await?;
            match self.connection.advance(&mut self.out)? {
                Progress::NeedBytes => {}
                Progress::Connected { .. } => return Ok(self),
                Progress::ReplyReady => return Err(LinkError::Unasked("a reply").into()),
            }
            self.flush().await?;
        }
    }

    /// Starts a request; [`finish`](Self::finish) leads it to its end.
    pub(super) fn begin(&mut self, request: &Request) -> Result<SubmitOutcome, LinkFailure> {
        Ok(self.connection.submit(request, &mut self.out)?)
    }

    /// Sends what is left to send, receives until the reply is there. May be dropped and called again.
    pub(super) async fn finish(&mut self, outcome: SubmitOutcome) -> Result<(), LinkFailure> {
        self.flush().await?;
        if outcome == SubmitOutcome::Done {
            return Ok(());
        }
        loop {
            match self.connection.advance(&mut self.out)? {
                Progress::ReplyReady => return Ok(()),
                Progress::NeedBytes => {
                    self.flush().await?;
                    self.receive_some().await?;
                    // A page of many megabytes may come as fast as it is read.
                    glommio::yield_if_needed().await;
                }
                Progress::Connected { .. } => return Err(LinkError::Unasked("a login reply").into()),
            }
        }
    }

    /// A request from beginning to end; [`take_reply`](Self::take_reply) gives its reply.
    pub(super) async fn exchange(&mut self, request: &Request) -> Result<(), LinkFailure> {
        loop {
            let outcome = self.begin(request)?;
            self.finish(outcome).await?;
            if !self.must_repeat() {
                return Ok(());
            }
        }
    }

    /// As `exchange`, for requests nobody else puts a limit to.
    pub(super) async fn exchange_within(&mut self, limit: Duration, request: &Request) -> Result<(), LinkFailure> {
        within(limit, self.exchange(request)).await.unwrap_or(Err(LinkFailure::Silent { limit }))
    }

    /// IRIS has forgotten the statement: the request has to begin again, which leads to another reply.
    pub(super) fn must_repeat(&self) -> bool {
        self.connection.must_repeat()
    }

    /// The reply `finish` waited for; `Done` when the request has none.
    pub(super) fn take_reply(&mut self) -> Reply<'_> {
        self.connection.take_reply().unwrap_or(Reply::Done)
    }

    /// A request from beginning to end, of which only success matters.
    pub(super) async fn run(&mut self, request: &Request) -> Result<bool, LinkFailure> {
        self.exchange(request).await?;
        Ok(!matches!(self.take_reply(), Reply::Failed { .. }))
    }

    /// Interrupts a statement of another connection.
    pub(super) async fn interrupt(&mut self, job: i64, statement_id: u32) -> Result<bool, LinkFailure> {
        let outcome = self.connection.interrupt(job, statement_id, &mut self.out)?;
        self.finish(outcome).await?;
        Ok(!matches!(self.take_reply(), Reply::Failed { .. }))
    }

    /// Drops results nobody will read on.
    pub(super) async fn close_results(&mut self) -> Result<(), LinkFailure> {
        self.connection.close_results(&mut self.out)?;
        self.flush().await
    }

    /// Says goodbye.
    pub(super) async fn disconnect(mut self) {
        self.connection.disconnect(&mut self.out);
        // IRIS cleans up after a connection that just ends, too.
        let _ = within(GOODBYE_LIMIT, self.flush()).await;
    }

    async fn flush(&mut self) -> Result<(), LinkFailure> {
        while let Some(rest) = self.out.get(self.sent_bytes..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest).await {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(sent) => self.sent_bytes = self.sent_bytes.saturating_add(sent),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.out.clear();
        self.sent_bytes = 0;
        if self.out.capacity() > OUT_KEEP_BYTES_MAX {
            self.out = Vec::new();
        }
        Ok(())
    }

    async fn receive_some(&mut self) -> Result<(), LinkFailure> {
        loop {
            match self.stream.read(self.connection.spare_mut()).await {
                Ok(0) => return Err(LinkError::Closed.into()),
                Ok(received) => {
                    self.connection.filled(received);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether the idle connection is silent, as it must be. One system call, no waiting.
    pub(super) fn is_silent(&self) -> bool {
        let mut byte = [0];
        // Anything to read is an end of file, an error, or bytes nobody asked for.
        let read = recv(self.stream.as_raw_fd(), &mut byte, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT);
        matches!(read, Err(Errno::EAGAIN | Errno::EINTR))
    }

    /// Fit for another client: nothing in flight, everything sent, and nothing received that was not asked for.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_idle() && self.out.is_empty() && !self.connection.has_unread() && !self.is_tainted
    }

    pub(super) fn taint(&mut self) {
        self.is_tainted = true;
    }

    /// Of the server at the other end.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.connection.in_transaction()
    }

    /// What EI needs to hit the request in flight: job and statement id.
    pub(super) fn in_flight(&self) -> (i64, u32) {
        (self.connection.job(), self.connection.current_statement_id())
    }
}

/// Addresses of a host. A name is resolved on the executor's blocking thread, at every connect: behind it, a
/// restarted container has another address.
pub(super) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    glommio::executor().spawn_blocking(move || (name.as_str(), port).to_socket_addrs().map(Iterator::collect)).await
}
