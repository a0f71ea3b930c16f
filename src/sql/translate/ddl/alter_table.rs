//! ALTER TABLE: IRIS takes one change a statement, so each action is a step.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::alter_type::{changes_values, is_plain_cast};
use super::constraint::{Keys, check_names};
use super::create_table::{Column, is_external};
use super::default::{default_text, drawn};
use super::definition::{
    Ddl, accepted, cascades, ddl, defined, first_name, has_child, mirror_only, need, new_name, notice, skipping, step,
    tolerant_step, unsupported,
};
use super::refused;
use super::rename::{keeps_spelling, rename_table};
use super::rules::RuleChanges;
use super::sequence;
use super::table::{RELATION, Table};
use super::types::{STRING_CHARACTERS_MAX, column_type, description, stream_type, type_node};
use crate::sql::description::drawing_default;
use crate::sql::plan::{Action, Fill, OwnedChange, ScriptStep, TemporaryChange};
use crate::sql::schema::{ColumnFacts, TableFacts, TableLookup};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::alike;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::mirror;
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

const TAG: &str = "ALTER TABLE";

/// "Field not found", "Column already exists", "Constraint not found".
const NO_FIELD_SQLCODE: i32 = 31;
const FIELD_EXISTS_SQLCODE: i32 = 306;
const NO_CONSTRAINT_SQLCODE: i32 = 315;

pub(super) fn alter_table(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    if has_child(stmt, SyntaxKind::ALL_IN_TABLESPACE) {
        return Err(unsupported(stmt, "tablespaces are not supported by IRIS"));
    }
    let table = Table::of(cx, &need(stmt, SyntaxKind::TABLE_RELATION_NAME)?)?;
    let found = cx.facts(&table.lookup);
    let is_another = table.is_another(cx);
    let if_exists = has_child(stmt, SyntaxKind::IF_EXISTS);
    if is_another && !if_exists {
        return Err(table.undefined(cx, RELATION));
    }
    if if_exists && (is_another || matches!(found, TableLookup::Missing)) {
        skipping(cx, &format!("relation \"{}\" does not exist", table.name()));
        return Ok(accepted(TAG));
    }
    let facts = match found {
        TableLookup::Known(facts) => Some(facts),
        TableLookup::Missing | TableLookup::NotLoaded => None,
    };
    if facts.as_ref().is_some_and(|facts| facts.is_materialized) {
        return Err(
            unsupported(stmt, "ALTER of a materialized view is not supported").hint("Drop it, and create it anew.")
        );
    }
    if let Some(new) = nodes::child(stmt, SyntaxKind::TABLE_RENAME_TO) {
        let new = names::folded(&first_name(&need(&new, SyntaxKind::TABLE_NAME)?)?);
        if new == table.lookup.name && facts.is_some() {
            return Err(PgError::error(SqlState(*b"42P07"), format!("relation \"{new}\" already exists")));
        }
    }
    if let Some(action) = nodes::child(stmt, SyntaxKind::TABLE_RENAME_TO)
        && let Some(facts) = &facts
        && let Some(ddl) = rename_table(cx, stmt, &table, Rc::clone(facts), &action)?
    {
        return Ok(ddl);
    }
    if let Some(ddl) = alter_sequence(cx, stmt, &table, facts.as_deref())? {
        return Ok(ddl);
    }
    let drops_key = stmt.children().any(|action| action.kind() == SyntaxKind::DROP_CONSTRAINT);
    let is_spelled = cx.views(&table.lookup).is_some_and(|facts| facts.is_spelled);
    let is_alone = actions(stmt).count() == 1;
    let rules = RuleChanges::new(cx, &table, facts.clone());
    let mut alter = Alter {
        cx,
        table: &table,
        facts,
        is_spelled,
        drops_key,
        is_alone,
        added: Vec::new(),
        steps: Vec::new(),
        owned: Vec::new(),
        rules,
    };
    let mut action_steps = Vec::new();
    for action in stmt.children() {
        action_steps.push(alter.steps.len());
        alter.action(&action)?;
    }
    let Alter { steps, owned, rules: RuleChanges { rehearsal, .. }, .. } = alter;
    let mut altered = ddl(TAG, steps);
    altered.owned = owned;
    let mut ddl = mirrored(cx, stmt, &table, altered)?;
    if let (true, Some(new)) = (table.is_temporary(), nodes::child(stmt, SyntaxKind::TABLE_RENAME_TO)) {
        let to = names::folded(&first_name(&need(&new, SyntaxKind::TABLE_NAME)?)?);
        ddl.temporary = Some(TemporaryChange::Rename { from: table.lookup.name, to });
    }
    let ddl = match rehearsal {
        Some(rehearsal) => ddl.rehearsed(rehearsal),
        None => ddl,
    };
    Ok(Ddl { action_steps, ..ddl })
}

/// RESTART and SET of options, of a column that takes values of a sequence.
fn alter_sequence(cx: &Cx<'_>, stmt: &SyntaxNode, table: &Table, facts: Option<&TableFacts>) -> Result<Option<Ddl>> {
    let all: Vec<SyntaxNode> = actions(stmt).collect();
    let [action] = all.as_slice() else { return Ok(None) };
    if action.kind() != SyntaxKind::ALTER_COLUMN {
        return Ok(None);
    }
    let is_option = |node: &SyntaxNode| {
        matches!(node.kind(), SyntaxKind::RESTART | SyntaxKind::SET_SEQUENCE_OPTION | SyntaxKind::SET_GENERATED_OPTIONS)
    };
    let Some(option) = action.children().find(is_option) else { return Ok(None) };
    let name = names::folded(&first_name(&need(action, SyntaxKind::COLUMN_NAME_REF)?)?);
    let column = facts.and_then(|facts| facts.columns.iter().find(|column| column.name.eq_ignore_ascii_case(&name)));
    match column.and_then(|column| column.draws.clone()) {
        Some(sequence) => sequence::alter_column(cx, stmt, TAG, table, &sequence, &option).map(Some),
        None => Ok(None),
    }
}

pub(super) fn actions(stmt: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> {
    let is_action =
        |child: &SyntaxNode| !matches!(child.kind(), SyntaxKind::IF_EXISTS | SyntaxKind::TABLE_RELATION_NAME);
    stmt.children().filter(is_action)
}

/// The client's words, without the actions that concern owners and files.
fn mirrored(cx: &Cx<'_>, stmt: &SyntaxNode, table: &Table, ddl: Ddl) -> Result<Ddl> {
    let left_out = |action: &SyntaxNode| {
        matches!(
            action.kind(),
            SyntaxKind::OWNER_TO
                | SyntaxKind::CLUSTER_ON
                | SyntaxKind::SET_WITHOUT_CLUSTER
                | SyntaxKind::SET_WITHOUT_OIDS
                | SyntaxKind::SET_TABLESPACE
                | SyntaxKind::SET_ACCESS_METHOD
        )
    };
    let actions: Vec<SyntaxNode> = actions(stmt).collect();
    let decides = actions.iter().any(|action| action.kind() == SyntaxKind::DROP_CONSTRAINT);
    let kept: Vec<String> = actions
        .iter()
        .filter(|action| !left_out(action))
        .map(|action| mirror::requalified(action, cx.options.default_schema))
        .collect();
    let renamed = match actions.iter().find(|action| action.kind() == SyntaxKind::TABLE_RENAME_TO) {
        Some(rename) => {
            let new = names::folded(&first_name(&need(rename, SyntaxKind::TABLE_NAME)?)?);
            Some(Table { iris: (table.iris.0.clone(), new), ..table.clone() })
        }
        None => None,
    };
    let mut tables = vec![table];
    tables.extend(renamed.as_ref());
    let mut ddl = if decides { ddl.decided_by_mirror() } else { ddl };
    if matches!(ddl.action, Action::Accepted) && !kept.is_empty() {
        // A CHECK, say: IRIS has nothing to do with it.
        ddl = mirror_only(TAG);
    }
    Ok(match kept.as_slice() {
        [] => ddl,
        kept if kept.len() == actions.len() => ddl.mirrored_as_written(cx, stmt, &tables),
        kept => ddl.mirrored(format!("ALTER TABLE {} {}", table.pg, kept.join(", ")), &tables),
    })
}

struct Alter<'a> {
    cx: &'a Cx<'a>,
    table: &'a Table,
    facts: Option<Rc<TableFacts>>,
    /// Its columns, too, were made under the very names they have.
    is_spelled: bool,
    /// One of the actions drops a constraint, which may be the primary key.
    drops_key: bool,
    /// There is one action.
    is_alone: bool,
    /// Columns of the actions so far.
    added: Vec<String>,
    steps: Vec<ScriptStep>,
    /// What happens to sequences of columns behind them.
    owned: Vec<OwnedChange>,
    rules: RuleChanges<'a>,
}

impl<'a> Alter<'a> {
    fn action(&mut self, action: &SyntaxNode) -> Result<()> {
        match action.kind() {
            SyntaxKind::ADD_COLUMN => self.add_column(action),
            SyntaxKind::DROP_COLUMN => self.drop_column(action),
            SyntaxKind::ALTER_COLUMN => self.alter_column(action),
            SyntaxKind::ADD_CONSTRAINT => self.add_constraint(action),
            SyntaxKind::DROP_CONSTRAINT => self.drop_constraint(action),
            SyntaxKind::RENAME_COLUMN => {
                let typed = self.column_name(action)?;
                let old = defined(&typed)?;
                let node = need(action, SyntaxKind::COLUMN_NAME)?;
                let has_note = self.column_facts(&typed).is_none_or(|column| column.is_spelled);
                keeps_spelling(self.is_spelled || has_note, &names::folded(&first_name(&node)?), &node)?;
                let (from, to) = (names::folded(&typed), names::folded(&first_name(&node)?));
                if from == to && self.column_facts(&typed).is_some() {
                    let table = self.table.name();
                    let message = format!("column \"{to}\" of relation \"{table}\" already exists");
                    return Err(PgError::error(SqlState(*b"42701"), message));
                }
                let new = new_name(&node)?;
                self.push(&format!("ALTER COLUMN {old} RENAME {new}"), &[]);
                self.rules.rename_column(&from, &to)?;
                self.take_changes();
                Ok(())
            }
            SyntaxKind::TABLE_RENAME_TO => {
                let node = need(action, SyntaxKind::TABLE_NAME)?;
                if self.facts.is_some() {
                    keeps_spelling(self.is_spelled, &names::folded(&first_name(&node)?), &node)?;
                }
                let new = new_name(&node)?;
                self.push(&format!("RENAME {new}"), &[]);
                Ok(())
            }
            SyntaxKind::IF_EXISTS
            | SyntaxKind::TABLE_RELATION_NAME
            | SyntaxKind::OWNER_TO
            | SyntaxKind::SET_OPTIONS
            | SyntaxKind::RESET_OPTIONS
            | SyntaxKind::CLUSTER_ON
            | SyntaxKind::SET_WITHOUT_CLUSTER
            | SyntaxKind::SET_WITHOUT_OIDS
            | SyntaxKind::SET_LOGGED
            | SyntaxKind::SET_UNLOGGED
            | SyntaxKind::SET_TABLESPACE
            | SyntaxKind::SET_ACCESS_METHOD
            | SyntaxKind::REPLICA_IDENTITY => Ok(()),
            SyntaxKind::VALIDATE_CONSTRAINT => {
                self.rules.validate_constraint(action)?;
                self.take_changes();
                Ok(())
            }
            SyntaxKind::RENAME_CONSTRAINT if self.rules.rename_constraint(action)? => {
                self.take_changes();
                Ok(())
            }
            _ => Err(refused::alteration(action)),
        }
    }

    fn drop_constraint(&mut self, action: &SyntaxNode) -> Result<()> {
        let typed = first_name(&need(action, SyntaxKind::CONSTRAINT_NAME_REF)?)?;
        let folded = names::folded(&typed);
        if self.rules.drop_rule(&folded)? {
            self.take_changes();
            return Ok(());
        }
        let views = self.cx.views(&self.table.lookup);
        let constraints = views.as_ref().map(|facts| facts.constraints.as_slice()).unwrap_or_default();
        let is_it = |name: &String| *name == folded || (!self.is_spelled && name.to_lowercase() == folded);
        if constraints.iter().any(|name| alike::is_alike(name, &folded)) && !constraints.iter().any(is_it) {
            // PostgreSQL tells it from that one. The mirror may have a CHECK of this name, and says what is wrong without.
            if self.is_alone {
                return Ok(());
            }
            let message = format!("constraint \"{folded}\" of relation \"{}\" does not exist", self.table.name());
            if !has_child(action, SyntaxKind::IF_EXISTS) {
                return Err(PgError::error(SqlState::UNDEFINED_OBJECT, message));
            }
            skipping(self.cx, &message);
            return Ok(());
        }
        // Some are the mirror's alone.
        self.push(&format!("DROP CONSTRAINT {}", defined(&typed)?), &[NO_CONSTRAINT_SQLCODE]);
        Ok(())
    }

    fn push(&mut self, change: &str, ignored: &[i32]) {
        self.steps.push(tolerant_step(self.cx, format!("ALTER TABLE {} {change}", self.table.text), ignored));
    }

    /// What rules do to IRIS's table.
    fn take_changes(&mut self) {
        for change in std::mem::take(&mut self.rules.changes) {
            self.push(&change, &[]);
        }
    }

    fn column_facts(&self, typed: &str) -> Option<&ColumnFacts> {
        let name = names::folded(typed);
        self.facts.as_ref()?.columns.iter().find(|column| column.name.eq_ignore_ascii_case(&name))
    }

    /// Whether IRIS has it under a name that PostgreSQL tells from this one.
    fn is_another(&self, typed: &str) -> bool {
        let name = names::folded(typed);
        self.column_facts(typed).is_some_and(|column| !column.is_called(&name, self.is_spelled))
    }

    /// The name of a column that has to be there, as typed.
    fn column_name(&self, action: &SyntaxNode) -> Result<String> {
        let typed = first_name(&need(action, SyntaxKind::COLUMN_NAME_REF)?)?;
        if self.is_another(&typed) {
            let name = names::folded(&typed);
            let message = if action.kind() == SyntaxKind::RENAME_COLUMN {
                format!("column \"{name}\" does not exist")
            } else {
                format!("column \"{name}\" of relation \"{}\" does not exist", self.table.name())
            };
            return Err(PgError::error(SqlState::UNDEFINED_COLUMN, message));
        }
        Ok(typed)
    }

    fn add_column(&mut self, action: &SyntaxNode) -> Result<()> {
        let typed = first_name(&need(action, SyntaxKind::COLUMN_NAME)?)?;
        let if_not_exists = has_child(action, SyntaxKind::IF_NOT_EXISTS);
        let is_another = self.is_another(&typed);
        if if_not_exists && !is_another && self.column_facts(&typed).is_some() {
            let message = format!(
                "column \"{}\" of relation \"{}\" already exists, skipping",
                names::folded(&typed),
                self.table.name()
            );
            notice(self.cx, SqlState(*b"42701"), message);
            return Ok(());
        }
        let mut column = Column::read(self.cx, action)?;
        if column.identity {
            if !self.cx.options.has_sequences || if_not_exists || self.table.is_temporary() {
                return Err(unsupported(action, "IRIS cannot add an identity column to an existing table")
                    .hint("Declare serial and identity columns in CREATE TABLE."));
            }
            let (schema, table) = sequence::pg_name(self.cx, self.table);
            let name = sequence::name_for(self.cx, &schema, &table, &names::folded(&typed), &[]);
            let name = format!("{}.{}", quoted_name(&schema), quoted_name(&name));
            column.draw_from(&name);
            self.owned.push(OwnedChange::Made(name));
        }
        if column.has_default_of_the_row() {
            return Err(unsupported(action, "IRIS cannot give each row of an existing table a uuid of its own")
                .hint("Add the column without the default, fill it with UPDATE, then ALTER COLUMN .. SET DEFAULT."));
        }
        self.added.push(names::folded(&typed));
        if let Some(facts) = &self.facts {
            let columns = facts.columns.iter().map(|column| &column.name).chain(&self.added).map(String::as_str);
            for constraint in action.children() {
                check_names(&constraint, self.table, columns.clone())?;
            }
        }
        let mut keys = self.keys();
        keys.has_streams(column.is_stream.then(|| names::folded(&typed)));
        keys.has_types([(names::folded(&typed), column.column_type.pg_type.oid)]);
        for constraint in action.children() {
            keys.read(self.cx, &constraint, Some(&typed))?;
        }
        if let Some(facts) = &self.facts {
            keys.reserve(facts.rules.checks.iter().map(|check| check.name.clone()));
        }
        let checks = column.name_checks(self.cx, &mut keys, action)?;
        if !keys.alike.columns.is_empty() {
            return Err(unsupported(action, "a column cannot be added with UNIQUE NULLS NOT DISTINCT")
                .hint("Add the column first, then the constraint."));
        }
        let clauses = keys.into_clauses();
        self.rules.add_column(action, &mut column, &checks)?;
        let ignored: &[i32] = if if_not_exists && !is_another { &[FIELD_EXISTS_SQLCODE] } else { &[] };
        let Some(sequence) = column.draws.clone() else {
            self.push(&format!("ADD COLUMN {}", column.text(self.cx)?), ignored);
            for clause in clauses {
                self.push(&format!("ADD {clause}"), &[]);
            }
            return Ok(());
        };
        // The rows get their values before anything is demanded of them.
        let is_not_null = std::mem::take(&mut column.not_null);
        self.push(&format!("ADD COLUMN {}", column.text(self.cx)?), &[]);
        let (table, name) = (&self.table.text, defined(&typed)?);
        let demands = is_not_null.then(|| format!("ALTER COLUMN {name} NOT NULL"));
        let demands = demands.into_iter().chain(clauses.iter().map(|clause| format!("ADD {clause}")));
        self.owned.push(OwnedChange::Added(Fill {
            sequence,
            select: format!("SELECT %ID FROM {table} ORDER BY %ID"),
            update: format!("UPDATE {table} SET {name} = :%qpar(1) WHERE %ID = :%qpar(2)"),
            then: demands.map(|demand| format!("ALTER TABLE {table} {demand}")).collect(),
        }));
        Ok(())
    }

    fn keys(&self) -> Keys<'a> {
        let mut keys = Keys::new(self.table);
        keys.alike.taken.clone_from(&self.rules.hidden);
        if let Some(facts) = &self.facts {
            keys.reserve(facts.unique_keys.iter().map(|(name, _)| name.clone()));
            if !self.drops_key {
                keys.has_primary_key(&facts.primary_key);
            }
            let streams = facts.columns.iter().filter(|column| column.is_stream);
            keys.has_streams(streams.map(|column| column.name.clone()));
            keys.has_types(facts.columns.iter().map(|column| (column.name.clone(), column.pg_type.oid)));
        }
        keys
    }

    fn drop_column(&mut self, action: &SyntaxNode) -> Result<()> {
        let typed = first_name(&need(action, SyntaxKind::COLUMN_NAME_REF)?)?;
        let if_exists = has_child(action, SyntaxKind::IF_EXISTS);
        if if_exists && self.facts.is_some() && (self.column_facts(&typed).is_none() || self.is_another(&typed)) {
            let message =
                format!("column \"{}\" of relation \"{}\" does not exist", names::folded(&typed), self.table.name());
            skipping(self.cx, &message);
            return Ok(());
        }
        self.column_name(action)?;
        // What depends on it PostgreSQL knows: IRIS is told to drop that.
        self.rules.rehearsal.get_or_insert_default();
        self.rules.drop_column(&names::folded(&typed), cascades(action));
        self.take_changes();
        // PostgreSQL drops the indexes and keys of the table with the column without being asked; IRIS wants to be.
        let ignored: &[i32] = if if_exists { &[NO_FIELD_SQLCODE] } else { &[] };
        self.push(&format!("DROP COLUMN {} CASCADE", defined(&typed)?), ignored);
        Ok(())
    }

    fn alter_column(&mut self, action: &SyntaxNode) -> Result<()> {
        let typed = self.column_name(action)?;
        let name = defined(&typed)?;
        // Not everything may be done to a column of a key, an identity or a generated column.
        self.rules.rehearsal.get_or_insert_default();
        for option in action.children() {
            match option.kind() {
                SyntaxKind::COLUMN_NAME_REF => {}
                SyntaxKind::SET_TYPE => self.set_type(&option, &typed)?,
                SyntaxKind::DROP_DEFAULT | SyntaxKind::SET_DEFAULT
                    if self.column_facts(&typed).is_some_and(|column| column.draws.is_some()) =>
                {
                    return Err(unsupported(&option, "the default of a column that takes values of a sequence stays")
                        .detail("The column's description says it, and IRIS changes no description.")
                        .hint("Send the value with INSERT."));
                }
                SyntaxKind::SET_DEFAULT => {
                    let value = option.children().last();
                    if let Some(sequence) = value.as_ref().and_then(|value| drawn(self.cx, value)) {
                        self.push(&format!("ALTER COLUMN {name} SET DEFAULT {}", drawing_default(&sequence?)), &[]);
                    } else if let Some(value) = value {
                        let pg_type = self.column_facts(&typed).map(|column| column.pg_type);
                        let value = default_text(self.cx, &names::folded(&typed), pg_type, &value)?;
                        self.push(&format!("ALTER COLUMN {name} SET DEFAULT {value}"), &[]);
                    }
                }
                SyntaxKind::SET_EXPRESSION | SyntaxKind::DROP_EXPRESSION => {
                    self.rules.alter_expression(&option, &typed)?;
                    self.take_changes();
                }
                SyntaxKind::DROP_DEFAULT => self.push(&format!("ALTER COLUMN {name} DROP DEFAULT"), &[]),
                SyntaxKind::SET_NOT_NULL => self.push(&format!("ALTER COLUMN {name} NOT NULL"), &[]),
                SyntaxKind::DROP_NOT_NULL => self.push(&format!("ALTER COLUMN {name} NULL"), &[]),
                SyntaxKind::SET_STORAGE => {
                    let facts = self.column_facts(&typed);
                    if is_external(&option)
                        && facts.is_some_and(|facts| !facts.is_stream && stream_type(facts.pg_type).is_some())
                    {
                        let message = format!(
                            "the column \"{}\" still holds {STRING_CHARACTERS_MAX} characters at most: IRIS cannot make \
                             a stream of it",
                            names::folded(&typed)
                        );
                        notice(self.cx, SqlState::WARNING, message);
                    }
                }
                // Statistics and compression concern PostgreSQL's own files.
                SyntaxKind::SET_STATISTICS
                | SyntaxKind::SET_COMPRESSION
                | SyntaxKind::SET_OPTIONS_LIST
                | SyntaxKind::RESET_OPTIONS => {}
                SyntaxKind::ADD_GENERATED
                | SyntaxKind::SET_GENERATED
                | SyntaxKind::SET_GENERATED_OPTIONS
                | SyntaxKind::DROP_IDENTITY => {
                    return Err(unsupported(&option, "IRIS can neither give IDENTITY to a column nor take it away")
                        .hint("Declare identity columns in CREATE TABLE."));
                }
                _ => {
                    let text = nodes::plain_text(&option).to_uppercase();
                    return Err(unsupported(&option, format!("ALTER COLUMN .. {text} is not supported by IRIS")));
                }
            }
        }
        Ok(())
    }

    fn set_type(&mut self, option: &SyntaxNode, typed: &str) -> Result<()> {
        let Some(node) = type_node(option) else { return Err(refused::alteration(option)) };
        let to = column_type(self.cx, &node)?;
        if let Some(using) = nodes::child(option, SyntaxKind::USING_EXPR)
            && !is_plain_cast(&using, typed)
        {
            return Err(unsupported(&using, "IRIS converts a column's values by a plain cast only")
                .hint("Add a column of the new type, fill it by UPDATE, drop the old one and rename."));
        }
        if self.column_facts(typed).is_some_and(|column| column.named.as_deref() != to.named.as_ref()) {
            return Err(unsupported(
                option,
                "a column cannot become one of a type of a user's making, nor cease to be one",
            )
            .hint("Add a column of the new type, fill it by UPDATE, drop the old one and rename."));
        }
        if let Some(column) = self.column_facts(typed)
            && changes_values(column, &to)
        {
            let message = format!(
                "IRIS converts the values of type {} to {} otherwise than PostgreSQL",
                column.pg_type.name(),
                to.pg_type.name()
            );
            return Err(unsupported(option, message)
                .hint("Add a column of the new type, fill it by UPDATE, drop the old one and rename."));
        }
        if to.is_serial {
            return Err(unsupported(option, "IRIS can neither give IDENTITY to a column nor take it away"));
        }
        let name = defined(typed)?;
        if let Some(column) = self.column_facts(typed)
            && column.pg_type.oid != to.pg_type.oid
            && (description(column.pg_type).is_some() || description(to.pg_type).is_some())
        {
            let message = format!(
                "column \"{}\": IRIS cannot change the description that tells its declared type",
                names::folded(typed)
            );
            notice(self.cx, SqlState::WARNING, message);
        }
        self.push(&format!("ALTER COLUMN {name} {}", to.iris), &[]);
        if !to.collation.is_empty() {
            self.push(&format!("ALTER COLUMN {name} COLLATE{}", to.collation), &[]);
        }
        Ok(())
    }

    fn add_constraint(&mut self, action: &SyntaxNode) -> Result<()> {
        for constraint in action.children() {
            if constraint.kind() == SyntaxKind::NOT_NULL_CONSTRAINT {
                let column = defined(&self.column_name(&constraint)?)?;
                self.push(&format!("ALTER COLUMN {column} NOT NULL"), &[]);
                continue;
            }
            if constraint.kind() == SyntaxKind::CHECK_CONSTRAINT {
                let keys = self.keys();
                self.rules.add_check(&constraint, keys)?;
                self.take_changes();
                continue;
            }
            let mut keys = self.keys();
            if let Some(facts) = &self.facts {
                let columns = facts.columns.iter().map(|column| &column.name).chain(&self.added).map(String::as_str);
                // PostgreSQL finds this while it changes the table, and names no place.
                check_names(&constraint, self.table, columns)
                    .map_err(|error| Box::new(PgError { position: None, ..*error }))?;
            }
            if !keys.read(self.cx, &constraint, None)? {
                return Err(refused::alteration(&constraint));
            }
            if constraint.kind() == SyntaxKind::FOREIGN_KEY_CONSTRAINT {
                // Which types can refer to which PostgreSQL knows.
                self.rules.rehearsal.get_or_insert_default();
            }
            let alike = std::mem::take(&mut keys.alike);
            let clauses = keys.into_clauses();
            if !alike.columns.is_empty() {
                self.rules.add_alike_keys(alike)?;
                self.take_changes();
            }
            for clause in clauses {
                self.steps.push(step(self.cx, format!("ALTER TABLE {} ADD {clause}", self.table.text)));
            }
        }
        Ok(())
    }
}
