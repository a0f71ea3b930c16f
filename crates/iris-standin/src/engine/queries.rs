//! What definitions need from the query side: views, CREATE TABLE AS, defaults, changed types.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::{Value as Stored, ValueRef};

use super::catalog::{Catalog, Collation, ColumnDef, DefaultExpr, TableDef};
use super::convert::{Class, Purpose, convert, import};
use super::datetime as dt;
use super::ddl::{QueryEngine, QueryShape};
use super::errors::{self, Running};
use super::parse::{self, ast::Statement};
use super::translate::{self, Environment, Verb};
use super::value::{SqlError, Value};
use super::{DEFAULT_SCHEMA, functions};

pub(super) struct Queries<'a> {
    pub user: &'a str,
}

fn environment(catalog: &Catalog) -> Environment<'_> {
    Environment { catalog, default_schema: DEFAULT_SCHEMA, kinds: &[], marks_count: 0 }
}

impl QueryEngine for Queries<'_> {
    fn describe(&self, _: &Connection, catalog: &Catalog, query: &str) -> Result<QueryShape, SqlError> {
        let (_, marks) = parse::tokens(query)?;
        if marks > 0 {
            return Err(SqlError::prepare(148, "Host variables and parameters are not allowed in a view"));
        }
        let query = parse::parse_query(query)?;
        let plan = translate::translate(&Statement::Query(query), &environment(catalog))?;
        let columns = plan.metadata.columns.iter().zip(&plan.column_types).map(|(described, data_type)| {
            let mut column = ColumnDef::new(described.name.clone(), *data_type);
            if Class::of(data_type) == Class::Text && !data_type.is_character() {
                column.collation = Collation::Exact;
            }
            column
        });
        Ok(QueryShape { columns: columns.collect(), relations: plan.relations, view_relations: plan.view_relations })
    }

    fn fill(&self, conn: &Connection, catalog: &Catalog, query: &str, target: &TableDef) -> Result<u64, SqlError> {
        let query = parse::parse_query(query)?;
        let target = Arc::new(target.clone());
        let plan = translate::translate_fill(&query, &target, &environment(catalog))?;
        let failed = |error: &rusqlite::Error| {
            errors::from_sqlite(error, &Running { verb: Verb::Insert, target: Some(&target), timed_out: false })
        };
        let mut statement = conn.prepare(&plan.sql).map_err(|error| failed(&error))?;
        let now = dt::now_us();
        for (index, slot) in plan.slots.iter().enumerate() {
            let stored = match slot.source {
                translate::SlotSource::Now { precision } => Stored::Integer(dt::truncate_fraction(now, precision)),
                translate::SlotSource::Today => Stored::Integer(dt::split_timestamp(now).0),
                translate::SlotSource::TimeOfDay { precision } => {
                    Stored::Integer(dt::truncate_fraction(dt::split_timestamp(now).1, precision))
                }
                translate::SlotSource::User => Stored::Text(self.user.to_owned()),
                translate::SlotSource::Parameter(_)
                | translate::SlotSource::LastIdentity
                | translate::SlotSource::Namespace
                | translate::SlotSource::Job
                | translate::SlotSource::TransactionLevel
                | translate::SlotSource::IsolationMode => Stored::Null,
            };
            statement.raw_bind_parameter(index + 1, &stored).map_err(|error| failed(&error))?;
        }
        let count = statement.raw_execute().map_err(|error| failed(&error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn default_value(&self, column: &ColumnDef) -> Result<Stored, SqlError> {
        let now = dt::now_us();
        let stamp = |precision: u8| Value::Int(dt::to_posix(dt::truncate_fraction(now, precision)));
        let value = match &column.default {
            None | Some(DefaultExpr::Null) => return Ok(Stored::Null),
            Some(DefaultExpr::Text(text) | DefaultExpr::Number(text)) => Value::Text(text.clone()),
            Some(DefaultExpr::CurrentDate) => Value::Int(dt::split_timestamp(now).0),
            Some(DefaultExpr::CurrentTime { .. }) => Value::Int(dt::split_timestamp(now).1 / 1_000_000),
            Some(DefaultExpr::CurrentTimestamp { precision } | DefaultExpr::UtcTimestamp { precision }) => {
                stamp(*precision)
            }
            Some(DefaultExpr::User) => Value::Text(self.user.to_owned()),
            Some(DefaultExpr::ObjectScript { code, .. }) => {
                let text = format!("It is not known what the rows of a table get of the default {code}");
                return Err(SqlError::prepare(400, text));
            }
        };
        import(&value, &column.data_type, Purpose::Assign)
            .map_err(|_| SqlError::execute(104, functions::validation_message(&column.name, "default")))
    }

    fn convert(&self, value: Stored, from: &ColumnDef, to: &ColumnDef) -> Result<Stored, SqlError> {
        let shown = ValueRef::from(&value);
        let class = Class::of(&from.data_type);
        // Text of a date is what a client would see, not its day number.
        let purpose = if class.is_temporal() && Class::of(&to.data_type) == Class::Text {
            Purpose::Cast
        } else {
            Purpose::Assign
        };
        convert(shown, class, &to.data_type, purpose).map_err(|_| {
            let text = super::convert::odbc_text(shown, class).unwrap_or_default();
            SqlError::execute(104, functions::validation_message(&to.name, &text))
        })
    }
}
