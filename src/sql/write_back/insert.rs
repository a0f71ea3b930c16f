//! INSERT: a query gives the rows, each is inserted by a statement of its own.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::target::Table;
use super::{Change, Made};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::is_default;
use crate::sql::write_plan::{Lock, Repeats, RowWrite, WriteBack, WritePart};

/// Columns of a query that gives rows of VALUES side by side: PostgreSQL takes 1,664 in a select list.
const WIDTH_MAX: usize = 1_600;

impl Change<'_, '_> {
    pub(super) fn insert(&self) -> Made {
        let Some(table) = self.table() else { return Ok(None) };
        // PostgreSQL evaluates what is stored in the order of the columns, those among them that take values of sequences.
        let calls = |names: &[&str]| {
            let mut calls = self.node.descendants().filter(|node| node.kind() == SyntaxKind::CALL_EXPR);
            calls.any(|call| nodes::called(&call).is_some_and(|name| names.contains(&name.as_str())))
        };
        let draws = table.facts.columns.iter().any(|column| column.draws.is_some()) || calls(&["nextval"]);
        if draws && calls(&["currval", "lastval"]) {
            return Ok(None);
        }
        let Some(source) = self.node.children().find(|child| is_query(child.kind())) else {
            // DEFAULT VALUES
            return if table.is_ruled(None) { self.ruled_insert(&table, None, None) } else { Ok(None) };
        };
        // The parser takes RETURNING behind constants for a name of the last.
        let mut words = source.descendants_with_tokens();
        if words.any(|word| word.kind() == SyntaxKind::RETURNING_KW) {
            return Ok(None);
        }
        let whole = nodes::range(self.node);
        let body = nodes::range(&source);
        let start =
            nodes::child(self.node, SyntaxKind::WITH_CLAUSE).map_or(whole.start, |with| nodes::range(&with).end);
        let returning = nodes::child(self.node, SyntaxKind::RETURNING_CLAUSE);
        let end = returning.map_or(whole.end, |returning| nodes::range(&returning).start);
        let mut insert = Insert {
            head: self.text(start..body.start).trim().to_owned(),
            tail: self.text(body.end..end).trim().to_owned(),
        };
        let columns = self.listed();
        if table.is_ruled(None) {
            return self.ruled_insert(&table, Some(&source), columns.as_deref());
        }
        let repeats = match self.conflict_key(&table, columns.as_deref()) {
            Ok(columns) if columns.is_empty() => Repeats::First,
            Ok(columns) => Repeats::Upsert { columns },
            Err(NotUnderstood) => return Ok(None),
        };
        let width = columns.as_ref().map_or(table.facts.columns.len(), Vec::len);
        let Some(returned) = self.returned(&table, |clause| insert.with_tail(clause).row().of(width).0)? else {
            let all: Vec<String> = table.facts.columns.iter().map(|column| table.spelled(column)).collect();
            let Some(columns) = columns.or(Some(all).filter(|all| Some(all.len()) == row_width(&source))) else {
                return Ok(None);
            };
            return self.upsert(&table, &insert.head, &source, &columns);
        };
        insert = insert.with_tail(&returned.clause);
        let parts = if source.kind() == SyntaxKind::VALUES && is_plain(&source) {
            self.values(&insert, &source)
        } else {
            self.query(&insert, &source)
        };
        for write in parts.iter().flat_map(|part| &part.rows) {
            if !self.is_written(&write.of(width).0)? {
                return Ok(None);
            }
        }
        Ok(Some(WriteBack {
            parts,
            lock: Lock::None,
            draws: false,
            deferral: table.deferral(None),
            keys_count: 0,
            repeats,
            fits: Vec::new(),
            returning: returned.by_query,
        }))
    }

    /// The columns in parentheses, folded.
    pub(super) fn listed(&self) -> Option<Vec<String>> {
        let list = nodes::child(self.node, SyntaxKind::COLUMN_TARGET_LIST)?;
        let columns = nodes::children(&list, SyntaxKind::COLUMN_TARGET);
        Some(columns.map(|column| names::folded_parts(&column).join(".")).collect())
    }

    /// The rows of VALUES side by side in one row: each expression is evaluated for its own column.
    fn values(&self, insert: &Insert, source: &SyntaxNode) -> Vec<WritePart> {
        let with = self.with();
        let mut parts: Vec<(Vec<String>, Vec<RowWrite>)> = Vec::new();
        for row in nodes::grandchildren(source, SyntaxKind::ROW_LIST, SyntaxKind::ROW) {
            let values: Vec<SyntaxNode> = expressions(&row).collect();
            let has_room =
                parts.last().is_some_and(|(listed, _)| listed.len().saturating_add(values.len()) <= WIDTH_MAX);
            if !has_room {
                parts.push((Vec::new(), Vec::new()));
            }
            let Some((listed, rows)) = parts.last_mut() else { break };
            let first = listed.len();
            let mut written = Vec::new();
            for value in &values {
                if is_default(value) {
                    written.push("DEFAULT".to_owned());
                } else if is_nextval(value) {
                    // Drawn by the statement that stores the row.
                    written.push(self.text_of(value).to_owned());
                } else {
                    listed.push(self.text_of(value).to_owned());
                    written.push(format!("${}", listed.len().saturating_sub(first)));
                }
            }
            let sql = format!("{} VALUES ({}) {}", insert.head, written.join(", "), insert.tail);
            rows.push(RowWrite::Of { sql: sql.trim_end().to_owned(), columns: (first..listed.len()).collect() });
        }
        let part = |(listed, rows): (Vec<String>, Vec<RowWrite>)| WritePart {
            query: format!("{with}SELECT {}", listed.join(", ")),
            rows,
            choice: None,
            guard: None,
        };
        parts.into_iter().map(part).collect()
    }

    fn query(&self, insert: &Insert, source: &SyntaxNode) -> Vec<WritePart> {
        let with = self.with();
        if let Some(part) = with.is_empty().then(|| self.drawing_query(insert, source)).flatten() {
            return vec![part];
        }
        let text = self.text_of(source);
        let query = if with.is_empty() { text.to_owned() } else { format!("{with}SELECT * FROM ({text}) AS pgw_rows") };
        vec![WritePart { query, rows: vec![insert.row()], choice: None, guard: None }]
    }

    /// `SELECT nextval('s'), a FROM ..`: each row takes its values of sequences when it is stored, in the order of the rows.
    fn drawing_query(&self, insert: &Insert, source: &SyntaxNode) -> Option<WritePart> {
        let clause = nodes::child(source, SyntaxKind::SELECT_CLAUSE)?;
        let is_plain = source.kind() == SyntaxKind::SELECT
            && nodes::child(&clause, SyntaxKind::DISTINCT_CLAUSE).is_none()
            && source.children().all(|child| child.kind() != SyntaxKind::GROUP_BY_CLAUSE);
        let list = nodes::child(&clause, SyntaxKind::TARGET_LIST)?;
        let targets: Vec<SyntaxNode> = nodes::children(&list, SyntaxKind::TARGET).collect();
        let values: Option<Vec<SyntaxNode>> = targets.iter().map(SyntaxNode::first_child).collect();
        let values = values?;
        let is_star = |target: &SyntaxNode| nodes::has_token(target, SyntaxKind::STAR);
        if !is_plain || !values.iter().any(is_nextval) || targets.iter().any(is_star) {
            return None;
        }
        let mut listed = Vec::new();
        let mut written = Vec::new();
        for (target, value) in targets.iter().zip(&values) {
            if is_nextval(value) {
                written.push(self.text_of(value).to_owned());
            } else {
                listed.push(self.text_of(target).to_owned());
                written.push(format!("${}", listed.len()));
            }
        }
        if listed.is_empty() {
            listed.push("1".to_owned());
        }
        let (whole, targets) = (nodes::range(source), nodes::range(&list));
        let query = format!(
            "{}{}{}",
            self.text(whole.start..targets.start),
            listed.join(", "),
            self.text(targets.end..whole.end)
        );
        let sql = format!("{} VALUES ({}) {}", insert.head, written.join(", "), insert.tail);
        let columns = (0..written.iter().filter(|value| value.starts_with('$')).count()).collect();
        Some(WritePart {
            query,
            rows: vec![RowWrite::Of { sql: sql.trim_end().to_owned(), columns }],
            choice: None,
            guard: None,
        })
    }

    /// Which columns of the rows are the key of ON CONFLICT DO UPDATE, in which no two of them may agree.
    fn conflict_key(&self, table: &Table, listed: Option<&[String]>) -> Result<Vec<usize>, NotUnderstood> {
        let Some(conflict) = nodes::child(self.node, SyntaxKind::ON_CONFLICT_CLAUSE) else { return Ok(Vec::new()) };
        if nodes::child(&conflict, SyntaxKind::CONFLICT_DO_NOTHING).is_some() {
            return Ok(Vec::new());
        }
        let target = nodes::child(&conflict, SyntaxKind::CONFLICT_ON_INDEX).ok_or(NotUnderstood)?;
        let columns: Vec<String> = match listed {
            Some(listed) => listed.to_vec(),
            None => table.facts.columns.iter().map(|column| column.name.to_lowercase()).collect(),
        };
        let mut key = Vec::new();
        for item in target.descendants().filter(|node| node.kind() == SyntaxKind::CONFLICT_INDEX_ITEM) {
            let name = item.first_child().filter(|name| name.kind() == SyntaxKind::NAME_REF).ok_or(NotUnderstood)?;
            let name = names::folded(&nodes::plain_text(&name));
            // A column that is not listed takes its default.
            let Some(place) = columns.iter().position(|column| column.eq_ignore_ascii_case(&name)) else {
                return Ok(Vec::new());
            };
            key.push(place);
        }
        if key.is_empty() { Err(NotUnderstood) } else { Ok(key) }
    }
}

/// The text around the rows of an INSERT.
struct Insert {
    head: String,
    tail: String,
}

impl Insert {
    /// With more behind it.
    fn with_tail(&self, more: &str) -> Self {
        Self { head: self.head.clone(), tail: format!("{}{more}", self.tail) }
    }

    fn row(&self) -> RowWrite {
        RowWrite::Insert { head: self.head.clone(), tail: self.tail.clone() }
    }
}

/// Something stands there that this does not know.
struct NotUnderstood;

/// VALUES without ORDER BY and the like.
pub(super) fn is_plain(values: &SyntaxNode) -> bool {
    values.children().all(|child| child.kind() == SyntaxKind::ROW_LIST)
}

/// `nextval('s')`
fn is_nextval(value: &SyntaxNode) -> bool {
    let value = nodes::unwrapped(value);
    let name = value.first_child().filter(|_| value.kind() == SyntaxKind::CALL_EXPR);
    name.is_some_and(|name| match names::folded_parts(&name).as_slice() {
        [name] => name == "nextval",
        [schema, name] => schema == "pg_catalog" && name == "nextval",
        _ => false,
    })
}

/// How many columns the rows of VALUES have.
pub(super) fn row_width(source: &SyntaxNode) -> Option<usize> {
    let rows = nodes::grandchildren(source, SyntaxKind::ROW_LIST, SyntaxKind::ROW);
    rows.first().map(|row| expressions(row).count())
}
