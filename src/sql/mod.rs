//! PostgreSQL SQL in, IRIS SQL out: split, classify, translate. No IO.

mod plan;
mod schema;

pub use plan::{
    Action, Bind, CopyFormat, CopyFromStdin, OutputColumn, Plan, RunIf, ScriptStep, SettingCommand, StepRole,
    TransactionCommand, Translation,
};
pub use schema::{ColumnFacts, RelationName, Schema, TableFacts, TableLookup};
