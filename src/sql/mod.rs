//! PostgreSQL SQL in, IRIS SQL out: split, classify, translate. No IO.
//!
//! The way of a statement: [`split`] cuts it out of the query string, [`Template::scan`] makes its literal-free form,
//! [`TranslationCache`] finds the translation made earlier for that form; only a miss parses and [`translate`]s.

mod cache;
mod description;
mod lex;
mod options;
mod plan;
mod plpgsql;
mod schema;
mod split;
mod syntax;
mod template;
mod translate;
mod typename;
mod writes;

pub use cache::{CachedTranslation, TranslationCache};
pub use description::{
    ClauseKind, DeclaredType, EnumType, is_note, parse_column_note, parse_description, parse_table_note,
    parse_view_columns, parse_view_note,
};
pub use options::{SideTable, TranslateError, TranslateOptions, Translated};
pub use plan::{
    Action, AdvisoryOperation, Bind, Call, CallArgument, CallFunction, CatalogQuery, ChannelCommand, CopyFormat,
    CopyFromStdin, CopyHeader, CursorCommand, ElementSource, EnumChange, EnumSide, ExecuteArgument, FetchDirection,
    Given, MirrorStatement, ModesScope, OutputColumn, Plan, RunIf, ScriptStep, SessionValue, SetConfig, SettingCommand,
    StepRole, TransactionCommand, TransactionModes, Translation,
};
pub use plpgsql::{BlockStatement, BlockStep, DoBlock};
pub use schema::{
    ColumnFacts, Named, NamedFacts, Need, NoSchema, RelationName, Schema, TableFacts, TableLookup, VectorElement,
    ViewFacts, ViewLookup,
};
pub use split::{position_in, quoted_names_at, split};
pub use template::{Literal, LiteralKind, Template};
pub use translate::{array_elements, check_syntax, translate, view_for_mirror};

pub use writes::{Writes, Written};

#[cfg(test)]
mod tests;
