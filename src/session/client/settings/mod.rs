//! Run-time parameters of one client (manual, chapter "Server Configuration"): kept in the gateway, because IRIS
//! connections are shared between clients.

mod check;
mod parameters;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::types::{DateFormat, DateOrder, IntervalFormat, Style, Zone, quoted_name, quoted_text};
use crate::wire::{PgError, SqlState};

use crate::session::contract::effect::TcpSettings;
use parameters::{PARAMETERS, Parameter, find};

/// Values by lower-case name. Shared: a savepoint keeps them as they are.
type Values = Rc<BTreeMap<String, String>>;

/// What SET has changed in a session.
#[derive(Debug, Clone, Default)]
struct Changes {
    session: Values,
    /// SET LOCAL: gone at the end of the transaction.
    local: Values,
}

/// A client's values: only those that differ from the defaults are stored.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    server_version: String,
    user: String,
    bytes_max: usize,
    /// Values of the startup packet: what RESET returns to.
    startup: BTreeMap<String, String>,
    changes: Changes,
    /// The changes as they stood when the transaction made its first one.
    saved: Option<Changes>,
    /// The changes as they stood at each savepoint, in the order of `Transaction`'s savepoints.
    savepoints: Vec<Changes>,
    derived: Derived,
    /// Moves with every change.
    revision: u64,
}

/// What follows from the values, made when it is first asked for after a change.
#[derive(Debug, Clone, Default)]
struct Derived {
    style: OnceCell<Arc<Style>>,
    prelude: OnceCell<Rc<str>>,
    tcp: OnceCell<TcpSettings>,
    statement_timeout_ms: OnceCell<u64>,
    is_read_only: OnceCell<bool>,
}

impl Settings {
    /// `bytes_max`: names and values that SET may keep.
    pub(crate) fn new(server_version: &str, user: &str, bytes_max: usize) -> Self {
        Self {
            server_version: server_version.to_owned(),
            user: user.to_owned(),
            bytes_max,
            startup: BTreeMap::new(),
            changes: Changes::default(),
            saved: None,
            savepoints: Vec::new(),
            derived: Derived::default(),
            revision: 0,
        }
    }

    /// As long as it stays the same, all values do.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// What followed from the values has to be made anew.
    fn changed(&mut self) {
        self.derived = Derived::default();
        self.revision = self.revision.wrapping_add(1);
    }

    /// A value from the startup packet.
    ///
    /// # Errors
    /// As `set`.
    pub(crate) fn set_startup(&mut self, name: &str, value: &str) -> Result<(), Box<PgError>> {
        let (key, value) = self.check(name, value)?;
        self.startup.insert(key, value);
        self.changed();
        Ok(())
    }

    /// `SET [LOCAL] name = value`; `None` = DEFAULT. `in_transaction`: remembered for ROLLBACK.
    ///
    /// # Errors
    /// 42704 unknown parameter, 22023 bad value, 55P02 cannot be changed, 0A000 a value that is not supported, 54000
    /// when too much is set.
    pub(crate) fn set(
        &mut self,
        name: &str,
        value: Option<&str>,
        local: bool,
        in_transaction: bool,
    ) -> Result<(), Box<PgError>> {
        match value {
            None => self.reset_in(name, local, in_transaction),
            Some(value) => {
                let (key, value) = self.check(name, value)?;
                self.check_room(&key, &value)?;
                self.store(key, value, local, in_transaction);
                Ok(())
            }
        }
    }

    /// Whether only the oracle can tell if this is a parameter, and what values it takes. What it accepts comes back
    /// by [`accept`](Self::accept); what it refuses is the client's error.
    pub(crate) fn needs_oracle(name: &str) -> bool {
        !name.contains('.') && find(&name.to_ascii_lowercase()).is_none()
    }

    /// Whether SHOW is the oracle's to answer: nothing is known of the parameter here.
    pub(crate) fn is_shown_by_oracle(&self, name: &str) -> bool {
        Self::needs_oracle(name)
            && !name.eq_ignore_ascii_case("all")
            && self.stored(&name.to_ascii_lowercase()).is_none()
    }

    /// Keeps a value the oracle has accepted, in the spelling its SHOW gave.
    ///
    /// # Errors
    /// 54000 when too much is set.
    pub(crate) fn accept(
        &mut self,
        name: &str,
        canonical_value: &str,
        local: bool,
        in_transaction: bool,
    ) -> Result<(), Box<PgError>> {
        self.check_room(name, canonical_value)?;
        self.store(name.to_ascii_lowercase(), canonical_value.to_owned(), local, in_transaction);
        Ok(())
    }

    /// A mode of the transaction before, for the one that follows it.
    pub(crate) fn chain_mode(&mut self, mode: &str, value: String) {
        self.store(mode.to_owned(), value, true, true);
    }

    fn check_room(&self, name: &str, value: &str) -> Result<(), Box<PgError>> {
        let bytes = |name: &str, value: &str| name.len().saturating_add(value.len()).saturating_add(VALUE_BYTES);
        let Changes { session, local } = &self.changes;
        let kept = session.iter().chain(local.iter()).map(|(name, value)| bytes(name, value));
        if kept.fold(bytes(name, value), usize::saturating_add) > self.bytes_max {
            let message = format!("a client may set parameters of at most {} bytes in all", self.bytes_max);
            return Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
                .hint("RESET those no longer needed, or keep long values in a table."));
        }
        Ok(())
    }

    fn store(&mut self, key: String, value: String, local: bool, in_transaction: bool) {
        self.save(in_transaction);
        if local || is_of_transaction(&key) {
            Rc::make_mut(&mut self.changes.local).insert(key, value);
            return;
        }
        if self.changes.local.contains_key(&key) {
            Rc::make_mut(&mut self.changes.local).remove(&key);
        }
        Rc::make_mut(&mut self.changes.session).insert(key, value);
    }

    /// `RESET name`.
    ///
    /// # Errors
    /// 42704 unknown parameter, 55P02 cannot be changed.
    pub(crate) fn reset(&mut self, name: &str, in_transaction: bool) -> Result<(), Box<PgError>> {
        self.reset_in(name, false, in_transaction)
    }

    fn reset_in(&mut self, name: &str, local: bool, in_transaction: bool) -> Result<(), Box<PgError>> {
        let key = name.to_ascii_lowercase();
        match find(&key) {
            Some(parameter) if parameter.name == "session_authorization" => {}
            Some(parameter) => {
                if let Some(error) = check::refusal(parameter) {
                    return Err(error);
                }
            }
            None if key.contains('.') || self.stored(&key).is_some() => {}
            None => return Err(unknown(name)),
        }
        if local {
            let default = match (self.startup.get(&key), find(&key)) {
                (Some(value), _) => value.clone(),
                (None, Some(parameter)) => self.default(parameter),
                (None, None) => String::new(),
            };
            self.store(key, default, true, in_transaction);
            return Ok(());
        }
        self.save(in_transaction);
        Rc::make_mut(&mut self.changes.session).remove(&key);
        Rc::make_mut(&mut self.changes.local).remove(&key);
        Ok(())
    }

    /// `RESET ALL`, and the settings' part of `DISCARD ALL`. The modes of the transaction under way stay.
    pub(crate) fn reset_all(&mut self, in_transaction: bool) {
        self.save(in_transaction);
        self.changes.session = Values::default();
        Rc::make_mut(&mut self.changes.local).retain(|key, _| is_of_transaction(key));
    }

    /// Called before every change.
    fn save(&mut self, in_transaction: bool) {
        self.changed();
        if in_transaction && self.saved.is_none() {
            self.saved = Some(self.changes.clone());
        }
    }

    /// SAVEPOINT: ROLLBACK TO brings these values back.
    pub(crate) fn savepoint(&mut self) {
        self.savepoints.push(self.changes.clone());
    }

    /// RELEASE of the savepoint at `depth` (counted from 0): values stay, memories go.
    pub(crate) fn release(&mut self, depth: usize) {
        self.savepoints.truncate(depth);
    }

    /// ROLLBACK TO the savepoint at `depth`, which stays.
    pub(crate) fn rollback_to(&mut self, depth: usize) {
        if let Some(changes) = self.savepoints.get(depth) {
            self.changes = changes.clone();
            self.savepoints.truncate(depth.saturating_add(1));
            self.changed();
        }
    }

    /// The transaction ended: SET LOCAL is over, and after a rollback SET too.
    pub(crate) fn end_transaction(&mut self, committed: bool) {
        self.savepoints.clear();
        let saved = self.saved.take();
        if saved.is_none() && self.changes.local.is_empty() {
            return;
        }
        if let Some(saved) = saved
            && !committed
        {
            self.changes.session = saved.session;
        }
        self.changes.local = Values::default();
        self.changed();
    }

    /// Whether something is set for the present transaction only.
    pub(crate) fn has_local(&self) -> bool {
        !self.changes.local.is_empty()
    }

    /// The value in force, in SHOW's spelling.
    ///
    /// # Errors
    /// 42704 unknown parameter.
    pub(crate) fn show(&self, name: &str) -> Result<String, Box<PgError>> {
        let key = name.to_ascii_lowercase();
        if let Some(value) = self.stored(&key) {
            return Ok(value.to_owned());
        }
        match find(&key) {
            Some(parameter) => Ok(self.default(parameter)),
            None => Err(unknown(name)),
        }
    }

    /// SHOW's column name: the canonical spelling.
    pub(crate) fn canonical_name(name: &str) -> String {
        let key = name.to_ascii_lowercase();
        find(&key).map_or(key.clone(), |parameter| parameter.name.to_owned())
    }

    /// `SHOW ALL`: name and value, in order; custom parameters are left out, as in PostgreSQL.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> =
            PARAMETERS.iter().map(|parameter| (parameter.name.to_owned(), self.value(parameter))).collect();
        let accepted = self.keys().into_iter().filter(|key| Self::needs_oracle(key));
        all.extend(accepted.map(|key| (key.to_owned(), self.stored(key).unwrap_or_default().to_owned())));
        all.sort_by_cached_key(|(name, _)| name.to_ascii_lowercase());
        all
    }

    /// What clients are told with ParameterStatus.
    pub(crate) fn reported(&self) -> Vec<(&'static str, String)> {
        PARAMETERS
            .iter()
            .filter(|parameter| parameter.is_reported)
            .map(|parameter| (parameter.name, self.value(parameter)))
            .collect()
    }

    /// A duration parameter in milliseconds, or a number; 0 = off.
    pub(crate) fn milliseconds(&self, name: &str) -> u64 {
        self.stored(name).and_then(check::milliseconds).unwrap_or(0)
    }

    /// 0 = off.
    pub(crate) fn statement_timeout_ms(&self) -> u64 {
        *self.derived.statement_timeout_ms.get_or_init(|| self.milliseconds("statement_timeout"))
    }

    pub(crate) fn tcp(&self) -> TcpSettings {
        *self.derived.tcp.get_or_init(|| TcpSettings {
            keepalive_idle_s: self.milliseconds("tcp_keepalives_idle") / 1000,
            keepalive_interval_s: self.milliseconds("tcp_keepalives_interval") / 1000,
            keepalive_count: self.milliseconds("tcp_keepalives_count"),
            user_timeout_ms: self.milliseconds("tcp_user_timeout"),
        })
    }

    /// The names of `search_path`, unquoted, `$user` among them.
    pub(crate) fn search_path(&self) -> Vec<String> {
        let path = self.show("search_path").unwrap_or_default();
        let names = check::split_identifiers(&path).unwrap_or_default();
        names.into_iter().filter(|name| !name.is_empty()).collect()
    }

    /// How the client's values are read and printed.
    pub(crate) fn style(&self) -> &Arc<Style> {
        self.derived.style.get_or_init(|| {
            let names = ["datestyle", "intervalstyle", "timezone", "bytea_output", "extra_float_digits"];
            if names.iter().all(|name| self.stored(name).is_none()) {
                return Style::standard_of_thread();
            }
            let style = self.new_style();
            if style.is_standard() { Style::standard_of_thread() } else { Arc::new(style) }
        })
    }

    fn new_style(&self) -> Style {
        let value = |name: &str| self.show(name).unwrap_or_default();
        let date_style = value("datestyle");
        let (format, order) = date_style.split_once(", ").unwrap_or(("ISO", "MDY"));
        Style {
            date_format: match format {
                "SQL" => DateFormat::Sql,
                "Postgres" => DateFormat::Postgres,
                "German" => DateFormat::German,
                _ => DateFormat::Iso,
            },
            date_order: match order {
                "DMY" => DateOrder::Dmy,
                "YMD" => DateOrder::Ymd,
                _ => DateOrder::Mdy,
            },
            interval_format: match value("intervalstyle").as_str() {
                "postgres_verbose" => IntervalFormat::PostgresVerbose,
                "sql_standard" => IntervalFormat::SqlStandard,
                "iso_8601" => IntervalFormat::Iso8601,
                _ => IntervalFormat::Postgres,
            },
            bytea_escape: value("bytea_output") == "escape",
            extra_float_digits: value("extra_float_digits").parse().unwrap_or(1),
            zone: Zone::named(&value("timezone")).unwrap_or_else(Zone::utc),
        }
    }

    /// Appends `SET LOCAL name = 'value';` for everything that changes what PostgreSQL computes or prints and is not
    /// as a PostgreSQL has it that was just installed. The same values give the same text: it is part of cache keys.
    /// TimeZone is always there, because that default is the server's own.
    pub(crate) fn prelude(&self, out: &mut String) {
        out.push_str(self.derived.prelude.get_or_init(|| self.new_prelude().into()));
    }

    fn new_prelude(&self) -> String {
        let mut prelude = String::new();
        let mut put = |name: &str, value: &str| {
            // A list in one literal would be one name.
            let statement = if name == "search_path" {
                let names: Vec<String> =
                    check::split_identifiers(value).unwrap_or_default().iter().map(|name| quoted_text(name)).collect();
                let list = if names.is_empty() { "''".to_owned() } else { names.join(", ") };
                format!("SET LOCAL search_path = {list};")
            } else {
                let name: Vec<String> = name.split('.').map(quoted_name).collect();
                format!("SET LOCAL {} = {};", name.join("."), quoted_text(value))
            };
            prelude.push_str(&statement);
        };
        for parameter in PARAMETERS.iter().filter(|parameter| parameter.is_evaluated) {
            let value = self.value(parameter);
            if value != parameter.default || parameter.name == "TimeZone" {
                put(parameter.name, &value);
            }
        }
        for key in self.keys() {
            if find(key).is_none()
                && let Some(value) = self.stored(key)
            {
                put(key, value);
            }
        }
        prelude
    }

    /// Whether the transaction under way, or the next one, may not write.
    pub(crate) fn is_read_only(&self) -> bool {
        *self.derived.is_read_only.get_or_init(|| {
            let read = |name: &str| self.stored(name).map(|value| value == "on");
            read("transaction_read_only").or_else(|| read("default_transaction_read_only")).unwrap_or(false)
        })
    }

    /// Refuses a command that writes in a transaction that may not; `command` is its tag (`CommandIsReadOnly`).
    ///
    /// # Errors
    /// 25006.
    pub(crate) fn check_writable(&self, command: &str) -> Result<(), Box<PgError>> {
        const WRITES: &[&str] = &[
            "INSERT",
            "UPDATE",
            "DELETE",
            "MERGE",
            "COPY FROM",
            "CREATE",
            "DROP",
            "ALTER",
            "TRUNCATE",
            "GRANT",
            "REVOKE",
            "COMMENT",
            "SELECT INTO",
            "SELECT FOR ",
            "nextval()",
            "setval()",
        ];
        if !self.is_read_only() || !WRITES.iter().any(|write| command.starts_with(write)) {
            return Ok(());
        }
        let command = command.strip_suffix(" 0").unwrap_or(command);
        let message = format!("cannot execute {command} in a read-only transaction");
        Err(PgError::error(SqlState(*b"25006"), message))
    }

    /// The transaction of a lone statement is over: its modes are too.
    pub(crate) fn forget_modes(&mut self) {
        if self.changes.local.keys().any(|key| is_of_transaction(key)) {
            Rc::make_mut(&mut self.changes.local).retain(|key, _| !is_of_transaction(key));
            self.changed();
        }
    }

    /// BEGIN: the transaction keeps the modes that are the defaults now, whatever becomes of the defaults.
    pub(crate) fn begin_transaction(&mut self) {
        for (mode, default) in MODES {
            if let Some(value) = self.stored(default).map(str::to_owned)
                && !self.changes.local.contains_key(*mode)
            {
                self.store((*mode).to_owned(), value, true, true);
            }
        }
    }

    /// Every name with a value, in order.
    fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = [&self.startup, &*self.changes.session, &*self.changes.local]
            .into_iter()
            .flat_map(BTreeMap::keys)
            .map(String::as_str)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn value(&self, parameter: &Parameter) -> String {
        let key = parameter.name.to_ascii_lowercase();
        self.stored(&key).map_or_else(|| self.default(parameter), str::to_owned)
    }

    fn stored(&self, key: &str) -> Option<&str> {
        let Changes { session, local } = &self.changes;
        local.get(key).or_else(|| session.get(key)).or_else(|| self.startup.get(key)).map(String::as_str)
    }

    fn default(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "server_version" => self.server_version.clone(),
            "server_version_num" => version_number(&self.server_version),
            "session_authorization" => self.user.clone(),
            // Outside of a block, a transaction starts with the defaults.
            name => match MODES.iter().find(|(mode, _)| *mode == name) {
                Some((_, default)) => self.stored(default).unwrap_or(parameter.default).to_owned(),
                None => check::shown_default(parameter),
            },
        }
    }

    /// Key and value in canonical form.
    fn check(&self, name: &str, value: &str) -> Result<(String, String), Box<PgError>> {
        let key = name.to_ascii_lowercase();
        let Some(parameter) = find(&key) else {
            if !key.contains('.') {
                return Err(unknown(name));
            }
            check::custom_name(name)?;
            return Ok((key, value.to_owned()));
        };
        let value = check::canonical(parameter, value, &self.value(parameter))?;
        Ok((key, value))
    }
}

/// What a value takes besides its text.
const VALUE_BYTES: usize = 64;

/// The modes of a transaction, which are parameters of it alone, and where they start from.
const MODES: &[(&str, &str)] = &[
    ("transaction_deferrable", "default_transaction_deferrable"),
    ("transaction_isolation", "default_transaction_isolation"),
    ("transaction_read_only", "default_transaction_read_only"),
];

fn is_of_transaction(key: &str) -> bool {
    MODES.iter().any(|(mode, _)| *mode == key)
}

/// `server_version_num` of a `server_version`: `180004` of `18.4 (..)`.
fn version_number(version: &str) -> String {
    let number = version.split(' ').next().unwrap_or_default();
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    format!("{major}{minor:0>4}")
}

fn unknown(name: &str) -> Box<PgError> {
    PgError::error(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
}

#[cfg(test)]
mod tests;
