//! PostgreSQL SQL in, IRIS SQL out: split, classify, translate. No IO.
//!
//! The way of a statement: [`split`] cuts it out of the query string, [`Template::scan`] makes its literal-free form,
//! [`TranslationCache`] finds the translation made earlier for that form; only a miss parses and [`translate`]s.

mod cache;
mod description;
mod finish;
mod iris_text;
mod lex;
mod named_type;
mod options;
mod plan;
mod plpgsql;
mod rule_notes;
mod rule_text;
mod rules;
mod schema;
mod split;
mod syntax;
mod template;
mod translate;
mod write_back;
mod write_plan;
mod writes;

pub(crate) use cache::CachedTranslation;
pub use cache::TranslationCache;
pub(crate) use description::{
    ClauseKind, MATERIALIZED_NOTE, QUERY_VIEW_PREFIX, is_note, parse_view_columns, parse_view_note,
};
pub(crate) use description::{ColumnNote, drawing_clause, drawn_by_default};
pub use description::{DeclaredType, EnumType, parse_column_note, parse_description};
pub(crate) use finish::finish;
pub(crate) use named_type::NamedType;
pub use options::{SideTable, TranslateError, TranslateOptions, Translated};
pub(crate) use options::{TEMPORARY_PREFIX, TemporaryNames, is_temporary_schema};
pub use plan::{Action, Bind, MirrorStatement, Translation};
pub(crate) use plan::{
    AdvisoryOperation, Call, CallArgument, CallFunction, CatalogQuery, ChannelCommand, ColumnChoice, CopyByQuery,
    CopyFormat, CopyFromStdin, CopyHeader, CopyOptions, CopyToStdout, CopyVerbosity, CursorCommand, Deferral, Draw,
    DroppedKind, DroppedOthers, DroppedTable, ElementSource, EnumChange, EnumSide, ExecuteArgument, Fetch,
    FetchDirection, FetchKey, FetchedColumn, Fill, Finish, FinishPiece, Given, ModesScope, OnCommit, Output,
    OutputColumn, OwnedChange, PUT_ASIDE_PREFIX, Plan, Proof, ReadByView, Rehearsal, Restart, Reversal, ReversalPart,
    RunIf, ScriptStep, SequenceCommand, SequenceFunction, SessionValue, SetConfig, SettingCommand, StepRole,
    TemporaryChange, TransactionCommand, TransactionModes, TypeAction, TypeCommand, UndoSource, VIEW_DEFINITION,
    place_aside, travels_in_binary, witness,
};
pub(crate) use plpgsql::{BlockStatement, BlockStep, DoBlock};
pub(crate) use rule_notes::{RuleNotes, is_hidden};
pub(crate) use rules::Rules;
pub use schema::{ColumnFacts, NoSchema, RelationName, Schema, TableFacts, TableLookup, VectorElement};
pub(crate) use schema::{Named, NamedFacts, Need, ViewFacts, ViewLookup};
pub use split::split;
pub(crate) use split::{qualified_names, quoted_names_at, statement_start};
pub(crate) use syntax::names::regclass_parts;
pub use template::{Literal, LiteralKind, Template};
pub(crate) use translate::view_for_mirror;
pub use translate::{check_syntax, translate};

pub(crate) use write_back::write_back;
pub(crate) use write_plan::{
    Guard, Lock, LockRows, LockedTable, Repeats, Returning, RowWait, RowWrite, Staged, StagedPiece, WriteBack,
    WritePart,
};
pub(crate) use writes::{Writes, Written};

#[cfg(test)]
mod tests;
