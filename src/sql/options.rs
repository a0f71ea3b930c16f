//! What translation is given besides the statement, and what it gives back.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::plan::{Action, ReadByView, Translation};
use super::schema::Need;
use super::template::Template;
use crate::types::Oid;
use crate::wire::PgError;

/// The same for all statements a cache serves.
#[derive(Debug, Clone, Copy)]
pub struct TranslateOptions<'a> {
    /// The IRIS schema that stands for PostgreSQL's `public` and for unqualified names.
    pub default_schema: &'a str,
    /// The shard's counter of `IrisStatement::key`.
    pub statement_keys: &'a Cell<u64>,
    /// Types of `$1`, `$2`.. as the client declares them; `Oid::UNSPECIFIED` leaves one open. They are part of the
    /// statement: see [`Template::declare`](super::Template::declare).
    pub parameter_types: &'a [Oid],
    /// Schemas that unqualified names are looked for in, folded; the first is where they are made. Empty: only
    /// `public`. It is part of the statement as well: see [`Template::scope`](super::Template::scope).
    pub search_path: &'a [String],
    /// There is an oracle to answer what IRIS cannot: queries of catalogs and of no table at all.
    pub has_oracle: bool,
    /// Where comments are kept, if the configuration names a place.
    pub side_table: Option<&'a SideTable>,
    /// The statement is the gateway's own and stores a row that keeps to the rules of its table, with what is computed of it.
    pub stores: bool,
    /// The session's temporary tables; `None` where there can be none.
    pub temporary: Option<TemporaryNames<'a>>,
    /// There is a place for sequences.
    pub has_sequences: bool,
}

/// What the schemas of temporary tables begin with, whatever gateway made them. PostgreSQL keeps `pg_` for the system: clients
/// that list schemas leave these out.
pub(crate) const TEMPORARY_PREFIX: &str = "pg_tmp_g";

/// Whether a schema of IRIS holds temporary tables.
pub(crate) fn is_temporary_schema(schema: &str) -> bool {
    schema.get(..TEMPORARY_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(TEMPORARY_PREFIX))
}

/// The temporary tables of a session. Each is in an IRIS schema of its own.
#[derive(Debug, Clone, Copy)]
pub struct TemporaryNames<'a> {
    /// The IRIS schemas by the tables' folded names.
    pub schemas: &'a BTreeMap<String, String>,
    /// Which of them are views, and the relations that they read: IRIS schemas and names.
    pub views: &'a BTreeMap<String, Vec<ReadByView>>,
    /// The IRIS schema of the next one.
    pub next: &'a str,
    /// How many schemas of the search path come first; `None` where it does not say.
    pub behind: Option<usize>,
}

impl<'a> TranslateOptions<'a> {
    /// No types declared, no search path, nobody beside IRIS to ask.
    pub fn new(default_schema: &'a str, statement_keys: &'a Cell<u64>) -> Self {
        Self {
            default_schema,
            statement_keys,
            parameter_types: &[],
            search_path: &[],
            has_oracle: false,
            side_table: None,
            temporary: None,
            has_sequences: false,
            stores: false,
        }
    }
}

/// The table of IRIS in which the gateway keeps comments, for which IRIS has no place of its own. No catalog shows it.
#[derive(Debug)]
pub struct SideTable {
    /// IRIS's names, which are compared without case.
    pub schema: String,
    pub name: String,
    is_usable: AtomicBool,
}

impl SideTable {
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into(), is_usable: AtomicBool::new(true) }
    }

    /// Another table of its schema: the name has this behind its own.
    pub fn beside(&self, what: &str) -> Self {
        Self::new(self.schema.clone(), format!("{}_{what}", self.name))
    }

    /// Whether these are its names in IRIS.
    pub fn is(&self, schema: &str, name: &str) -> bool {
        self.schema.eq_ignore_ascii_case(schema) && self.name.eq_ignore_ascii_case(name)
    }

    /// IRIS has not refused to read it or to write to it.
    pub fn is_usable(&self) -> bool {
        self.is_usable.load(Ordering::Relaxed)
    }

    /// Whether that is news.
    pub fn set_usable(&self, is_usable: bool) -> bool {
        self.is_usable.swap(is_usable, Ordering::Relaxed) != is_usable
    }
}

impl TranslateOptions<'_> {
    pub(super) fn next_key(&self) -> u64 {
        let key = self.statement_keys.get();
        self.statement_keys.set(key.wrapping_add(1));
        key
    }
}

/// A fresh translation, ready for [`TranslationCache::insert`](super::TranslationCache::insert).
#[derive(Debug)]
pub struct Translated {
    pub translation: Translation,
    /// Literals whose values a rule read, counted from 0, ascending: the translation is right for these values only.
    pub pinned: Vec<u16>,
}

impl Translated {
    /// What takes the statement's own text along: it is right for these literals alone.
    pub(crate) fn of_text(action: Action, tag: &str, template: &Template, options: &TranslateOptions<'_>) -> Self {
        let parameter_types = options.parameter_types.to_vec();
        Self {
            translation: Translation { parameter_types, ..Translation::new(action, tag) },
            pinned: (0..template.literals.len()).filter_map(|n| u16::try_from(n).ok()).collect(),
        }
    }
}

#[derive(Debug)]
pub enum TranslateError {
    /// The schema has not loaded these: load them, then translate again.
    NeedTables(Vec<Need>),
    Pg(Box<PgError>),
}

impl From<Box<PgError>> for TranslateError {
    fn from(error: Box<PgError>) -> Self {
        Self::Pg(error)
    }
}
