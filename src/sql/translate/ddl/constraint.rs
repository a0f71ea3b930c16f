//! Keys. All become named constraints of the table, with the names PostgreSQL would give them: IRIS's messages carry
//! the name, and clients look at it to learn what went wrong.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{at, defined, end_of_input, first_name, has_child, need, unsupported};
use super::hidden::{KEY_TYPE, hidden_column};
use super::index::{is_among, stream_in_key};
use super::table::{RELATION, Table};
use super::temporary::check_reference;
use crate::sql::rule_notes::{VALUE_WORDS, alike_rule_of, check_expression, column_names};
use crate::sql::rules::KeyRule;
use crate::sql::schema::TableLookup;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::kept::check_key;
use crate::sql::translate::mirror;
use crate::types::{Oid, quoted_name};
use crate::wire::{PgError, Severity, SqlState};

/// PostgreSQL cuts names to this many bytes (`NAMEDATALEN` - 1).
const NAME_BYTES_MAX: usize = 63;

/// A CHECK constraint as a description has it.
pub(super) struct NamedCheck {
    pub name: String,
    pub clause: String,
    pub expression: String,
}

/// UNIQUE NULLS NOT DISTINCT: a hidden column for each.
#[derive(Default)]
pub(super) struct AlikeKeys {
    /// Hidden columns that are there, these among them.
    pub taken: Vec<String>,
    /// Definitions of columns.
    pub columns: Vec<String>,
    pub rules: Vec<KeyRule>,
}

/// The keys of one table while a statement is read.
pub(super) struct Keys<'a> {
    pub table: &'a Table,
    /// Names in use.
    used: Vec<String>,
    /// The primary key's columns, for foreign keys that name none; folded.
    primary_key: Vec<String>,
    /// Columns that are kept as streams; folded.
    streams: Vec<String>,
    /// The types of the columns, by their folded names.
    types: Vec<(String, Oid)>,
    /// PRIMARY KEY and UNIQUE: in front of the foreign keys, which may refer to them.
    own: Vec<String>,
    foreign: Vec<String>,
    pub alike: AlikeKeys,
}

impl<'a> Keys<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        Self {
            table,
            used: Vec::new(),
            primary_key: Vec::new(),
            streams: Vec::new(),
            types: Vec::new(),
            own: Vec::new(),
            foreign: Vec::new(),
            alike: AlikeKeys::default(),
        }
    }

    /// The clauses, in an order in which they can be made.
    pub(super) fn into_clauses(self) -> Vec<String> {
        self.own.into_iter().chain(self.foreign).collect()
    }

    /// The primary key that the table has.
    pub(super) fn has_primary_key(&mut self, columns: &[String]) {
        self.primary_key = columns.to_vec();
    }

    /// The columns that cannot be part of a key.
    pub(super) fn has_streams(&mut self, columns: impl IntoIterator<Item = String>) {
        self.streams.extend(columns);
    }

    /// What the columns are.
    pub(super) fn has_types(&mut self, columns: impl IntoIterator<Item = (String, Oid)>) {
        self.types.extend(columns);
    }

    /// Names that are taken already.
    pub(super) fn reserve(&mut self, taken: impl IntoIterator<Item = String>) {
        self.used.extend(taken);
    }

    /// Reads a constraint of a column (`column`, as typed) or of the table. False when it is no key.
    pub(super) fn read(&mut self, cx: &Cx<'_>, node: &SyntaxNode, column: Option<&str>) -> Result<bool> {
        match node.kind() {
            SyntaxKind::PRIMARY_KEY_CONSTRAINT => self.unique(cx, node, column, true)?,
            SyntaxKind::UNIQUE_CONSTRAINT => self.unique(cx, node, column, false)?,
            SyntaxKind::REFERENCES_CONSTRAINT | SyntaxKind::FOREIGN_KEY_CONSTRAINT => {
                self.foreign_key(cx, node, column)?;
            }
            // The gateway looks at it when rows are written.
            SyntaxKind::CHECK_CONSTRAINT => check_options(cx, node)?,
            SyntaxKind::EXCLUDE_CONSTRAINT => {
                return Err(unsupported(node, "EXCLUDE constraints are not supported by IRIS")
                    .hint("Use a UNIQUE constraint where equality is all that counts."));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unique(&mut self, cx: &Cx<'_>, node: &SyntaxNode, column: Option<&str>, primary: bool) -> Result<()> {
        check_options(cx, node)?;
        let is_alike = node.descendants().any(|child| child.kind() == SyntaxKind::NULLS_NOT_DISTINCT);
        if has_child(node, SyntaxKind::USING_INDEX_NAME) {
            return Err(unsupported(node, "IRIS cannot make a constraint of an existing index")
                .hint("Drop the index and add the constraint with its columns."));
        }
        let columns = match column {
            Some(column) => vec![column.to_owned()],
            None => {
                let list = node.descendants().find(|child| child.kind() == SyntaxKind::CONSTRAINT_COLUMN_REF_LIST);
                Self::column_names(list.as_ref().unwrap_or(node))?
            }
        };
        self.check_streams(node, &columns)?;
        for (name, oid) in &self.types {
            if is_among(name, &columns) {
                check_key(*oid).map_err(|error| error.position(nodes::offset(at(node))))?;
            }
        }
        let folded = folded(&columns);
        let name = if primary { self.name(node, "", "pkey")? } else { self.name(node, &folded.join("_"), "key")? };
        let kind = if primary { "PRIMARY KEY" } else { "UNIQUE" };
        if is_alike {
            let listed: Vec<String> = folded.iter().map(|column| quoted_name(column)).collect();
            let own = self.used.last().cloned().unwrap_or_default();
            let note =
                format!("ADD CONSTRAINT {} UNIQUE NULLS NOT DISTINCT ({})", quoted_name(&own), listed.join(", "));
            let (column, definition) = hidden_column(&mut self.alike.taken, &note, KEY_TYPE)?;
            self.alike.columns.push(definition);
            self.alike.rules.extend(alike_rule_of(&note));
            self.own.push(format!("CONSTRAINT {name} UNIQUE ({})", names::iris_name_of(&column)));
            return Ok(());
        }
        if primary {
            if !self.primary_key.is_empty() {
                let message = format!("multiple primary keys for table \"{}\" are not allowed", self.table.name());
                return Err(PgError::error(SqlState(*b"42P16"), message).position(nodes::offset(at(node))));
            }
            self.primary_key = folded;
        }
        self.own.push(format!("CONSTRAINT {name} {kind} ({})", defined_list(&columns)?));
        Ok(())
    }

    fn check_streams(&self, node: &SyntaxNode, columns: &[String]) -> Result<()> {
        match self.streams.iter().find(|stream| is_among(stream, columns)) {
            Some(stream) => Err(stream_in_key(node, stream)),
            None => Ok(()),
        }
    }

    fn foreign_key(&mut self, cx: &Cx<'_>, node: &SyntaxNode, column: Option<&str>) -> Result<()> {
        check_options(cx, node)?;
        if has_child(node, SyntaxKind::MATCH_FULL) || has_child(node, SyntaxKind::MATCH_PARTIAL) {
            return Err(unsupported(node, "MATCH FULL and MATCH PARTIAL are not supported by IRIS")
                .hint("Leave MATCH out, or declare the columns NOT NULL."));
        }
        let mut lists = nodes::children(node, SyntaxKind::FOREIGN_KEY_COLUMN_LIST);
        let (columns, referenced) = match column {
            Some(column) => {
                let referenced = nodes::children(node, SyntaxKind::COLUMN_NAME_REF);
                (vec![column.to_owned()], referenced.map(|name| first_name(&name)).collect::<Result<_>>()?)
            }
            None => {
                let own = lists.next().map(|list| Self::column_names(&list)).transpose()?.unwrap_or_default();
                let referenced = lists.next().map(|list| Self::column_names(&list)).transpose()?;
                (own, referenced.unwrap_or_default())
            }
        };
        self.check_streams(node, &columns)?;
        let parent = Table::existing(cx, &need(node, SyntaxKind::TABLE_NAME_REF)?, RELATION)?;
        check_reference(self.table, &parent)?;
        let referenced = if !referenced.is_empty() {
            defined_list(&referenced)?
        } else {
            self.primary_key_of(cx, &parent).iter().map(|name| names::iris_name_of(name)).collect::<Vec<_>>().join(", ")
        };
        let name = self.name(node, &folded(&columns).join("_"), "fkey")?;
        let mut clause =
            format!("CONSTRAINT {name} FOREIGN KEY ({}) REFERENCES {}", defined_list(&columns)?, parent.text);
        if !referenced.is_empty() {
            clause.push_str(&format!(" ({referenced})"));
        }
        for action in node.children() {
            let event = match action.kind() {
                SyntaxKind::ON_DELETE_ACTION => "DELETE",
                SyntaxKind::ON_UPDATE_ACTION => "UPDATE",
                _ => continue,
            };
            clause.push_str(&format!(" ON {event} {}", referential_action(&action)?));
        }
        self.foreign.push(clause);
        Ok(())
    }

    /// Without columns a foreign key means the primary key; empty when only IRIS knows that.
    fn primary_key_of(&self, cx: &Cx<'_>, parent: &Table) -> Vec<String> {
        if parent.is(self.table) && !self.primary_key.is_empty() {
            return self.primary_key.clone();
        }
        match cx.facts(&parent.lookup) {
            TableLookup::Known(facts) => facts.primary_key.clone(),
            TableLookup::Missing | TableLookup::NotLoaded => Vec::new(),
        }
    }

    fn column_names(list: &SyntaxNode) -> Result<Vec<String>> {
        if has_child(list, SyntaxKind::WITHOUT_OVERLAPS) || has_child(list, SyntaxKind::PERIOD_COLUMN) {
            return Err(unsupported(list, "temporal keys (WITHOUT OVERLAPS, PERIOD) are not supported by IRIS"));
        }
        nodes::children(list, SyntaxKind::COLUMN_NAME_REF).map(|name| first_name(&name)).collect()
    }

    /// A CHECK for a description: with the name that PostgreSQL gives it.
    pub(super) fn check(&mut self, cx: &Cx<'_>, node: &SyntaxNode) -> Result<NamedCheck> {
        let Some(expression) = check_expression(node) else { return Err(end_of_input(node)) };
        let read = column_names(&expression);
        let column = if let [only] = read.as_slice() { only.as_str() } else { "" };
        self.name(node, column, "check")?;
        let name = self.used.last().cloned().unwrap_or_default();
        let expression = mirror::requalified(&expression, cx.options.default_schema);
        let clause = format!("CONSTRAINT {} CHECK ({expression})", quoted_name(&name));
        Ok(NamedCheck { name, clause, expression })
    }

    /// The constraint's name as given, else as PostgreSQL makes it.
    fn name(&mut self, node: &SyntaxNode, columns: &str, label: &str) -> Result<String> {
        let given = nodes::child(node, SyntaxKind::CONSTRAINT_NAME_CLAUSE)
            .and_then(|clause| nodes::child(&clause, SyntaxKind::CONSTRAINT_NAME))
            .and_then(|name| names::first(&name));
        if let Some(given) = given {
            self.used.push(names::folded(&given));
            return defined(&given);
        }
        let mut name = object_name(self.table.name(), columns, label);
        let mut n = 0;
        // IRIS tells names apart without their case.
        let is_used = |name: &str| self.used.iter().any(|used| used.eq_ignore_ascii_case(name));
        while is_used(&name) {
            n += 1;
            name = object_name(self.table.name(), columns, &format!("{label}{n}"));
        }
        self.used.push(name.clone());
        Ok(names::iris_name_of(&name))
    }
}

/// `table_columns_label`, cut to a name's length at whichever of the first two parts is longer (`makeObjectName`).
pub(super) fn object_name(table: &str, columns: &str, label: &str) -> String {
    let (mut table, mut columns) = (table, columns);
    let joints = if columns.is_empty() { 1 } else { 2 };
    let left = NAME_BYTES_MAX.saturating_sub(label.len().saturating_add(joints));
    while table.len().saturating_add(columns.len()) > left {
        let longer = if table.len() > columns.len() { &mut table } else { &mut columns };
        let mut characters = longer.chars();
        characters.next_back();
        *longer = characters.as_str();
    }
    if columns.is_empty() { format!("{table}_{label}") } else { format!("{table}_{columns}_{label}") }
}

pub(super) fn defined_list(columns: &[String]) -> Result<String> {
    Ok(columns.iter().map(|column| defined(column)).collect::<Result<Vec<_>>>()?.join(", "))
}

fn folded(columns: &[String]) -> Vec<String> {
    columns.iter().map(|column| names::folded(column)).collect()
}

/// What follows a constraint of any kind.
pub(super) fn check_options(cx: &Cx<'_>, node: &SyntaxNode) -> Result<()> {
    for option in node.children() {
        match option.kind() {
            SyntaxKind::DEFERRABLE_CONSTRAINT_OPTION | SyntaxKind::INITIALLY_DEFERRED_CONSTRAINT_OPTION => {
                cx.notice(*PgError::new(
                    Severity::Warning,
                    SqlState::WARNING,
                    "a deferrable constraint is checked at once: IRIS cannot defer it",
                ));
            }
            SyntaxKind::NOT_ENFORCED => {
                return Err(unsupported(&option, "NOT ENFORCED constraints are not supported"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn referential_action(node: &SyntaxNode) -> Result<&'static str> {
    for action in node.children() {
        if has_child(&action, SyntaxKind::COLUMN_REF_LIST) {
            return Err(unsupported(
                &action,
                "SET NULL and SET DEFAULT of some columns only are not supported by IRIS",
            ));
        }
        match action.kind() {
            SyntaxKind::CASCADE => return Ok("CASCADE"),
            SyntaxKind::SET_NULL_COLUMNS => return Ok("SET NULL"),
            SyntaxKind::SET_DEFAULT_COLUMNS => return Ok("SET DEFAULT"),
            _ => {}
        }
    }
    // RESTRICT differs only for deferred constraints, which IRIS does not have.
    Ok("NO ACTION")
}

/// The columns that a CHECK names; any other constraint is let through.
///
/// # Errors
/// 42703.
pub(super) fn check_names<'a>(
    constraint: &SyntaxNode,
    table: &Table,
    columns: impl Iterator<Item = &'a str> + Clone,
) -> Result<()> {
    if constraint.kind() != SyntaxKind::CHECK_CONSTRAINT {
        return Ok(());
    }
    let is_function = |node: &SyntaxNode| {
        node.parent().is_some_and(|call| {
            matches!(call.kind(), SyntaxKind::CALL_EXPR | SyntaxKind::FIELD_EXPR)
                && (call.kind() == SyntaxKind::FIELD_EXPR || call.first_child().as_ref() == Some(node))
        })
    };
    for node in constraint.descendants().filter(|node| node.kind() == SyntaxKind::NAME_REF && !is_function(node)) {
        let Some(name) = names::first(&node).map(|name| names::folded(&name)) else { continue };
        let is_known = VALUE_WORDS.contains(&name.as_str())
            || name == table.name()
            || columns.clone().any(|column| column.eq_ignore_ascii_case(&name));
        if !is_known {
            let message = format!("column \"{name}\" does not exist");
            return Err(PgError::error(SqlState::UNDEFINED_COLUMN, message).position(nodes::offset(at(&node))));
        }
    }
    Ok(())
}
