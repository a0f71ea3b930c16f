//! INSERT, UPDATE, DELETE.

use std::sync::Arc;

use super::super::SqlError;
use super::super::catalog::{
    ColumnDef, DefaultExpr, IdentityKind, Relation, ScriptExpr, TableDef, TableKind, same_name,
};
use super::super::decimal::Dec;
use super::super::parse::ast::{
    Condition, Delete, Expr, Insert, InsertSource, Literal, Name, ObjectName, TableRef, Update,
};
use super::super::types::DataType;
use super::scope::{Scope, table_source};
use super::slot::{Field, SlotSource};
use super::term::quote;
use super::term::{TEXT, Term};
use super::translator::{Aggregates, Plan, Translator, Verb};

impl Translator<'_> {
    /// The table DML changes: -30 unknown, -35 a view, -115 the system's.
    fn target(&mut self, name: &ObjectName) -> Result<Arc<TableDef>, SqlError> {
        match self.relation(name)? {
            Relation::Table(table) if table.kind == TableKind::System => {
                Err(SqlError::prepare(115, format!("Table '{}' is read-only", table.qualified_name())))
            }
            Relation::Table(table) => {
                self.remember_table(&table);
                Ok(table)
            }
            Relation::View(view) => {
                Err(SqlError::prepare(35, format!("View '{}.{}' is not updateable", view.schema, view.name)))
            }
        }
    }

    pub(super) fn insert(&mut self, insert: &Insert) -> Result<Plan, SqlError> {
        let table = self.target(&insert.table)?;
        let columns = self.insert_columns(insert, &table)?;
        let defaults: Vec<&ColumnDef> = table
            .columns
            .iter()
            .filter(|column| {
                column.default.is_some() && !columns.iter().any(|given| same_name(&given.name, &column.name))
            })
            .collect();
        let mut names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
        names.extend(defaults.iter().map(|column| quote(&column.name)));
        let into = format!("INSERT INTO {}", quote(&table.sqlite_name));
        let mut sql = match &insert.source {
            InsertSource::DefaultValues if names.is_empty() => format!("{into} DEFAULT VALUES"),
            InsertSource::DefaultValues => {
                let row = self.default_row(&columns, &defaults, &table)?;
                format!("{into} ({}) VALUES ({row})", names.join(","))
            }
            InsertSource::Values(rows) => {
                let mut texts = Vec::new();
                for row in rows {
                    texts.push(format!(
                        "({})",
                        self.value_row(row, &columns, &defaults, &table, insert.columns.is_empty())?
                    ));
                }
                format!("{into} ({}) VALUES {}", names.join(","), texts.join(","))
            }
            InsertSource::Query(query) => {
                let output = self.query(query)?;
                check_count(output.columns.len(), columns.len(), insert.columns.is_empty())?;
                let mut values = Vec::new();
                for (index, (own, column)) in output.columns.iter().zip(&columns).enumerate() {
                    let field = field(&table, column, false);
                    values.push(self.assign_output(&format!("c{}", index + 1), own, column.data_type, &field)?);
                }
                for column in &defaults {
                    values.push(self.default_value(column, &table, false)?);
                }
                // `WHERE true` keeps SQLite from reading ON CONFLICT as a join condition.
                format!("{into} ({}) SELECT {} FROM ({}) WHERE true", names.join(","), values.join(","), output.sql)
            }
        };
        if insert.or_update {
            let updates: Vec<String> =
                columns.iter().map(|column| format!("{0}=excluded.{0}", quote(&column.name))).collect();
            if updates.is_empty() {
                sql.push_str(" ON CONFLICT DO NOTHING");
            } else {
                sql.push_str(&format!(" ON CONFLICT DO UPDATE SET {}", updates.join(",")));
            }
        }
        Ok(self.plan(Verb::Insert, sql, Vec::new(), Vec::new(), Some(table), insert.no_check))
    }

    /// The columns that get values, in order. Without a list: all that can be given.
    fn insert_columns(&self, insert: &Insert, table: &Arc<TableDef>) -> Result<Vec<ColumnDef>, SqlError> {
        let given = match &insert.source {
            InsertSource::Values(rows) => rows.first().map_or(0, Vec::len),
            InsertSource::DefaultValues => 0,
            InsertSource::Query(_) => usize::MAX,
        };
        if insert.columns.is_empty() {
            if insert.source == InsertSource::DefaultValues {
                return Ok(Vec::new());
            }
            let settable = |column: &&ColumnDef| column.data_type != DataType::RowVersion;
            let without_identity = |column: &&ColumnDef| {
                column.identity != IdentityKind::Identity && column.data_type != DataType::RowVersion
            };
            let all: Vec<ColumnDef> = table.columns.iter().filter(settable).cloned().collect();
            // Every column given, the IDENTITY among them: allowed where explicit identities are.
            if given == all.len() && table.allow_identity_insert {
                return Ok(all);
            }
            return Ok(table.columns.iter().filter(without_identity).cloned().collect());
        }
        let mut columns: Vec<ColumnDef> = Vec::new();
        for name in &insert.columns {
            let column = self.settable_column(table, name, true)?;
            if columns.iter().any(|other| same_name(&other.name, &column.name)) {
                return Err(SqlError::prepare(1, format!("Field '{}' is given twice", name.0)));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn settable_column(&self, table: &Arc<TableDef>, name: &Name, insert: bool) -> Result<ColumnDef, SqlError> {
        let forbidden = if insert { 111 } else { 107 };
        let Some(column) = table.column(&name.0) else {
            if name.0 == "%ID" {
                return Err(SqlError::prepare(forbidden, "Cannot INSERT or UPDATE the RowID field '%ID'"));
            }
            return Err(SqlError::prepare(
                29,
                format!("Field '{}' not found in the applicable tables", name.0.to_uppercase()),
            ));
        };
        if column.identity == IdentityKind::Identity && !(insert && table.allow_identity_insert) {
            return Err(SqlError::prepare(
                forbidden,
                format!("Cannot INSERT or UPDATE the IDENTITY field '{}.{}'", table.qualified_name(), column.name),
            ));
        }
        if column.data_type == DataType::RowVersion {
            return Err(SqlError::prepare(
                138,
                format!(
                    "Cannot INSERT/UPDATE a value for a read only field '{}.{}'",
                    table.qualified_name(),
                    column.name
                ),
            ));
        }
        Ok(column.clone())
    }

    fn value_row(
        &mut self,
        row: &[Expr],
        columns: &[ColumnDef],
        defaults: &[&ColumnDef],
        table: &Arc<TableDef>,
        without_list: bool,
    ) -> Result<String, SqlError> {
        check_count(row.len(), columns.len(), without_list)?;
        let mut texts = Vec::new();
        for (expr, column) in row.iter().zip(columns) {
            texts.push(self.assigned_value(expr, column, table, false)?);
        }
        for column in defaults {
            texts.push(self.default_value(column, table, false)?);
        }
        Ok(texts.join(","))
    }

    fn default_row(
        &mut self,
        columns: &[ColumnDef],
        defaults: &[&ColumnDef],
        table: &Arc<TableDef>,
    ) -> Result<String, SqlError> {
        let mut texts = Vec::new();
        for column in columns.iter().chain(defaults.iter().copied()) {
            texts.push(self.default_value(column, table, false)?);
        }
        Ok(texts.join(","))
    }

    fn assigned_value(
        &mut self,
        expr: &Expr,
        column: &ColumnDef,
        table: &Arc<TableDef>,
        update: bool,
    ) -> Result<String, SqlError> {
        if *expr == Expr::Default {
            return self.default_value(column, table, update);
        }
        if contains_subquery(expr) {
            return Err(SqlError::prepare(144, "Subqueries are not allowed in a VALUES or SET clause"));
        }
        let term = self.value(expr)?;
        self.assign(&term, column.data_type, &field(table, column, update))
    }

    fn default_value(&mut self, column: &ColumnDef, table: &Arc<TableDef>, update: bool) -> Result<String, SqlError> {
        match &column.default {
            Some(default) => self.default_expression(default, column, table, update),
            None => Ok("NULL".into()),
        }
    }

    fn default_expression(
        &mut self,
        default: &DefaultExpr,
        column: &ColumnDef,
        table: &Arc<TableDef>,
        update: bool,
    ) -> Result<String, SqlError> {
        let term = match default {
            DefaultExpr::Null => return Ok("NULL".into()),
            DefaultExpr::Text(text) => super::expr::literal_term(&Literal::String(text.clone()))?,
            DefaultExpr::Number(text)
                if Dec::parse(text).is_some_and(Dec::is_integer) && !text.contains(['.', 'e', 'E']) =>
            {
                super::expr::literal_term(&Literal::Integer(text.clone()))?
            }
            DefaultExpr::Number(text) => super::expr::literal_term(&Literal::Number(text.clone()))?,
            DefaultExpr::CurrentDate => self.variable("CURRENT_DATE", 0)?,
            DefaultExpr::CurrentTime { precision } => self.variable("CURRENT_TIME", *precision)?,
            DefaultExpr::CurrentTimestamp { precision } | DefaultExpr::UtcTimestamp { precision } => {
                self.variable("CURRENT_TIMESTAMP", *precision)?
            }
            DefaultExpr::User => self.script(&ScriptExpr::User)?,
            DefaultExpr::ObjectScript { value, .. } => self.script(value)?,
        };
        self.assign(&term, column.data_type, &field(table, column, update))
    }

    fn script(&mut self, expr: &ScriptExpr) -> Result<Term, SqlError> {
        let (operand, function) = match expr {
            ScriptExpr::Text(text) => return super::expr::literal_term(&Literal::String(text.clone())),
            ScriptExpr::Number(text) => return super::expr::literal_term(&Literal::Number(text.clone())),
            ScriptExpr::Today => return self.variable("CURRENT_DATE", 0),
            ScriptExpr::User => {
                let (_, sql) = self.add_slot(SlotSource::User, TEXT);
                return Ok(Term::new(sql, TEXT));
            }
            ScriptExpr::NewGuid => return Ok(Term::new("iris_new_guid()".to_owned(), TEXT)),
            ScriptExpr::Lower(operand) => (operand, "lower"),
            ScriptExpr::Upper(operand) => (operand, "upper"),
        };
        let operand = self.script(operand)?;
        Ok(Term::new(format!("{function}({})", operand.sql), TEXT))
    }

    pub(super) fn update(&mut self, update: &Update) -> Result<Plan, SqlError> {
        let table = self.target(&update.table)?;
        let alias = self.alias();
        let mut scope = Scope::default();
        scope.sources.push(table_source(&table, update.alias.as_ref(), &alias, false));
        self.scopes.push(scope);
        let mut from = String::new();
        if !update.from.is_empty() {
            from = format!(
                " FROM {}",
                self.table_list(&without_target(&update.from, &update.table, update.alias.as_ref()))?
            );
            if from == " FROM " {
                from.clear();
            }
        }
        self.aggregates = Aggregates::Forbidden;
        let mut sets = Vec::new();
        let mut set_names: Vec<&Name> = Vec::new();
        for (name, expr) in &update.assignments {
            let column = self.settable_column(&table, name, false)?;
            if set_names.contains(&name) {
                return Err(SqlError::prepare(1, format!("Field '{}' is given twice", name.0)));
            }
            set_names.push(name);
            sets.push(format!("{}={}", quote(&column.name), self.assigned_value(expr, &column, &table, true)?));
        }
        for column in &table.columns {
            if let Some(on_update) = &column.on_update
                && !set_names.iter().any(|name| same_name(&name.0, &column.name))
            {
                let value = self.default_expression(on_update, column, &table, true)?;
                sets.push(format!("{}={value}", quote(&column.name)));
            }
        }
        let selection = self.selection(update.selection.as_ref())?;
        self.scopes.pop();
        let sql = format!("UPDATE {} AS {alias} SET {}{from}{selection}", quote(&table.sqlite_name), sets.join(","));
        Ok(self.plan(Verb::Update, sql, Vec::new(), Vec::new(), Some(table), update.no_check))
    }

    pub(super) fn delete(&mut self, delete: &Delete) -> Result<Plan, SqlError> {
        let table = self.target(&delete.table)?;
        let alias = self.alias();
        let mut scope = Scope::default();
        scope.sources.push(table_source(&table, delete.alias.as_ref(), &alias, false));
        self.scopes.push(scope);
        let from = self.table_list(&without_target(&delete.from, &delete.table, delete.alias.as_ref()))?;
        self.aggregates = Aggregates::Forbidden;
        let selection = self.selection(delete.selection.as_ref())?;
        self.scopes.pop();
        let name = quote(&table.sqlite_name);
        let row_id = quote(table.row_id_column());
        let sql = if from.is_empty() {
            format!("DELETE FROM {name} AS {alias}{selection}")
        } else {
            format!(
                "DELETE FROM {name} WHERE {row_id} IN (SELECT {alias}.{row_id} FROM {name} AS {alias},{from}{selection})"
            )
        };
        Ok(self.plan(Verb::Delete, sql, Vec::new(), Vec::new(), Some(table), delete.no_check))
    }

    fn selection(&mut self, selection: Option<&Expr>) -> Result<String, SqlError> {
        Ok(match selection {
            Some(condition) => format!(" WHERE {}", self.condition(condition)?),
            None => String::new(),
        })
    }
}

/// The second FROM may name the target itself: the same rows, not another copy of the table.
fn without_target(from: &[TableRef], target: &ObjectName, alias: Option<&Name>) -> Vec<TableRef> {
    let is_target = |item: &TableRef| match item {
        TableRef::Table { name, alias: own } => name.name == target.name && own.as_ref() == alias && own.is_none(),
        TableRef::Derived { .. } | TableRef::JsonTable { .. } | TableRef::Join { .. } => false,
    };
    from.iter().filter(|item| !is_target(item)).cloned().collect()
}

fn field(table: &TableDef, column: &ColumnDef, update: bool) -> Field {
    Field { label: format!("{}.{}", table.qualified_name(), column.name), update }
}

/// -116 without a column list; with one -59 for too many values, -62 for too few.
fn check_count(given: usize, wanted: usize, without_list: bool) -> Result<(), SqlError> {
    match given.cmp(&wanted) {
        std::cmp::Ordering::Equal => Ok(()),
        _ if without_list => Err(SqlError::prepare(
            116,
            format!("Number of values ({given}) does not match the number of columns ({wanted})"),
        )),
        std::cmp::Ordering::Greater => Err(SqlError::prepare(59, format!("{given} values for {wanted} fields"))),
        std::cmp::Ordering::Less => Err(SqlError::prepare(62, format!("{given} values for {wanted} fields"))),
    }
}

fn contains_subquery(expr: &Expr) -> bool {
    match expr {
        Expr::Subquery(_)
        | Expr::Condition(Condition::Exists(_) | Condition::InQuery { .. } | Condition::CompareQuery { .. }) => true,
        Expr::Negate(inner)
        | Expr::Cast(inner, _)
        | Expr::Convert { expr: inner, .. }
        | Expr::OdbcLiteral(_, inner) => contains_subquery(inner),
        Expr::Binary(first, rest) => contains_subquery(first) || rest.iter().any(|(_, term)| contains_subquery(term)),
        Expr::Function(function) => function.arguments.iter().any(contains_subquery),
        Expr::Case { branches, otherwise, .. } => {
            branches.iter().any(|(_, then)| contains_subquery(then))
                || otherwise.as_deref().is_some_and(contains_subquery)
        }
        _ => false,
    }
}
