//! Names: what FROM offers and how a column is found in it.

use std::sync::Arc;

use super::super::SqlError;
use super::super::catalog::{Collation, TableDef, same_name};
use super::super::parse::ast::Name;
use super::super::types::DataType;
use super::output::OutColumn;
use super::term::{Coll, Origin, Shape, Term, text_constant};

/// A common table expression, already translated.
#[derive(Debug)]
pub(super) struct Cte {
    pub name: Name,
    pub sqlite_name: String,
    pub columns: Vec<OutColumn>,
}

#[derive(Debug, Clone)]
pub(super) struct SourceColumn {
    pub name: String,
    /// SQLite text, qualified.
    pub sql: String,
    pub data_type: DataType,
    pub coll: Coll,
    pub nullable: bool,
    pub origin: Option<Origin>,
    /// Merged into a column of the left side by USING or NATURAL.
    pub merged: bool,
}

/// One FROM item.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The label: alias or table name; empty for a derived table without alias.
    pub label: String,
    /// Schema when the label is the table's own name.
    pub schema: Option<String>,
    pub columns: Vec<SourceColumn>,
    /// `%ID`.
    pub row_id: Option<SourceColumn>,
    pub table: Option<Arc<TableDef>>,
    /// A table of WITH.
    pub is_cte: bool,
}

#[derive(Debug, Default)]
pub(super) struct Scope {
    pub sources: Vec<Source>,
}

/// The row id of a table without an IDENTITY column also goes by this name.
const ROW_ID_NAME: &str = "ID";

impl Source {
    pub(super) fn find(&self, name: &str) -> Option<&SourceColumn> {
        if name == "%ID" {
            return self.row_id.as_ref();
        }
        let column = self.columns.iter().find(|column| same_name(&column.name, name));
        let unnamed_row_id =
            || self.row_id.as_ref().filter(|id| id.name == ROW_ID_NAME && same_name(name, ROW_ID_NAME));
        column.or_else(unnamed_row_id)
    }
}

impl SourceColumn {
    pub(super) fn term(&self) -> Term {
        Term {
            sql: self.sql.clone(),
            data_type: self.data_type,
            shape: Shape::Column { name: self.name.clone(), origin: self.origin.clone() },
            coll: self.coll,
            nullable: self.nullable,
        }
    }
}

impl Scope {
    /// `None`: not here. -27 when several tables have it.
    pub(super) fn find_unqualified(&self, name: &str) -> Result<Option<&SourceColumn>, SqlError> {
        let mut found = None;
        for source in &self.sources {
            if let Some(column) = source.find(name).filter(|column| !column.merged) {
                if found.is_some() {
                    return Err(SqlError::prepare(
                        27,
                        format!("Field '{name}' is ambiguous among the applicable tables"),
                    ));
                }
                found = Some(column);
            }
        }
        Ok(found)
    }

    pub(super) fn source(&self, schema: Option<&str>, label: &str) -> Option<&Source> {
        self.sources.iter().find(|source| {
            same_name(&source.label, label)
                && schema.is_none_or(|schema| source.schema.as_deref().is_some_and(|own| same_name(own, schema)))
        })
    }
}

/// The columns of a table as a FROM item offers them.
pub(super) fn table_source(table: &Arc<TableDef>, label: Option<&Name>, alias: &str, nullable_side: bool) -> Source {
    let qualified = |column: &str| format!("{alias}.\"{}\"", column.replace('"', "\"\""));
    let origin = |auto_increment: bool, row_id: bool| {
        Some(Origin { schema: table.schema.clone(), table: table.name.clone(), auto_increment, row_id })
    };
    let columns = table.columns.iter().map(|column| {
        let identity = column.identity != super::super::catalog::IdentityKind::No;
        SourceColumn {
            name: column.name.clone(),
            sql: match column.compute_code {
                Some(_) => format!("iris_computed({})", text_constant(&column.name)),
                None => qualified(&column.name),
            },
            data_type: column.data_type,
            coll: match column.data_type {
                DataType::VarChar { .. } | DataType::Char { .. } => Coll::Column(column.collation),
                DataType::LongVarChar | DataType::UniqueIdentifier => Coll::Column(Collation::Exact),
                _ => Coll::None,
            },
            nullable: nullable_side || !(column.not_null || identity),
            origin: origin(identity, false),
            merged: false,
        }
    });
    let columns: Vec<SourceColumn> = columns.collect();
    let row_id = SourceColumn {
        name: table.identity_column().map_or_else(|| ROW_ID_NAME.to_owned(), |column| column.name.clone()),
        sql: qualified(table.row_id_column()),
        data_type: table.identity_column().map_or(DataType::BigInt, |column| column.data_type),
        coll: Coll::None,
        nullable: false,
        origin: origin(true, true),
        merged: false,
    };
    Source {
        label: label.map_or_else(|| table.name.clone(), |label| label.0.clone()),
        schema: label.is_none().then(|| table.schema.clone()),
        columns,
        row_id: Some(row_id),
        table: Some(Arc::clone(table)),
        is_cte: false,
    }
}
