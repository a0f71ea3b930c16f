//! A statement as the server keeps it.

use std::sync::{Arc, Mutex, PoisonError};

use super::catalog::Catalog;
use super::parse::ast::{Statement, Transaction};
use super::parse::{self};
use super::translate::{self, Environment, Plan};
use super::value::SqlError;
use super::{DEFAULT_SCHEMA, ddl};
use iris_protocol::{ColumnDescription, IrisType, ParameterDescription, ParameterKind, StatementMetadata};

/// SQLCODE of a statement whose metadata are no longer what they were when it was prepared.
pub(super) const RECOMPILED: i32 = 478;

/// What running the statement means.
#[derive(Debug)]
pub(super) enum Action {
    Plan(Plan),
    /// The query's plan, shown instead of run.
    Explain(Plan),
    Transaction(Transaction),
    Definition,
    Accepted,
}

/// One translation of the statement, good for one schema version.
#[derive(Debug)]
pub(super) struct Compiled {
    pub schema_version: u64,
    pub action: Action,
    pub metadata: StatementMetadata,
    pub has_common_tables: bool,
}

/// A prepared statement. Translated again, unseen, when the schema has changed.
#[derive(Debug)]
pub struct Prepared {
    pub(super) text: String,
    pub(super) kinds: Vec<ParameterKind>,
    metadata: StatementMetadata,
    is_query: bool,
    has_common_tables: bool,
    current: Mutex<Arc<Compiled>>,
}

impl Prepared {
    /// # Errors
    /// What IRIS's Prepare refuses.
    pub(super) fn new(text: &str, kinds: &[ParameterKind], catalog: &Catalog) -> Result<Prepared, SqlError> {
        let compiled = compile(text, kinds, catalog)?;
        Ok(Prepared {
            text: text.to_owned(),
            kinds: kinds.to_vec(),
            metadata: compiled.metadata.clone(),
            is_query: match &compiled.action {
                Action::Plan(plan) => plan.verb == translate::Verb::Query,
                Action::Explain(_) => true,
                Action::Transaction(_) | Action::Definition | Action::Accepted => false,
            },
            has_common_tables: compiled.has_common_tables,
            current: Mutex::new(Arc::new(compiled)),
        })
    }

    /// As prepared first; stays the same while the statement lives.
    pub fn metadata(&self) -> &StatementMetadata {
        &self.metadata
    }

    /// Whether it gives rows: run by `query`, else by `update`.
    pub fn is_query(&self) -> bool {
        self.is_query
    }

    /// Whether only a client with a new enough driver may send it.
    pub(super) fn has_common_tables(&self) -> bool {
        self.has_common_tables
    }

    /// The translation for the schema as it is now.
    ///
    /// # Errors
    /// What Prepare refuses now; [`RECOMPILED`] when columns or parameters would be others.
    pub(super) fn compiled(&self, catalog: &Catalog) -> Result<Arc<Compiled>, SqlError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.schema_version == catalog.version {
            return Ok(Arc::clone(&current));
        }
        let compiled = compile(&self.text, &self.kinds, catalog)?;
        if compiled.metadata != self.metadata {
            return Err(SqlError::execute(
                RECOMPILED,
                "Result set mismatch: the schema has changed since the statement was prepared",
            ));
        }
        *current = Arc::new(compiled);
        Ok(Arc::clone(&current))
    }
}

fn compile(text: &str, kinds: &[ParameterKind], catalog: &Catalog) -> Result<Compiled, SqlError> {
    let untyped = |count: u32| StatementMetadata {
        columns: Vec::new(),
        parameters: (0..count).map(|_| PARAMETER).collect(),
        cacheable: false,
    };
    if ddl::is_ddl(text) {
        ddl::check(text)?;
        return Ok(Compiled {
            schema_version: catalog.version,
            action: Action::Definition,
            metadata: untyped(0),
            has_common_tables: false,
        });
    }
    let parsed = parse::parse(text)?;
    let environment = Environment { catalog, default_schema: DEFAULT_SCHEMA, kinds, marks_count: parsed.marks_count };
    let (marks, has_common_tables) = (parsed.marks_count, parsed.has_common_tables);
    let (action, metadata) = match parsed.statement {
        Statement::Explain(query) => {
            let plan = translate::translate(&Statement::Query(query), &environment)?;
            let metadata = StatementMetadata { columns: vec![plan_column()], ..plan.metadata.clone() };
            (Action::Explain(plan), metadata)
        }
        Statement::Transaction(transaction) => (Action::Transaction(transaction), untyped(marks)),
        Statement::Accepted => (Action::Accepted, untyped(marks)),
        statement => {
            let plan = translate::translate(&statement, &environment)?;
            let metadata = plan.metadata.clone();
            (Action::Plan(plan), metadata)
        }
    };
    Ok(Compiled { schema_version: catalog.version, action, metadata, has_common_tables })
}

const PARAMETER: ParameterDescription =
    ParameterDescription { iris_type: IrisType::VARCHAR, precision: 0, scale: 0, nullable: 1 };

fn plan_column() -> ColumnDescription {
    ColumnDescription {
        name: "Plan".into(),
        iris_type: IrisType::VARCHAR,
        precision: 32_767,
        scale: 0,
        nullable: 1,
        label: "Plan".into(),
        table: String::new(),
        schema: String::new(),
        auto_increment: false,
        row_id: false,
    }
}
