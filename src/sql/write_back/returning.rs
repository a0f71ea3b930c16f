//! RETURNING: by the statements that store rows where IRIS can compute it, else by PostgreSQL over what they stored.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Change;
use super::insert::row_width;
use super::target::Table;
use crate::sql::finish::{SYSTEM_COLUMNS, fetched};
use crate::sql::options::TranslateError;
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::with::is_with_table;
use crate::sql::write_plan::Returning;

/// The sub-query that computes what is returned.
const RETURNED: &str = "pgw_r";

/// The column that tells what MERGE does with a row.
const ACTION: &str = "pgw_action.pgw_a";

/// A RETURNING as a query has it.
pub(super) struct Queried {
    list: String,
    /// Names of the columns in parentheses, where it is known how many there are.
    renamed: String,
}

/// What the columns of an item of FROM are qualified with; `None` for joins, whose columns may be merged.
fn shown_name(item: &SyntaxNode) -> Option<String> {
    let is_join = item.descendants().any(|node| matches!(node.kind(), SyntaxKind::JOIN | SyntaxKind::JOIN_EXPR));
    if is_join {
        return None;
    }
    let alias = item.children().find(|child| {
        matches!(child.kind(), SyntaxKind::FROM_ALIAS | SyntaxKind::OPTIONAL_AS_ALIAS | SyntaxKind::REQUIRED_AS_ALIAS)
    });
    match alias {
        Some(alias) => names::first(&alias),
        None => {
            let name = item.descendants().find(|node| node.kind() == SyntaxKind::RELATION_NAME_REF)?;
            (item.kind() == SyntaxKind::RELATION_FROM_ITEM).then(|| names::parts(&name).pop()).flatten()
        }
    }
}

/// A RETURNING as those statements have it, and the query over their rows.
pub(super) struct Returned {
    /// With a blank in front; nothing where nothing is returned.
    pub(super) clause: String,
    pub(super) by_query: Option<Returning>,
}

impl Returned {
    /// The statements give nothing.
    pub(super) fn none() -> Self {
        Self { clause: String::new(), by_query: None }
    }
}

impl Queried {
    /// The list over the tables as they are.
    pub(super) fn old(&self) -> &str {
        &self.list
    }

    /// What shows the columns of [`joined`](Self::joined).
    pub(super) fn shown() -> String {
        format!("{RETURNED}.*")
    }

    /// The list over a new row of the table. `condition`: a WHERE of that row; `action`: what MERGE does.
    pub(super) fn of_row(&self, table: &Table, new: &[String], condition: &str, action: &str) -> String {
        let called: Vec<String> = table.facts.columns.iter().map(|column| table.called(column)).collect();
        let (new, called) = (new.join(", "), called.join(", "));
        let row = format!("(SELECT {new}{condition} OFFSET 0) AS {}({called})", table.visible);
        let action = match action {
            "" => String::new(),
            action => format!(", (SELECT '{action}'::pg_catalog.text) AS pgw_action(pgw_a)"),
        };
        format!("SELECT {} FROM {row}{action}", self.list)
    }

    /// Such queries behind what they read.
    pub(super) fn joined(&self, queries: &[String]) -> String {
        let all = queries.join(" UNION ALL ");
        format!(" LEFT JOIN LATERAL ({all} OFFSET 0) AS {RETURNED}{} ON true", self.renamed)
    }
}

impl Change<'_, '_> {
    fn returns_system_column(&self, table: &Table) -> bool {
        let Some(clause) = nodes::child(self.node, SyntaxKind::RETURNING_CLAUSE) else { return false };
        let mut names = clause.descendants().filter(|node| node.kind() == SyntaxKind::NAME_REF);
        names.any(|name| {
            let name = names::folded_parts(&name).pop().unwrap_or_default();
            SYSTEM_COLUMNS.contains(&name.as_str()) && table.column(&name).is_none()
        })
    }

    /// `write`: the statement that stores a row, by its RETURNING. `None`: it cannot be served.
    pub(super) fn returned(
        &self,
        table: &Table,
        write: impl Fn(&str) -> String,
    ) -> Result<Option<Returned>, TranslateError> {
        let clause = self.clause(SyntaxKind::RETURNING_CLAUSE);
        let own = self.own_list(table);
        // The statement for a row knows the row's table alone.
        if !clause.is_empty() && own.is_none() && !self.is_alone() {
            return Ok(None);
        }
        if self.is_written(&write(&clause))? {
            return Ok(Some(Returned { clause, by_query: None }));
        }
        let Some(list) = own.filter(|_| !self.returns_system_column(table)) else { return Ok(None) };
        let columns = table.facts.columns.iter().map(|column| fetched(&table.spelled(column), column)).collect();
        let shown = |column: &ColumnFacts| {
            // What IRIS keeps as text travels as text.
            format!("{}{}", table.called(column), if column.is_opaque() { "::text" } else { "" })
        };
        let all: Vec<String> = table.facts.columns.iter().map(shown).collect();
        let clause = format!(" RETURNING {}", all.join(", "));
        let by_query = Returning::Stored { list, name: table.visible.clone(), columns };
        Ok(self.is_written(&write(&clause))?.then_some(Returned { clause, by_query: Some(by_query) }))
    }

    /// RETURNING by the query that tells which rows change, in whose FROM the table stands under its name. `others`: what stands
    /// beside it; `None`: it cannot be served.
    pub(super) fn queried(&self, table: &Table, others: &[SyntaxNode]) -> Option<Queried> {
        let clause = nodes::child(self.node, SyntaxKind::RETURNING_CLAUSE)?;
        let list = nodes::child(&clause, SyntaxKind::TARGET_LIST)?;
        let has_options = clause.descendants().any(|node| node.kind() == SyntaxKind::RETURNING_OPTION_LIST);
        if has_options || self.returns_system_column(table) || nodes::calls_volatile(&clause) {
            return None;
        }
        let is_merge = self.node.kind() == SyntaxKind::MERGE;
        let visible = names::folded(&table.visible);
        let mut listed = Vec::new();
        let mut width = Some(0_usize);
        for target in nodes::children(&list, SyntaxKind::TARGET) {
            let starred = target.first_child().filter(|value| value.kind() == SyntaxKind::FIELD_EXPR);
            let starred = starred.filter(|value| nodes::has_token(value, SyntaxKind::STAR));
            let qualifier = starred.and_then(|star| names::folded_parts(&star).pop());
            if !nodes::has_token(&target, SyntaxKind::STAR) && qualifier.is_none() {
                listed.push(self.returned_value(&target));
                width = width.and_then(|width| width.checked_add(1));
                continue;
            }
            let own = || table.facts.columns.iter().map(|column| format!("{}.{}", table.visible, table.called(column)));
            let is_meant = |name: &str| qualifier.as_ref().is_none_or(|qualifier| *qualifier == name);
            let shows_own = is_meant(&visible);
            if shows_own {
                width = width.and_then(|width| width.checked_add(table.facts.columns.len()));
            }
            // MERGE shows what comes in front of what is there.
            listed.extend(own().filter(|_| shows_own && !is_merge));
            for item in others {
                let name = shown_name(item)?;
                if is_meant(&names::folded(&name)) {
                    listed.push(format!("{name}.*"));
                    width = width.zip(self.width(item)).and_then(|(width, more)| width.checked_add(more));
                }
            }
            listed.extend(own().filter(|_| shows_own && is_merge));
        }
        // The columns have names of their own, so that a bare name elsewhere does not mean them.
        let renamed = match width {
            Some(width) => {
                let names: Vec<String> = (0..width).map(|n| format!("pgw_r{n}")).collect();
                format!("({})", names.join(", "))
            }
            None if self.has_bare_names(&clause) => return None,
            None => String::new(),
        };
        Some(Queried { list: listed.join(", "), renamed })
    }

    /// A value of RETURNING, in which the actions of MERGE are told by a column.
    fn returned_value(&self, target: &SyntaxNode) -> String {
        let calls = target.descendants().filter(|node| node.kind() == SyntaxKind::CALL_EXPR);
        let range = nodes::range(target);
        let mut text = String::new();
        let mut at = range.start;
        for call in calls.filter(|call| nodes::called(call).as_deref() == Some("merge_action")) {
            let call = nodes::range(&call);
            text.push_str(self.text(at..call.start));
            text.push_str(ACTION);
            at = call.end;
        }
        let is_alone = at == range.end && text == ACTION;
        text.push_str(self.text(at..range.end));
        if is_alone { format!("{text} AS merge_action") } else { text }
    }

    /// How many columns an item of FROM has; `None`: it is not known.
    fn width(&self, item: &SyntaxNode) -> Option<usize> {
        let mut queries = item.descendants().filter(|node| nodes::is_query(node.kind()));
        let is_values = |query: &SyntaxNode| matches!(query.kind(), SyntaxKind::VALUES | SyntaxKind::PAREN_SELECT);
        if let Some(values) = item.descendants().find(|node| node.kind() == SyntaxKind::VALUES)
            && queries.all(|query| is_values(&query))
        {
            return row_width(&values);
        }
        let name = item.descendants().find(|node| node.kind() == SyntaxKind::RELATION_NAME_REF)?;
        if item.kind() != SyntaxKind::RELATION_FROM_ITEM || is_with_table(&name) {
            return None;
        }
        let (_, lookup) = self.cx.relation(&names::parts(&name)).ok()?;
        self.cx.known(&lookup).map(|facts| facts.columns.len())
    }

    /// Whether a name stands outside of a clause that does not say which table it is of.
    fn has_bare_names(&self, clause: &SyntaxNode) -> bool {
        self.node.descendants().filter(|node| node.kind() == SyntaxKind::NAME_REF).any(|name| {
            let is_part = name.parent().is_some_and(|parent| {
                parent.kind() == SyntaxKind::FIELD_EXPR
                    || parent.kind() == SyntaxKind::CALL_EXPR && parent.first_child().as_ref() == Some(&name)
            });
            !is_part && !clause.text_range().contains_range(name.text_range()) && !nodes::is_constant(&name)
        })
    }

    /// Whether no other table stands beside the one that is changed.
    fn is_alone(&self) -> bool {
        let others = [SyntaxKind::FROM_CLAUSE, SyntaxKind::USING_CLAUSE];
        others.iter().all(|kind| nodes::child(self.node, *kind).is_none())
    }

    /// The list of RETURNING, where it is about the columns of the table alone.
    fn own_list(&self, table: &Table) -> Option<String> {
        let clause = nodes::child(self.node, SyntaxKind::RETURNING_CLAUSE)?;
        if clause.descendants().any(|node| node.kind() == SyntaxKind::RETURNING_OPTION_LIST) {
            return None;
        }
        let list = nodes::child(&clause, SyntaxKind::TARGET_LIST)?;
        let visible = names::folded(&table.visible);
        let is_alone = self.is_alone();
        let is_own = list.descendants().all(|node| match node.kind() {
            kind if nodes::is_query(kind) => false,
            SyntaxKind::FIELD_EXPR => {
                let parts = names::folded_parts(&node);
                let qualifier = parts.first();
                is_alone || qualifier == Some(&visible) && parts.len() == 2
            }
            SyntaxKind::NAME_REF => {
                is_alone
                    || names::folded_parts(&node).iter().all(|name| {
                        *name == visible || table.facts.columns.iter().any(|column| table.spelled(column) == *name)
                    })
            }
            SyntaxKind::TARGET => is_alone || !nodes::has_token(&node, SyntaxKind::STAR),
            _ => true,
        });
        is_own.then(|| self.text_of(&list).to_owned())
    }
}
