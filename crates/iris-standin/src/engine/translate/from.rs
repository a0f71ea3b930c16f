//! FROM: tables, views, derived tables, joins, JSON_TABLE.

use std::sync::Arc;

use super::super::SqlError;
use super::super::catalog::{Relation, ViewDef};
use super::super::convert::{Class, Purpose};
use super::super::parse::ast::{Expr, JoinKind, JoinOn, JsonColumn, Name, ObjectName, TableRef, same_name};
use super::super::parse::parse_query;
use super::output::{OutColumn, QueryOutput};
use super::scope::{Source, SourceColumn, table_source};
use super::term::{Coll, TEXT, Term, quote, text_constant};
use super::translator::Translator;
use super::type_name;

/// A view that leads to itself is caught here.
const VIEW_DEPTH_MAX: u32 = 16;

impl Translator<'_> {
    /// ` FROM ..`, or nothing. The sources are added to the innermost scope.
    pub(super) fn table_clause(&mut self, from: &[TableRef]) -> Result<String, SqlError> {
        let list = self.table_list(from)?;
        Ok(if list.is_empty() { String::new() } else { format!(" FROM {list}") })
    }

    pub(super) fn table_list(&mut self, from: &[TableRef]) -> Result<String, SqlError> {
        let mut parts = Vec::new();
        for item in from {
            let text = self.table_ref(item)?;
            let joined = matches!(item, TableRef::Join { .. }) && !parts.is_empty();
            parts.push(if joined { format!("({text})") } else { text });
        }
        Ok(parts.join(","))
    }

    fn add_source(&mut self, source: Source) -> Result<(), SqlError> {
        let Some(scope) = self.scopes.last_mut() else {
            return Err(SqlError::prepare(26, "Missing FROM clause"));
        };
        let same = |other: &Source| {
            !source.label.is_empty() && same_name(&other.label, &source.label) && other.schema == source.schema
        };
        if scope.sources.iter().any(same) {
            return Err(SqlError::prepare(20, format!("Name conflict: label '{}' is used twice", source.label)));
        }
        scope.sources.push(source);
        Ok(())
    }

    fn table_ref(&mut self, item: &TableRef) -> Result<String, SqlError> {
        match item {
            TableRef::Table { name, alias } => self.table(name, alias.as_ref()),
            TableRef::Derived { query, alias, columns } => {
                // A derived table sees outer queries, not its neighbours.
                let own = self.scopes.pop();
                let output = self.query(query);
                self.scopes.extend(own);
                let mut output = output?;
                if !columns.is_empty() {
                    if columns.len() != output.columns.len() {
                        return Err(SqlError::prepare(142, "column count of the derived table differs"));
                    }
                    for (column, name) in output.columns.iter_mut().zip(columns) {
                        column.name.clone_from(&name.0);
                    }
                }
                self.derived(&output, alias.as_ref().map_or("", |alias| alias.0.as_str()))
            }
            TableRef::JsonTable { source, path, columns, alias } => {
                self.json_table(source, path, columns, alias.as_ref())
            }
            TableRef::Join { left, right, kind, on } => self.join(left, right, *kind, on),
        }
    }

    /// A query's result as a FROM item.
    fn derived(&mut self, output: &QueryOutput, label: &str) -> Result<String, SqlError> {
        let alias = self.alias();
        self.add_source(output_source(&output.columns, label, &alias))?;
        Ok(format!("({}) AS {alias}", output.sql))
    }

    fn table(&mut self, name: &ObjectName, label: Option<&Name>) -> Result<String, SqlError> {
        if name.schema.is_none()
            && let Some(cte) = self.find_cte(&name.name)
        {
            let alias = self.alias();
            let label = label.unwrap_or(&cte.name).0.clone();
            self.add_source(Source { is_cte: true, ..output_source(&cte.columns, &label, &alias) })?;
            return Ok(format!("{} AS {alias}", cte.sqlite_name));
        }
        match self.relation(name)? {
            Relation::Table(table) => {
                self.remember_table(&table);
                let alias = self.alias();
                self.add_source(table_source(&table, label, &alias, false))?;
                Ok(format!("{} AS {alias}", quote(&table.sqlite_name)))
            }
            Relation::View(view) => {
                self.remember_relation(&view.schema, &view.name);
                let output = self.view(&view)?;
                let text = self.derived(&output, label.map_or(view.name.as_str(), |label| label.0.as_str()))?;
                if label.is_none()
                    && let Some(source) = self.scopes.last_mut().and_then(|scope| scope.sources.last_mut())
                {
                    source.schema = Some(view.schema.clone());
                }
                Ok(text)
            }
        }
    }

    /// -30 when neither a table nor a view.
    pub(super) fn relation(&self, name: &ObjectName) -> Result<Relation, SqlError> {
        let schema = name.schema.as_ref().map_or(self.environment.default_schema, |schema| schema.0.as_str());
        self.environment.catalog.lookup(schema, &name.name.0).ok_or_else(|| {
            SqlError::prepare(30, format!("Table '{}.{}' not found", schema.to_uppercase(), name.name.0.to_uppercase()))
        })
    }

    /// Translates the view's query, with the names and types its definition has.
    fn view(&mut self, view: &Arc<ViewDef>) -> Result<QueryOutput, SqlError> {
        if self.view_depth >= VIEW_DEPTH_MAX {
            return Err(SqlError::prepare(400, format!("View '{}.{}' depends on itself", view.schema, view.name)));
        }
        let query = parse_query(&view.query)?;
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        self.view_depth += 1;
        let output = self.query(&query);
        self.view_depth -= 1;
        self.scopes = scopes;
        self.ctes = ctes;
        let mut output = output?;
        for (column, definition) in output.columns.iter_mut().zip(&view.columns) {
            column.name.clone_from(&definition.name);
            column.aliased = true;
            if let Some(origin) = &mut column.origin {
                origin.schema.clone_from(&view.schema);
                origin.table.clone_from(&view.name);
            }
        }
        Ok(output)
    }

    fn sources_count(&self) -> usize {
        self.scopes.last().map_or(0, |scope| scope.sources.len())
    }

    fn set_nullable(&mut self, range: std::ops::Range<usize>) {
        let sources = self.scopes.last_mut().and_then(|scope| scope.sources.get_mut(range));
        for source in sources.into_iter().flatten() {
            source.columns.iter_mut().chain(&mut source.row_id).for_each(|column| column.nullable = true);
        }
    }

    fn join(&mut self, left: &TableRef, right: &TableRef, kind: JoinKind, on: &JoinOn) -> Result<String, SqlError> {
        let start = self.sources_count();
        let left_sql = self.table_ref(left)?;
        let middle = self.sources_count();
        let right_sql = self.table_ref(right)?;
        let end = self.sources_count();
        let right_sql = if matches!(right, TableRef::Join { .. }) { format!("({right_sql})") } else { right_sql };
        if matches!(kind, JoinKind::Left | JoinKind::Full) {
            self.set_nullable(middle..end);
        }
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            self.set_nullable(start..middle);
        }
        let condition = match on {
            JoinOn::None => String::new(),
            JoinOn::Condition(condition) => format!(" ON {}", self.condition(condition)?),
            JoinOn::Using(names) => self.merge(names, start, middle, end, kind)?,
            JoinOn::Natural => {
                let names = self.common_names(start, middle, end);
                if names.is_empty() { String::new() } else { self.merge(&names, start, middle, end, kind)? }
            }
        };
        let word = match kind {
            JoinKind::Inner | JoinKind::Cross => "JOIN",
            JoinKind::Left => "LEFT JOIN",
            JoinKind::Right => "RIGHT JOIN",
            JoinKind::Full => "FULL JOIN",
        };
        Ok(format!("{left_sql} {word} {right_sql}{condition}"))
    }

    fn common_names(&self, start: usize, middle: usize, end: usize) -> Vec<Name> {
        let sources = self.scopes.last().map(|scope| scope.sources.as_slice()).unwrap_or_default();
        let columns = |range: std::ops::Range<usize>| {
            let sources = sources.get(range).unwrap_or_default();
            sources.iter().flat_map(|source| &source.columns).filter(|column| !column.merged).collect::<Vec<_>>()
        };
        let right = columns(middle..end);
        let shared = |column: &&&SourceColumn| right.iter().any(|other| same_name(&other.name, &column.name));
        columns(start..middle).iter().filter(shared).map(|column| Name(column.name.clone())).collect()
    }

    /// The condition of USING; the right side's columns vanish behind the left side's.
    fn merge(
        &mut self,
        names: &[Name],
        start: usize,
        middle: usize,
        end: usize,
        kind: JoinKind,
    ) -> Result<String, SqlError> {
        let mut conditions = Vec::new();
        for name in names {
            let left = self.merged_position(name, start, middle)?;
            let right = self.merged_position(name, middle, end)?;
            let (Some(a), Some(b)) = (self.source_column(left).cloned(), self.source_column(right).cloned()) else {
                return Err(SqlError::prepare(29, format!("Field '{}' not found in the applicable tables", name.0)));
            };
            conditions.push(self.compare_terms(super::super::parse::ast::CompareOp::Equal, &a.term(), &b.term())?);
            if let Some(column) = self.source_column_mut(right) {
                column.merged = true;
            }
            if let Some(column) = self.source_column_mut(left) {
                match kind {
                    JoinKind::Inner | JoinKind::Left | JoinKind::Cross => {}
                    JoinKind::Right => column.sql = b.sql,
                    JoinKind::Full => column.sql = format!("COALESCE({},{})", a.sql, b.sql),
                }
                column.nullable = a.nullable && b.nullable;
            }
        }
        Ok(format!(" ON {}", conditions.join(" AND ")))
    }

    fn merged_position(&self, name: &Name, start: usize, end: usize) -> Result<(usize, usize), SqlError> {
        let sources = self.scopes.last().map(|scope| scope.sources.as_slice()).unwrap_or_default();
        let mut found = None;
        for (at, source) in sources.iter().enumerate().take(end).skip(start) {
            let column = source.columns.iter().position(|column| !column.merged && same_name(&column.name, &name.0));
            if let Some(column) = column {
                if found.is_some() {
                    return Err(SqlError::prepare(
                        27,
                        format!("Field '{}' is ambiguous among the applicable tables", name.0),
                    ));
                }
                found = Some((at, column));
            }
        }
        found.ok_or_else(|| {
            SqlError::prepare(29, format!("Field '{}' not found in the applicable tables", name.0.to_uppercase()))
        })
    }

    fn source_column(&self, (source, column): (usize, usize)) -> Option<&SourceColumn> {
        self.scopes.last()?.sources.get(source)?.columns.get(column)
    }

    fn source_column_mut(&mut self, (source, column): (usize, usize)) -> Option<&mut SourceColumn> {
        self.scopes.last_mut()?.sources.get_mut(source)?.columns.get_mut(column)
    }

    /// SQLite's json_each over the path; a trailing `[*]` means each element.
    fn json_table(
        &mut self,
        source: &Expr,
        path: &str,
        columns: &[JsonColumn],
        label: Option<&Name>,
    ) -> Result<String, SqlError> {
        let term = self.value(source)?;
        let json = self.text_of(&term)?;
        let alias = self.alias();
        let mut source_columns = Vec::new();
        for column in columns {
            let data_type = type_name::resolve(&column.data_type)?;
            let own = column.path.clone().unwrap_or_else(|| format!("$.{}", column.name.0));
            let value = if own == "$" {
                format!("{alias}.value")
            } else {
                let path = text_constant(&own);
                format!("(CASE WHEN {alias}.type IN ('object','array') THEN json_extract({alias}.value,{path}) END)")
            };
            let mut text = Term::new(value, TEXT);
            text.coll = Coll::None;
            let sql = self.coerce(&text, data_type, Purpose::Cast)?;
            source_columns.push(SourceColumn {
                name: column.name.0.clone(),
                sql,
                data_type,
                coll: if Class::of(&data_type) == Class::Text {
                    Coll::Column(super::super::catalog::Collation::SqlUpper)
                } else {
                    Coll::None
                },
                nullable: true,
                origin: None,
                merged: false,
            });
        }
        self.add_source(Source {
            label: label.map_or(String::new(), |label| label.0.clone()),
            schema: None,
            columns: source_columns,
            row_id: None,
            table: None,
            is_cte: false,
        })?;
        Ok(match path.strip_suffix("[*]") {
            Some(base) => format!("json_each({json},{}) AS {alias}", text_constant(base)),
            None => format!("json_each(json_array(json_extract({json},{}))) AS {alias}", text_constant(path)),
        })
    }
}

/// Columns `c1`, `c2`... of a derived table under their names.
fn output_source(columns: &[OutColumn], label: &str, alias: &str) -> Source {
    let columns = columns.iter().enumerate().map(|(index, column)| SourceColumn {
        name: column.name.clone(),
        sql: format!("{alias}.c{}", index + 1),
        data_type: column.data_type,
        coll: match (Class::of(&column.data_type), column.coll) {
            (Class::Text, Coll::Column(collation) | Coll::Explicit(collation)) => Coll::Column(collation),
            (_, coll) => coll,
        },
        nullable: column.nullable,
        origin: column.origin.clone(),
        merged: false,
    });
    Source {
        label: label.to_owned(),
        schema: None,
        columns: columns.collect(),
        row_id: None,
        table: None,
        is_cte: false,
    }
}
