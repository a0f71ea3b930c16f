//! Socket IO of one IRIS connection.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::TcpStream;

use super::wait::within;
use crate::iris::{ConnectOptions, IrisConnection, LinkError, Progress, Reply, Request, SubmitOutcome};
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
pub enum LinkFailure {
    #[error("cannot connect to IRIS at {place}: {source}")]
    Connect { place: String, source: io::Error },
    #[error("IRIS at {place} did not answer within {} ms", .limit.as_millis())]
    ConnectTimeout { place: String, limit: Duration },
    #[error("the connection to IRIS broke: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Protocol(#[from] LinkError),
}

impl LinkFailure {
    pub fn to_pg(&self) -> Box<PgError> {
        match self {
            Self::Protocol(error) => error.to_pg(),
            _ => PgError::error(SqlState::CONNECTION_FAILURE, self.to_string()),
        }
    }

    /// The peer went away, rather than talk nonsense or be misused.
    pub(super) fn is_disconnect(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Protocol(LinkError::Closed))
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
}

/// What a send buffer may keep between requests.
const OUT_KEEP_BYTES_MAX: usize = 64 << 10;

impl Link {
    pub(super) async fn connect(target: &IrisTarget) -> Result<Self, LinkFailure> {
        let timed_out = || LinkFailure::ConnectTimeout { place: target.place(), limit: target.connect_timeout };
        within(target.connect_timeout, async {
            let connection_failed = |source| LinkFailure::Connect { place: target.place(), source };
            let addresses = resolve(&target.host, target.port).await.map_err(connection_failed)?;
            let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for address in addresses {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Self::log_in(stream, target).await,
                    Err(error) => failure = io::Error::from(error),
                }
            }
            Err(connection_failed(failure))
        })
        .await
        .unwrap_or_else(|| Err(timed_out()))
    }

    async fn log_in(stream: TcpStream, target: &IrisTarget) -> Result<Self, LinkFailure> {
        stream.set_nodelay(true).map_err(io::Error::from)?;
        let connection = IrisConnection::new(target.login.clone());
        let mut link = Self { stream, connection, out: Vec::new(), sent_bytes: 0 };
        link.connection.start(&mut link.out)?;
        loop {
            link.flush().await?;
            link.receive_some().await?;
            match link.connection.advance(&mut link.out)? {
                Progress::NeedBytes => {}
                Progress::Connected { .. } => return Ok(link),
                Progress::ReplyReady => return Err(LinkError::Unasked("a reply").into()),
            }
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
        let _ = self.flush().await;
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
    pub(super) async fn is_alive(&self) -> bool {
        let mut byte = [0];
        // Anything to read is an end of file, an error, or bytes nobody asked for.
        poll_once(self.stream.peek(&mut byte)).await.is_none()
    }

    /// Nothing in flight and everything sent.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_idle() && self.out.is_empty()
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
