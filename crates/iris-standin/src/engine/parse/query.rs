//! Queries: SELECT, set operations, WITH, FROM items.

use super::ast::{
    CommonTable, Expr, JoinKind, JoinOn, JsonColumn, Limit, Name, ObjectName, OrderItem, Query, QueryBody, Select,
    SelectItem, SetLeg, SetOperator, TableRef, Top,
};
use super::{Parser, SqlError, TokenKind};

/// Optimiser hints: they change no result.
const SELECT_HINTS: [&str; 12] = [
    "%PARALLEL",
    "%NOPARALLEL",
    "%NOFPLAN",
    "%NORUNTIME",
    "%NOLOCK",
    "%PROFILE",
    "%PROFILE_ALL",
    "%INORDER",
    "%FULL",
    "%NOFLATTEN",
    "%NOMERGE",
    "%NOREDUCE",
];
const FROM_HINTS: [&str; 12] = [
    "%PARALLEL",
    "%NOPARALLEL",
    "%ALLINDEX",
    "%FULL",
    "%INORDER",
    "%NOFLATTEN",
    "%NOMERGE",
    "%NOREDUCE",
    "%NOSVSO",
    "%NOTOPOPT",
    "%NOUNIONOROPT",
    "%NOINDEX",
];

/// Joins of one FROM item: SQLite reads at most 64 tables, IRIS's optimiser fewer.
const JOINS_MAX: usize = 100;

fn combined(first: QueryBody, rest: Vec<SetLeg>) -> QueryBody {
    if rest.is_empty() { first } else { QueryBody::Set { first: Box::new(first), rest } }
}

impl Parser {
    /// `nested`: inside another statement, where ORDER BY needs TOP.
    pub(super) fn query(&mut self, nested: bool) -> Result<Query, SqlError> {
        self.enter()?;
        self.query_depth += 1;
        let query = self.query_body(nested);
        self.query_depth -= 1;
        self.leave();
        query
    }

    fn query_body(&mut self, nested: bool) -> Result<Query, SqlError> {
        let mut with = Vec::new();
        if self.word("WITH") {
            if self.is_word("RECURSIVE") {
                return Err(SqlError::prepare(1, "recursive common table expressions are not supported"));
            }
            loop {
                let name = self.name()?;
                let columns = if self.is_symbol("(") { self.names_in_parentheses()? } else { Vec::new() };
                self.expect_word("AS")?;
                self.expect_symbol("(")?;
                let query = self.query(true)?;
                self.expect_symbol(")")?;
                self.has_common_tables = true;
                with.push(CommonTable { name, columns, query });
                if !self.symbol(",") {
                    break;
                }
            }
        }
        let body = self.set_operation()?;
        let order_by = if self.words(&["ORDER", "BY"]) { self.order_items()? } else { Vec::new() };
        let limit = self.limit()?;
        let top = match &body {
            QueryBody::Select(select) => select.top.clone(),
            QueryBody::Nested(_) | QueryBody::Set { .. } => Top::None,
        };
        if top != Top::None && !limit.is_none() {
            return Err(SqlError::prepare(386, "TOP cannot be combined with LIMIT, OFFSET or FETCH"));
        }
        if nested && !order_by.is_empty() && top == Top::None {
            return Err(SqlError::prepare(1, "ORDER BY in a subquery needs TOP"));
        }
        if self.is_word("FOR") {
            return Err(SqlError::prepare(25, "Input (FOR) encountered after end of query"));
        }
        // `(SELECT ..)` alone is the query itself.
        if let QueryBody::Nested(inner) = body {
            if with.is_empty() && order_by.is_empty() && limit.is_none() {
                return Ok(*inner);
            }
            return Ok(Query { with, body: QueryBody::Nested(inner), order_by, limit });
        }
        Ok(Query { with, body, order_by, limit })
    }

    /// UNION and EXCEPT associate to the left and bind weaker than INTERSECT.
    fn set_operation(&mut self) -> Result<QueryBody, SqlError> {
        let first = self.intersection()?;
        let mut rest = Vec::new();
        loop {
            let operator = if self.word("UNION") {
                SetOperator::Union
            } else if self.word("EXCEPT") {
                SetOperator::Except
            } else {
                return Ok(combined(first, rest));
            };
            let all = self.word("ALL");
            self.word("%PARALLEL");
            rest.push(SetLeg { operator, all, body: self.intersection()? });
        }
    }

    fn intersection(&mut self) -> Result<QueryBody, SqlError> {
        let first = self.leg()?;
        let mut rest = Vec::new();
        while self.word("INTERSECT") {
            let all = self.word("ALL");
            rest.push(SetLeg { operator: SetOperator::Intersect, all, body: self.leg()? });
        }
        Ok(combined(first, rest))
    }

    fn leg(&mut self) -> Result<QueryBody, SqlError> {
        if self.symbol("(") {
            let query = self.query(false)?;
            self.expect_symbol(")")?;
            return Ok(QueryBody::Nested(Box::new(query)));
        }
        if !self.is_word("SELECT") {
            return Err(self.expected("SELECT"));
        }
        self.select().map(|select| QueryBody::Select(Box::new(select)))
    }

    fn select(&mut self) -> Result<Select, SqlError> {
        self.expect_word("SELECT")?;
        self.hints(&SELECT_HINTS);
        let mut distinct = false;
        let mut distinct_by = Vec::new();
        if self.word("DISTINCT") {
            if self.is_word("ON") {
                return Err(SqlError::prepare(12, "A term expected, ON found"));
            }
            if self.word("BY") {
                self.expect_symbol("(")?;
                distinct_by = self.values_until_close()?;
            } else {
                distinct = true;
            }
        } else {
            self.word("ALL");
        }
        let top = self.top()?;
        let mut items = vec![self.select_item()?];
        while self.symbol(",") {
            items.push(self.select_item()?);
        }
        if self.is_word("INTO") {
            return Err(SqlError::prepare(422, "SELECT INTO is not allowed outside embedded SQL"));
        }
        let mut from = Vec::new();
        if self.word("FROM") {
            self.hints(&FROM_HINTS);
            from = self.table_refs()?;
        }
        let selection = if self.word("WHERE") { Some(self.condition()?) } else { None };
        let mut group_by = Vec::new();
        if self.words(&["GROUP", "BY"]) {
            group_by.push(self.value()?);
            while self.symbol(",") {
                group_by.push(self.value()?);
            }
        }
        let having = if self.word("HAVING") { Some(self.condition()?) } else { None };
        Ok(Select { distinct, distinct_by, top, items, from, selection, group_by, having })
    }

    fn hints(&mut self, hints: &[&str]) {
        while hints.iter().any(|hint| self.is_word(hint)) {
            self.advance();
        }
    }

    fn top(&mut self) -> Result<Top, SqlError> {
        if !self.word("TOP") {
            return Ok(Top::None);
        }
        if self.word("ALL") {
            return Ok(Top::All);
        }
        let parenthesised = self.symbol("(");
        let count = self.count("TOP")?;
        if parenthesised {
            self.expect_symbol(")")?;
        }
        Ok(Top::Count(count))
    }

    /// An integer, signed at most, or a mark; no expressions.
    fn count(&mut self, clause: &str) -> Result<Expr, SqlError> {
        let negative = self.symbol("-");
        let token = self.token().clone();
        let expr = match token.kind {
            TokenKind::Integer => Expr::Literal(super::ast::Literal::Integer(token.text)),
            TokenKind::Mark(mark) if !negative => Expr::Mark(mark),
            _ => return Err(self.expected(&format!("number after {clause}"))),
        };
        self.advance();
        Ok(if negative { Expr::Negate(Box::new(expr)) } else { expr })
    }

    fn limit(&mut self) -> Result<Limit, SqlError> {
        let mut limit = Limit::default();
        if self.word("LIMIT") {
            if !self.word("ALL") {
                let parenthesised = self.symbol("(");
                limit.count = Some(self.count("LIMIT")?);
                if parenthesised {
                    self.expect_symbol(")")?;
                }
            }
            if self.word("OFFSET") {
                limit.offset = Some(self.count("OFFSET")?);
                let _ = self.word("ROW") || self.word("ROWS");
            }
            if self.is_word("FETCH") {
                return Err(SqlError::prepare(386, "LIMIT cannot be combined with FETCH"));
            }
            return Ok(limit);
        }
        if self.word("OFFSET") {
            limit.offset = Some(self.count("OFFSET")?);
            let _ = self.word("ROW") || self.word("ROWS");
            if self.is_word("LIMIT") {
                return Err(SqlError::prepare(25, "Input (LIMIT) encountered after end of query"));
            }
        }
        if self.word("FETCH") {
            if !(self.word("FIRST") || self.word("NEXT")) {
                return Err(self.expected("FIRST or NEXT"));
            }
            limit.count = Some(match self.token().kind {
                TokenKind::Integer | TokenKind::Mark(_) => self.count("FETCH")?,
                _ => Expr::Literal(super::ast::Literal::Integer("1".into())),
            });
            let _ = self.word("ROW") || self.word("ROWS");
            self.word("ONLY");
        }
        Ok(limit)
    }

    pub(super) fn order_items(&mut self) -> Result<Vec<OrderItem>, SqlError> {
        let mut items = Vec::new();
        loop {
            // A number in parentheses or with a sign is no ordinal, and says nothing.
            let is_wrapped = self.is_symbol("(") || self.is_symbol("-") || self.is_symbol("+");
            let expr = self.value()?;
            let expr = match expr {
                Expr::Literal(_) if is_wrapped => Expr::Null,
                expr => expr,
            };
            let descending = self.word("DESC");
            if !descending {
                self.word("ASC");
            }
            if self.is_word("NULLS") {
                return Err(SqlError::prepare(25, "Input (NULLS) encountered after end of query"));
            }
            items.push(OrderItem { expr, descending });
            if !self.symbol(",") {
                return Ok(items);
            }
        }
    }

    fn select_item(&mut self) -> Result<SelectItem, SqlError> {
        if self.symbol("*") {
            return Ok(SelectItem::Star);
        }
        if self.is_name() && self.ahead(1).is_symbol(".") {
            if self.ahead(2).is_symbol("*") {
                let name = self.name()?;
                self.at += 2;
                return Ok(SelectItem::QualifiedStar(ObjectName { schema: None, name }));
            }
            if self.ahead(3).is_symbol(".") && self.ahead(4).is_symbol("*") {
                let schema = self.name()?;
                self.advance();
                let name = self.name()?;
                self.at += 2;
                return Ok(SelectItem::QualifiedStar(ObjectName { schema: Some(schema), name }));
            }
        }
        let expr = self.expression()?;
        let alias = self.alias()?;
        Ok(SelectItem::Expr { expr, alias })
    }

    pub(super) fn table_refs(&mut self) -> Result<Vec<TableRef>, SqlError> {
        let mut items = vec![self.joined_table()?];
        while self.symbol(",") {
            items.push(self.joined_table()?);
        }
        Ok(items)
    }

    fn joined_table(&mut self) -> Result<TableRef, SqlError> {
        self.enter()?;
        let mut left = self.table_factor()?;
        let mut joins = 0;
        loop {
            let natural = self.word("NATURAL");
            let kind = if self.word("CROSS") {
                JoinKind::Cross
            } else if self.word("INNER") {
                JoinKind::Inner
            } else if self.is_word("LEFT") || self.is_word("RIGHT") || self.is_word("FULL") {
                let kind = match self.token().upper.as_str() {
                    "LEFT" => JoinKind::Left,
                    "RIGHT" => JoinKind::Right,
                    _ => JoinKind::Full,
                };
                self.advance();
                self.word("OUTER");
                kind
            } else if self.is_word("JOIN") {
                JoinKind::Inner
            } else if natural {
                return Err(self.expected("JOIN"));
            } else {
                break;
            };
            self.expect_word("JOIN")?;
            let right = self.table_factor()?;
            let on = if natural {
                JoinOn::Natural
            } else if kind == JoinKind::Cross {
                JoinOn::None
            } else if self.word("ON") {
                JoinOn::Condition(self.condition()?)
            } else if self.word("USING") {
                JoinOn::Using(self.names_in_parentheses()?)
            } else {
                return Err(self.expected("ON or USING"));
            };
            left = TableRef::Join { left: Box::new(left), right: Box::new(right), kind, on };
            joins += 1;
            if joins > JOINS_MAX {
                return Err(SqlError::prepare(400, format!("Fatal error occurred: more than {JOINS_MAX} joins")));
            }
        }
        self.leave();
        Ok(left)
    }

    /// Whether a query begins here, behind any number of opening parentheses.
    pub(super) fn query_ahead(&self) -> bool {
        let mut n = 0;
        while self.ahead(n).is_symbol("(") {
            n += 1;
        }
        self.ahead(n).is_word("SELECT") || self.ahead(n).is_word("WITH")
    }

    fn table_factor(&mut self) -> Result<TableRef, SqlError> {
        if self.is_symbol("(") {
            if self.query_ahead() {
                self.advance();
                let query = self.query(true)?;
                self.expect_symbol(")")?;
                let alias = self.alias()?;
                let columns =
                    if alias.is_some() && self.is_symbol("(") { self.names_in_parentheses()? } else { Vec::new() };
                return Ok(TableRef::Derived { query: Box::new(query), alias, columns });
            }
            self.advance();
            let inner = self.joined_table()?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        if self.is_word("JSON_TABLE") && self.ahead(1).is_symbol("(") {
            return self.json_table();
        }
        if self.is_word("LATERAL") || self.is_word("VALUES") {
            return Err(self.expected("table name"));
        }
        let name = self.object_name()?;
        if self.is_symbol("(") {
            return Err(SqlError::prepare(428, format!("Stored procedure '{}' not found", name.name.0)));
        }
        let alias = self.alias()?;
        Ok(TableRef::Table { name, alias })
    }

    fn json_table(&mut self) -> Result<TableRef, SqlError> {
        self.advance();
        self.expect_symbol("(")?;
        let source = self.value()?;
        self.expect_symbol(",")?;
        let path = self.string("JSON path")?;
        self.expect_word("COLUMNS")?;
        self.expect_symbol("(")?;
        let mut columns = Vec::new();
        loop {
            let name = self.name()?;
            let data_type = self.type_name()?;
            let path = if self.word("PATH") { Some(self.string("JSON path")?) } else { None };
            columns.push(JsonColumn { name, data_type, path });
            if !self.symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        self.expect_symbol(")")?;
        let alias = self.alias()?;
        Ok(TableRef::JsonTable { source, path, columns, alias })
    }

    fn string(&mut self, what: &str) -> Result<String, SqlError> {
        if self.token().kind != TokenKind::String {
            return Err(self.expected(what));
        }
        let text = self.token().text.clone();
        self.advance();
        Ok(text)
    }

    /// Values separated by commas up to the closing parenthesis, which is taken.
    pub(super) fn values_until_close(&mut self) -> Result<Vec<Expr>, SqlError> {
        let mut values = vec![self.value()?];
        while self.symbol(",") {
            values.push(self.value()?);
        }
        self.expect_symbol(")")?;
        Ok(values)
    }

    pub(super) fn optional_table_alias(&mut self) -> Result<Option<Name>, SqlError> {
        self.alias()
    }
}
