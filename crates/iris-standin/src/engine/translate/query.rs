//! SELECT and set operations.

use super::super::SqlError;
use super::super::catalog::TableDef;
use super::super::convert::{Class, Purpose};
use super::super::parse::ast::{
    CommonTable, Expr, Limit, OrderItem, Query, QueryBody, Select, SelectItem, SetLeg, SetOperator, Top,
};
use super::super::types::DataType;
use super::output::{Item, OutColumn, QueryOutput, column_name, column_names, is_upper, refuse_stream};
use super::scope::{Cte, Scope, Source};
use super::shape;
use super::slot::Field;
use super::term::{Shape, TEXT, Term};
use super::translator::{Aggregates, Plan, Translator, Verb};
use std::sync::Arc;

/// SELECTs of one compound: SQLite takes 500.
const COMPOUND_MAX: usize = 400;

fn is_union(leg: &SetLeg) -> bool {
    leg.operator == SetOperator::Union
}

fn common_column(operator: SetOperator, a: &OutColumn, b: &OutColumn) -> OutColumn {
    // EXCEPT and INTERSECT go by the first query.
    let by_first = operator != SetOperator::Union && !a.null && a.slot.is_none();
    OutColumn {
        name: a.name.clone(),
        data_type: if by_first { a.data_type } else { union_type(a, b) },
        coll: a.coll.stronger(b.coll),
        nullable: a.nullable || b.nullable,
        origin: None,
        slot: None,
        null: a.null && b.null,
        aliased: a.aliased,
    }
}

impl Translator<'_> {
    pub(super) fn query_plan(&mut self, query: &Query) -> Result<Plan, SqlError> {
        let output = self.query(query)?;
        let column_types = output.columns.iter().map(|column| column.data_type).collect();
        let columns = output.columns.iter().map(OutColumn::describe).collect();
        Ok(self.plan(Verb::Query, output.sql, columns, column_types, None, false))
    }

    /// What [`Translator::query`] does.
    pub(super) fn query_of(&mut self, query: &Query) -> Result<QueryOutput, SqlError> {
        self.ctes.push(Vec::new());
        let result = self.query_with(query);
        self.ctes.pop();
        result
    }

    fn query_with(&mut self, query: &Query) -> Result<QueryOutput, SqlError> {
        let mut with = Vec::new();
        for table in &query.with {
            with.push(self.common_table(table)?);
        }
        let mut output = match &query.body {
            QueryBody::Select(select) => self.select(select, &query.order_by, &query.limit)?,
            QueryBody::Nested(_) | QueryBody::Set { .. } => {
                let mut output = self.body(&query.body)?;
                let order = self.output_order(&query.order_by, &output.columns)?;
                let limit = self.limit(&query.limit)?;
                if !order.is_empty() || !limit.is_empty() {
                    let names = column_names(output.columns.len());
                    output.sql = format!("SELECT {names} FROM ({}){order}{limit}", output.sql);
                }
                output
            }
        };
        if !with.is_empty() {
            output.sql = format!("WITH {} {}", with.join(","), output.sql);
        }
        Ok(output)
    }

    fn common_table(&mut self, table: &CommonTable) -> Result<String, SqlError> {
        if self.ctes.last().is_some_and(|level| level.iter().any(|cte| cte.name == table.name)) {
            return Err(SqlError::prepare(
                382,
                format!("The name '{}' of a CTE is defined more than once", table.name.0),
            ));
        }
        let outer = std::mem::take(&mut self.scopes);
        let output = self.query(&table.query);
        self.scopes = outer;
        let mut output = output?;
        if !table.columns.is_empty() {
            if table.columns.len() != output.columns.len() {
                return Err(SqlError::prepare(142, "column count of the common table expression differs"));
            }
            for (column, name) in output.columns.iter_mut().zip(&table.columns) {
                column.name.clone_from(&name.0);
            }
        }
        let sqlite_name = format!("w{}", self.next_alias);
        self.next_alias += 1;
        let names = column_names(output.columns.len());
        let text = format!("{sqlite_name}({names}) AS ({})", output.sql);
        let cte = Cte { name: table.name.clone(), sqlite_name, columns: output.columns };
        if let Some(level) = self.ctes.last_mut() {
            level.push(Arc::new(cte));
        }
        Ok(text)
    }

    fn body(&mut self, body: &QueryBody) -> Result<QueryOutput, SqlError> {
        match body {
            QueryBody::Select(select) => self.select(select, &[], &Limit::default()),
            QueryBody::Nested(query) => self.query(query),
            QueryBody::Set { first, rest } => {
                let mut result = self.body(first)?;
                // UNIONs of one kind in a row are one operation on all their legs.
                for run in rest.chunk_by(|a, b| is_union(a) && is_union(b) && a.all == b.all) {
                    let Some(SetLeg { operator, all, .. }) = run.first() else { continue };
                    let mut legs = vec![result];
                    for leg in run {
                        legs.push(self.body(&leg.body)?);
                    }
                    result = self.combine(*operator, *all, legs)?;
                }
                Ok(result)
            }
        }
    }

    fn combine(
        &mut self,
        operator: SetOperator,
        all: bool,
        mut legs: Vec<QueryOutput>,
    ) -> Result<QueryOutput, SqlError> {
        let mut columns: Vec<OutColumn> = legs.first().map(|leg| leg.columns.clone()).unwrap_or_default();
        if legs.iter().any(|leg| leg.columns.len() != columns.len()) {
            return Err(SqlError::prepare(9, "Incompatible SELECT lists used in UNION"));
        }
        if all && operator != SetOperator::Union {
            return Err(SqlError::prepare(1, "ALL is allowed with UNION only"));
        }
        for leg in legs.iter().skip(1) {
            columns = columns.iter().zip(&leg.columns).map(|(a, b)| common_column(operator, a, b)).collect();
        }
        for leg in &mut legs {
            self.fit(leg, &columns, !all);
        }
        let word = match (operator, all) {
            (SetOperator::Union, true) => "UNION ALL",
            (SetOperator::Union, false) => "UNION",
            (SetOperator::Intersect, _) => "INTERSECT",
            (SetOperator::Except, _) => "EXCEPT",
        };
        let names = column_names(columns.len());
        let select = |from: &str| format!("SELECT {names} FROM ({from})");
        let mut parts: Vec<String> = legs.iter().map(|leg| select(&leg.sql)).collect();
        while parts.len() > COMPOUND_MAX {
            let groups = parts.chunks(COMPOUND_MAX);
            parts = groups.map(|group| select(&group.join(&format!(" {word} ")))).collect();
        }
        Ok(QueryOutput { sql: parts.join(&format!(" {word} ")), columns })
    }

    /// Converts the columns of a leg to the common types; a distinct operation compares strings by their collation.
    fn fit(&mut self, leg: &mut QueryOutput, columns: &[OutColumn], distinct: bool) {
        let mut changed = false;
        let mut texts = Vec::new();
        for (index, (own, wanted)) in leg.columns.iter().zip(columns).enumerate() {
            let name = column_name(index);
            if let Some(slot) = own.slot {
                self.set_slot(slot, wanted.data_type, Purpose::Cast, None);
                texts.push(name);
                continue;
            }
            let mut text = name.clone();
            if Class::of(&own.data_type) != Class::of(&wanted.data_type) && !own.null {
                let mut term = Term::new(name.clone(), own.data_type);
                term.coll = own.coll;
                text = self.coerce(&term, wanted.data_type, Purpose::Compare).unwrap_or(name.clone());
            }
            if distinct && is_upper(Class::of(&wanted.data_type), wanted.coll) {
                text = format!("iris_upper({text})");
            }
            changed |= text != name;
            texts.push(if text == name { text } else { format!("{text} AS {name}") });
        }
        if changed {
            leg.sql = format!("SELECT {} FROM ({})", texts.join(","), leg.sql);
        }
    }

    pub(super) fn select(
        &mut self,
        select: &Select,
        order_by: &[OrderItem],
        limit: &Limit,
    ) -> Result<QueryOutput, SqlError> {
        self.scopes.push(Scope::default());
        let groups = std::mem::take(&mut self.upper_groups);
        let standing = self.aggregates;
        let windows_allowed = self.windows_allowed;
        let aggregates_count = std::mem::take(&mut self.aggregates_count);
        let result = self.select_inside(select, order_by, limit);
        self.aggregates_count = aggregates_count;
        self.windows_allowed = windows_allowed;
        self.aggregates = standing;
        self.upper_groups = groups;
        self.scopes.pop();
        result
    }

    fn select_inside(
        &mut self,
        select: &Select,
        order_by: &[OrderItem],
        limit: &Limit,
    ) -> Result<QueryOutput, SqlError> {
        self.aggregates = Aggregates::Forbidden;
        self.windows_allowed = false;
        let mut tail = self.table_clause(&select.from)?;
        if let Some(selection) = &select.selection {
            tail.push_str(&format!(" WHERE {}", self.condition(selection)?));
        }
        if let Some(condition) = self.nearest_condition(select, order_by)? {
            let word = if select.selection.is_some() { "AND" } else { "WHERE" };
            tail.push_str(&format!(" {word} {condition}"));
        }
        let mut group_sql = Vec::new();
        // Ordinals, constants and subqueries are no keys: by nothing else, all rows are one group.
        let mut one_group = false;
        for expr in &select.group_by {
            let term = self.value(expr)?;
            refuse_stream(&term)?;
            if matches!(term.shape, Shape::Literal(_) | Shape::Null | Shape::Mark { .. } | Shape::Subquery) {
                one_group = true;
                continue;
            }
            if is_upper(term.class(), term.coll) {
                group_sql.push(format!("iris_upper({})", term.sql));
                self.upper_groups.push(term.sql);
            } else {
                group_sql.push(term.sql);
            }
        }
        self.aggregates = Aggregates::Allowed;
        self.windows_allowed = true;
        let items = self.items(select)?;
        let group_sql_empty = group_sql.is_empty();
        if !group_sql_empty {
            tail.push_str(&format!(" GROUP BY {}", group_sql.join(",")));
        }
        let aggregates = self.aggregates_count > 0;
        if let Some(having) = &select.having {
            self.windows_allowed = false;
            let condition = self.condition(having)?;
            self.windows_allowed = true;
            let plain = group_sql_empty && !one_group && !aggregates;
            tail.push_str(&match (plain, shape::has_aggregate(having), &select.selection) {
                (false, ..) => format!(" HAVING {condition}"),
                // It chooses rows, as WHERE does.
                (true, false, None) => format!(" WHERE {condition}"),
                (true, false, Some(_)) => format!(" AND {condition}"),
                (true, true, _) => {
                    return Err(SqlError::prepare(
                        400,
                        "HAVING with an aggregate, and none in the SELECT list, has a row for each row of the table",
                    ));
                }
            });
        }
        if self.aggregates_count == 0 && group_sql_empty {
            self.aggregates = Aggregates::Forbidden;
        }
        // DISTINCT BY wraps the query: what it orders by beside the select list travels as hidden columns.
        let mut hidden = Vec::new();
        let order = self.select_order(select, order_by, &items, &mut hidden)?;
        let limit = match &select.top {
            _ if one_group && group_sql_empty && !aggregates => " LIMIT 1".to_owned(),
            Top::None | Top::All => self.limit(limit)?,
            Top::Count(count) => format!(" LIMIT {}", self.row_count(count)?),
        };
        let list: Vec<String> =
            items.iter().enumerate().map(|(index, item)| format!("{} AS {}", item.sql, column_name(index))).collect();
        let list = list.join(",");
        let columns: Vec<OutColumn> = items.into_iter().map(|item| item.column).collect();
        // Beside GROUP BY, DISTINCT does nothing where an aggregate is selected.
        let is_grouped = !select.group_by.is_empty() && aggregates;
        let distinct = if select.distinct && !is_grouped { "DISTINCT " } else { "" };
        let sql = if select.distinct_by.is_empty() {
            format!("SELECT {distinct}{list}{tail}{order}{limit}")
        } else {
            let mut keys = Vec::new();
            for key in &select.distinct_by {
                keys.push(self.value(key)?.collated());
            }
            let names = column_names(columns.len());
            let hidden: String = hidden.iter().enumerate().map(|(index, sql)| format!(",{sql} AS o{index}")).collect();
            format!(
                "SELECT {names} FROM (SELECT {list}{hidden},ROW_NUMBER() OVER (PARTITION BY {}) AS n{tail}) \
                 WHERE n=1{order}{limit}",
                keys.join(",")
            )
        };
        Ok(QueryOutput { sql, columns })
    }

    fn items(&mut self, select: &Select) -> Result<Vec<Item>, SqlError> {
        let mut items = Vec::new();
        for item in &select.items {
            match item {
                SelectItem::Star => {
                    let sources = self.scopes.last().map(|scope| scope.sources.clone()).unwrap_or_default();
                    if sources.is_empty() {
                        return Err(SqlError::prepare(26, "Missing FROM clause"));
                    }
                    sources.iter().for_each(|source| star(source, true, &mut items));
                }
                SelectItem::QualifiedStar(name) => {
                    let schema = name.schema.as_ref().map(|schema| schema.0.as_str());
                    let source = self.scopes.last().and_then(|scope| scope.source(schema, &name.name.0)).cloned();
                    let source = source.ok_or_else(|| {
                        SqlError::prepare(
                            23,
                            format!("Label '{}' is not listed among the applicable tables", name.name.0),
                        )
                    })?;
                    star(&source, false, &mut items);
                }
                SelectItem::Expr { expr, alias } => {
                    if matches!(expr, Expr::Condition(_)) {
                        return Err(SqlError::prepare(12, "A term expected: a condition is no value of a SELECT list"));
                    }
                    let term = self.value(expr)?;
                    let position = items.len() + 1;
                    let name = alias.as_ref().map_or_else(|| default_name(&term, position), |alias| alias.0.clone());
                    items.push(item_of(term, name, alias.is_some(), Some(expr.clone())));
                }
            }
        }
        for item in &mut items {
            if select.distinct {
                refuse_stream(&item.term)?;
            }
            let plain_upper = is_upper(item.term.class(), item.term.coll) && !item.sql.starts_with("iris_upper(");
            if select.distinct && plain_upper {
                item.sql = format!("iris_upper({})", item.sql);
            }
        }
        Ok(items)
    }

    /// `INSERT INTO target SELECT`, for CREATE TABLE AS: columns by position.
    pub(super) fn fill(&mut self, query: &Query, target: &Arc<TableDef>) -> Result<Plan, SqlError> {
        let output = self.query(query)?;
        let mut values = Vec::new();
        for (index, (column, own)) in target.columns.iter().zip(&output.columns).enumerate() {
            let field = Field { label: format!("{}.{}", target.qualified_name(), column.name), update: false };
            values.push(self.assign_output(&column_name(index), own, column.data_type, &field)?);
        }
        let names: Vec<String> =
            target.columns.iter().map(|column| format!("\"{}\"", column.name.replace('"', "\"\""))).collect();
        let sql = format!(
            "INSERT INTO \"{}\" ({}) SELECT {} FROM ({})",
            target.sqlite_name.replace('"', "\"\""),
            names.join(","),
            values.join(","),
            output.sql
        );
        Ok(self.plan(Verb::Insert, sql, Vec::new(), Vec::new(), Some(Arc::clone(target)), false))
    }

    /// A result column of a query on its way into a table column.
    pub(super) fn assign_output(
        &mut self,
        name: &str,
        column: &OutColumn,
        to: DataType,
        field: &Field,
    ) -> Result<String, SqlError> {
        if let Some(slot) = column.slot {
            self.set_slot(slot, to, Purpose::Assign, Some(field.clone()));
            return Ok(name.to_owned());
        }
        let mut term = Term::new(name.to_owned(), column.data_type);
        term.coll = column.coll;
        self.assign(&term, to, field)
    }
}

fn star(source: &Source, hide_merged: bool, items: &mut Vec<Item>) {
    for column in &source.columns {
        if hide_merged && column.merged {
            continue;
        }
        let term = column.term();
        let out = OutColumn {
            name: column.name.clone(),
            data_type: term.data_type,
            coll: term.coll,
            nullable: term.nullable,
            origin: column.origin.clone(),
            slot: None,
            null: false,
            aliased: false,
        };
        let expr = Expr::Column(vec![super::super::parse::ast::Name(column.name.clone())]);
        items.push(Item { sql: term.sql.clone(), term, column: out, expr: Some(expr) });
    }
}

fn item_of(term: Term, name: String, aliased: bool, expr: Option<Expr>) -> Item {
    let slot = match term.shape {
        Shape::Mark { slot, typed: false } => Some(slot),
        _ => None,
    };
    let origin = match &term.shape {
        Shape::Column { origin, .. } => origin.clone(),
        _ => None,
    };
    let column = OutColumn {
        name,
        data_type: term.data_type,
        coll: term.coll,
        nullable: term.nullable,
        origin,
        slot,
        null: term.shape == Shape::Null,
        aliased,
    };
    Item { sql: term.sql.clone(), term, column, expr }
}

fn default_name(term: &Term, position: usize) -> String {
    match &term.shape {
        Shape::Column { name, .. } => name.clone(),
        Shape::Mark { .. } | Shape::Literal(_) | Shape::Null => format!("HostVar_{position}"),
        Shape::Aggregate => format!("Aggregate_{position}"),
        Shape::Subquery => format!("Subquery_{position}"),
        Shape::Other => format!("Expression_{position}"),
    }
}

/// VARCHAR, DOUBLE, NUMERIC, BIGINT, INTEGER, SMALLINT, TINYINT: the first of them that a leg has.
fn union_type(a: &OutColumn, b: &OutColumn) -> DataType {
    if a.null || (a.slot.is_some() && b.slot.is_none()) {
        return b.data_type;
    }
    if b.null || b.slot.is_some() || a.data_type == b.data_type {
        return a.data_type;
    }
    let rank = |data_type: &DataType| match data_type {
        DataType::VarChar { .. } | DataType::Char { .. } => 0,
        DataType::Double => 1,
        DataType::Numeric { .. } | DataType::Currency => 2,
        DataType::BigInt | DataType::RowVersion => 3,
        DataType::Integer => 4,
        DataType::SmallInt => 5,
        DataType::TinyInt | DataType::Bit => 6,
        _ => 7,
    };
    match (a.data_type, b.data_type) {
        (DataType::VarChar { length: x }, DataType::VarChar { length: y }) => {
            DataType::VarChar { length: x.zip(y).map(|(x, y)| x.max(y)) }
        }
        (DataType::Numeric { precision: p, scale: s }, DataType::Numeric { precision: q, scale: t }) => {
            DataType::Numeric { precision: p.max(q), scale: s.max(t) }
        }
        (x, y) if Class::of(&x) == Class::of(&y) && rank(&x) == 7 => x,
        (x, y) if rank(&x) == 7 && rank(&y) == 7 => TEXT,
        (x, y) => {
            if rank(&x) <= rank(&y) {
                x
            } else {
                y
            }
        }
    }
}
