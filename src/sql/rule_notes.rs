//! What the descriptions of a table and its columns tell of its rules.
//!
//! Rules that come with CREATE TABLE, and columns that are added, stand in their own descriptions. IRIS takes a description only when
//! the object is made, so what ALTER TABLE and CREATE INDEX say stands in that of a column which is added for it, and which no
//! client sees: `pg-rule:`, then the action or the index.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::description::{ClauseKind, ColumnNote, elements, escaped_text, parse_table_note, unescaped};
use super::plan::PUT_ASIDE_PREFIX;
use super::rules::{CheckRule, GeneratedRule, KeyRule, Rules};
use super::syntax::names;
use super::syntax::nodes;
use super::syntax::parse::lone_statement;
use crate::types::quoted_name;

const PREFIX: &str = "pg-rule:";

/// What hidden columns are called, in front of a number.
const HIDDEN: &str = "pgw_rule_";

/// The table that stands in a note for the one that it is about.
const TABLE: &str = "pgw_table";

/// Whether a column is one of those that no client sees: it tells of a rule, or a transaction that is not over has dropped it.
pub(crate) fn is_hidden(name: &str, description: Option<&str>) -> bool {
    let is_aside = name.get(..PUT_ASIDE_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PUT_ASIDE_PREFIX));
    is_aside || description.is_some_and(|text| text.starts_with(PREFIX))
}

/// The name and the description of a column that tells of a rule. `taken`: the hidden columns that are there.
pub(crate) fn rule_column(taken: &[String], note: &str) -> (String, String) {
    let number = |name: &String| name.get(HIDDEN.len()..).and_then(|number| number.parse::<u32>().ok());
    let last = taken.iter().filter_map(number).max().unwrap_or(0);
    (format!("{HIDDEN}{}", last.saturating_add(1)), format!("{PREFIX}{}", escaped_text(note)))
}

/// The note of a unique index.
pub(crate) fn index_note(name: &str, definition: &str) -> String {
    format!("CREATE UNIQUE INDEX {name} ON {TABLE} {definition}")
}

/// A CHECK in the words of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    name: Option<String>,
    expression: String,
    is_validated: bool,
    hidden: Option<String>,
}

/// What has been read of a table so far.
#[derive(Debug, Default)]
pub(crate) struct RuleNotes {
    checks: Vec<Check>,
    generated: Vec<(String, String)>,
    keys: Vec<KeyRule>,
    defaults: Vec<(String, String)>,
    /// Names and descriptions.
    hidden: Vec<(String, String)>,
    renamed: Vec<String>,
}

impl RuleNotes {
    /// What the description of a column says.
    pub(crate) fn column(&mut self, name: &str, note: &ColumnNote) {
        for (kind, clause) in note.clause_list() {
            match kind {
                ClauseKind::Check => self.check(&clause),
                ClauseKind::Stored => {
                    if let Some(expression) = stored_expression(&clause) {
                        self.generated.push((name.to_owned(), expression));
                    }
                }
                ClauseKind::Default | ClauseKind::Generated | ClauseKind::Other => {}
            }
        }
    }

    /// A default in PostgreSQL's words.
    pub(crate) fn default_is(&mut self, column: &str, text: String) {
        self.defaults.push((column.to_owned(), text));
    }

    /// What the description of the table says.
    pub(crate) fn table(&mut self, description: &str) {
        for check in parse_table_note(description).unwrap_or_default() {
            self.check(&check);
        }
    }

    /// What a hidden column says. They come in the order in which they were made, and change what the rest says.
    pub(crate) fn hidden(&mut self, column: &str, description: &str) {
        self.hidden.push((column.to_owned(), description.to_owned()));
    }

    fn change(&mut self, column: &str, description: &str) {
        let Some(text) = description.strip_prefix(PREFIX).and_then(unescaped) else { return };
        if let Some(key) = key_rule(column, &text) {
            self.keys.push(key);
            return;
        }
        let Some(statement) = lone_statement(&format!("ALTER TABLE {TABLE} {text}")) else { return };
        for action in statement.children() {
            let named = nodes::child(&action, SyntaxKind::CONSTRAINT_NAME_REF);
            let name = named.and_then(|name| names::first(&name)).map(|name| names::folded(&name));
            let is_it = |check: &Check| check.name.is_some() && check.name == name;
            match action.kind() {
                SyntaxKind::ADD_CONSTRAINT => {
                    self.keys.extend(action.children().filter_map(|node| key_constraint(column, &node)));
                    let checks = action.children().filter_map(|node| check(&node));
                    self.checks.extend(checks.map(|check| Check { hidden: Some(column.to_owned()), ..check }));
                }
                SyntaxKind::DROP_CONSTRAINT => self.checks.retain(|check| !is_it(check)),
                SyntaxKind::VALIDATE_CONSTRAINT => {
                    self.checks.iter_mut().filter(|check| is_it(check)).for_each(|check| check.is_validated = true);
                }
                SyntaxKind::RENAME_CONSTRAINT => {
                    let to = nodes::child(&action, SyntaxKind::CONSTRAINT_NAME).and_then(|name| names::first(&name));
                    for check in self.checks.iter_mut().filter(|check| is_it(check)) {
                        check.name = to.as_ref().map(|name| names::folded(name));
                    }
                }
                SyntaxKind::RENAME_COLUMN => {
                    let from = nodes::child(&action, SyntaxKind::COLUMN_NAME_REF).and_then(|name| names::first(&name));
                    let to = nodes::child(&action, SyntaxKind::COLUMN_NAME).and_then(|name| names::first(&name));
                    if let (Some(from), Some(to)) = (from, to) {
                        self.rename(&names::folded(&from), &names::folded(&to));
                    }
                }
                SyntaxKind::ALTER_COLUMN => {
                    let of = nodes::child(&action, SyntaxKind::COLUMN_NAME_REF).and_then(|name| names::first(&name));
                    let of = of.map(|name| names::folded(&name)).unwrap_or_default();
                    let new = nodes::child(&action, SyntaxKind::SET_EXPRESSION).and_then(|set| set.first_child());
                    for (_, expression) in self.generated.iter_mut().filter(|(column, _)| *column == of) {
                        if let Some(new) = &new {
                            *expression = new.text().to_string();
                        }
                    }
                    if nodes::child(&action, SyntaxKind::DROP_EXPRESSION).is_some() {
                        self.generated.retain(|(column, _)| *column != of);
                    }
                }
                _ => {}
            }
        }
    }

    /// What was about a column goes by its new name. Generated columns have theirs already.
    fn rename(&mut self, from: &str, to: &str) {
        self.renamed.push(from.to_owned());
        let checks = self.checks.iter_mut().map(|check| &mut check.expression);
        let generated = self.generated.iter_mut().map(|(_, expression)| expression);
        let keys = self.keys.iter_mut().flat_map(|key| key.items.iter_mut().chain(&mut key.condition));
        for text in checks.chain(generated).chain(keys) {
            *text = renamed(text, from, to);
        }
        for key in &mut self.keys {
            key.definition = key.redefined();
        }
    }

    fn check(&mut self, clause: &str) {
        let list = elements(clause);
        self.checks.extend(list.iter().flat_map(SyntaxNode::children).filter_map(|node| check(&node)));
    }

    /// `columns`: those that clients see. What is about a column that is gone went with it.
    pub(crate) fn into_rules(mut self, table: &str, columns: &[&str]) -> Rules {
        let hidden = std::mem::take(&mut self.hidden);
        for (column, description) in &hidden {
            self.change(column, description);
        }
        let hidden = hidden.into_iter().map(|(column, _)| column).collect();
        let mut rules = Rules { defaults: self.defaults, hidden, renamed: self.renamed, ..Rules::default() };
        for (n, check) in self.checks.into_iter().enumerate() {
            let Some(reads) = reads(&check.expression, table, columns) else { continue };
            let name = check.name.unwrap_or_else(|| match n {
                0 => format!("{table}_check"),
                n => format!("{table}_check{n}"),
            });
            let Check { expression, is_validated, hidden, .. } = check;
            rules.checks.push(CheckRule { name, expression, reads, is_validated, hidden });
        }
        rules.checks.sort_by(|a, b| a.name.cmp(&b.name));
        for (column, expression) in self.generated {
            let Some(reads) = reads(&expression, table, columns) else { continue };
            rules.generated.push(GeneratedRule { column, expression, reads });
        }
        for mut key in self.keys {
            let mut all = Vec::new();
            let mut is_whole = true;
            for text in key.items.iter().chain(&key.condition) {
                match reads(text, table, columns) {
                    Some(reads) => all.extend(reads),
                    None => is_whole = false,
                }
            }
            if is_whole {
                key.reads = all;
                rules.keys.push(key);
            }
        }
        rules
    }
}

/// A CHECK of a list of elements.
fn check(node: &SyntaxNode) -> Option<Check> {
    if node.kind() != SyntaxKind::CHECK_CONSTRAINT {
        return None;
    }
    let name = nodes::child(node, SyntaxKind::CONSTRAINT_NAME_CLAUSE)
        .and_then(|clause| nodes::child(&clause, SyntaxKind::CONSTRAINT_NAME))
        .and_then(|name| names::first(&name))
        .map(|name| names::folded(&name));
    let is_validated = nodes::child(node, SyntaxKind::NOT_VALID).is_none();
    Some(Check { name, expression: check_expression(node)?.text().to_string(), is_validated, hidden: None })
}

/// What a CHECK asks.
pub(crate) fn check_expression(check: &SyntaxNode) -> Option<SyntaxNode> {
    let is_beside = |kind| {
        matches!(
            kind,
            SyntaxKind::CONSTRAINT_NAME_CLAUSE
                | SyntaxKind::NOT_VALID
                | SyntaxKind::NO_INHERIT
                | SyntaxKind::ENFORCED
                | SyntaxKind::NOT_ENFORCED
        )
    };
    check.children().find(|child| !is_beside(child.kind()))
}

/// The expression of `GENERATED ALWAYS AS (..) STORED`.
fn stored_expression(clause: &str) -> Option<String> {
    let column = elements(&format!("c int {clause}"))?.first_child()?;
    let stored = column.descendants().find(|node| node.kind() == SyntaxKind::GENERATED_STORED)?;
    generated_expression(&stored).map(|node| node.text().to_string())
}

/// What a generated column is.
pub(crate) fn generated_expression(stored: &SyntaxNode) -> Option<SyntaxNode> {
    let is_beside = |kind| {
        matches!(
            kind,
            SyntaxKind::GENERATED_ALWAYS | SyntaxKind::GENERATED_BY_DEFAULT | SyntaxKind::STORED | SyntaxKind::VIRTUAL
        )
    };
    stored.children().find(|child| !is_beside(child.kind()))
}

/// The unique index that a note tells of; in no column yet.
pub(crate) fn key_rule_of(note: &str) -> Option<KeyRule> {
    key_rule("", note)
}

/// The constraint that a note tells of; in no column yet.
pub(crate) fn alike_rule_of(note: &str) -> Option<KeyRule> {
    let statement = lone_statement(&format!("ALTER TABLE {TABLE} {note}"))?;
    let action = nodes::child(&statement, SyntaxKind::ADD_CONSTRAINT)?;
    action.children().find_map(|node| key_constraint("", &node))
}

fn key_rule(column: &str, text: &str) -> Option<KeyRule> {
    let statement = lone_statement(text).filter(|node| node.kind() == SyntaxKind::CREATE_INDEX)?;
    let index = nodes::child(&statement, SyntaxKind::INDEX).and_then(|index| names::first(&index))?;
    let table = nodes::child(&statement, SyntaxKind::TABLE_RELATION_NAME)?;
    let definition = text.get(nodes::range(&table).end..)?.trim().to_owned();
    let list = nodes::child(&statement, SyntaxKind::PARTITION_ITEM_LIST)?;
    let items = nodes::children(&list, SyntaxKind::PARTITION_ITEM);
    let items: Option<Vec<String>> = items.map(|item| Some(item.first_child()?.text().to_string())).collect();
    let condition = nodes::child(&statement, SyntaxKind::WHERE_CLAUSE).and_then(|clause| clause.first_child());
    Some(KeyRule {
        name: names::folded(&index),
        hidden: column.to_owned(),
        definition,
        items: items?,
        condition: condition.map(|condition| condition.text().to_string()),
        nulls_are_alike: nodes::child(&statement, SyntaxKind::NULLS_NOT_DISTINCT).is_some(),
        is_constraint: false,
        reads: Vec::new(),
    })
}

/// `UNIQUE NULLS NOT DISTINCT (..)`.
fn key_constraint(column: &str, node: &SyntaxNode) -> Option<KeyRule> {
    if node.kind() != SyntaxKind::UNIQUE_CONSTRAINT {
        return None;
    }
    let clause = nodes::child(node, SyntaxKind::CONSTRAINT_NAME_CLAUSE)?;
    let name = nodes::child(&clause, SyntaxKind::CONSTRAINT_NAME).and_then(|name| names::first(&name))?;
    let list = node.descendants().find(|child| child.kind() == SyntaxKind::CONSTRAINT_COLUMN_REF_LIST)?;
    let items = list.descendants().filter(|child| child.kind() == SyntaxKind::COLUMN_NAME_REF);
    let items: Vec<String> = items.map(|item| item.text().to_string()).collect();
    let mut key = KeyRule {
        name: names::folded(&name),
        hidden: column.to_owned(),
        definition: String::new(),
        items,
        condition: None,
        nulls_are_alike: true,
        is_constraint: true,
        reads: Vec::new(),
    };
    key.definition = key.redefined();
    Some(key)
}

impl KeyRule {
    /// The names in it that may be columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = String> {
        let texts = self.items.iter().chain(&self.condition);
        let trees = texts.filter_map(|text| lone_statement(&format!("SELECT ({text})")));
        trees.flat_map(|tree| column_names(&tree))
    }

    /// Its definition, by what it is made of.
    fn redefined(&self) -> String {
        if self.is_constraint {
            return format!("UNIQUE NULLS NOT DISTINCT ({})", self.items.join(", "));
        }
        let items: Vec<String> = self.items.iter().map(|item| format!("({item})")).collect();
        let nulls = if self.nulls_are_alike { " NULLS NOT DISTINCT" } else { "" };
        let condition = self.condition.as_ref().map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        format!("({}){nulls}{condition}", items.join(", "))
    }
}

/// An expression with another name for a column.
fn renamed(expression: &str, from: &str, to: &str) -> String {
    const HEAD: &str = "SELECT (";
    let text = format!("{HEAD}{expression})");
    let Some(statement) = lone_statement(&text) else { return expression.to_owned() };
    let mut changed = String::new();
    let mut at = HEAD.len();
    for node in columns_in(&statement) {
        let range = nodes::range(&node);
        if names::first(&node).is_some_and(|name| names::folded(&name) == from) {
            changed.push_str(text.get(at..range.start).unwrap_or_default());
            changed.push_str(&quoted_name(to));
            at = range.end;
        }
    }
    changed.push_str(text.get(at..text.len().saturating_sub(1)).unwrap_or_default());
    changed
}

/// Words that stand for a value without being a column.
pub(crate) const VALUE_WORDS: &[&str] = &[
    "ctid",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "false",
    "localtime",
    "localtimestamp",
    "null",
    "session_user",
    "tableoid",
    "true",
    "user",
    "value",
];

/// The names in an expression that may be columns.
fn columns_in(expression: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> {
    let is_part = |node: &SyntaxNode| {
        node.parent().is_some_and(|around| {
            // A function; what stands in front of a point: a table, a composite.
            matches!(around.kind(), SyntaxKind::CALL_EXPR | SyntaxKind::FIELD_EXPR)
                && around.first_child().as_ref() == Some(node)
        })
    };
    expression.descendants().filter(move |node| node.kind() == SyntaxKind::NAME_REF && !is_part(node))
}

/// The same, folded.
pub(crate) fn column_names(expression: &SyntaxNode) -> Vec<String> {
    let names = columns_in(expression);
    let mut all: Vec<String> = names.filter_map(|node| names::first(&node)).map(|name| names::folded(&name)).collect();
    all.retain(|name| !VALUE_WORDS.contains(&name.as_str()));
    all.sort();
    all.dedup();
    all
}

/// The columns that an expression reads; `None` where it reads one that is not there.
fn reads(expression: &str, table: &str, columns: &[&str]) -> Option<Vec<String>> {
    let statement = lone_statement(&format!("SELECT ({expression})"))?;
    let found = column_names(&statement);
    if found.iter().any(|name| name.eq_ignore_ascii_case(table)) {
        return Some(columns.iter().map(|column| (*column).to_owned()).collect());
    }
    let is_there = |name: &String| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    found.iter().all(is_there).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::description::parse_column_note;

    #[test]
    fn rules_are_told_by_the_descriptions_of_columns() {
        let mut notes = RuleNotes::default();
        let note = parse_column_note("pg:int4 CONSTRAINT pos CHECK (a > 0)").unwrap();
        notes.column("a", &note);
        notes.column("b", &parse_column_note("pg:int4 GENERATED ALWAYS AS (a * 2) STORED").unwrap());
        notes.table("pg:CONSTRAINT t_check CHECK (a < b), CONSTRAINT gone CHECK (was > 1)");
        let taken: Vec<String> = Vec::new();
        let (first, text) = rule_column(&taken, "ADD CONSTRAINT later CHECK (a <> 7) NOT VALID");
        assert_eq!(first, "pgw_rule_1");
        notes.hidden(&first, &text);
        let (second, text) = rule_column(&[first], "DROP CONSTRAINT pos");
        assert_eq!(second, "pgw_rule_2");
        notes.hidden(&second, &text);
        let note = index_note("\"u\"", "(lower(c), a) NULLS NOT DISTINCT WHERE b > 0");
        let (third, text) = rule_column(&[second], &note);
        notes.hidden(&third, &text);
        let rules = notes.into_rules("t", &["a", "b", "c"]);
        let checks: Vec<(&str, &str, bool)> =
            rules.checks.iter().map(|c| (c.name.as_str(), c.expression.as_str(), c.is_validated)).collect();
        assert_eq!(checks, [("later", "a <> 7", false), ("t_check", "a < b", true)]);
        assert_eq!(rules.generated.first().unwrap().expression, "a * 2");
        let key = rules.keys.first().unwrap();
        assert_eq!((key.name.as_str(), key.hidden.as_str()), ("u", "pgw_rule_3"));
        assert_eq!(key.items, ["lower(c)", "a"]);
        assert_eq!(key.condition.as_deref(), Some("b > 0"));
        assert!(key.nulls_are_alike);
        assert_eq!(key.definition, "(lower(c), a) NULLS NOT DISTINCT WHERE b > 0");
        assert_eq!(rules.hidden.len(), 3);
        assert!(rules.concern(&["c".to_owned()]));
        assert!(!Rules { checks: Vec::new(), ..rules }.concern(&["d".to_owned()]));
    }
}
