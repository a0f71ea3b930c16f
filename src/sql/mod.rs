//! PostgreSQL SQL in, IRIS SQL out: split, classify, translate. No IO.

mod plan;

pub use plan::{
    Action, Bind, CopyFormat, CopyFromStdin, OutputColumn, Plan, RunIf, ScriptStep, SettingCommand, StepRole,
    TransactionCommand, Translation,
};
