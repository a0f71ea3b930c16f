//! The table of a change.

use std::rc::Rc;

use squawk_syntax::SyntaxKind;

use super::Change;
use super::update::Assignment;
use crate::sql::schema::{ColumnFacts, RelationName, TableFacts};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::write_plan::Deferral;
use crate::types::quoted_name;

/// The table whose rows change.
pub(super) struct Table {
    /// `s.t AS x`, as written.
    pub(super) named: String,
    /// `s.t`, as written.
    pub(super) typed: String,
    /// What its columns are qualified by, as written.
    pub(super) visible: String,
    pub(super) facts: Rc<TableFacts>,
    own_name: String,
    schema: String,
    /// It has no primary key: its rows are told apart by where they are.
    by_place: bool,
}

/// What a change of a row gives anew.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    Gone,
    Columns(&'a [Assignment]),
}

/// The system column that tells where a row is: the row's number in IRIS.
pub(super) const PLACE: &str = "ctid";

impl Table {
    /// `schema`: PostgreSQL's. A table without alias.
    pub(super) fn new(typed: String, visible: String, facts: Rc<TableFacts>, schema: String, by_place: bool) -> Self {
        let own_name = visible.clone();
        Self { named: typed.clone(), typed, visible, facts, own_name, schema, by_place }
    }

    /// The table's own name, as written.
    pub(super) fn own_name(&self) -> &str {
        &self.own_name
    }

    /// What PostgreSQL calls it.
    pub(super) fn spelled_name(&self) -> String {
        names::folded(&self.own_name)
    }

    /// The schema that PostgreSQL has it in.
    pub(super) fn pg_schema(&self) -> String {
        self.schema.clone()
    }

    /// Whether PostgreSQL has to look at its rows when these columns change.
    pub(super) fn is_ruled(&self, changed: Option<&[String]>) -> bool {
        let rules = &self.facts.rules;
        !rules.is_empty() && changed.is_none_or(|changed| rules.concern(changed))
    }

    /// What PostgreSQL calls a column.
    pub(super) fn spelled(&self, column: &ColumnFacts) -> String {
        let is_own = column.is_spelled || self.facts.spelled.is_none();
        if is_own { column.name.clone() } else { column.name.to_lowercase() }
    }

    /// The same, quoted.
    pub(super) fn called(&self, column: &ColumnFacts) -> String {
        quoted_name(&self.spelled(column))
    }

    pub(super) fn column(&self, name: &str) -> Option<&ColumnFacts> {
        self.facts.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// What tells its rows apart, quoted; `None` where nothing does.
    pub(super) fn key(&self) -> Option<Vec<String>> {
        if self.by_place {
            return Some(vec![PLACE.to_owned()]);
        }
        let key = &self.facts.primary_key;
        let columns: Option<Vec<String>> = key.iter().map(|name| Some(self.called(self.column(name)?))).collect();
        columns.filter(|columns| !columns.is_empty())
    }

    /// `x.a = $1 AND x.b = $2`, for a key.
    pub(super) fn has_key(&self, key: &[String]) -> String {
        let equal = |(n, column): (usize, &String)| format!("{}.{column} = ${}", self.visible, n.saturating_add(1));
        key.iter().enumerate().map(equal).collect::<Vec<_>>().join(" AND ")
    }

    /// A column that can be set to itself, quoted: an UPDATE that locks rows and changes nothing. Of the key only where there
    /// is no other.
    pub(super) fn idle_column(&self) -> Option<String> {
        let is_key =
            |column: &&ColumnFacts| self.facts.primary_key.iter().any(|key| key.eq_ignore_ascii_case(&column.name));
        let able = || {
            self.facts.columns.iter().filter(|column| {
                !column.identity
                    && !column.is_stream
                    && !column.is_opaque()
                    && self.facts.rules.generated(&column.name).is_none()
            })
        };
        able().find(|column| !is_key(column)).or_else(|| able().next()).map(|column| self.called(column))
    }

    /// `None`: it does not refer to itself. `set`: the columns that are given anew, quoted; all of them of a row that is deleted.
    pub(super) fn deferral(&self, set: Option<Given<'_>>) -> Option<Deferral> {
        let own = &self.facts.own_references;
        if own.is_empty() {
            return None;
        }
        let deletes = matches!(set, Some(Given::Gone));
        let key = self.key()?;
        let emptied = own.iter().map(|name| {
            let column = self.column(name).filter(|column| column.nullable)?;
            let called = self.called(column);
            let is_given = match set? {
                Given::Gone => true,
                Given::Columns(columns) => columns.iter().any(|(column, _)| *column == called),
            };
            is_given.then(|| format!("{called} = NULL"))
        });
        let emptied = emptied.collect::<Option<Vec<_>>>().map(|emptied| emptied.join(", "));
        let loosen = emptied.map(|emptied| format!("UPDATE {} SET {emptied} WHERE {}", self.named, self.has_key(&key)));
        Some(Deferral { loosen, deletes })
    }

    /// The UPDATE that locks rows, up to its condition; `None` where they cannot be locked.
    pub(super) fn locking(&self) -> Option<String> {
        self.locking_as(&self.named, &self.visible)
    }

    /// The same where a statement has the table as `named`, and calls it `visible`.
    pub(super) fn locking_as(&self, named: &str, visible: &str) -> Option<String> {
        let idle = self.idle_column()?;
        Some(format!("UPDATE {named} SET {idle} = {visible}.{idle}"))
    }
}

impl Change<'_, '_> {
    fn is_of_with(&self, typed: &[String]) -> bool {
        let Some(with) = nodes::child(self.node, SyntaxKind::WITH_CLAUSE) else { return false };
        let name = typed.last().map(|name| names::folded(name));
        let mut tables = nodes::children(&with, SyntaxKind::WITH_TABLE);
        tables.any(|table| names::first(&table).map(|table| names::folded(&table)) == name)
    }

    /// `None`: it is not known.
    pub(super) fn table(&self) -> Option<Table> {
        let name = self.node.children().find(|child| {
            matches!(
                child.kind(),
                SyntaxKind::RELATION_NAME
                    | SyntaxKind::RELATION_NAME_REF
                    | SyntaxKind::RELATION_FROM_ITEM
                    | SyntaxKind::TABLE_RELATION_NAME
            )
        })?;
        let kinds = [SyntaxKind::RELATION_NAME_REF, SyntaxKind::TABLE_NAME_REF];
        let reference = name.descendants().find(|node| kinds.contains(&node.kind()))?;
        let typed = names::parts(&reference);
        // WITH in front may have one of its name, which the query would take for it.
        if self.is_of_with(&typed) {
            return None;
        }
        let (_, lookup) = self.cx.relation(&typed).ok()?;
        let facts = self.cx.known(&lookup)?;
        let alias = self.node.children().find(|child| {
            matches!(
                child.kind(),
                SyntaxKind::OPTIONAL_AS_ALIAS | SyntaxKind::REQUIRED_AS_ALIAS | SyntaxKind::FROM_ALIAS
            )
        });
        let alias = alias.and_then(|alias| names::parts(&alias).into_iter().next_back());
        let named = match &alias {
            Some(alias) => format!("{} AS {alias}", typed.join(".")),
            None => typed.join("."),
        };
        let visible = alias.or_else(|| typed.last().cloned())?;
        let own_name = typed.last().cloned()?;
        let is_default = facts.schema.eq_ignore_ascii_case(self.cx.options.default_schema);
        let schema = match &lookup.schema {
            Some(schema) if !schema.eq_ignore_ascii_case(self.cx.options.default_schema) => schema.clone(),
            _ if is_default => "public".to_owned(),
            _ => facts.schema.clone(),
        };
        let by_place = self.has_places(&lookup, &facts);
        Some(Table { named, typed: typed.join("."), visible, facts, own_name, schema, by_place })
    }

    /// Whether rows of a table without primary key can be told apart by where they are: a view has no such thing.
    pub(super) fn has_places(&self, lookup: &RelationName, facts: &TableFacts) -> bool {
        facts.primary_key.is_empty()
            && !facts.columns.iter().any(|column| column.name.eq_ignore_ascii_case(PLACE))
            && self.cx.views(lookup).is_some_and(|facts| facts.definition.is_none())
    }
}
