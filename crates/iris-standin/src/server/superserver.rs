//! The listener and its threads.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{Engine, SuperserverOptions, connection, jobs::Jobs, shared::Shared};

/// A statement's text may nest as deep as a parser recurses; std's 2 MiB is little for that. Only what is used is committed.
const STACK_BYTES: usize = 32 << 20;

/// A bound superserver. Connections are served by [`run`](Self::run) or [`spawn`](Self::spawn).
///
/// Every connection has a thread of its own. Threads inherit the CPU affinity of the one that starts them: call
/// `spawn` (or `run`) on a thread that is not pinned to a core, or all of them share that core.
pub struct Superserver<E: Engine> {
    listener: TcpListener,
    shared: Arc<Shared<E>>,
}

impl<E: Engine> Superserver<E> {
    /// Binds and listens; nothing is accepted yet.
    ///
    /// # Errors
    /// The address cannot be bound: taken, not local, or not allowed.
    pub fn bind(options: SuperserverOptions, engine: E) -> io::Result<Self> {
        let listener = TcpListener::bind(options.address)?;
        let jobs = Arc::new(Jobs::new(options.job_first));
        let shared = Arc::new(Shared { engine, options, jobs, stopping: AtomicBool::new(false) });
        Ok(Self { listener, shared })
    }

    /// Where it listens; tells the port that port 0 became.
    ///
    /// # Errors
    /// The socket has no address any more.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts until the listener fails for good. Blocks the calling thread.
    ///
    /// # Errors
    /// The listener failed.
    pub fn run(self) -> io::Result<()> {
        accept(&self.listener, &self.shared)
    }

    /// Accepts on a thread of its own.
    ///
    /// # Errors
    /// No thread could be made, or the socket has no address.
    pub fn spawn(self) -> io::Result<SuperserverHandle> {
        let address = self.listener.local_addr()?;
        let shared = Arc::clone(&self.shared);
        let jobs = Arc::clone(&shared.jobs);
        let stop = {
            let shared = Arc::clone(&shared);
            Box::new(move || shared.stopping.store(true, Ordering::Release))
        };
        let acceptor = thread::Builder::new()
            .name("superserver".to_owned())
            .spawn(move || accept(&self.listener, &self.shared))?;
        Ok(SuperserverHandle { address, jobs, stop, acceptor: Some(acceptor) })
    }
}

/// A running superserver. Dropping it stops it as [`shutdown`](Self::shutdown) does.
pub struct SuperserverHandle {
    address: SocketAddr,
    jobs: Arc<Jobs>,
    stop: Box<dyn Fn() + Send + Sync>,
    acceptor: Option<JoinHandle<io::Result<()>>>,
}

impl SuperserverHandle {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Connections at this moment.
    pub fn connections_count(&self) -> usize {
        self.jobs.count()
    }

    /// Stops accepting, interrupts running statements, closes every connection (open work is rolled back) and waits
    /// until their threads have left, 10 seconds at most.
    ///
    /// # Errors
    /// The listener had failed before, or a thread did not leave in time.
    pub fn shutdown(mut self) -> io::Result<()> {
        self.stop_all()
    }

    fn stop_all(&mut self) -> io::Result<()> {
        let Some(acceptor) = self.acceptor.take() else { return Ok(()) };
        (self.stop)();
        // accept() has no time limit: a connection wakes it. If it cannot be made the listener is gone already.
        let _ = TcpStream::connect_timeout(&wake_address(self.address), Duration::from_secs(1));
        let left_in_time = self.jobs.close(Duration::from_secs(10));
        let accepted = acceptor.join().unwrap_or_else(|_| Err(io::Error::other("the accept thread panicked")));
        if left_in_time {
            accepted
        } else {
            Err(io::Error::new(io::ErrorKind::TimedOut, "a connection's thread did not end within 10 seconds"))
        }
    }
}

impl Drop for SuperserverHandle {
    fn drop(&mut self) {
        if let Err(error) = self.stop_all() {
            tracing::warn!(%error, "superserver did not stop cleanly");
        }
    }
}

/// The unspecified address is not one to connect to.
fn wake_address(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

fn accept<E: Engine>(listener: &TcpListener, shared: &Arc<Shared<E>>) -> io::Result<()> {
    loop {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::Acquire) {
            return Ok(());
        }
        match accepted {
            Ok((socket, peer)) => start(shared, socket, peer),
            Err(error) => match error.kind() {
                // The peer was gone before it was accepted.
                io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted => {}
                io::ErrorKind::InvalidInput | io::ErrorKind::NotConnected => return Err(error),
                // Out of descriptors or memory: others may end meanwhile.
                _ => {
                    tracing::warn!(%error, "superserver cannot accept");
                    thread::sleep(Duration::from_millis(100));
                }
            },
        }
    }
}

fn start<E: Engine>(shared: &Arc<Shared<E>>, socket: TcpStream, peer: SocketAddr) {
    let copy = match socket.try_clone() {
        Ok(copy) => copy,
        Err(error) => {
            tracing::warn!(%error, %peer, "superserver refuses a connection");
            return;
        }
    };
    let Some(job) = shared.jobs.enter(copy, shared.options.connections_max) else {
        tracing::warn!(%peer, connections_max = shared.options.connections_max, "superserver is full");
        return;
    };
    let name = format!("iris-job-{}", job.number());
    let shared = Arc::clone(shared);
    let thread = thread::Builder::new().name(name).stack_size(STACK_BYTES);
    if let Err(error) = thread.spawn(move || connection::serve(&shared, socket, &job)) {
        tracing::warn!(%error, %peer, "superserver cannot start a thread");
    }
}
