//! CREATE TABLE.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::constraint::Keys;
use super::default::default_text;
use super::types::{ColumnType, column_type, type_node};
use super::{Ddl, Table, accepted, ddl, defined, first_name, has_child, need, notice, tolerant_step, unsupported};
use crate::sql::schema::TableLookup;
use crate::sql::translate::cx::{self, Cx, Result};
use crate::sql::translate::names;
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

const TAG: &str = "CREATE TABLE";

/// "Table or view already exists".
const EXISTS_SQLCODE: i32 = 201;

/// Explicit values for identity columns, as PostgreSQL allows for serial ones.
const IDENTITY_INSERT: &str = " WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1";

pub(super) fn create_table(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    refuse_clauses(stmt)?;
    let table = Table::of(cx, &need(stmt, SyntaxKind::TABLE_NAME)?)?;
    let if_not_exists = has_child(stmt, SyntaxKind::IF_NOT_EXISTS);
    if if_not_exists && matches!(cx.facts(&table.lookup), TableLookup::Known(_)) {
        notice(cx, SqlState(*b"42P07"), format!("relation \"{}\" already exists, skipping", table.name()));
        return Ok(accepted(TAG));
    }
    let list = cx::child(stmt, SyntaxKind::TABLE_ARG_LIST);
    let elements: Vec<SyntaxNode> = list.iter().flat_map(SyntaxNode::children).collect();
    let mut keys = Keys::new(&table);
    let mut columns = Vec::new();
    for element in &elements {
        match element.kind() {
            SyntaxKind::COLUMN => columns.push(Column::read(cx, element)?),
            SyntaxKind::LIKE_CLAUSE => {
                return Err(unsupported(element, "CREATE TABLE .. LIKE is not supported by IRIS")
                    .hint("Write the columns out, or use CREATE TABLE .. AS SELECT."));
            }
            SyntaxKind::NOT_NULL_CONSTRAINT => {
                let name = names::folded(&first_name(&need(element, SyntaxKind::COLUMN_NAME_REF)?)?);
                match columns.iter_mut().find(|column: &&mut Column| names::folded(&column.name) == name) {
                    Some(column) => column.not_null = true,
                    None => {
                        let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name());
                        return Err(PgError::error(SqlState::UNDEFINED_COLUMN, message));
                    }
                }
            }
            _ => {}
        }
    }
    if columns.is_empty() {
        return Err(unsupported(stmt, "a table without columns is not supported by IRIS"));
    }
    // A primary key first: a foreign key of the table to itself may mean it without naming its columns.
    for primary in [true, false] {
        for element in &elements {
            if element.kind() == SyntaxKind::COLUMN {
                let name = first_name(&need(element, SyntaxKind::COLUMN_NAME)?)?;
                read_keys(cx, &mut keys, element.children(), Some(&name), primary)?;
            } else {
                read_keys(cx, &mut keys, std::iter::once(element.clone()), None, primary)?;
            }
        }
    }
    let identity = columns.iter().any(|column| column.identity);
    let mut parts = columns.iter().map(Column::text).collect::<Result<Vec<_>>>()?;
    parts.extend(keys.into_clauses());
    let options = if identity { IDENTITY_INSERT } else { "" };
    let text = format!("CREATE TABLE {} ({}){options}", table.text, parts.join(", "));
    let ignored: &[i32] = if if_not_exists { &[EXISTS_SQLCODE] } else { &[] };
    Ok(ddl(TAG, vec![tolerant_step(cx, text, ignored)]))
}

fn read_keys(
    cx: &Cx<'_>,
    keys: &mut Keys<'_>,
    constraints: impl Iterator<Item = SyntaxNode>,
    column: Option<&str>,
    primary: bool,
) -> Result<()> {
    for constraint in constraints {
        if (constraint.kind() == SyntaxKind::PRIMARY_KEY_CONSTRAINT) == primary {
            keys.read(cx, &constraint, column)?;
        }
    }
    Ok(())
}

fn refuse_clauses(stmt: &SyntaxNode) -> Result<()> {
    for clause in stmt.children() {
        let (message, hint) = match clause.kind() {
            SyntaxKind::TEMP => (
                "temporary tables are not supported: sessions share the connections to IRIS",
                "Use a table of an own name and drop it, or WITH.",
            ),
            SyntaxKind::PARTITION_BY | SyntaxKind::PARTITION_OF => {
                ("partitioned tables are not supported by IRIS", "Make one table and leave PARTITION out.")
            }
            SyntaxKind::INHERITS => {
                ("table inheritance is not supported by IRIS", "Repeat the columns of the parent table.")
            }
            SyntaxKind::OF_TYPE => ("typed tables (OF) are not supported by IRIS", "Write the columns out."),
            SyntaxKind::ON_COMMIT => {
                ("ON COMMIT belongs to temporary tables, which are not supported", "Leave it out.")
            }
            _ => continue,
        };
        return Err(unsupported(&clause, message).hint(hint));
    }
    Ok(())
}

/// A column without its keys.
pub(super) struct Column {
    /// As typed.
    pub name: String,
    pub column_type: ColumnType,
    pub identity: bool,
    pub not_null: bool,
    default: Option<String>,
}

impl Column {
    /// Of a `COLUMN` or an `ADD_COLUMN`.
    pub fn read(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Self> {
        let name = first_name(&need(node, SyntaxKind::COLUMN_NAME)?)?;
        let shown = names::folded(&name);
        let Some(type_node) = type_node(node) else {
            return Err(PgError::error(SqlState::SYNTAX_ERROR, format!("column \"{shown}\" has no type"))
                .position(cx::offset(super::at(node))));
        };
        let column_type = column_type(cx, &type_node)?;
        let mut column = Self { name, identity: column_type.is_serial, column_type, not_null: false, default: None };
        for clause in node.children() {
            match clause.kind() {
                SyntaxKind::NOT_NULL_CONSTRAINT => column.not_null = true,
                SyntaxKind::DEFAULT_CONSTRAINT => {
                    if column.identity {
                        let message = format!("multiple default values specified for column \"{shown}\"");
                        return Err(
                            PgError::error(SqlState::SYNTAX_ERROR, message).position(cx::offset(super::at(&clause)))
                        );
                    }
                    if let Some(value) = clause.children().last() {
                        column.default = Some(default_text(cx, &shown, Some(column.column_type.pg_type), &value)?);
                    }
                }
                SyntaxKind::GENERATED_CONSTRAINT => {
                    if has_child(&clause, SyntaxKind::GENERATED_STORED) {
                        return Err(unsupported(&clause, "generated columns are not supported by IRIS")
                            .hint("Compute the value in the query or in a view."));
                    }
                    identity_options(cx, &clause)?;
                    if !matches!(column.column_type.pg_type.oid, Oid::INT2 | Oid::INT4 | Oid::INT8) {
                        let message = "identity column type must be smallint, integer, or bigint";
                        return Err(PgError::error(SqlState::INVALID_PARAMETER_VALUE, message)
                            .position(cx::offset(super::at(&clause))));
                    }
                    column.identity = true;
                }
                _ => {}
            }
        }
        Ok(column)
    }

    /// `name type [%EXACT] [NOT NULL] [DEFAULT v] [%DESCRIPTION 'pg:..']`.
    pub fn text(&self) -> Result<String> {
        let ColumnType { iris, collation, .. } = &self.column_type;
        let mut text = format!("{} {iris}{collation}", defined(&self.name)?);
        if self.identity {
            text.push_str(" IDENTITY");
        } else if self.not_null {
            text.push_str(" NOT NULL");
        }
        if let Some(default) = &self.default {
            text.push_str(" DEFAULT ");
            text.push_str(default);
        }
        text.push_str(&self.column_type.description_clause());
        Ok(text)
    }
}

/// IRIS counts from 1 in steps of 1; what asks for something else is refused, limits and caches are left out.
pub(super) fn identity_options(cx: &Cx<'_>, node: &SyntaxNode) -> Result<()> {
    for option in node.descendants() {
        let what = match option.kind() {
            SyntaxKind::OPTION_START => "START WITH",
            SyntaxKind::OPTION_INCREMENT => "INCREMENT BY",
            _ => continue,
        };
        let value = option.children().last().and_then(|value| cx.constant_integer(&value));
        if value != Some(1) {
            return Err(unsupported(&option, format!("identity columns of IRIS count from 1 in steps of 1: {what}"))
                .hint("Leave the option out."));
        }
    }
    Ok(())
}
