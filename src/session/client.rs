//! What the gateway knows of one authenticated client.

use std::time::SystemTime;

use crate::catalog::MirrorChange;
use crate::sql::{CatalogQuery, SessionValue, Template};
use crate::types::{DateFormat, Datum, Encoder, PgType, local_us, write_timestamp};
use crate::wire::{Format, PgError, SendBuf, Severity, SqlState};

use super::activity::Presence;
use super::advisory::AdvisoryLocks;
use super::channel::{Channels, Effect};
use super::context::{ShardContext, Understood};
use super::settings::{Settings, TcpSettings};
use super::transaction::Transaction;

/// Who a session is on the wire. Made by the runtime, which routes cancel requests by it.
#[derive(Debug, Clone)]
pub struct Identity {
    pub pid: i32,
    /// 4 bytes in protocol 3.0, 32 in 3.2: the runtime gives 32, the session shortens.
    pub secret: [u8; 32],
    pub client_address: Option<std::net::SocketAddr>,
    pub server_address: Option<std::net::SocketAddr>,
}

/// Settings, transaction and identity: what statements read and change.
#[derive(Debug)]
pub struct Client {
    pub identity: Identity,
    pub user: String,
    pub database: String,
    pub settings: Settings,
    pub transaction: Transaction,
    pub presence: Presence,
    /// Schemas of unqualified names, folded, system schemas left out; empty while that is `public` alone.
    pub search_path: Vec<String>,
    pub channels: Channels,
    pub advisory: AdvisoryLocks,
    /// What the session has open, as [`gateway_setting::SESSION`](crate::catalog::gateway_setting::SESSION) tells it:
    /// written when the next statement asks for it.
    pub open: String,
    /// The oracle has answered a query of the block: its modes stay as they are.
    pub has_queried: bool,
    /// For the runtime to carry out.
    pub effects: Vec<Effect>,
    started: SystemTime,
    tcp: TcpSettings,
    /// What the client was last told by ParameterStatus.
    told: Vec<(&'static str, String)>,
    transactions_count: u64,
    /// Statements so far, and whether the last of them is under way.
    statements_count: u64,
    has_statement: bool,
    /// Microseconds since 2000-01-01 of the first statement in the block that asked for the time.
    transaction_time_us: Option<i64>,
}

impl Client {
    pub fn new(identity: Identity, user: String, database: String, settings: Settings, context: &ShardContext) -> Self {
        let presence = Presence::new(&context.options.sessions, &identity, &user, &database);
        Self {
            identity,
            user,
            database,
            settings,
            transaction: Transaction::new(),
            presence,
            search_path: Vec::new(),
            channels: Channels::default(),
            advisory: AdvisoryLocks::default(),
            open: String::new(),
            has_queried: false,
            effects: Vec::new(),
            started: SystemTime::now(),
            tcp: TcpSettings::default(),
            told: Vec::new(),
            transactions_count: 0,
            statements_count: 0,
            has_statement: false,
            transaction_time_us: None,
        }
    }

    /// A statement begins, unless it has begun with a message before. `text`: what the client sent it in.
    pub fn begin_statement(&mut self, text: &str) {
        if !std::mem::replace(&mut self.has_statement, true) {
            self.statements_count = self.statements_count.wrapping_add(1);
            self.presence.set_active(text);
        }
    }

    /// The statement is over, one way or the other.
    pub fn end_statement(&mut self) {
        self.has_statement = false;
    }

    /// The number of the statement under way.
    pub fn statement(&self) -> Option<u64> {
        self.has_statement.then_some(self.statements_count)
    }

    /// ParameterStatus for every reported parameter whose value differs from what the client knows.
    pub fn tell_settings(&mut self, out: &mut SendBuf) {
        let now = self.settings.reported();
        for (index, (name, value)) in now.iter().enumerate() {
            if self.told.get(index).is_none_or(|(_, told)| told != value) {
                out.put_parameter_status(name, value);
            }
        }
        if let Some((_, name)) = now.iter().find(|(name, _)| *name == "application_name") {
            self.presence.set_application_name(name);
        }
        self.told = now;
        let tcp = self.settings.tcp();
        if self.tcp != tcp {
            self.tcp = tcp;
            self.effects.push(Effect::Tcp(tcp));
        }
        self.follow_search_path();
    }

    fn follow_search_path(&mut self) {
        let mut path = self.path();
        path.retain(|schema| !matches!(schema.as_str(), "pg_catalog" | "information_schema" | "pg_temp"));
        if path == ["public"] {
            path.clear();
        }
        self.search_path = path;
    }

    /// Whether what SET changes now is undone by a rollback: in a block, or between statements that belong together.
    pub fn in_transaction(&self) -> bool {
        self.transaction.in_block() || self.transaction.is_implicit()
    }

    /// Whether IRIS, which keeps timestamps in UTC, computes in another time zone than the client's.
    pub fn is_zoned(&self) -> bool {
        let zone = &self.settings.style().zone;
        !zone.is_utc() && !zone.equals_utc()
    }

    /// Whether dates are printed in another format than ISO.
    pub fn is_dated(&self) -> bool {
        self.settings.style().date_format != DateFormat::Iso
    }

    /// Whether a statement that was scanned as `template` still means the same.
    pub fn means(&self, template: &Template) -> bool {
        template.is_zoned == self.is_zoned() && template.is_dated == self.is_dated()
    }

    /// A notice, unless `client_min_messages` asks for silence.
    pub fn notice(&self, notice: &PgError, out: &mut SendBuf) {
        let wanted = self.settings.show("client_min_messages").unwrap_or_default();
        let silent = match notice.severity {
            Severity::Warning => wanted == "error",
            Severity::Notice => matches!(wanted.as_str(), "error" | "warning"),
            Severity::Error | Severity::Fatal | Severity::Info => false,
        };
        if !silent {
            out.put_notice_response(notice);
        }
    }

    /// WARNING where a rollback, of all or to a savepoint, does not undo what it would undo in PostgreSQL.
    pub fn warn_of_definitions(&self, savepoint: Option<&str>, out: &mut SendBuf) {
        if !self.transaction.leaves_definitions(savepoint) {
            return;
        }
        let message = "definitions are not rolled back: what was created, altered or dropped stays so";
        let warning = PgError::new(Severity::Warning, SqlState::WARNING, message);
        self.notice(&warning.detail("IRIS does not undo CREATE, ALTER and DROP."), out);
    }

    /// The transaction is over: SET LOCAL ends, after a rollback SET is undone.
    pub fn end_transaction(&mut self, committed: bool, out: &mut SendBuf) {
        if !committed {
            self.warn_of_definitions(None, out);
        }
        self.transaction.end();
        self.has_queried = false;
        self.effects.extend(self.channels.end(committed));
        self.effects.extend(self.advisory.roll_back_to(0));
        self.settings.end_transaction(committed);
        self.transaction_time_us = None;
        self.transactions_count = self.transactions_count.wrapping_add(1);
        self.tell_settings(out);
    }

    /// What goes in front of a question for the oracle: a transaction that changes nothing, in which the client is who
    /// it is and its settings are in force.
    pub fn prelude(&self, query: CatalogQuery, context: &ShardContext) -> String {
        super::prelude::write(self, query, context)
    }

    /// When the session began, as timestamptz text in UTC.
    pub(super) fn start_time(&self) -> String {
        let mut text = Vec::new();
        write_timestamp(since_2000_us(self.started), true, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// What a statement that was carried out changes in the mirror.
    pub fn mirror_change(&self, understood: &Understood) -> Option<MirrorChange> {
        let statements = &understood.translation.mirror;
        (!statements.is_empty()).then(|| MirrorChange {
            statements: statements.clone(),
            search_path: self.settings.show("search_path").unwrap_or_else(|_| "public".to_owned()),
            is_idempotent: false,
        })
    }

    /// A statement failed: what was done since the last savepoint, or since BEGIN, is undone at once.
    pub fn fail_transaction(&mut self) {
        self.transaction.fail();
        self.roll_back_to_savepoint();
    }

    /// What was done behind the savepoints that are left is undone.
    pub fn roll_back_to_savepoint(&mut self) {
        let depth = self.transaction.depth();
        self.channels.roll_back_to(depth);
        self.effects.extend(self.advisory.roll_back_to(depth));
    }

    /// Savepoints have been released: what was done behind them lasts as long as what was done before.
    pub fn keep_released(&mut self) {
        let depth = self.transaction.depth();
        self.channels.release_to(depth);
        self.advisory.release_to(depth);
    }

    /// A statement outside any block is over: what it set for its own transaction ends.
    pub fn end_lone_statement(&mut self, out: &mut SendBuf) {
        if self.settings.has_local() {
            self.settings.end_transaction(true);
            self.tell_settings(out);
        }
    }

    /// A value only the session knows.
    ///
    /// # Errors
    /// Those of the setting functions: 42704.
    pub fn value(&mut self, value: &SessionValue, context: &ShardContext) -> Result<Datum<'static>, Box<PgError>> {
        let text = |text: String| Ok(Datum::Owned(text));
        match value {
            SessionValue::CurrentUser | SessionValue::SessionUser => text(self.user.clone()),
            SessionValue::Database => text(self.database.clone()),
            SessionValue::CurrentSchema => {
                let path = self.path();
                Ok(path.into_iter().next().map_or(Datum::Null, Datum::Owned))
            }
            SessionValue::CurrentSchemas { implicit } => {
                let mut path = self.path();
                if *implicit && !path.iter().any(|schema| schema == "pg_catalog") {
                    path.insert(0, "pg_catalog".to_owned());
                }
                text(format!("{{{}}}", path.join(",")))
            }
            SessionValue::Version => text(context.version()),
            SessionValue::BackendPid => Ok(Datum::Int(self.identity.pid.into())),
            SessionValue::Setting { name, missing_ok } => match self.settings.show(name) {
                Ok(value) => text(value),
                Err(_) if *missing_ok => Ok(Datum::Null),
                Err(error) => Err(error),
            },
            SessionValue::SetConfig { .. } => {
                Err(PgError::error(SqlState::INTERNAL_ERROR, "a parameter's value is not the session's to know"))
            }
            SessionValue::ClientAddress => address(self.identity.client_address.map(|a| a.ip().to_string())),
            SessionValue::ClientPort => port(self.identity.client_address),
            SessionValue::ServerAddress => address(self.identity.server_address.map(|a| a.ip().to_string())),
            SessionValue::ServerPort => port(self.identity.server_address),
            SessionValue::StartTime => Ok(Datum::Timestamp(since_2000_us(self.started))),
            SessionValue::LocalTime(oid) => {
                let now_us = match self.transaction_time_us {
                    Some(first) if self.transaction.in_block() => first,
                    _ => since_2000_us(SystemTime::now()),
                };
                self.transaction_time_us = Some(now_us);
                let local_us = local_us(&self.settings.style().zone, now_us);
                // ISO text, whatever the client's styles: IRIS casts it.
                let mut bytes = Vec::new();
                Encoder::select(PgType::new(*oid), Format::Text)?.encode(&Datum::Timestamp(local_us), &mut bytes)?;
                text(String::from_utf8_lossy(&bytes).into_owned())
            }
            SessionValue::TransactionId => {
                Ok(Datum::Int(i64::try_from(self.transactions_count).unwrap_or(i64::MAX).saturating_add(1)))
            }
            SessionValue::RandomUuid => text(random_uuid()?),
            SessionValue::Random => {
                // 53 random bits are a double in [0, 1) exactly.
                let bits = u64::from_le_bytes(random()?) >> 11;
                #[allow(clippy::cast_precision_loss, reason = "a double is what is asked for")]
                Ok(Datum::Double(bits as f64 / (1_u64 << 53) as f64))
            }
        }
    }

    /// `set_config(name, value, is_local)`; NULL as the value sets the default. The value in force then.
    ///
    /// # Errors
    /// 22004 without a name; as `Settings::set`.
    pub(super) fn set_config(
        &mut self,
        name: Option<&str>,
        value: Option<&str>,
        local: bool,
        out: &mut SendBuf,
    ) -> Result<String, Box<PgError>> {
        let Some(name) = name else {
            return Err(PgError::error(SqlState(*b"22004"), "SET requires parameter name"));
        };
        // Outside a block set_config(.., true) lasts for the one statement: its end takes it back.
        let in_transaction = self.in_transaction();
        self.settings.set(name, value, local, in_transaction)?;
        let now = self.settings.show(name)?;
        self.tell_settings(out);
        Ok(now)
    }

    /// As [`set_config`](Self::set_config), of a call that PostgreSQL has carried out for itself: it knows parameters that
    /// are unknown here.
    ///
    /// # Errors
    /// As `set_config`.
    pub(super) fn set_config_as_answered(
        &mut self,
        name: Option<&str>,
        value: Option<&str>,
        local: bool,
        out: &mut SendBuf,
    ) -> Result<(), Box<PgError>> {
        match (name, value) {
            (Some(name), Some(value)) if Settings::needs_oracle(name) => {
                let in_transaction = self.in_transaction();
                self.settings.accept(name, value, local, in_transaction)?;
                Ok(())
            }
            _ => self.set_config(name, value, local, out).map(|_| ()),
        }
    }

    /// The schemas of search_path; `$user` stands for a schema nobody has.
    fn path(&self) -> Vec<String> {
        self.settings.search_path().into_iter().filter(|schema| schema != "$user").collect()
    }
}

pub(super) fn since_2000_us(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|age| i64::try_from(age.as_micros()).ok())
        .map_or(0, |micros| micros.saturating_sub(946_684_800_000_000))
}

fn random<const N: usize>() -> Result<[u8; N], Box<PgError>> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| PgError::error(SqlState::INTERNAL_ERROR, "no random numbers from the system"))?;
    Ok(bytes)
}

/// RFC 9562, version 4.
fn random_uuid() -> Result<String, Box<PgError>> {
    let bits = u128::from_be_bytes(random()?);
    let bits = bits & !(0xF << 76 | 0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

fn address(text: Option<String>) -> Result<Datum<'static>, Box<PgError>> {
    Ok(text.map_or(Datum::Null, Datum::Owned))
}

fn port(address: Option<std::net::SocketAddr>) -> Result<Datum<'static>, Box<PgError>> {
    Ok(address.map_or(Datum::Null, |a| Datum::Int(a.port().into())))
}
