//! From the first byte to the first ReadyForQuery (protocol-flow chapter, "Start-up").

use std::rc::Rc;

use crate::wire::{Frame, PgError, Phase, ProtocolVersion, SendBuf, SqlState, StartupPacket, StartupParameters};

use super::ready::Ready;
use crate::auth::{AuthStep, Authenticated, Exchange, ServerNonce};
use crate::session::client::Client;
use crate::session::client::presence::SessionState;
use crate::session::client::settings::Settings;
use crate::session::contract::effect::Effect;
use crate::session::contract::identity::Identity;
use crate::session::contract::step::Step;
use crate::session::understand::context::ShardContext;

/// Parameters of the startup packet that are no settings.
const NO_SETTINGS: &[&str] = &["user", "database", "options", "replication"];

/// What the startup packet said, kept until the user is known.
#[derive(Debug)]
struct Wishes {
    database: String,
    settings: Vec<(String, String)>,
    version: ProtocolVersion,
}

#[allow(clippy::large_enum_variant, reason = "one per client, gone after the login")]
#[derive(Debug)]
enum State {
    /// SSLRequest, GSSENCRequest, CancelRequest or StartupMessage.
    Packet,
    Authenticating(Exchange, Wishes),
}

/// A session before its first ReadyForQuery.
#[derive(Debug)]
pub(crate) struct Startup {
    context: Rc<ShardContext>,
    identity: Identity,
    state: State,
}

#[allow(clippy::large_enum_variant, reason = "lives for one call")]
/// What a startup message leads to.
#[derive(Debug)]
pub(crate) enum StartupStep {
    /// Go on with the startup.
    Stay(Startup, Step),
    Ready(Box<Ready>),
    /// The connection ends after a flush; only a cancel request asks for more.
    End(Step),
}

impl Startup {
    pub(crate) fn new(context: Rc<ShardContext>, identity: Identity) -> Self {
        Self { context, identity, state: State::Packet }
    }

    /// The shape of the next frame.
    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::Packet => Phase::Startup,
            State::Authenticating(..) => Phase::Unauthenticated,
        }
    }

    pub(crate) fn on_frame(mut self, frame: Frame<'_>, out: &mut SendBuf) -> StartupStep {
        match std::mem::replace(&mut self.state, State::Packet) {
            State::Packet => match StartupPacket::parse(frame.body) {
                Ok(packet) => self.on_packet(packet, out),
                Err(error) => refuse(&error.to_pg(), out),
            },
            State::Authenticating(exchange, wishes) => {
                if frame.tag != b'p' {
                    let message = format!("expected SASL response, got message type {}", frame.tag);
                    return refuse(&PgError::fatal(SqlState::PROTOCOL_VIOLATION, message), out);
                }
                match exchange.on_message(frame.body, out) {
                    Ok(step) => self.on_auth(step, wishes, out),
                    Err(error) => refuse(&error, out),
                }
            }
        }
    }

    fn on_packet(self, packet: StartupPacket<'_>, out: &mut SendBuf) -> StartupStep {
        match packet {
            StartupPacket::SslRequest | StartupPacket::GssEncRequest => {
                out.put_encryption_refused();
                StartupStep::Stay(self, Step::Flush)
            }
            StartupPacket::CancelRequest { pid, key } => StartupStep::End(Step::Cancel { pid, key: key.to_vec() }),
            StartupPacket::Unsupported(version) => refuse(
                &PgError::fatal(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!("unsupported frontend protocol {version}: server supports 3.0 to 3.2"),
                ),
                out,
            ),
            StartupPacket::Startup { version, parameters } => self.on_startup(version, parameters, out),
        }
    }

    fn on_startup(self, version: ProtocolVersion, parameters: StartupParameters<'_>, out: &mut SendBuf) -> StartupStep {
        let Some(user) = parameters.value("user").filter(|user| !user.is_empty()) else {
            let message = "no PostgreSQL user name specified in startup packet";
            return refuse(&PgError::fatal(SqlState::INVALID_AUTHORIZATION, message), out);
        };
        if parameters.value("replication").is_some_and(|value| !matches!(value, "false" | "off" | "no" | "0")) {
            let message = "replication connections are not supported";
            return refuse(&PgError::fatal(SqlState::FEATURE_NOT_SUPPORTED, message), out);
        }
        let newest = ProtocolVersion::V3_2;
        let agreed = version.min(newest);
        if version > newest || parameters.protocol_options().next().is_some() {
            out.put_negotiate_protocol_version(agreed, parameters.protocol_options());
        }
        let mut settings: Vec<(String, String)> = parameters
            .iter()
            .filter(|(name, _)| !NO_SETTINGS.contains(name) && !name.starts_with("_pq_."))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if let Some(options) = parameters.value("options") {
            match command_line_settings(options) {
                Ok(more) => settings.extend(more),
                Err(error) => return refuse(&error, out),
            }
        }
        let database = parameters.value("database").filter(|name| !name.is_empty()).unwrap_or(user).to_owned();
        let wishes = Wishes { database, settings, version: agreed };
        match self.context.options.auth.begin(user, ServerNonce::random, out) {
            Ok(step) => self.on_auth(step, wishes, out),
            Err(error) => {
                tracing::error!(%error, "no random numbers for authentication");
                refuse(&PgError::fatal(SqlState::INTERNAL_ERROR, "could not generate random nonce"), out)
            }
        }
    }

    fn on_auth(mut self, step: AuthStep, wishes: Wishes, out: &mut SendBuf) -> StartupStep {
        match step {
            AuthStep::Continue(exchange) => {
                self.state = State::Authenticating(exchange, wishes);
                StartupStep::Stay(self, Step::Flush)
            }
            AuthStep::Done(user) => match self.login(user, &wishes, out) {
                Ok(ready) => StartupStep::Ready(Box::new(ready)),
                Err(error) => refuse(&error, out),
            },
        }
    }

    fn login(self, user: Authenticated, wishes: &Wishes, out: &mut SendBuf) -> Result<Ready, Box<PgError>> {
        let options = &self.context.options;
        if !wishes.database.eq_ignore_ascii_case(&options.database) {
            return Err(PgError::fatal(
                SqlState::INVALID_CATALOG_NAME,
                format!("database \"{}\" does not exist", wishes.database),
            )
            .hint(format!("This gateway serves the IRIS namespace \"{}\".", options.database)));
        }
        let user = user.into_user();
        if user.starts_with("pg_") {
            // As CREATE ROLE has it; the oracle's own superuser is called so.
            let message = format!("role name \"{user}\" is reserved");
            return Err(PgError::fatal(SqlState::INVALID_AUTHORIZATION, message)
                .detail("Role names starting with \"pg_\" are reserved."));
        }
        let mut settings = Settings::new(&options.server_version.told(), &user, options.limits.settings_bytes_max);
        for (name, value) in &wishes.settings {
            settings.set_startup(name, value).map_err(|mut error| {
                error.severity = crate::wire::Severity::Fatal;
                error
            })?;
        }
        let database = options.database.clone();
        let all = (&options.sessions, &options.temporaries);
        let mut client = Client::new(self.identity, user, database, settings, all.0, all.1);
        client.tell_settings(out);
        let key_bytes = if wishes.version.has_long_cancel_keys() { 32 } else { 4 };
        let key = client.identity.secret.get(..key_bytes).unwrap_or_default().to_vec();
        out.put_backend_key_data(client.identity.pid, &key);
        client.effects.push(Effect::CancelKey(key_bytes));
        out.put_ready_for_query(client.transaction.status());
        client.presence.set_state(SessionState::Idle);
        Ok(Ready::new(self.context, client))
    }
}

fn refuse(error: &PgError, out: &mut SendBuf) -> StartupStep {
    let mut error = error.clone();
    error.severity = crate::wire::Severity::Fatal;
    out.put_error_response(&error);
    StartupStep::End(Step::Close)
}

/// `-c name=value`, `-cname=value` and `--name=value`; a backslash keeps a blank (libpq, `options`).
fn command_line_settings(options: &str) -> Result<Vec<(String, String)>, Box<PgError>> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut characters = options.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => word.extend(characters.next()),
            c if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    let bad = |what: &str| {
        PgError::fatal(SqlState::SYNTAX_ERROR, format!("invalid command-line argument for server process: {what}"))
    };
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let pair = if word == "-c" {
            words.next().ok_or_else(|| bad(&word))?
        } else if let Some(pair) = word.strip_prefix("-c").or_else(|| word.strip_prefix("--")) {
            pair.to_owned()
        } else {
            return Err(bad(&word));
        };
        let (name, value) = pair.split_once('=').ok_or_else(|| bad(&pair))?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_postgresql_reads_them() {
        let settings =
            command_line_settings(r"-c statement_timeout=5s -csearch_path=a\ b --client-encoding=utf8").unwrap();
        let expected = [("statement_timeout", "5s"), ("search_path", "a b"), ("client_encoding", "utf8")];
        assert_eq!(settings, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert!(command_line_settings("-x").is_err());
        assert!(command_line_settings("-c").is_err());
    }
}
