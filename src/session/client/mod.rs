//! What the gateway knows of one authenticated client.

pub(super) mod advisory;
pub(super) mod channels;
pub(super) mod counts;
pub(super) mod definitions;
pub(super) mod open_results;
pub(super) mod presence;
pub(super) mod sequences;
pub(super) mod settings;
pub(super) mod temporary;
pub(super) mod transaction;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use crate::catalog::Temporaries;
use crate::sql::Template;
use crate::types::DateFormat;
use crate::wire::{PgError, SendBuf, Severity, SqlState};

use self::advisory::AdvisoryLocks;
use self::channels::Channels;
use self::definitions::Definitions;
use self::open_results::OpenResults;
use self::presence::{Presence, Sessions};
use self::sequences::SequenceValues;
use self::settings::Settings;
use self::temporary::TemporaryTables;
use self::transaction::Transaction;
use crate::session::contract::effect::{Effect, TcpSettings};
use crate::session::contract::identity::{Identity, since_2000_us};

/// What PostgreSQL calls the session's own schema of temporary tables.
pub(super) const PG_TEMP: &str = "pg_temp";

/// Settings, transaction and identity: what statements read and change.
#[derive(Debug)]
pub(super) struct Client {
    pub identity: Identity,
    pub user: String,
    pub database: String,
    pub settings: Settings,
    pub transaction: Transaction,
    pub definitions: Definitions,
    pub presence: Presence,
    /// Schemas of unqualified names, folded, system schemas left out; empty while that is `public` alone.
    pub search_path: Vec<String>,
    pub channels: Channels,
    pub advisory: AdvisoryLocks,
    pub temporary: TemporaryTables,
    /// The temporary tables of all sessions.
    pub temporaries: Arc<Temporaries>,
    /// Few sessions have any.
    pub sequences: Box<SequenceValues>,
    /// Values of the statement whose values are being bound.
    pub drawn: Vec<i64>,
    /// What the session has open, as [`gateway_setting::SESSION`](crate::catalog::gateway_setting::SESSION) tells it:
    /// written when the next statement asks for it.
    pub open: String,
    /// The statement that tells PostgreSQL where sequences stand, for the question that is asked next.
    pub sequence_states: String,
    /// On the IRIS connection.
    pub open_results: Rc<OpenResults>,
    /// Memory of the rows that cursors keep.
    pub cursor_bytes: Rc<Cell<usize>>,
    /// The oracle has answered a query of the block: its modes stay as they are.
    pub has_queried: bool,
    /// For the runtime to carry out.
    pub effects: Vec<Effect>,
    started: SystemTime,
    tcp: TcpSettings,
    /// What the client was last told by ParameterStatus.
    told: Vec<(&'static str, String)>,
    /// Of the settings then.
    told_revision: Option<u64>,
    transactions_count: u64,
    /// Statements so far, and whether the last of them is under way.
    statements_count: u64,
    has_statement: bool,
    /// Others have been told what it is.
    is_told: bool,
    /// Microseconds since 2000-01-01 of the first statement in the block that asked for the time.
    transaction_time_us: Option<i64>,
}

impl Client {
    pub(super) fn new(
        identity: Identity,
        user: String,
        database: String,
        settings: Settings,
        all: &Arc<Sessions>,
        temporaries: &Arc<Temporaries>,
    ) -> Self {
        let presence = Presence::new(all, &identity, &user, &database);
        Self {
            identity,
            user,
            database,
            settings,
            transaction: Transaction::new(),
            definitions: Definitions::default(),
            presence,
            search_path: Vec::new(),
            channels: Channels::default(),
            advisory: AdvisoryLocks::default(),
            temporary: TemporaryTables::default(),
            temporaries: Arc::clone(temporaries),
            sequences: Box::default(),
            drawn: Vec::new(),
            open: String::new(),
            sequence_states: String::new(),
            open_results: Rc::default(),
            cursor_bytes: Rc::default(),
            has_queried: false,
            effects: Vec::new(),
            started: SystemTime::now(),
            tcp: TcpSettings::default(),
            told: Vec::new(),
            told_revision: None,
            transactions_count: 0,
            statements_count: 0,
            has_statement: false,
            is_told: false,
            transaction_time_us: None,
        }
    }

    /// A statement begins, unless it has begun with a message before. `text`: what the client sent it in.
    pub(super) fn begin_statement(&mut self, text: &str) {
        self.begin_message();
        if !std::mem::replace(&mut self.is_told, true) {
            self.presence.set_active(text);
        }
    }

    /// As [`begin_statement`](Self::begin_statement), with a message that only asks about a statement.
    pub(super) fn begin_message(&mut self) {
        if !std::mem::replace(&mut self.has_statement, true) {
            self.statements_count = self.statements_count.wrapping_add(1);
        }
    }

    /// The statement is over, one way or the other.
    pub(super) fn end_statement(&mut self) {
        self.has_statement = false;
        self.is_told = false;
    }

    /// The number of the statement under way.
    pub(super) fn statement(&self) -> Option<u64> {
        self.has_statement.then_some(self.statements_count)
    }

    /// ParameterStatus for every reported parameter whose value differs from what the client knows.
    pub(super) fn tell_settings(&mut self, out: &mut SendBuf) {
        let revision = Some(self.settings.revision());
        if self.told_revision == revision {
            return;
        }
        self.told_revision = revision;
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
        path.retain(|schema| !matches!(schema.as_str(), "pg_catalog" | "information_schema"));
        self.temporary.follow_path(path.iter().position(|schema| schema == PG_TEMP), &self.temporaries);
        path.retain(|schema| schema != PG_TEMP);
        if path == ["public"] {
            path.clear();
        }
        self.search_path = path;
    }

    /// Whether what SET changes now is undone by a rollback: in a block, or between statements that belong together.
    pub(super) fn in_transaction(&self) -> bool {
        self.transaction.in_block() || self.transaction.is_implicit()
    }

    /// Whether IRIS, which keeps timestamps in UTC, computes in another time zone than the client's.
    pub(super) fn is_zoned(&self) -> bool {
        let zone = &self.settings.style().zone;
        !zone.is_utc() && !zone.equals_utc()
    }

    /// Whether dates are printed in another format than ISO.
    pub(super) fn is_dated(&self) -> bool {
        self.settings.style().date_format != DateFormat::Iso
    }

    /// Whether a statement that was scanned as `template` still means the same.
    pub(super) fn means(&self, template: &Template) -> bool {
        template.is_zoned == self.is_zoned() && template.is_dated == self.is_dated()
    }

    /// A notice, unless `client_min_messages` asks for silence.
    pub(super) fn notice(&self, notice: &PgError, out: &mut SendBuf) {
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
    pub(super) fn warn_of_definitions(&self, savepoint: Option<&str>, out: &mut SendBuf) {
        if !self.transaction.leaves_definitions(savepoint) {
            return;
        }
        let message = "definitions are not rolled back: what was created, altered or dropped stays so";
        let warning = PgError::new(Severity::Warning, SqlState::WARNING, message);
        self.notice(&warning.detail("IRIS does not undo CREATE, ALTER and DROP."), out);
    }

    /// The transaction is over: SET LOCAL ends, after a rollback SET is undone.
    pub(super) fn end_transaction(&mut self, committed: bool, out: &mut SendBuf) {
        if !committed {
            self.warn_of_definitions(None, out);
        }
        self.transaction.end();
        self.definitions.end(committed);
        self.has_queried = false;
        self.effects.extend(self.channels.end(committed));
        self.effects.extend(self.advisory.roll_back_to(0));
        if self.temporary.state() != 0 {
            self.temporary.end(committed, &self.temporaries);
        }
        self.settings.end_transaction(committed);
        self.transaction_time_us = None;
        self.transactions_count = self.transactions_count.wrapping_add(1);
        self.tell_settings(out);
    }

    /// When the session began, in microseconds since 2000-01-01.
    pub(super) fn started_us(&self) -> i64 {
        since_2000_us(self.started)
    }

    /// A statement failed: what was done since the last savepoint, or since BEGIN, is undone at once.
    pub(super) fn fail_transaction(&mut self) {
        self.transaction.fail();
        self.temporary.forget_next();
        self.roll_back_to_savepoint();
    }

    /// What was done behind the savepoints that are left is undone.
    pub(super) fn roll_back_to_savepoint(&mut self) {
        let depth = self.transaction.depth();
        self.channels.roll_back_to(depth);
        self.effects.extend(self.advisory.roll_back_to(depth));
        self.temporary.roll_back_to(self.transaction.innermost_savepoint(), &self.temporaries);
    }

    /// Savepoints have been released: what was done behind them lasts as long as what was done before.
    pub(super) fn keep_released(&mut self) {
        let depth = self.transaction.depth();
        self.channels.release_to(depth);
        self.advisory.release_to(depth);
    }

    /// A statement outside any block is over: what it set for its own transaction ends.
    pub(super) fn end_lone_statement(&mut self, out: &mut SendBuf) {
        self.temporary.end(true, &self.temporaries);
        if self.settings.has_local() {
            self.settings.end_transaction(true);
            self.tell_settings(out);
        }
    }

    /// What LOCALTIMESTAMP and its like go by: in a block the moment of the first statement that asked, in microseconds
    /// since 2000-01-01.
    pub(super) fn transaction_time_us(&mut self) -> i64 {
        let now_us = match self.transaction_time_us {
            Some(first) if self.transaction.in_block() => first,
            _ => since_2000_us(SystemTime::now()),
        };
        self.transaction_time_us = Some(now_us);
        now_us
    }

    /// Transactions so far.
    pub(super) fn transactions_count(&self) -> u64 {
        self.transactions_count
    }

    /// `set_config(name, value, is_local)`; NULL as the value sets the default. The value in force then.
    ///
    /// # Errors
    /// 22004 without a name; as `Settings::set`.
    pub(in crate::session) fn set_config(
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
    pub(in crate::session) fn set_config_as_answered(
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

    /// The names of search_path with the schemas of temporary tables where they are looked for, and whether that is in front of
    /// all others.
    pub(super) fn path_with_temporary(&self) -> (Vec<String>, bool) {
        let path = self.settings.search_path();
        let at = path.iter().position(|schema| schema == PG_TEMP);
        let (front, rest) = path.split_at(at.unwrap_or(0));
        let temporary = self.temporary.schemas().map(str::to_owned);
        let rest = rest.iter().filter(|schema| *schema != PG_TEMP).cloned();
        (front.iter().cloned().chain(temporary).chain(rest).collect(), front.is_empty())
    }

    /// The schemas of search_path; `$user` stands for a schema nobody has.
    pub(super) fn path(&self) -> Vec<String> {
        self.settings.search_path().into_iter().filter(|schema| schema != "$user").collect()
    }
}
