//! What all sessions of a shard share. `Rc` and `Cell` inside: a shard is one thread.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::catalog::{
    ChangeUnderWay, ChangesUnderWay, EnumTypes, SequenceNames, ServerVersion, TableCache, TableQueries, Temporaries,
};
use crate::iris::IrisStatement;
use crate::sql::{MirrorStatement, SideTable, TranslateOptions, TranslationCache};
use crate::types::Oid;
use crate::wire::{Limits, PgError, SendBuf, SqlState};

use super::learnt::Learnt;
pub(crate) use super::learnt::Understood;
use super::parameter::Parameter;
use super::parsed::Parsed;
use crate::auth::AuthMethod;
use crate::session::client::Client;
use crate::session::client::counts::{SessionCounters, ShardCounts};
use crate::session::client::presence::Sessions;

/// Translations kept per shard. An application has hundreds of statement texts; 4,096 of a few KB each stay small.
const TRANSLATIONS_MAX: usize = 4_096;

/// Buffers of values that a shard keeps, and how large one may be: a batch of COPY, a vector of 16,000 dimensions.
const BUFFERS_MAX: usize = 8;
const BUFFER_BYTES_MAX: usize = 1 << 20;
/// Parameters whose memory a shard keeps.
const PARAMETERS_KEPT_MAX: usize = 1_024;

/// What a session needs to know of the configuration.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    pub auth: AuthMethod,
    /// IRIS namespace = the one database clients may name, compared without case.
    pub database: String,
    /// IRIS schema that PostgreSQL's `public` stands for.
    pub default_schema: String,
    /// `server_version` as announced; the same for all shards.
    pub server_version: Arc<ServerVersion>,
    pub limits: Limits,
    /// Everybody who is connected, on all shards.
    pub sessions: Arc<Sessions>,
    /// What the shards count.
    pub counts: Arc<ShardCounts>,
    /// Enum types, which IRIS does not have; the same for all shards.
    pub enums: Arc<EnumTypes>,
    /// What DDL of sessions is changing right now; the same for all shards.
    pub changes: Arc<ChangesUnderWay>,
    /// The temporary tables of all sessions.
    pub temporaries: Arc<Temporaries>,
    /// An oracle runs beside the gateway.
    pub has_oracle: bool,
    /// PostgreSQL finishes what IRIS cannot compute as a whole.
    pub finishes: bool,
    /// And what IRIS can, for tests.
    pub finishes_all: bool,
    /// A rollback takes back definitions.
    pub undoes_definitions: bool,
    /// The table of IRIS that keeps comments.
    pub side_table: Option<Arc<SideTable>>,
    /// The sequences that are known, the same for all shards; `None`: there is no place for any.
    pub sequences: Option<Arc<SequenceNames>>,
}

/// The PostgreSQL release whose behaviour the gateway follows: the embedded one's, and what clients are told until another
/// is known.
const SERVER_VERSION: &str = "17.5";
const GATEWAY_VERSION: &str = concat!("IRIS PGWire ", env!("CARGO_PKG_VERSION"));

/// What PostgreSQL's `public` is in IRIS.
pub const DEFAULT_SCHEMA: &str = "SQLUser";

impl SessionOptions {
    /// Of the first sessions of a gateway without an oracle.
    pub fn new(auth: AuthMethod, database: &str) -> Self {
        Self {
            auth,
            database: database.to_owned(),
            default_schema: DEFAULT_SCHEMA.to_owned(),
            server_version: Arc::new(ServerVersion::new(SERVER_VERSION, GATEWAY_VERSION)),
            limits: Limits::default(),
            sessions: Arc::default(),
            counts: Arc::default(),
            enums: Arc::default(),
            changes: Arc::default(),
            temporaries: Arc::default(),
            has_oracle: false,
            finishes: false,
            finishes_all: false,
            undoes_definitions: true,
            side_table: None,
            sequences: None,
        }
    }
}

/// What a statement under way may touch.
pub(crate) struct Cx<'a> {
    pub shard: &'a ShardContext,
    pub client: &'a mut Client,
    pub out: &'a mut SendBuf,
}

impl Cx<'_> {
    /// Does this as the gateway's own, of which no definition is one of the client's transaction.
    pub(crate) fn settling<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        self.settling_if(true, run)
    }

    /// The same where it is the gateway's own.
    pub(crate) fn settling_if<T>(&mut self, is_own: bool, run: impl FnOnce(&mut Self) -> T) -> T {
        let was_settling = self.client.definitions.is_settling();
        self.client.definitions.set_settling(was_settling || is_own);
        let done = run(self);
        self.client.definitions.set_settling(was_settling);
        done
    }

    /// The same with another place for what is written.
    pub(crate) fn spooled<'b>(&'b mut self, spool: &'b mut SendBuf) -> Cx<'b> {
        Cx { shard: self.shard, client: self.client, out: spool }
    }
}

/// Shared by the sessions of a shard.
#[derive(Debug)]
pub struct ShardContext {
    pub options: SessionOptions,
    pub(in crate::session) translations: RefCell<TranslationCache<Learnt>>,
    pub(in crate::session) tables: RefCell<TableCache>,
    pub(in crate::session) table_queries: TableQueries,
    pub(in crate::session) parsed: RefCell<Parsed>,
    /// SAVEPOINT and the like: a handful of texts.
    control: RefCell<HashMap<String, Rc<IrisStatement>>>,
    next_key: Cell<u64>,
    /// For values on their way to IRIS: the memory of those that have been sent.
    buffers: RefCell<Vec<Vec<u8>>>,
    /// For the parameters of a Bind message.
    parameters: RefCell<Vec<Parameter<'static>>>,
    /// Moves with every DDL of any shard.
    schema_epoch: Arc<AtomicU64>,
    counters: Arc<SessionCounters>,
}

impl ShardContext {
    /// `schema_epoch` is shared by all shards of the process.
    pub fn new(options: SessionOptions, schema_epoch: Arc<AtomicU64>, counters: Arc<SessionCounters>) -> Self {
        let sequences = options.sequences.clone();
        let tables = TableCache::with_enums(&options.default_schema, Arc::clone(&options.enums), sequences);
        Self {
            options,
            translations: RefCell::new(TranslationCache::new(TRANSLATIONS_MAX)),
            tables: RefCell::new(tables),
            table_queries: TableQueries::new(0),
            parsed: RefCell::default(),
            control: RefCell::default(),
            next_key: Cell::new(TableQueries::COUNT),
            buffers: RefCell::default(),
            parameters: RefCell::default(),
            schema_epoch,
            counters,
        }
    }

    /// The runtime has brought an event that nothing waits for: a defect of ours, of which the client hears.
    pub(in crate::session) fn unwaited(&self) -> Box<PgError> {
        self.counters.events_unwaited.add(1);
        PgError::error(SqlState::INTERNAL_ERROR, "an event came that nobody waits for")
    }

    /// A statement of this many rows of IRIS goes to PostgreSQL to be finished.
    pub(in crate::session) fn finishes(&self, rows: usize) {
        self.counters.statements_finished.add(1);
        self.counters.finish_rows.add(u64::try_from(rows).unwrap_or(u64::MAX));
    }

    /// A change of rows is taken apart.
    pub(in crate::session) fn writes_back(&self) {
        self.counters.statements_written_back.add(1);
    }

    pub(in crate::session) fn translate_options<'a>(
        &'a self,
        parameter_types: &'a [Oid],
        client: &'a Client,
    ) -> TranslateOptions<'a> {
        TranslateOptions {
            default_schema: &self.options.default_schema,
            statement_keys: &self.next_key,
            parameter_types,
            search_path: &client.search_path,
            temporary: self.options.has_oracle.then(|| client.temporary.names(&self.options.temporaries)),
            has_oracle: self.options.has_oracle,
            side_table: self.options.side_table.as_deref(),
            has_sequences: self.options.sequences.is_some(),
            stores: false,
        }
    }

    /// What `version()` gives.
    pub(in crate::session) fn version(&self) -> String {
        format!(
            "PostgreSQL {} on {}-linux, IRIS PGWire {}",
            self.options.server_version.told(),
            std::env::consts::ARCH,
            env!("CARGO_PKG_VERSION")
        )
    }

    pub(in crate::session) fn epoch(&self) -> u64 {
        let epoch = self.schema_epoch.load(Ordering::Acquire);
        self.tables.borrow_mut().follow(epoch);
        epoch
    }

    /// DDL has run: what is known of tables and statements is stale on every shard.
    pub(in crate::session) fn schema_changed(&self) {
        self.schema_epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// DDL that the mirror follows by these statements is about to be sent to IRIS.
    pub(in crate::session) fn change_begins(&self, mirror: &[MirrorStatement], pid: i32) -> Option<ChangeUnderWay> {
        (!mirror.is_empty()).then(|| self.options.changes.begin(relations(mirror).cloned(), pid))
    }

    /// The same of what a rollback undoes, from its end to that of its transaction.
    pub(in crate::session) fn change_is_kept(&self, mirror: &[MirrorStatement], pid: i32) -> ChangeUnderWay {
        self.options.changes.keep(relations(mirror).cloned(), pid)
    }

    /// Whether a statement of another session is changing what this one changes.
    pub(in crate::session) fn is_changed_elsewhere(&self, mirror: &[MirrorStatement], pid: i32) -> bool {
        self.options.changes.has_other(relations(mirror), pid)
    }

    /// An empty buffer for values, which comes back by [`give_back`](Self::give_back).
    pub(in crate::session) fn buffer(&self) -> Vec<u8> {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    /// A buffer whose values are of no more use.
    pub(in crate::session) fn give_back(&self, mut buffer: Vec<u8>) {
        if !(1..=BUFFER_BYTES_MAX).contains(&buffer.capacity()) {
            return;
        }
        let mut buffers = self.buffers.borrow_mut();
        if buffers.len() < BUFFERS_MAX {
            buffer.clear();
            buffers.push(buffer);
        }
    }

    /// The same of one that is seldom kept.
    #[inline]
    pub(in crate::session) fn give_back_kept(&self, buffer: &mut Vec<u8>) {
        if buffer.capacity() > 0 {
            self.give_back(std::mem::take(buffer));
        }
    }

    /// Calls `body` with all of `parameters` side by side, in memory that is used again.
    pub(in crate::session) fn with_parameters<'p, T>(
        &self,
        parameters: impl Iterator<Item = Parameter<'p>>,
        body: impl FnOnce(&[Parameter<'p>]) -> T,
    ) -> T {
        let mut all: Vec<Parameter<'p>> = self.parameters.take();
        all.extend(parameters);
        let result = body(&all);
        if all.capacity() <= PARAMETERS_KEPT_MAX {
            all.clear();
            // Nothing is left in it that would be borrowed; collecting what holds nothing keeps the memory.
            let none = |parameter: Parameter<'p>| Parameter { bytes: None, ..parameter };
            self.parameters.replace(all.into_iter().map(none).collect());
        }
        result
    }

    /// A key no other statement of the shard has.
    pub(in crate::session) fn next_statement_key(&self) -> u64 {
        let key = self.next_key.get();
        self.next_key.set(key.wrapping_add(1));
        key
    }

    /// A fixed text of ours as a statement, one key each.
    pub(in crate::session) fn control_statement(&self, text: &str) -> Rc<IrisStatement> {
        let mut control = self.control.borrow_mut();
        if let Some(statement) = control.get(text) {
            return Rc::clone(statement);
        }
        let key = self.next_statement_key();
        let statement = Rc::new(IrisStatement { key, text: text.to_owned(), kinds: Vec::new(), is_query: false });
        // Savepoint names are numbered from 0: the map stays as small as the deepest nesting.
        control.insert(text.to_owned(), Rc::clone(&statement));
        statement
    }
}

/// What they are about.
fn relations(mirror: &[MirrorStatement]) -> impl Iterator<Item = &(String, String)> {
    mirror.iter().flat_map(|statement| &statement.relations)
}
