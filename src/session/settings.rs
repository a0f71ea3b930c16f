//! Run-time parameters of one client (manual, chapter "Server Configuration"): kept in the gateway, because IRIS
//! connections are shared between clients.

use std::collections::BTreeMap;

use crate::wire::{PgError, SqlState};

/// What a parameter accepts.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Bool,
    /// Inclusive bounds.
    Int(i64, i64),
    /// Milliseconds: a bare number, or with `us ms s min h d`.
    Milliseconds,
    Enum(&'static [&'static str]),
    Text,
    /// Cannot be changed (55P02 in PostgreSQL; 22023 with the same sentence where only one value exists).
    ReadOnly,
    ClientEncoding,
    /// Style and field order; ISO is the one style there is.
    DateStyle,
}

struct Parameter {
    /// The spelling SHOW and ParameterStatus use.
    name: &'static str,
    default: &'static str,
    kind: Kind,
    /// GUC_REPORT: clients are told of changes.
    reported: bool,
}

const fn p(name: &'static str, default: &'static str, kind: Kind) -> Parameter {
    Parameter { name, default, kind, reported: false }
}

const fn reported(name: &'static str, default: &'static str, kind: Kind) -> Parameter {
    Parameter { name, default, kind, reported: true }
}

const ISOLATION: &[&str] = &["serializable", "repeatable read", "read committed", "read uncommitted"];
const LEVELS: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "info", "notice", "warning", "error"];

/// In alphabetical order, without case. The version is announced by `Settings::new`.
const PARAMETERS: &[Parameter] = &[
    reported("application_name", "", Kind::Text),
    p("backslash_quote", "safe_encoding", Kind::Enum(&["safe_encoding", "on", "off"])),
    p("bytea_output", "hex", Kind::Enum(&["hex"])),
    p("check_function_bodies", "on", Kind::Bool),
    reported("client_encoding", "UTF8", Kind::ClientEncoding),
    p("client_min_messages", "notice", Kind::Enum(LEVELS)),
    p("cursor_tuple_fraction", "0.1", Kind::Text),
    reported("DateStyle", "ISO, MDY", Kind::DateStyle),
    p("default_statistics_target", "100", Kind::Int(1, 10_000)),
    p("default_table_access_method", "heap", Kind::Text),
    p("default_tablespace", "", Kind::Text),
    p("default_transaction_deferrable", "off", Kind::Bool),
    p("default_transaction_isolation", "read committed", Kind::Enum(ISOLATION)),
    reported("default_transaction_read_only", "off", Kind::Bool),
    p("enable_hashjoin", "on", Kind::Bool),
    p("enable_indexscan", "on", Kind::Bool),
    p("enable_nestloop", "on", Kind::Bool),
    p("enable_seqscan", "on", Kind::Bool),
    p("extra_float_digits", "1", Kind::Int(-15, 3)),
    p("geqo", "on", Kind::Bool),
    p("idle_in_transaction_session_timeout", "0", Kind::Milliseconds),
    p("idle_session_timeout", "0", Kind::Milliseconds),
    reported("in_hot_standby", "off", Kind::ReadOnly),
    reported("integer_datetimes", "on", Kind::ReadOnly),
    reported("IntervalStyle", "postgres", Kind::Enum(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"])),
    reported("is_superuser", "on", Kind::ReadOnly),
    p("jit", "off", Kind::Bool),
    p("lc_collate", "C", Kind::ReadOnly),
    p("lc_messages", "C", Kind::Text),
    p("lc_monetary", "C", Kind::Text),
    p("lc_numeric", "C", Kind::Text),
    p("lc_time", "C", Kind::Text),
    p("lock_timeout", "0", Kind::Milliseconds),
    p("log_min_messages", "warning", Kind::Enum(LEVELS)),
    p("maintenance_work_mem", "64MB", Kind::Text),
    p("max_connections", "10000", Kind::ReadOnly),
    p("max_identifier_length", "63", Kind::ReadOnly),
    p("password_encryption", "scram-sha-256", Kind::Enum(&["scram-sha-256"])),
    p("plan_cache_mode", "auto", Kind::Enum(&["auto", "force_generic_plan", "force_custom_plan"])),
    p("quote_all_identifiers", "off", Kind::Bool),
    p("row_security", "on", Kind::Bool),
    reported("scram_iterations", "4096", Kind::Int(1, 2_147_483_647)),
    p("search_path", "\"$user\", public", Kind::Text),
    p("server_version_num", "170005", Kind::ReadOnly),
    reported("server_encoding", "UTF8", Kind::ReadOnly),
    reported("server_version", "", Kind::ReadOnly),
    reported("session_authorization", "", Kind::Text),
    p("session_replication_role", "origin", Kind::Enum(&["origin", "replica", "local"])),
    p("ssl", "off", Kind::ReadOnly),
    reported("standard_conforming_strings", "on", Kind::ReadOnly),
    p("statement_timeout", "0", Kind::Milliseconds),
    p("synchronize_seqscans", "on", Kind::Bool),
    p("synchronous_commit", "on", Kind::Enum(&["on", "off", "local", "remote_write", "remote_apply"])),
    p("temp_buffers", "8MB", Kind::Text),
    reported("TimeZone", "UTC", Kind::Text),
    p("transaction_deferrable", "off", Kind::Bool),
    p("transaction_isolation", "read committed", Kind::Enum(ISOLATION)),
    p("transaction_read_only", "off", Kind::Bool),
    p("transaction_timeout", "0", Kind::Milliseconds),
    p("vacuum_freeze_min_age", "50000000", Kind::Text),
    p("work_mem", "4MB", Kind::Text),
    p("xmloption", "content", Kind::Enum(&["content", "document"])),
];

/// A client's values: only those that differ from the defaults are stored.
#[derive(Debug, Clone)]
pub struct Settings {
    server_version: String,
    user: String,
    /// Values of the startup packet: what RESET returns to.
    startup: BTreeMap<String, String>,
    session: BTreeMap<String, String>,
    /// SET LOCAL: gone at the end of the transaction.
    local: BTreeMap<String, String>,
    /// `session` as it stood when the transaction began to change it.
    saved: Option<BTreeMap<String, String>>,
}

impl Settings {
    pub fn new(server_version: &str, user: &str) -> Self {
        Self {
            server_version: server_version.to_owned(),
            user: user.to_owned(),
            startup: BTreeMap::new(),
            session: BTreeMap::new(),
            local: BTreeMap::new(),
            saved: None,
        }
    }

    /// A value from the startup packet.
    ///
    /// # Errors
    /// As `set`.
    pub fn set_startup(&mut self, name: &str, value: &str) -> Result<(), Box<PgError>> {
        let (key, value) = check(name, value)?;
        self.startup.insert(key, value);
        Ok(())
    }

    /// `SET [LOCAL] name = value`; `None` = DEFAULT. `in_transaction`: remembered for ROLLBACK.
    ///
    /// # Errors
    /// 42704 unknown parameter, 22023 bad value, 55P02 cannot be changed.
    pub fn set(
        &mut self,
        name: &str,
        value: Option<&str>,
        local: bool,
        in_transaction: bool,
    ) -> Result<(), Box<PgError>> {
        let Some(value) = value else { return self.reset(name, in_transaction) };
        let (key, value) = check(name, value)?;
        if local {
            self.local.insert(key, value);
            return Ok(());
        }
        self.save(in_transaction);
        self.local.remove(&key);
        self.session.insert(key, value);
        Ok(())
    }

    /// `RESET name`.
    ///
    /// # Errors
    /// 42704 unknown parameter, 55P02 cannot be changed.
    pub fn reset(&mut self, name: &str, in_transaction: bool) -> Result<(), Box<PgError>> {
        let key = name.to_ascii_lowercase();
        if let Some(Parameter { kind: Kind::ReadOnly, name, .. }) = find(&key) {
            return Err(cannot_change(name));
        }
        if find(&key).is_none() && !key.contains('.') {
            return Err(unknown(name));
        }
        self.save(in_transaction);
        self.session.remove(&key);
        self.local.remove(&key);
        Ok(())
    }

    /// `RESET ALL`, and the settings' part of `DISCARD ALL`.
    pub fn reset_all(&mut self, in_transaction: bool) {
        self.save(in_transaction);
        self.session.clear();
        self.local.clear();
    }

    fn save(&mut self, in_transaction: bool) {
        if in_transaction && self.saved.is_none() {
            self.saved = Some(self.session.clone());
        }
    }

    /// The transaction ended: SET LOCAL is over, and after a rollback SET too.
    pub fn end_transaction(&mut self, committed: bool) {
        self.local.clear();
        if let Some(saved) = self.saved.take()
            && !committed
        {
            self.session = saved;
        }
    }

    /// The value in force, in SHOW's spelling.
    ///
    /// # Errors
    /// 42704 unknown parameter.
    pub fn show(&self, name: &str) -> Result<&str, Box<PgError>> {
        let key = name.to_ascii_lowercase();
        if let Some(value) = self.stored(&key) {
            return Ok(value);
        }
        match find(&key) {
            Some(parameter) => Ok(self.default(parameter)),
            None => Err(unknown(name)),
        }
    }

    /// SHOW's column name: the canonical spelling.
    pub fn canonical_name(name: &str) -> String {
        let key = name.to_ascii_lowercase();
        find(&key).map_or(key.clone(), |parameter| parameter.name.to_owned())
    }

    /// `SHOW ALL`: name and value, in order.
    pub fn all(&self) -> Vec<(&'static str, &str)> {
        PARAMETERS
            .iter()
            .map(|parameter| {
                let key = parameter.name.to_ascii_lowercase();
                (parameter.name, self.stored(&key).unwrap_or_else(|| self.default(parameter)))
            })
            .collect()
    }

    /// What clients are told with ParameterStatus.
    pub fn reported(&self) -> Vec<(&'static str, String)> {
        PARAMETERS
            .iter()
            .filter(|parameter| parameter.reported)
            .map(|parameter| {
                let key = parameter.name.to_ascii_lowercase();
                (parameter.name, self.stored(&key).unwrap_or_else(|| self.default(parameter)).to_owned())
            })
            .collect()
    }

    /// A duration parameter in milliseconds; 0 = off.
    pub fn milliseconds(&self, name: &str) -> u64 {
        self.show(name).ok().and_then(parse_milliseconds).unwrap_or(0)
    }

    fn stored(&self, key: &str) -> Option<&str> {
        self.local.get(key).or_else(|| self.session.get(key)).or_else(|| self.startup.get(key)).map(String::as_str)
    }

    fn default<'a>(&'a self, parameter: &Parameter) -> &'a str {
        match parameter.name {
            "server_version" => &self.server_version,
            "session_authorization" => &self.user,
            _ => parameter.default,
        }
    }
}

fn find(key: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(key))
}

fn unknown(name: &str) -> Box<PgError> {
    PgError::error(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
}

fn cannot_change(name: &str) -> Box<PgError> {
    PgError::error(SqlState(*b"55P02"), format!("parameter \"{name}\" cannot be changed"))
}

/// Key and value in canonical form.
fn check(name: &str, value: &str) -> Result<(String, String), Box<PgError>> {
    let key = name.to_ascii_lowercase();
    let Some(parameter) = find(&key) else {
        // A name with a dot is a placeholder for an extension's parameter; PostgreSQL keeps any value for it.
        return if key.contains('.') { Ok((key, value.to_owned())) } else { Err(unknown(name)) };
    };
    let bad = || {
        PgError::error(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid value for parameter \"{}\": \"{value}\"", parameter.name),
        )
    };
    let canonical = match parameter.kind {
        Kind::Text => value.to_owned(),
        Kind::Bool => if parse_bool(value).ok_or_else(|| {
            PgError::error(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("parameter \"{}\" requires a Boolean value", parameter.name),
            )
        })? {
            "on"
        } else {
            "off"
        }
        .to_owned(),
        Kind::Int(min, max) => {
            let number: i64 = value.trim().parse().map_err(|_| bad())?;
            if number < min || number > max {
                return Err(PgError::error(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!(
                        "{number} is outside the valid range for parameter \"{}\" ({min} .. {max})",
                        parameter.name
                    ),
                ));
            }
            number.to_string()
        }
        Kind::Milliseconds => show_milliseconds(parse_milliseconds(value).ok_or_else(bad)?),
        Kind::Enum(values) => {
            let wanted = value.to_ascii_lowercase();
            (*values
                .iter()
                .find(|known| **known == wanted)
                .ok_or_else(|| bad().hint(format!("Available values: {}.", values.join(", "))))?)
            .to_owned()
        }
        Kind::ReadOnly => {
            // `SET standard_conforming_strings = on` is common: saying what is already true is not a change.
            if value.eq_ignore_ascii_case(parameter.default)
                || parse_bool(value).is_some_and(|b| parameter.default == if b { "on" } else { "off" })
            {
                return Ok((key, parameter.default.to_owned()));
            }
            return Err(cannot_change(parameter.name));
        }
        Kind::DateStyle => date_style(value).ok_or_else(|| bad().hint("Dates are written in ISO style only."))?,
        Kind::ClientEncoding => {
            let plain: String =
                value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
            match plain.as_str() {
                "UTF8" | "UNICODE" => "UTF8".to_owned(),
                _ => {
                    return Err(bad().hint("The gateway speaks UTF8 to its clients."));
                }
            }
        }
    };
    Ok((key, canonical))
}

fn parse_bool(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "t" | "yes" | "y" | "1" | "tru" | "tr" => Some(true),
        "off" | "false" | "f" | "no" | "n" | "0" | "of" | "fals" | "fal" | "fa" => Some(false),
        _ => None,
    }
}

/// `ISO`, `DMY`, or both; the order of fields stays what it was by default.
fn date_style(value: &str) -> Option<String> {
    let mut order = "MDY";
    for word in value.split(',') {
        order = match word.trim().to_ascii_uppercase().as_str() {
            "ISO" | "DEFAULT" => order,
            "MDY" | "US" | "NONEURO" | "NONEUROPEAN" => "MDY",
            "DMY" | "EURO" | "EUROPEAN" => "DMY",
            "YMD" => "YMD",
            _ => return None,
        };
    }
    Some(format!("ISO, {order}"))
}

fn parse_milliseconds(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "" | "ms" => Some(number),
        "us" => Some(number / 1000),
        "s" => number.checked_mul(1000),
        "min" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    }
    .filter(|ms| *ms <= i32::MAX as u64)
}

/// As SHOW prints durations: the largest unit that divides.
fn show_milliseconds(ms: u64) -> String {
    match ms {
        0 => "0".to_owned(),
        _ if ms.is_multiple_of(86_400_000) => format!("{}d", ms / 86_400_000),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}min", ms / 60_000),
        _ if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
        _ => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new("17.5 (test)", "alice")
    }

    #[test]
    fn values_are_checked_and_shown_in_canonical_form() {
        let mut s = settings();
        s.set("STATEMENT_TIMEOUT", Some("90000"), false, false).unwrap();
        assert_eq!(s.show("statement_timeout").unwrap(), "90s");
        assert_eq!(s.milliseconds("statement_timeout"), 90_000);
        s.set("standard_conforming_strings", Some("true"), false, false).unwrap();
        assert_eq!(s.set("extra_float_digits", Some("4"), false, false).unwrap_err().code.as_str(), "22023");
        assert_eq!(s.set("no_such", Some("4"), false, false).unwrap_err().code.as_str(), "42704");
        assert_eq!(s.set("server_version", Some("9"), false, false).unwrap_err().code.as_str(), "55P02");
        assert_eq!(s.set("client_encoding", Some("latin1"), false, false).unwrap_err().code.as_str(), "22023");
        s.set("datestyle", Some("iso, dmy"), false, false).unwrap();
        assert_eq!(s.show("DateStyle").unwrap(), "ISO, DMY");
        assert_eq!(s.set("datestyle", Some("German"), false, false).unwrap_err().code.as_str(), "22023");
        s.set("my.thing", Some("x"), false, false).unwrap();
        assert_eq!(s.show("my.thing").unwrap(), "x");
        assert_eq!(s.show("session_authorization").unwrap(), "alice");
    }

    #[test]
    fn rollback_restores_and_local_ends() {
        let mut s = settings();
        s.set_startup("application_name", "psql").unwrap();
        s.set("application_name", Some("a"), false, false).unwrap();
        s.set("application_name", Some("b"), false, true).unwrap();
        s.set("application_name", Some("c"), true, true).unwrap();
        assert_eq!(s.show("application_name").unwrap(), "c");
        s.end_transaction(false);
        assert_eq!(s.show("application_name").unwrap(), "a");
        s.reset("application_name", false).unwrap();
        assert_eq!(s.show("application_name").unwrap(), "psql");
    }

    #[test]
    fn the_reported_set_is_that_of_postgresql_17() {
        let names: Vec<_> = settings().reported().into_iter().map(|(name, _)| name).collect();
        for name in [
            "application_name",
            "client_encoding",
            "DateStyle",
            "default_transaction_read_only",
            "in_hot_standby",
            "integer_datetimes",
            "IntervalStyle",
            "is_superuser",
            "scram_iterations",
            "server_encoding",
            "server_version",
            "session_authorization",
            "TimeZone",
        ] {
            assert!(names.contains(&name), "{name}");
        }
    }
}
