//! CREATE VIEW, ALTER VIEW.

use super::super::catalog::{CheckOption, Relation, ViewDef, same_name};
use super::super::value::SqlError;
use super::create_table::exists;
use super::cursor::{Cursor, ObjectName};
use super::work::{Action, Ddl, not_allowed, table_not_found};

/// What to do when the view is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    No,
    /// CREATE OR REPLACE.
    Yes,
    /// ALTER VIEW: it must be there.
    Only,
}

pub(super) fn create_view(cursor: &mut Cursor, replace: Replace) -> Result<Action, SqlError> {
    let name = cursor.object_name()?;
    let names = if cursor.is_symbol("(") { cursor.column_list()? } else { Vec::new() };
    cursor.word("AS")?;
    let start = cursor.offset();
    if !cursor.is_word("SELECT") && !cursor.is_word("WITH") && !cursor.is_symbol("(") {
        return Err(cursor.expected("SELECT"));
    }
    let order_needs_top = !(cursor.is_words(&["SELECT", "TOP"]) || cursor.is_words(&["SELECT", "DISTINCT", "TOP"]));
    while !cursor.at_end() && !at_view_option(cursor) {
        if cursor.is_symbol("(") {
            cursor.skip_parentheses()?;
            continue;
        }
        if order_needs_top && cursor.is_words(&["ORDER", "BY"]) {
            return Err(SqlError::prepare(143, "ORDER BY clause not allowed in a view without TOP"));
        }
        cursor.advance();
    }
    let query = cursor.text_since(start).to_owned();
    let mut read_only = false;
    let mut check_option = None;
    if cursor.take_word("WITH") {
        if cursor.take_words(&["READ", "ONLY"]) {
            read_only = true;
        } else {
            let local = cursor.take_word("LOCAL");
            if !local {
                cursor.take_word("CASCADED");
            }
            cursor.word("CHECK")?;
            cursor.word("OPTION")?;
            check_option = Some(if local { CheckOption::Local } else { CheckOption::Cascaded });
        }
    }
    cursor.end()?;
    Ok(Box::new(move |ddl| ddl.put_view(name, names, query, (read_only, check_option), replace)))
}

impl Ddl<'_> {
    fn put_view(
        &mut self,
        name: ObjectName,
        names: Vec<String>,
        query: String,
        (read_only, check_option): (bool, Option<CheckOption>),
        replace: Replace,
    ) -> Result<(), SqlError> {
        match (self.catalog.lookup(&name.schema, &name.name), replace) {
            (None, Replace::Only) => return Err(table_not_found(&name)),
            (Some(Relation::View(_)), Replace::Yes | Replace::Only) | (None, _) => {}
            (Some(_), _) => return Err(exists(&name)),
        }
        if same_name(&name.schema, "INFORMATION_SCHEMA") {
            return Err(not_allowed(&name));
        }
        let shape = self.engine.describe(self.conn, &self.catalog, &query)?;
        let itself = |(schema, view): &(String, String)| same_name(schema, &name.schema) && same_name(view, &name.name);
        if shape.relations.iter().chain(&shape.view_relations).any(itself) {
            return Err(table_not_found(&name));
        }
        let mut columns = shape.columns;
        if !names.is_empty() {
            if names.len() != columns.len() {
                let text = format!("{} names for {} columns of the query", names.len(), columns.len());
                return Err(SqlError::prepare(142, text));
            }
            for (column, name) in columns.iter_mut().zip(names) {
                column.name = name;
            }
        }
        for (at, column) in columns.iter().enumerate() {
            if columns.iter().take(at).any(|other| same_name(&other.name, &column.name)) {
                let text = format!("Column '{}' stands twice in view '{}'", column.name, name.shown());
                return Err(SqlError::execute(306, text));
            }
        }
        self.save_view(ViewDef {
            schema: name.schema,
            name: name.name,
            query,
            check_option,
            read_only,
            description: None,
            columns,
            depends_on: shape.relations,
        })
    }
}

/// `WITH CHECK OPTION` and its siblings end the query; the WITH of a common table expression stands at its beginning.
fn at_view_option(cursor: &Cursor) -> bool {
    let options: [&[&str]; 4] =
        [&["WITH", "CHECK"], &["WITH", "READ", "ONLY"], &["WITH", "LOCAL", "CHECK"], &["WITH", "CASCADED", "CHECK"]];
    options.iter().any(|option| cursor.is_words(option))
}
