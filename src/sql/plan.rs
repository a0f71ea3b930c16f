//! What a translated statement tells the session to do.

mod calls;
mod copy;
mod finished;
mod rehearsal;
mod reversal;
mod sequence;
mod user_type;

use std::rc::Rc;

pub(crate) use calls::{AdvisoryOperation, Call, CallArgument, CallFunction, SleepKind};
pub(crate) use copy::{
    ColumnChoice, CopyByQuery, CopyCondition, CopyFormat, CopyFromStdin, CopyHeader, CopyOptions, CopyToStdout,
    CopyVerbosity, IgnoredErrors,
};
pub(crate) use finished::{Fetch, FetchKey, FetchedColumn, Finish, FinishPiece, Output, travels_in_binary};
pub(crate) use rehearsal::{Proof, Rehearsal};
pub(crate) use reversal::{
    Deferral, DroppedKind, DroppedOthers, DroppedTable, PUT_ASIDE_PREFIX, Reversal, ReversalPart, UndoSource,
    VIEW_DEFINITION, place_aside, witness,
};
pub(crate) use sequence::{Draw, Fill, OwnedChange, Restart, SequenceCommand, SequenceFunction};
pub(crate) use user_type::{TypeAction, TypeCommand};

use super::description::EnumType;
use super::plpgsql::DoBlock;
use super::schema::RelationName;
use super::write_plan::{LockRows, Staged, WriteBack};
use super::writes::Writes;
use crate::iris::IrisStatement;
use crate::types::{Fitting, Oid, PgType};
use crate::wire::PgError;

/// One PostgreSQL statement, understood. Cached per template: everything here is free of the statement's literals
/// except those a rule had to read, which are part of the cache key.
#[derive(Debug)]
pub struct Translation {
    pub action: Action,
    /// CommandComplete without counts: `SELECT`, `INSERT 0`, `UPDATE`, `CREATE TABLE`, `BEGIN`...
    pub tag: String,
    /// Types of `$1`, `$2`... as casts declare them; `Oid::UNSPECIFIED` where only IRIS metadata can tell.
    pub parameter_types: Vec<Oid>,
    /// Sent as NoticeResponse before CommandComplete.
    pub notices: Vec<PgError>,
    /// What the mirror has to do once IRIS has carried the statement out; empty for all that is not DDL.
    pub mirror: Vec<MirrorStatement>,
    /// In IRIS's own dialect, which PostgreSQL cannot read.
    pub is_iris_dialect: bool,
    /// A query of constants alone: their types are those of their spelling, and nobody need be asked for them.
    pub is_constant: bool,
    /// The object may live in the mirror alone (an index IRIS cannot make, a CHECK constraint, all of
    /// [`Action::MirrorOnly`]). When IRIS had nothing to do, or answered with one of `ignored_sqlcodes`, a failure of the
    /// mirror is the statement's error.
    pub mirror_decides: bool,
    /// Waiting that goes in front of a statement for the oracle, whose own sleeps take no time.
    pub sleeps: Vec<Call>,
    /// What `set_config` in the select list of a query of the oracle's sets for the session, once the query has a row.
    pub set_configs: Vec<SetConfig>,
    /// What the statement does to the enum types, once the mirror has taken it.
    pub enum_change: Option<EnumChange>,
    /// CREATE, ALTER and DROP of a type that is kept, all of which is in `mirror`.
    pub type_command: Option<TypeCommand>,
    /// How a rollback takes the definition back; `None` where there is nothing to undo, or no way.
    pub reversal: Option<Box<Reversal>>,
    /// For each row of an upsert of several what it has for the columns of the key: no two may have the same.
    pub upsert_keys: Vec<Vec<Bind>>,
    /// It names a temporary table of the session, or makes one: it is right for this session alone.
    pub is_of_session: bool,
    /// What becomes of the session's temporary tables once the statement has been carried out.
    pub temporary: Option<TemporaryChange>,
    /// What [`SessionValue::Drawn`] counts, in the order of evaluation.
    pub draws: Vec<Draw>,
    /// Of a definition, once IRIS and the mirror have carried it out.
    pub owned: Vec<OwnedChange>,
    /// Of a definition of rules that IRIS does not know of.
    pub rehearsal: Option<Box<Rehearsal>>,
}

impl Translation {
    pub fn new(action: Action, tag: impl Into<String>) -> Self {
        Self {
            action,
            tag: tag.into(),
            parameter_types: Vec::new(),
            notices: Vec::new(),
            mirror: Vec::new(),
            is_iris_dialect: false,
            is_constant: false,
            set_configs: Vec::new(),
            mirror_decides: false,
            sleeps: Vec::new(),
            enum_change: None,
            type_command: None,
            reversal: None,
            upsert_keys: Vec::new(),
            is_of_session: false,
            temporary: None,
            draws: Vec::new(),
            owned: Vec::new(),
            rehearsal: None,
        }
    }

    /// As [`CachedTranslation::is_plain`](super::CachedTranslation::is_plain).
    pub(crate) fn is_plain(&self) -> bool {
        let defines = ["CREATE ", "DROP ", "ALTER ", "SELECT INTO"].iter().any(|verb| self.tag.starts_with(verb));
        let is_followed = self.temporary.is_some() || self.reversal.is_some() || self.rehearsal.is_some();
        !(defines || is_followed || self.is_of_session)
            && self.mirror.is_empty()
            && self.owned.is_empty()
            && self.draws.is_empty()
            && self.notices.is_empty()
            && self.enum_change.is_none()
    }

    /// Whether it makes a temporary table or view.
    pub fn makes_temporary(&self) -> bool {
        matches!(self.temporary, Some(TemporaryChange::Create { .. }))
    }

    pub fn script(steps: Vec<ScriptStep>, tag: impl Into<String>) -> Self {
        Self::new(Action::Script(steps), tag)
    }
}

/// A PostgreSQL statement for the mirror.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MirrorStatement {
    pub sql: String,
    /// What runs in its place when PostgreSQL refuses it: the words of a definition may not be PostgreSQL's. (A block
    /// with EXCEPTION would do, were it not that the embedded PostgreSQL does not come back from one.)
    pub otherwise: Option<String>,
    /// Relations it makes, changes or drops: IRIS schema and table, as INFORMATION_SCHEMA spells them.
    pub relations: Vec<(String, String)>,
}

/// A relation that a view reads: IRIS schema and name.
pub(crate) type ReadByView = (String, String);

/// CREATE, ALTER and DROP of temporary tables and views, by their folded names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemporaryChange {
    /// `schema`: of IRIS.
    Create {
        name: String,
        schema: String,
        on_commit: OnCommit,
        /// Of a view, the relations that it reads: IRIS schemas and names.
        view: Option<Vec<ReadByView>>,
    },
    /// A view has another query, which reads these.
    Replace {
        name: String,
        view: Vec<ReadByView>,
    },
    Rename {
        from: String,
        to: String,
    },
    Drop(Vec<String>),
}

/// What becomes of a temporary table at the end of a transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnCommit {
    #[default]
    PreserveRows,
    DeleteRows,
    Drop,
}

/// CREATE, ALTER and DROP of enum types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnumChange {
    Create(EnumType),
    /// ADD VALUE, in front of or behind a label, or at the end; a label that is there already stays where it is.
    AddValue {
        name: RelationName,
        label: String,
        neighbor: Option<(EnumSide, String)>,
    },
    RenameValue {
        name: RelationName,
        from: String,
        to: String,
    },
    Rename {
        name: RelationName,
        to: String,
    },
    Drop(Vec<RelationName>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnumSide {
    Before,
    After,
}

#[derive(Debug)]
pub enum Action {
    /// Nothing but blanks and comments: EmptyQueryResponse.
    Empty,
    Transaction(TransactionCommand),
    Setting(SettingCommand),
    /// One or more IRIS statements. More than one outside a transaction run in an implicit one, unless DDL.
    Script(Vec<ScriptStep>),
    CopyFromStdin(CopyFromStdin),
    CopyToStdout(CopyToStdout),
    /// SQL-level PREPARE name AS statement: the statement's own text.
    Prepare {
        name: String,
        parameter_types: Vec<Oid>,
        sql: String,
        /// Characters of the statement in front of `sql`.
        offset: u32,
    },
    /// EXPLAIN of an EXECUTE in a format that is PostgreSQL's alone: it explains the prepared statement.
    ExplainExecute {
        /// What goes in front of the statement's text.
        explain: String,
        column: PgType,
        name: String,
        arguments: Vec<ExecuteArgument>,
    },
    /// SQL-level EXECUTE.
    Execute {
        name: String,
        arguments: Vec<ExecuteArgument>,
    },
    /// DEALLOCATE name, or ALL when `None`.
    Deallocate(Option<String>),
    /// DECLARE, FETCH, MOVE, CLOSE.
    Cursor(CursorCommand),
    /// DO: statements, each understood when its turn comes.
    Do(DoBlock),
    /// LISTEN, UNLISTEN, NOTIFY.
    Channel(ChannelCommand),
    /// Functions the gateway itself carries out, alone in a select list: `SELECT pg_advisory_lock(..)`,
    /// `pg_notify(..)`. One row, or none and more for a set-returning one.
    Calls(Vec<Call>),
    /// The oracle answers: only catalogs, or no table at all.
    Catalog(CatalogQuery),
    /// IRIS gives rows, the oracle runs the query over them.
    Finish(Finish),
    /// A query gives rows, IRIS stores them.
    WriteBack(Box<WriteBack>),
    /// A query gives rows, IRIS locks them, and the query is asked once more.
    LockRows(Box<LockRows>),
    /// Parts of the statement come first, and the statement itself is over their rows.
    Staged(Box<Staged>),
    /// CREATE, ALTER and DROP SEQUENCE.
    Sequence(SequenceCommand),
    /// Nothing for IRIS to do, all of it is in `Translation::mirror` (COMMENT ON, CREATE TYPE).
    MirrorOnly,
    /// CLOSE, DISCARD and the like that concern only the gateway: accepted, nothing to do (VACUUM, ANALYZE).
    Accepted,
}

/// An argument of SQL-level EXECUTE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecuteArgument {
    /// A constant in text form; `None` = NULL.
    Constant(Option<String>),
    /// Any other expression, as the client wrote it. It names no column: PostgreSQL alone can say what it is.
    Expression(String),
}

/// A statement for the oracle: it goes there as the client wrote it. What it needs to know of the session beside the
/// settings that change how PostgreSQL evaluates and prints:
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CatalogQuery {
    /// Every setting by name.
    pub reads_settings: bool,
    /// The gateway's sessions (`pg_stat_activity`).
    pub reads_activity: bool,
    /// What the session has open (`pg_cursors`, `pg_prepared_statements`, `pg_listening_channels()`).
    pub reads_session: bool,
    /// The gateway's counters (`pgwire_counters`).
    pub reads_counters: bool,
    /// `pg_class`, which tells what is temporary.
    pub reads_relations: bool,
    /// Where sequences stand (`pg_sequences`, `SELECT last_value FROM s`).
    pub reads_sequences: bool,
}

/// SQL-level cursors. FETCH and MOVE also work on portals of the extended protocol: one name space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorCommand {
    Declare {
        name: String,
        /// The query's own text.
        sql: String,
        /// Characters of the statement in front of `sql`: positions of errors count from the statement's start.
        offset: u32,
        binary: bool,
        /// `None`: neither SCROLL nor NO SCROLL was said.
        scroll: Option<bool>,
        hold: bool,
    },
    Fetch {
        name: String,
        direction: FetchDirection,
        /// MOVE: positions only.
        is_move: bool,
    },
    /// `None` = ALL.
    Close(Option<String>),
}

/// FETCH's direction; a count of `i64::MAX` is ALL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchDirection {
    /// NEXT, FORWARD n, n; negative = BACKWARD n. 0 = the present row again.
    Relative(i64),
    /// FETCH RELATIVE n: one row, n further on.
    SingleRelative(i64),
    /// FIRST, LAST (-1), ABSOLUTE n: one row.
    Absolute(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelCommand {
    Listen(String),
    /// `None` = all.
    Unlisten(Option<String>),
    Notify {
        channel: String,
        payload: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionCommand {
    Begin(TransactionModes),
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    /// Each carries the IRIS statement to send, if any.
    Savepoint(String),
    Release(String),
    RollbackTo(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingCommand {
    /// `SET [SESSION|LOCAL] name = value`; `None` = DEFAULT.
    Set {
        name: String,
        value: Option<String>,
        local: bool,
    },
    /// `SET TRANSACTION ..` and `SET SESSION CHARACTERISTICS AS TRANSACTION ..`.
    Modes {
        modes: TransactionModes,
        scope: ModesScope,
    },
    /// `SHOW name`; `all` for SHOW ALL.
    Show(String),
    /// `RESET name`; `None` = ALL.
    Reset(Option<String>),
    DiscardAll,
    DiscardTemporary,
    DiscardSequences,
}

/// What BEGIN, SET TRANSACTION and the like say of a transaction; `None`: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionModes {
    pub isolation: Option<String>,
    pub read_only: Option<bool>,
    pub deferrable: Option<bool>,
}

/// What transaction modes are set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModesScope {
    /// The transaction under way.
    Transaction,
    /// Every later transaction of the session.
    Session,
}

/// One step of a script.
#[derive(Debug)]
pub struct ScriptStep {
    pub plan: Plan,
    pub role: StepRole,
    pub run_if: RunIf,
    /// SQLCODEs (positive) that count as "0 rows" instead of an error: 119 for ON CONFLICT DO NOTHING.
    pub ignored_sqlcodes: Vec<i32>,
}

impl ScriptStep {
    /// A step that runs in any case, and whose errors are errors.
    pub fn new(plan: Plan, role: StepRole) -> Self {
        Self { plan, role, run_if: RunIf::Always, ignored_sqlcodes: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepRole {
    /// Its rows go to the client; their number is the count of a SELECT.
    Rows,
    /// Its row count is added to the command tag's.
    Count,
    /// A query for the row that ON CONFLICT means, when a duplicate of some key was refused: the number in its one row is
    /// how many there are. Without one, the refusal is the statement's error.
    Excuse,
    /// Runs only when IRIS refuses the step in front of it: takes back what the script has done before.
    Undo,
    /// Neither.
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunIf {
    Always,
    /// The step before changed nothing (upsert: UPDATE, then INSERT).
    PreviousCountZero,
    /// The step before was refused for a reason that may count as having nothing to do.
    PreviousRefused,
    /// The step before changed something (INSERT .. ON CONFLICT DO NOTHING RETURNING).
    PreviousCountNotZero,
}

/// An IRIS statement and where its values come from.
#[derive(Debug)]
pub struct Plan {
    pub statement: Rc<IrisStatement>,
    /// In the order of the `:%qpar(n)` marks; as long as `statement.kinds`.
    pub binds: Vec<Bind>,
    /// The select list as PostgreSQL would describe it; empty for statements that are not queries.
    pub columns: Vec<OutputColumn>,
    /// Of a change of rows: what its errors are explained by.
    pub writes: Option<Box<Writes>>,
}

/// Where the elements of a list come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementSource {
    /// `$n` is an array.
    Array(u16),
    /// Each is a parameter.
    Parameters(Rc<[u16]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bind {
    /// `$n`, counted from 1.
    Parameter(u16),
    /// The n-th literal of the statement's template, counted from 0.
    Literal(u16),
    /// A string literal whose place gives it a type (`ts > '2024-01-15T10:00Z'`, `'t'::bool`): its value goes through
    /// the conversion of a text-format parameter of that type.
    TypedLiteral { literal: u16, oid: Oid },
    /// Elements as text, joined by U+0001, for `$LISTFROMSTRING(.., CHAR(1))`. NULL elements are left out, which is right
    /// under `= ANY`; under `<> ALL` (`refuse_nulls`) a NULL element is 0A000. Each is written as IRIS writes a value of
    /// `element`, what stands on the other side.
    Elements { source: ElementSource, refuse_nulls: bool, element: Option<Oid> },
    /// How many elements there are, or how many that are empty texts of a type, which no list of IRIS holds. NULL for an
    /// array that is NULL.
    ElementsCount { source: ElementSource, empty: Option<Oid> },
    /// `$n` for a column of an enum type: 22P02 unless it is NULL or one of the labels.
    EnumParameter { parameter: u16, enum_type: Rc<EnumType> },
    /// `$n`, a text that is cast to a type: read as the type's input reads it.
    CastParameter { parameter: u16, oid: Oid },
    /// `$n` of LIMIT or OFFSET: NULL stands for `when_null`, a negative number is 2201W (LIMIT) or 2201X (OFFSET).
    RowCount { parameter: u16, when_null: i64 },
    /// A value a rule made.
    Constant(String),
    /// A value a rule made, with the type of its place: as [`TypedLiteral`](Bind::TypedLiteral).
    TypedConstant { text: String, oid: Oid },
    /// The value of `source` (a parameter, a literal, a constant) as a value of `to` with its modifier: rounded to the
    /// digits of `timestamp(3)`, without the blanks of `character(5)`, checked for the length of `vector(3)`.
    Fitted { source: Box<Bind>, to: PgType, fitting: Fitting },
    /// Another bind's value on its way into a column of type `to`, by PostgreSQL's assignment cast; `from` is the type
    /// of the value where it does not say so itself. `negated`: a minus stands in front of it.
    Assigned { value: Box<Bind>, negated: bool, from: Oid, to: PgType },
    /// A value only the session knows, in text form: translations are shared by all sessions of a shard.
    Session(SessionValue),
}

impl Bind {
    /// The bind that gives the value, without what is done to it.
    pub fn innermost(&self) -> &Bind {
        match self {
            Bind::Assigned { value, .. } | Bind::Fitted { source: value, .. } => value.innermost(),
            bind => bind,
        }
    }
}

/// An argument of a session function: text that is known, or will be with the parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    Null,
    Constant(String),
    Parameter(u16),
}

/// The arguments of one call of `set_config(name, value, is_local)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetConfig {
    pub name: Given,
    pub value: Given,
    pub local: Given,
}

/// What session functions answer (PostgreSQL manual, "System Information Functions", "Configuration Settings
/// Functions"). The gateway's own answers, never those of the pooled IRIS account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionValue {
    /// `current_user`, `user`, `current_role`.
    CurrentUser,
    /// `session_user`.
    SessionUser,
    /// `current_database()`, `current_catalog`.
    Database,
    /// `current_schema()`: the first schema of the search path.
    CurrentSchema,
    /// `current_schemas(implicit)` as array text: `{pg_catalog,public}` or `{public}`.
    CurrentSchemas {
        implicit: bool,
    },
    /// `version()`.
    Version,
    /// `pg_backend_pid()`.
    BackendPid,
    /// `current_setting(name [, missing_ok])`; an unknown name is 42704 unless `missing_ok`, then NULL.
    Setting {
        name: String,
        missing_ok: bool,
    },
    /// `set_config(name, value, is_local)`: sets, then answers the new value.
    SetConfig {
        name: Given,
        value: Given,
        local: Given,
    },
    /// `inet_client_addr()`, `inet_client_port()`, `inet_server_addr()`, `inet_server_port()`.
    ClientAddress,
    ClientPort,
    ServerAddress,
    ServerPort,
    /// `pg_postmaster_start_time()`, as timestamptz text.
    StartTime,
    /// What the session's wall clock shows, as text of type date, time or timestamp: IRIS's own shows UTC.
    LocalTime(Oid),
    /// `txid_current()`, `pg_current_xact_id()`: any number that grows per transaction.
    TransactionId,
    /// `gen_random_uuid()`, `uuid_generate_v4()`: fresh for each bind. Translation puts it only where it is evaluated
    /// once.
    RandomUuid,
    /// The n-th of the statement's draws from sequences.
    Drawn(u16),
    /// `random()`: a number in [0, 1), fresh for each bind.
    Random,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputColumn {
    /// `*` or `t.*`: as many columns as are left over for it; names and types from IRIS metadata.
    Star,
    /// A column of IRIS that the client did not ask for: it is not shown. Behind all others.
    Hidden,
    Column {
        /// What PostgreSQL would call it; `None` = the name IRIS gives.
        label: Option<String>,
        /// What PostgreSQL would type it; `None` = from IRIS metadata.
        pg_type: Option<PgType>,
        /// IRIS sends a value of this type, which the gateway casts to `pg_type`.
        cast_from: Option<PgType>,
    },
}
