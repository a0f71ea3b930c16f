//! How definitions are taken back by a rollback: what was made is dropped, what is dropped or changed is made anew from what
//! the mirror says of it in front of the change.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::alter_table::actions;
use super::alter_type::comes_back;
use super::definition::{Ddl, cascades, first_name, has_child, need};
use super::index::index_name;
use super::reversal_text::{
    DEFAULT, NULLABLE, TYPE, array, columns_of, exists, has_column, materialized, pg_name, pg_schema, views,
};
use super::sequence::Named;
use super::table::Table;
use super::type_reversal::{self, TypeUndo};
use crate::sql::plan::{
    Action, Deferral, DroppedKind, DroppedOthers, DroppedTable, Reversal, ReversalPart, TemporaryChange, UndoSource,
    witness,
};
use crate::sql::schema::{RelationName, TableLookup};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::value::enums::type_named;
use crate::types::{quoted_name, quoted_text};
use crate::wire::PgError;

/// The definition with what a rollback needs of it.
pub(super) fn reversible(cx: &Cx<'_>, stmt: &SyntaxNode, ddl: Ddl) -> Result<Ddl> {
    // Names of temporary tables have their own ways.
    let is_name_alone = match &ddl.temporary {
        Some(TemporaryChange::Drop(_)) => ddl.mirror.is_empty(),
        Some(TemporaryChange::Create { .. } | TemporaryChange::Rename { .. }) => true,
        Some(TemporaryChange::Replace { .. }) | None => false,
    };
    if matches!(ddl.action, Action::Accepted) || is_name_alone {
        return Ok(ddl);
    }
    let mut reversal = Reversing { cx, ddl: &ddl, made: Reversal::default(), is_complete: true };
    reversal.statement(stmt)?;
    let Reversing { made, is_complete, .. } = reversal;
    let reversal = is_complete.then(|| Box::new(made));
    Ok(Ddl { reversal, ..ddl })
}

struct Reversing<'a> {
    cx: &'a Cx<'a>,
    ddl: &'a Ddl,
    made: Reversal,
    /// Each change can be undone.
    is_complete: bool,
}

impl Reversing<'_> {
    fn statement(&mut self, stmt: &SyntaxNode) -> Result<()> {
        match stmt.kind() {
            SyntaxKind::CREATE_TABLE | SyntaxKind::CREATE_TABLE_AS => {
                let table = Table::permanent(self.cx, &need(stmt, SyntaxKind::TABLE_NAME)?)?;
                self.makes_table(table);
            }
            SyntaxKind::SELECT_INTO => {
                let clause = need(stmt, SyntaxKind::INTO_CLAUSE)?;
                let table = Table::permanent(self.cx, &need(&clause, SyntaxKind::TABLE_NAME)?)?;
                self.makes_table(table);
            }
            SyntaxKind::CREATE_VIEW => self.create_view(stmt)?,
            SyntaxKind::CREATE_MATERIALIZED_VIEW => {
                let name = pg_name(self.cx, &Table::permanent(self.cx, &need(stmt, SyntaxKind::VIEW)?)?);
                self.makes("MATERIALIZED VIEW", " CASCADE", &name, exists(&name));
                self.takes(name);
            }
            SyntaxKind::DROP_MATERIALIZED_VIEW => {
                for name in nodes::children(stmt, SyntaxKind::VIEW_REF) {
                    let name = pg_name(self.cx, &self.table(&name)?);
                    self.query(0, materialized(&name, cascades(stmt)));
                }
            }
            SyntaxKind::CREATE_INDEX => {
                let table = Table::of(self.cx, &need(stmt, SyntaxKind::TABLE_RELATION_NAME)?)?;
                let list = nodes::child(stmt, SyntaxKind::PARTITION_ITEM_LIST);
                let items: Vec<SyntaxNode> =
                    list.iter().flat_map(|list| nodes::children(list, SyntaxKind::PARTITION_ITEM)).collect();
                let name = names::folded(&index_name(stmt, &table, &items)?);
                let index = format!("{}.{}", pg_schema(self.cx, &table), quoted_name(&name));
                self.makes("INDEX", "", &index, exists(&index));
            }
            SyntaxKind::CREATE_SCHEMA => {
                let typed = first_name(&need(&need(stmt, SyntaxKind::NAMED_SCHEMA)?, SyntaxKind::SCHEMA)?)?;
                let name = names::folded(&typed);
                let probe = format!("SELECT FROM pg_catalog.pg_namespace WHERE nspname = {}", quoted_text(&name));
                self.makes_missing(stmt, "SCHEMA", &quoted_name(&name), probe);
            }
            SyntaxKind::CREATE_SEQUENCE => {
                let name = Named::of(self.cx, &need(stmt, SyntaxKind::SEQUENCE)?)?.text;
                let probe = exists(&name);
                self.makes_missing(stmt, "SEQUENCE", &name, probe);
            }
            SyntaxKind::ALTER_SEQUENCE => self.alter_sequence(stmt)?,
            SyntaxKind::CREATE_TYPE | SyntaxKind::CREATE_DOMAIN => {
                let name = stmt.children().next().map(|node| self.type_name(&node)).unwrap_or_default();
                let probe = format!("SELECT WHERE pg_catalog.to_regtype({}) IS NOT NULL", quoted_text(&name));
                self.makes("TYPE", "", &name, probe);
            }
            SyntaxKind::CREATE_EXTENSION => {
                let name = names::folded(&first_name(&need(stmt, SyntaxKind::EXTENSION)?)?);
                let probe = format!("SELECT FROM pg_catalog.pg_extension WHERE extname = {}", quoted_text(&name));
                self.makes_missing(stmt, "EXTENSION", &quoted_name(&name), probe);
            }
            SyntaxKind::DROP_INDEX => {
                for index in nodes::children(stmt, SyntaxKind::INDEX_REF) {
                    let name = names::folded_parts(&index).iter().map(|part| quoted_name(part)).collect::<Vec<_>>();
                    self.query(
                        0,
                        format!(
                            "SELECT pg_catalog.pg_get_indexdef(indexrelid) FROM pg_catalog.pg_index \
                         WHERE indexrelid = pg_catalog.to_regclass({})",
                            quoted_text(&name.join("."))
                        ),
                    );
                }
            }
            SyntaxKind::DROP_VIEW => {
                self.refuse_materialized();
                let dropped: Vec<Table> =
                    nodes::children(stmt, SyntaxKind::VIEW_REF).map(|name| self.table(&name)).collect::<Result<_>>()?;
                let names: Vec<String> = dropped.iter().map(|view| pg_name(self.cx, view)).collect();
                self.query(0, views(&names, cascades(stmt)));
            }
            SyntaxKind::DROP_TABLE => {
                self.refuse_materialized();
                let relations = self.ddl.mirror.iter().flat_map(|statement| &statement.relations);
                let drops = relations.map(|iris| {
                    let table = Table {
                        text: String::new(),
                        lookup: RelationName::default(),
                        iris: iris.clone(),
                        pg: String::new(),
                    };
                    let dropped =
                        DroppedTable { schema: pg_schema(self.cx, &table), name: iris.1.clone(), iris: iris.clone() };
                    (pg_name(self.cx, &table), dropped)
                });
                (self.made.changes, self.made.drops) = drops.unzip();
                self.made.cascades = cascades(stmt);
            }
            SyntaxKind::DROP_TYPE | SyntaxKind::DROP_DOMAIN => {
                let is_type = |node: &SyntaxNode| {
                    !matches!(node.kind(), SyntaxKind::IF_EXISTS | SyntaxKind::CASCADE | SyntaxKind::RESTRICT)
                };
                let named = stmt.children().filter(is_type).map(|node| type_named(&node));
                let names = named.map(|name| match name.schema {
                    Some(schema) => format!("{}.{}", quoted_name(&schema), quoted_name(&name.name)),
                    None => quoted_name(&name.name),
                });
                self.drops_others(DroppedKind::Type, names.collect(), stmt);
            }
            SyntaxKind::DROP_SEQUENCE => {
                let named = nodes::children(stmt, SyntaxKind::SEQUENCE_REF).map(|node| Named::of(self.cx, &node));
                let names = named.map(|name| Ok(name?.text)).collect::<Result<_>>()?;
                self.drops_others(DroppedKind::Sequence, names, stmt);
            }
            SyntaxKind::DROP_SCHEMA => {
                let named = nodes::children(stmt, SyntaxKind::SCHEMA_REF).map(|node| first_name(&node));
                let names = named.map(|name| Ok(quoted_name(&names::folded(&name?)))).collect::<Result<_>>()?;
                self.drops_others(DroppedKind::Schema, names, stmt);
            }
            SyntaxKind::ALTER_TYPE => self.alter_type(stmt)?,
            SyntaxKind::ALTER_DOMAIN => {
                let mut children = stmt.children();
                let (Some(node), Some(action)) = (children.next(), children.next()) else { return Ok(()) };
                let undo = type_reversal::of_domain(&self.type_name(&node), &action)?;
                self.type_undo(undo);
            }
            SyntaxKind::ALTER_VIEW => {
                let old = self.table(&need(stmt, SyntaxKind::VIEW_REF)?)?;
                let action = need(stmt, SyntaxKind::VIEW_RENAME_TO)?;
                let name = names::folded(&first_name(&need(&action, SyntaxKind::VIEW)?)?);
                self.rename("VIEW", &old, name);
            }
            SyntaxKind::ALTER_TABLE => {
                let table = self.table(&need(stmt, SyntaxKind::TABLE_RELATION_NAME)?)?;
                self.made.changes.push(pg_name(self.cx, &table));
                if self.defer(stmt, &table)? {
                    return Ok(());
                }
                for (action, &first_step) in stmt.children().zip(&self.ddl.action_steps) {
                    self.alter_table(&table, &action, first_step)?;
                }
                if self.ddl.action_steps.is_empty() {
                    match nodes::child(stmt, SyntaxKind::TABLE_RENAME_TO) {
                        Some(action) => self.alter_table(&table, &action, 0)?,
                        // What a column's sequence is like.
                        None => self.is_complete = false,
                    }
                }
            }
            SyntaxKind::TRUNCATE => {
                // Without that it is a change of rows like any other.
                if has_child(stmt, SyntaxKind::RESTART_IDENTITY) {
                    for list in nodes::children(stmt, SyntaxKind::TABLE_LIST) {
                        for name in nodes::children(&list, SyntaxKind::TABLE_RELATION_NAME) {
                            let table = self.table(&name)?;
                            self.made.changes.push(pg_name(self.cx, &table));
                        }
                    }
                    self.refuse("TRUNCATE .. RESTART IDENTITY cannot be undone");
                }
            }
            _ => self.is_complete = false,
        }
        Ok(())
    }

    /// A materialized view that CASCADE reaches is not made again.
    fn refuse_materialized(&mut self) {
        let relations = self.ddl.mirror.iter().flat_map(|statement| &statement.relations);
        let mut names =
            relations.map(|(schema, name)| RelationName { schema: Some(schema.clone()), name: name.clone() });
        if names.any(|name| self.cx.known(&name).is_some_and(|facts| facts.is_materialized)) {
            self.refuse("CASCADE to a materialized view cannot be undone");
        }
    }

    /// Refused where a rollback would have to undo it.
    fn refuse(&mut self, why: &str) {
        let message = format!("{why}: it cannot run in a transaction, whose ROLLBACK would have to undo it");
        self.made.refusal = Some(
            PgError::unsupported(message)
                .hint("Run it outside of a transaction, or start the gateway with ddl_in_transaction = \"immediate\"."),
        );
    }

    fn drops_others(&mut self, kind: DroppedKind, names: Vec<String>, stmt: &SyntaxNode) {
        self.made.drops_others = Some(DroppedOthers {
            kind,
            names,
            if_exists: has_child(stmt, SyntaxKind::IF_EXISTS),
            cascades: cascades(stmt),
        });
    }

    fn table(&self, node: &SyntaxNode) -> Result<Table> {
        Table::of(self.cx, node)
    }

    /// Whether some of the actions cannot be undone as they are: columns that are dropped, and types that would not come back.
    fn defer(&mut self, stmt: &SyntaxNode, table: &Table) -> Result<bool> {
        let TableLookup::Known(facts) = self.cx.facts(&table.lookup) else { return Ok(false) };
        let name = pg_name(self.cx, table);
        let mut deferral = Deferral {
            rest: None,
            tried: Vec::new(),
            changes: Vec::new(),
            table: table.iris.1.clone(),
            relation: name.clone(),
            columns: Vec::new(),
            dropped: Vec::new(),
            demanded: Vec::new(),
        };
        let mut rest = Vec::new();
        for action in actions(stmt) {
            let typed = nodes::child(&action, SyntaxKind::COLUMN_NAME_REF).map(|node| first_name(&node)).transpose()?;
            let folded = names::folded(typed.as_deref().unwrap_or_default());
            let column = facts.columns.iter().find(|column| column.name.eq_ignore_ascii_case(&folded));
            let text = nodes::plain_text(&action);
            match (action.kind(), column) {
                (SyntaxKind::DROP_COLUMN, Some(column)) => {
                    deferral.tried.push(format!("ALTER TABLE {name} {text}"));
                    if !column.nullable && !column.identity {
                        deferral.demanded.push(folded.clone());
                    }
                    deferral.dropped.push(folded);
                }
                (SyntaxKind::ALTER_COLUMN, Some(column))
                    if let Some(option) = nodes::child(&action, SyntaxKind::SET_TYPE)
                        && !comes_back(self.cx, column, &option)? =>
                {
                    deferral.tried.push(format!("ALTER TABLE {name} {text}"));
                    deferral.changes.push((folded.clone(), nodes::plain_text(&option)));
                    deferral.columns.push(folded);
                }
                _ => rest.push(text),
            }
        }
        if deferral.tried.is_empty() {
            return Ok(false);
        }
        deferral.rest = (!rest.is_empty()).then(|| format!("ALTER TABLE {name} {}", rest.join(", ")));
        self.made.deferral = Some(deferral);
        Ok(true)
    }

    /// What the definition makes is dropped, whatever has come to depend on it.
    fn makes(&mut self, what: &str, behaviour: &str, name: &str, probe: String) {
        self.statement_part(0, format!("DROP {what} IF EXISTS {name}{behaviour}"), Some(probe));
    }

    /// The same of what PostgreSQL makes: with IF NOT EXISTS it may be somebody else's.
    fn makes_missing(&mut self, stmt: &SyntaxNode, what: &str, name: &str, probe: String) {
        if has_child(stmt, SyntaxKind::IF_NOT_EXISTS) {
            let drop = quoted_text(&format!("DROP {what} IF EXISTS {name}"));
            self.query(0, format!("SELECT {drop} WHERE NOT EXISTS ({probe})"));
        } else {
            self.makes(what, "", name, probe);
        }
    }

    fn makes_table(&mut self, table: Table) {
        let name = pg_name(self.cx, &table);
        self.makes("TABLE", " CASCADE", &name, exists(&name));
        self.takes(name.clone());
        self.made.makes = Some(name);
    }

    /// The last part gives something this name.
    fn takes(&mut self, name: String) {
        if let Some(part) = self.made.parts.last_mut() {
            part.takes = Some(name);
        }
    }

    fn statement_part(&mut self, first_step: usize, sql: String, probe: Option<String>) {
        self.made.parts.push(ReversalPart { first_step, undo: UndoSource::Statement(sql), probe, takes: None });
    }

    fn query(&mut self, first_step: usize, sql: String) {
        self.made.parts.push(ReversalPart { first_step, undo: UndoSource::Query(sql), probe: None, takes: None });
    }

    fn create_view(&mut self, stmt: &SyntaxNode) -> Result<()> {
        let node = need(stmt, SyntaxKind::VIEW)?;
        let replaces_temporary = matches!(self.ddl.temporary, Some(TemporaryChange::Replace { .. }));
        let view = if replaces_temporary { self.table(&node)? } else { Table::permanent(self.cx, &node)? };
        let name = pg_name(self.cx, &view);
        if has_child(stmt, SyntaxKind::OR_REPLACE) {
            // It goes, with what reads it; then its predecessor comes, if it has one, and what read that.
            self.query(
                0,
                format!(
                    "SELECT definition FROM ({}) AS view UNION ALL SELECT {}",
                    views(std::slice::from_ref(&name), true),
                    quoted_text(&format!("DROP VIEW IF EXISTS {name} CASCADE"))
                ),
            );
        } else {
            self.makes("VIEW", " CASCADE", &name, exists(&name));
            self.takes(name);
        }
        Ok(())
    }

    fn type_name(&self, node: &SyntaxNode) -> String {
        let named = type_named(node);
        let schema = named.schema.unwrap_or_else(|| match self.cx.options.search_path.first() {
            Some(schema) if names::parts(node).len() < 2 => schema.clone(),
            _ => "public".to_owned(),
        });
        format!("{}.{}", quoted_name(&schema), quoted_name(&named.name))
    }

    fn alter_type(&mut self, stmt: &SyntaxNode) -> Result<()> {
        let mut children = stmt.children();
        let (Some(node), Some(action)) = (children.next(), children.next()) else { return Ok(()) };
        let name = self.type_name(&node);
        match action.kind() {
            SyntaxKind::RENAME_VALUE => {
                let labels: Vec<SyntaxNode> =
                    action.descendants().filter(|node| node.kind() == SyntaxKind::LITERAL).collect();
                let [from, to] = labels.as_slice() else { return Ok(()) };
                self.statement_part(
                    0,
                    format!("ALTER TYPE {name} RENAME VALUE {} TO {}", to.text(), from.text()),
                    None,
                );
            }
            _ => {
                let undo = type_reversal::of_type_action(&name, &action)?;
                self.type_undo(undo);
            }
        }
        Ok(())
    }

    /// Where it stands does not come back.
    fn alter_sequence(&mut self, stmt: &SyntaxNode) -> Result<()> {
        let name = Named::of(self.cx, &need(stmt, SyntaxKind::SEQUENCE_REF)?)?;
        let restarts = |node: SyntaxNode| matches!(node.kind(), SyntaxKind::OPTION_RESTART | SyntaxKind::RESTART);
        if stmt.descendants().any(restarts) {
            self.is_complete = false;
            return Ok(());
        }
        let (schema, own) = (name.schema(self.cx), name.name());
        if let Some(action) = nodes::child(stmt, SyntaxKind::SEQUENCE_RENAME_TO) {
            let to = Named::of(self.cx, &need(&action, SyntaxKind::SEQUENCE)?)?;
            let (schema, to) = (quoted_name(&schema), quoted_name(to.name()));
            self.statement_part(0, format!("ALTER SEQUENCE {schema}.{to} RENAME TO {}", quoted_name(own)), None);
            return Ok(());
        }
        if let Some(action) = nodes::child(stmt, SyntaxKind::SET_SCHEMA) {
            let to = quoted_name(&names::folded_parts(&action).pop().unwrap_or_default());
            let sql = format!("ALTER SEQUENCE {to}.{} SET SCHEMA {}", quoted_name(own), quoted_name(&schema));
            self.statement_part(0, sql, None);
            return Ok(());
        }
        self.query(
            0,
            format!(
                "SELECT pg_catalog.format('ALTER SEQUENCE %s AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s \
                 %s OWNED BY %s', {name}, pg_catalog.format_type(seqtypid, NULL), seqincrement, seqmin, seqmax, seqstart, seqcache, \
                 CASE WHEN seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END, coalesce((SELECT pg_catalog.format('%I.%I.%I', nspname, \
                 relname, attname) FROM pg_catalog.pg_depend AS use JOIN pg_catalog.pg_class AS of ON of.oid = use.refobjid \
                 JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace JOIN pg_catalog.pg_attribute \
                 ON attrelid = of.oid AND attnum = use.refobjsubid WHERE use.objid = seqrelid AND use.deptype = 'a' \
                 AND use.classid = 'pg_catalog.pg_class'::pg_catalog.regclass), 'NONE')) \
                 FROM pg_catalog.pg_sequence WHERE seqrelid = pg_catalog.to_regclass({name})",
                name = quoted_text(&name.text)
            ),
        );
        Ok(())
    }

    fn type_undo(&mut self, undo: TypeUndo) {
        match undo {
            TypeUndo::Parts(parts) => self.made.parts.extend(parts),
            TypeUndo::Unknown => self.is_complete = false,
        }
    }

    fn rename(&mut self, what: &str, old: &Table, name: String) {
        let new = Table { iris: (old.iris.0.clone(), name), ..old.clone() };
        let (old_name, new_name) = (quoted_name(&old.iris.1), pg_name(self.cx, &new));
        let sql = format!("ALTER {what} {new_name} RENAME TO {old_name}");
        if what == "TABLE" {
            self.made.vacates = Some((pg_name(self.cx, old), witness(&new.iris, "1")));
        }
        self.statement_part(0, sql, Some(exists(&new_name)));
    }

    fn alter_table(&mut self, table: &Table, action: &SyntaxNode, first_step: usize) -> Result<()> {
        let name = pg_name(self.cx, table);
        let of_table = format!("pg_catalog.to_regclass({})", quoted_text(&name));
        match action.kind() {
            SyntaxKind::TABLE_RENAME_TO => {
                let new = names::folded(&first_name(&need(action, SyntaxKind::TABLE_NAME)?)?);
                self.rename("TABLE", table, new);
            }
            SyntaxKind::RENAME_COLUMN => {
                let old = names::folded(&first_name(&need(action, SyntaxKind::COLUMN_NAME_REF)?)?);
                let new = names::folded(&first_name(&need(action, SyntaxKind::COLUMN_NAME)?)?);
                let sql = format!("ALTER TABLE {name} RENAME COLUMN {} TO {}", quoted_name(&new), quoted_name(&old));
                let free = format!("{name} {}", quoted_name(&old));
                self.made.vacates = Some((free, witness(&table.iris, &quoted_name(&new))));
                self.statement_part(first_step, sql, Some(has_column(&of_table, &new)));
            }
            SyntaxKind::ADD_COLUMN => {
                let column = names::folded(&first_name(&need(action, SyntaxKind::COLUMN_NAME)?)?);
                // IF NOT EXISTS, of one that there is: nothing is done.
                if let TableLookup::Known(facts) = self.cx.facts(&table.lookup)
                    && facts.columns.iter().any(|known| known.name.eq_ignore_ascii_case(&column))
                {
                    return Ok(());
                }
                let sql = format!("ALTER TABLE {name} DROP COLUMN IF EXISTS {}", quoted_name(&column));
                self.statement_part(first_step, sql, Some(has_column(&of_table, &column)));
                self.takes(format!("{name} {}", quoted_name(&column)));
            }
            SyntaxKind::ADD_CONSTRAINT => {
                for constraint in action.children() {
                    self.add_constraint(&constraint, &name, &of_table, first_step)?;
                }
            }
            SyntaxKind::DROP_CONSTRAINT => {
                let constraint = names::folded(&first_name(&need(action, SyntaxKind::CONSTRAINT_NAME_REF)?)?);
                let others =
                    if cascades(action) { "OR other.conindid = own.conindid AND other.contype = 'f'" } else { "" };
                // Foreign keys come back behind the key that they refer to.
                self.query(first_step, format!(
                    "SELECT pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', other.conrelid::pg_catalog.regclass, \
                     other.conname, pg_catalog.pg_get_constraintdef(other.oid)) FROM pg_catalog.pg_constraint AS own \
                     JOIN pg_catalog.pg_constraint AS other ON other.oid = own.oid {others} \
                     WHERE own.conrelid = {of_table} AND own.conname = {} ORDER BY other.oid = own.oid",
                    quoted_text(&constraint)
                ));
            }
            SyntaxKind::ALTER_COLUMN => self.alter_column(&name, &of_table, action, first_step)?,
            SyntaxKind::RENAME_CONSTRAINT => {
                let from = names::folded(&first_name(&need(action, SyntaxKind::CONSTRAINT_NAME_REF)?)?);
                let to = names::folded(&first_name(&need(action, SyntaxKind::CONSTRAINT_NAME)?)?);
                let (from, to) = (quoted_name(&from), quoted_name(&to));
                self.statement_part(first_step, format!("ALTER TABLE {name} RENAME CONSTRAINT {to} TO {from}"), None);
            }
            // IF EXISTS, of one that is not there.
            SyntaxKind::DROP_COLUMN if has_child(action, SyntaxKind::IF_EXISTS) && self.lacks(table, action)? => {}
            SyntaxKind::IF_EXISTS | SyntaxKind::TABLE_RELATION_NAME => {}
            // What changes nothing, here and in the mirror.
            SyntaxKind::OWNER_TO
            | SyntaxKind::CLUSTER_ON
            | SyntaxKind::SET_WITHOUT_CLUSTER
            | SyntaxKind::SET_WITHOUT_OIDS
            | SyntaxKind::SET_TABLESPACE
            | SyntaxKind::SET_ACCESS_METHOD
            | SyntaxKind::VALIDATE_CONSTRAINT => {}
            _ => self.is_complete = false,
        }
        Ok(())
    }

    fn lacks(&self, table: &Table, action: &SyntaxNode) -> Result<bool> {
        let TableLookup::Known(facts) = self.cx.facts(&table.lookup) else { return Ok(false) };
        let column = names::folded(&first_name(&need(action, SyntaxKind::COLUMN_NAME_REF)?)?);
        Ok(!facts.columns.iter().any(|known| known.name.eq_ignore_ascii_case(&column)))
    }

    fn add_constraint(&mut self, node: &SyntaxNode, name: &str, of_table: &str, first_step: usize) -> Result<()> {
        if node.kind() == SyntaxKind::NOT_NULL_CONSTRAINT {
            let column = names::folded(&first_name(node)?);
            self.column_query(name, of_table, &column, NULLABLE, first_step);
            return Ok(());
        }
        if node.kind() == SyntaxKind::PRIMARY_KEY_CONSTRAINT {
            // Its columns become NOT NULL, and stay so in PostgreSQL when it is dropped.
            self.query(
                first_step,
                format!(
                    "SELECT pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', {}, attname) \
                 FROM pg_catalog.pg_attribute WHERE attrelid = {of_table} AND attnum > 0 AND NOT attisdropped \
                 AND NOT attnotnull AND attname = ANY ({})",
                    quoted_text(name),
                    array(&columns_of(node))
                ),
            );
        }
        let clause = nodes::child(node, SyntaxKind::CONSTRAINT_NAME_CLAUSE);
        match clause.and_then(|clause| nodes::child(&clause, SyntaxKind::CONSTRAINT_NAME)) {
            Some(constraint) => {
                let constraint = names::folded(&first_name(&constraint)?);
                let sql = format!("ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {}", quoted_name(&constraint));
                let probe = format!(
                    "SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {of_table} AND conname = {}",
                    quoted_text(&constraint)
                );
                self.statement_part(first_step, sql, Some(probe));
            }
            // All that came later has been undone when this is asked: it is the one that was not there in front of it.
            None => {
                let sql = format!(
                    "SELECT pg_catalog.format('SELECT pg_catalog.format(''ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I'', %L, \
                     conname) FROM pg_catalog.pg_constraint WHERE conrelid = %s AND contype <> ''n'' AND conname <> ALL (%L)', \
                     {name}, {quoted}, ARRAY(SELECT conname::pg_catalog.text FROM pg_catalog.pg_constraint \
                     WHERE conrelid = {of_table}))",
                    name = quoted_text(name),
                    quoted = quoted_text(of_table),
                );
                self.made.parts.push(ReversalPart {
                    first_step,
                    undo: UndoSource::LateQuery(sql),
                    // Another one may have that place where this has not been made.
                    probe: Some("SELECT".to_owned()),
                    takes: None,
                });
            }
        }
        Ok(())
    }

    fn alter_column(&mut self, name: &str, of_table: &str, action: &SyntaxNode, first_step: usize) -> Result<()> {
        let column = names::folded(&first_name(&need(action, SyntaxKind::COLUMN_NAME_REF)?)?);
        for option in action.children() {
            let undo = match option.kind() {
                SyntaxKind::COLUMN_NAME_REF => continue,
                SyntaxKind::SET_NOT_NULL | SyntaxKind::DROP_NOT_NULL => NULLABLE,
                SyntaxKind::SET_DEFAULT | SyntaxKind::DROP_DEFAULT => DEFAULT,
                SyntaxKind::SET_TYPE => TYPE,
                _ => {
                    self.is_complete = false;
                    continue;
                }
            };
            self.column_query(name, of_table, &column, undo, first_step);
        }
        Ok(())
    }

    /// `undo`: what the column is now, as the end of ALTER COLUMN.
    fn column_query(&mut self, name: &str, of_table: &str, column: &str, undo: &str, first_step: usize) {
        self.query(
            first_step,
            format!(
                "SELECT pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I ', {}, attname) || {undo} \
             FROM pg_catalog.pg_attribute LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum \
             WHERE attrelid = {of_table} AND attname = {}",
                quoted_text(name),
                quoted_text(column)
            ),
        );
    }
}
