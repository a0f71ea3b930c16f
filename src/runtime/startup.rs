//! What can go wrong before the first client: found early, said in one line, with what to do.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use glommio::GlommioError;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrStorage, sockopt};

use super::link::IrisTarget;
use crate::iris::{IrisConnection, LinkError, Poll};

/// glommio's own minimum.
const MEMLOCK_BYTES_MIN: u64 = 512 << 10;

/// Why the gateway did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("{0} is in use by another process: stop it, or choose another address with --listen")]
    AddressInUse(SocketAddr),
    #[error("no permission to listen on {0}: choose a port above 1023 with --listen, or grant CAP_NET_BIND_SERVICE")]
    AddressForbidden(SocketAddr),
    #[error("{0} is no address of this machine: choose another one with --listen")]
    AddressNotLocal(SocketAddr),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(
        "IRIS at {place} cannot be reached ({reason}): check host and port in --iris, and that the superserver runs"
    )]
    IrisUnreachable { place: String, reason: String },
    #[error("IRIS at {place} refused user {user} in namespace {namespace} ({reason}): check --iris")]
    IrisRefused { place: String, user: String, namespace: String, reason: String },
    #[error("what answers at {place} is no usable IRIS superserver ({reason}): check host and port in --iris")]
    IrisUnusable { place: String, reason: String },
    #[error(
        "io_uring is switched off on this machine (kernel.io_uring_disabled = {0}): run `sysctl -w kernel.io_uring_disabled=0`"
    )]
    IoUringDisabled(u32),
    #[error(
        "io_uring is not permitted: a container's seccomp profile forbids it; run the container with `--security-opt seccomp=unconfined` or a profile that allows io_uring_setup, io_uring_enter and io_uring_register"
    )]
    IoUringForbidden,
    #[error("this kernel has no io_uring: Linux 5.8 or newer is needed")]
    IoUringMissing,
    #[error(
        "only {0} bytes of memory may be locked, 524288 are needed: raise it with `ulimit -l`, `LimitMEMLOCK=` of the systemd unit, or `--ulimit memlock=-1` of the container"
    )]
    MemlockTooLow(u64),
    #[error("core {core} cannot be used ({reason}): lower --cores")]
    Core { core: usize, reason: String },
    #[error("an executor thread ended unexpectedly: {0}")]
    ShardEnded(String),
    #[error("the gateway needs at least one core and one IRIS connection")]
    NothingToRunOn,
    #[error("signals cannot be handled: {0}")]
    Signals(io::Error),
}

/// Finds out whether the address is free, and which port it is when the port is 0. Every shard binds it again with
/// SO_REUSEPORT, which alone would let two gateways share a port without a word.
pub(super) fn probe_address(address: SocketAddr) -> Result<SocketAddr, ServeError> {
    match bound(address) {
        // Connections of a gateway that has just ended stay in TIME_WAIT for a minute. The kernel lets SO_REUSEPORT
        // have their address, but not the probe, as they were made without SO_REUSEADDR.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !has_listener(address) => Ok(address),
        result => result.map_err(|source| listen_error(address, source)),
    }
}

/// The address that a socket gets there. It does not listen: who connects meanwhile is refused, and not accepted and
/// then dropped.
fn bound(address: SocketAddr) -> io::Result<SocketAddr> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let probe = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    socket::setsockopt(&probe, sockopt::ReuseAddr, &true)?;
    socket::bind(probe.as_raw_fd(), &SockaddrStorage::from(address))?;
    let name: SockaddrStorage = socket::getsockname(probe.as_raw_fd())?;
    let port = name.as_sockaddr_in().map(SockaddrIn::port).or_else(|| name.as_sockaddr_in6().map(SockaddrIn6::port));
    Ok(SocketAddr::new(address.ip(), port.unwrap_or(address.port())))
}

/// Whether a socket listens where `address` would, by the kernel's own lists.
fn has_listener(address: SocketAddr) -> bool {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    // A kernel without IPv6 lacks the second.
    lists.iter().all(Result::is_err)
        || lists.iter().flatten().flat_map(|list| listeners(list)).any(|listener| overlap(listener, address))
}

/// The addresses of a list of sockets (`/proc/net/tcp`) on which somebody listens.
fn listeners(list: &str) -> impl Iterator<Item = SocketAddr> {
    /// `TCP_LISTEN`.
    const LISTEN: &str = "0A";
    list.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next()?, words.nth(1)?);
        if state != LISTEN {
            return None;
        }
        let (address, port) = local.split_once(':')?;
        Some(SocketAddr::new(read_address(address)?, u16::from_str_radix(port, 16).ok()?))
    })
}

/// Words of 32 bits in hexadecimal digits, each in the byte order of the machine.
fn read_address(digits: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = digits.get(at.checked_mul(8)?..at.checked_mul(8)?.checked_add(8)?)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    match digits.len() {
        8 => word(0).map(IpAddr::from),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?))
        }
        _ => None,
    }
}

/// Whether two sockets would hear the same connections. One for all IPv6 addresses hears those of IPv4, too.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let (ip_a, ip_b) = (a.ip().to_canonical(), b.ip().to_canonical());
    a.port() == b.port() && (ip_a == ip_b || ip_a.is_unspecified() || ip_b.is_unspecified())
}

pub(super) fn listen_error(address: SocketAddr, source: io::Error) -> ServeError {
    match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::AddressInUse(address),
        io::ErrorKind::PermissionDenied => ServeError::AddressForbidden(address),
        io::ErrorKind::AddrNotAvailable => ServeError::AddressNotLocal(address),
        _ => ServeError::Listen { address, source },
    }
}

/// Looks at the settings that forbid io_uring before an executor fails on them.
pub(super) fn probe_machine() -> Result<(), ServeError> {
    let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok();
    // 1 forbids it to processes without CAP_SYS_ADMIN; whether we have that shows when the ring is made.
    if let Some(level @ 2..) = disabled.and_then(|text| text.trim().parse().ok()) {
        return Err(ServeError::IoUringDisabled(level));
    }
    match std::fs::read_to_string("/proc/self/limits").ok().and_then(|text| memlock_limit(&text)) {
        Some(limit) if limit < MEMLOCK_BYTES_MIN => Err(ServeError::MemlockTooLow(limit)),
        _ => Ok(()),
    }
}

/// The soft limit of locked memory in bytes; `None` when it is unlimited.
fn memlock_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// An executor could not be made.
pub(super) fn executor_error(core: usize, error: &GlommioError<()>) -> ServeError {
    use glommio::{BuilderErrorKind, ReactorErrorKind};
    let os_error = match error {
        GlommioError::IoError(error) => error.raw_os_error(),
        GlommioError::EnhancedIoError { source, .. } => source.raw_os_error(),
        GlommioError::ReactorError(ReactorErrorKind::MemLockLimit(limit, _)) => {
            return ServeError::MemlockTooLow(*limit);
        }
        GlommioError::BuilderError(BuilderErrorKind::ThreadPanic(panic)) => {
            return ServeError::ShardEnded(panic_text(panic.as_ref()));
        }
        _ => None,
    };
    // Numbers of Linux, the same on every architecture it runs io_uring on.
    const EPERM: i32 = 1;
    const ENOMEM: i32 = 12;
    const EACCES: i32 = 13;
    const ENOSYS: i32 = 38;
    match os_error {
        Some(EPERM | EACCES) => ServeError::IoUringForbidden,
        Some(ENOSYS) => ServeError::IoUringMissing,
        Some(ENOMEM) => ServeError::MemlockTooLow(
            std::fs::read_to_string("/proc/self/limits").ok().and_then(|text| memlock_limit(&text)).unwrap_or_default(),
        ),
        _ => ServeError::Core { core, reason: error.to_string() },
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned())
}

/// Logs in to IRIS once, with a plain socket, and says goodbye. Returns the server's version.
pub(super) fn probe_iris(target: &IrisTarget) -> Result<String, ServeError> {
    let deadline = Instant::now().checked_add(target.connect_timeout);
    let unreachable = |reason: String| ServeError::IrisUnreachable { place: target.place(), reason };
    let left = || deadline.map_or(target.connect_timeout, |at| at.saturating_duration_since(Instant::now()));
    let addresses =
        (target.host.as_str(), target.port).to_socket_addrs().map_err(|error| unreachable(error.to_string()))?;
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut socket = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, left().max(Duration::from_millis(1))) {
            Ok(stream) => {
                socket = Some(stream);
                break;
            }
            Err(error) => failure = error,
        }
    }
    let Some(mut socket) = socket else { return Err(unreachable(failure.to_string())) };
    let mut connection = IrisConnection::new(target.login.clone());
    let mut out = Vec::new();
    let refused = |error: LinkError| match error {
        LinkError::LoginRefused { text, .. } => ServeError::IrisRefused {
            place: target.place(),
            user: target.login.user.clone(),
            namespace: target.login.namespace.clone(),
            reason: text.split_whitespace().collect::<Vec<_>>().join(" "),
        },
        error => ServeError::IrisUnusable { place: target.place(), reason: error.to_string() },
    };
    connection.start(&mut out).map_err(refused)?;
    loop {
        let mut exchange = || -> io::Result<usize> {
            socket.write_all(&out)?;
            socket.set_read_timeout(Some(left().max(Duration::from_millis(1))))?;
            socket.read(connection.spare_mut())
        };
        let received = exchange().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                unreachable(format!("no answer within {} ms", target.connect_timeout.as_millis()))
            }
            _ => unreachable(error.to_string()),
        })?;
        out.clear();
        if received == 0 {
            return Err(refused(LinkError::Closed));
        }
        connection.filled(received);
        if let Poll::Connected { server_version, .. } = connection.poll(&mut out).map_err(refused)? {
            connection.disconnect(&mut out);
            // It is closed in any case.
            let _ = socket.write_all(&out);
            return Ok(server_version);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_taken_port_is_found() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert!(matches!(probe_address(address), Err(ServeError::AddressInUse(found)) if found == address));
        let foreign = "192.0.2.1:5432".parse().unwrap();
        assert!(matches!(probe_address(foreign), Err(ServeError::AddressNotLocal(_))));
        let any = probe_address("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(any.port(), 0);
    }

    #[test]
    fn listeners_are_read_from_the_kernels_lists() {
        let line = |local: std::net::IpAddr, state: &str| {
            let words: Vec<String> = match local {
                IpAddr::V4(ip) => vec![format!("{:08X}", u32::from_ne_bytes(ip.octets()))],
                IpAddr::V6(ip) => ip
                    .octets()
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|word| format!("{:08X}", u32::from_ne_bytes(*word)))
                    .collect(),
            };
            format!("   1: {}:1538 00000000:0000 {state} 00000000:00000000 00:00000000\n", words.concat())
        };
        let read = |list: &str| listeners(list).collect::<Vec<_>>();
        for ip in ["127.0.0.1", "0.0.0.0", "::", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap()) {
            let list = format!("  sl  local_address rem_address   st\n{}{}", line(ip, "06"), line(ip, "0A"));
            assert_eq!(read(&list), [SocketAddr::new(ip, 5432)]);
        }
        assert!(read("  1: 0100007F 00000000:0000 0A\n 2: 01:1538 0:0 0A\n").is_empty());
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (a, b, expected) in [
            ("127.0.0.1:5432", "127.0.0.1:5432", true),
            ("0.0.0.0:5432", "127.0.0.1:5432", true),
            ("127.0.0.1:5432", "[::]:5432", true),
            ("[::ffff:127.0.0.1]:5432", "127.0.0.1:5432", true),
            ("127.0.0.2:5432", "127.0.0.1:5432", false),
            ("0.0.0.0:5432", "127.0.0.1:5433", false),
        ] {
            assert_eq!(overlap(address(a), address(b)), expected, "{a} {b}");
        }
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(has_listener(taken.local_addr().unwrap()));
    }

    #[test]
    fn limits_of_the_kernel() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max locked memory         65536                65536                bytes\n";
        assert_eq!(memlock_limit(limits), Some(65536));
        assert_eq!(memlock_limit(&limits.replace("65536", "unlimited")), None);
        assert_eq!(memlock_limit(""), None);
    }

    #[test]
    fn executor_errors_say_what_to_do() {
        let error = |code| GlommioError::IoError(io::Error::from_raw_os_error(code));
        assert!(matches!(executor_error(0, &error(1)), ServeError::IoUringForbidden));
        assert!(matches!(executor_error(0, &error(38)), ServeError::IoUringMissing));
        assert!(matches!(executor_error(3, &error(5)), ServeError::Core { core: 3, .. }));
    }

    fn target(port: u16) -> IrisTarget {
        IrisTarget {
            host: "127.0.0.1".to_owned(),
            port,
            login: crate::iris::ConnectOptions::default(),
            connect_timeout: Duration::from_millis(200),
        }
    }

    #[test]
    fn an_iris_that_is_not_there() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert!(matches!(probe_iris(&target(closed)), Err(ServeError::IrisUnreachable { .. })));
        // Accepts (the backlog does) and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let result = probe_iris(&target(silent.local_addr().unwrap().port()));
        assert!(matches!(result, Err(ServeError::IrisUnreachable { reason, .. }) if reason.contains("200 ms")));
    }
}
