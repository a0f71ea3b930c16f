//! HS and CN: from a socket to a [`Session`] (facts, sections 3 and 4).

use std::net::TcpStream;

use subtle::ConstantTimeEq;

use super::{
    Backend, Engine, Login,
    errors::{LOGIN_REFUSED, error_text, malformed},
    jobs::JobGuard,
    session::Session,
    shared::Shared,
    transport::{Body, Link, LinkError, Message},
};
use crate::engine::SqlError;
use iris_protocol::{
    ItemReader, ListError, Opcode, STATUS_OK,
    list::{put_int, put_string},
    scramble::unscramble,
};

/// The protocol this server speaks; clients go no higher.
const PROTOCOL: u16 = 69;
/// Below this official clients call a server incompatible (57 for JDBC), so a client that low is not one of them.
const PROTOCOL_MIN: u16 = 57;

/// Layout bit a client may ask for: prepare replies begin with the feature of the statement (facts, section 8.1).
const FEATURE_FAST_SELECT: i64 = 1;

/// Levels offered: bit 1 read uncommitted, bit 2 read committed. JDBC refuses others by itself.
const ISOLATION_MASK: i64 = 3;

/// CN, decoded.
struct Request {
    namespace: String,
    user: String,
    password: String,
    autocommit: bool,
    isolation: u8,
    features: i64,
}

impl Request {
    fn parse(body: &[u8]) -> Result<Self, ListError> {
        let mut reader = ItemReader::new(body);
        let namespace = reader.text("namespace")?;
        let mut clear = |field| unscramble(&reader.need(field)?).ok_or(ListError::Unexpected(field));
        let (user, password) = (clear("user")?, clear("password")?);
        // OS user, machine, application, memory or a list about JDBC, address, event class.
        for field in ["OS user", "machine", "application", "client memory", "address", "event class"] {
            reader.need_raw(field)?;
        }
        // 2 is off; 1, and nothing at all, is on.
        let autocommit = reader.int("autocommit")? != 2;
        let isolation = u8::try_from(reader.int("isolation level")?).unwrap_or(0);
        let features = if reader.is_empty() { 0 } else { reader.int("feature options")? };
        Ok(Self { namespace, user, password, autocommit, isolation, features })
    }
}

/// Lets a client in. None: it was refused, or left.
///
/// # Errors
/// The connection broke, or the client does not speak this protocol.
pub(super) fn login<'a, E: Engine>(
    shared: &'a Shared<E>,
    socket: TcpStream,
    job: &'a JobGuard,
) -> Result<Option<Session<'a, E>>, LinkError> {
    let options = &shared.options;
    let mut link = Link::new(socket, options.login_message_bytes_max, options.login_timeout, options.write_timeout)?;
    let hello = link.receive()?;
    if hello.opcode != Opcode::HANDSHAKE {
        return Ok(None);
    }
    let Some(asked) = hello.body.first_chunk::<2>().map(|bytes| u16::from_le_bytes(*bytes)) else { return Ok(None) };
    let mut body = Body::new();
    // A Unicode server; the locale then has no effect.
    for word in [asked.clamp(PROTOCOL_MIN, PROTOCOL), 1] {
        body.out().extend_from_slice(&word.to_le_bytes());
    }
    put_string(body.out(), "latin1");
    link.send(hello.head, STATUS_OK, &mut body)?;
    let message = link.receive()?;
    if message.opcode != Opcode::CONNECT {
        return Ok(None);
    }
    let request = match Request::parse(&message.body) {
        Ok(request) => request,
        Err(error) => return refuse(link, &message, &malformed(&error.to_string())),
    };
    let (user, namespace) = match admit(shared, &request) {
        Ok(admitted) => admitted,
        Err(error) => {
            tracing::info!(user = request.user, namespace = request.namespace, job = job.number(), "login refused");
            return refuse(link, &message, &error);
        }
    };
    let opened =
        shared.engine.connect(Login { namespace: &namespace, user, job: job.number() }).and_then(|mut backend| {
            backend.set_client_protocol(asked);
            backend.set_autocommit(request.autocommit)?;
            backend.set_isolation(if request.isolation == 2 { 2 } else { 1 });
            Ok(backend)
        });
    let backend = match opened {
        Ok(backend) => backend,
        Err(error) => return refuse(link, &message, &error),
    };
    job.logged_in(user, backend.interrupt());
    link.logged_in(options.message_bytes_max)?;
    let features = request.features & FEATURE_FAST_SELECT;
    let mut body = Body::new();
    let out = body.out();
    put_string(out, &options.server_version);
    put_int(out, 1); // Delimited identifiers: "x" is a name.
    put_int(out, 0);
    put_int(out, ISOLATION_MASK);
    put_string(out, &job.number().to_string());
    put_int(out, 0);
    put_int(out, features);
    link.send(message.head, STATUS_OK, &mut body)?;
    Ok(Some(Session::new(shared, job, link, backend, user, features != 0)))
}

/// The user and the namespace as this server spells them.
fn admit<'a, E: Engine>(shared: &'a Shared<E>, request: &Request) -> Result<(&'a str, String), SqlError> {
    let options = &shared.options;
    let found = options.users.iter().find(|(name, _)| name.eq_ignore_ascii_case(&request.user));
    // An unknown user takes as long as a wrong password.
    let expected = found.map_or("", |(_, password)| password.as_str());
    let equal = bool::from(expected.as_bytes().ct_eq(request.password.as_bytes()));
    let Some((user, _)) = found.filter(|_| equal) else {
        return Err(SqlError { sqlcode: 402, location: "Connect", message: "Access Denied".to_owned() });
    };
    let asked = request.namespace.trim_end_matches('\0');
    let configured = options.namespaces.iter().find(|name| name.eq_ignore_ascii_case(asked)).cloned();
    let namespace = configured.or_else(|| shared.engine.made_namespace(asked));
    let namespace = namespace.ok_or_else(|| SqlError {
        sqlcode: 400,
        location: "Connect",
        message: "Namespace not found".to_owned(),
    })?;
    Ok((user, namespace))
}

/// The text stands in the reply itself; no OE follows. JDBC shows it under this status only.
fn refuse<'a, E: Engine>(
    mut link: Link,
    message: &Message,
    error: &SqlError,
) -> Result<Option<Session<'a, E>>, LinkError> {
    let mut body = Body::new();
    put_string(body.out(), &error_text(error));
    link.send(message.head, LOGIN_REFUSED, &mut body)?;
    // The client closes (JDBC says DC before): closing first could lose the text on the way.
    let _ = link.receive();
    Ok(None)
}
