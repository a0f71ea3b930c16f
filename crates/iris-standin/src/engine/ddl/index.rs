//! CREATE INDEX and DROP INDEX.

use std::ops::RangeInclusive;

use super::super::catalog::{IndexDef, IndexKind, KeyDef, TableDef, TableKind, VectorDistance, same_name};
use super::super::types::{DataType, VectorElement};
use super::super::value::SqlError;
use super::alter::free_index_name;
use super::create_table::{duplicates, key_columns};
use super::cursor::{Cursor, ObjectName};
use super::work::{Action, Ddl};
use super::{foreign_key, storage};

/// `[UNIQUE | BITMAP | ...] INDEX`, if that is what comes.
pub(super) fn index_kind(cursor: &mut Cursor) -> Option<IndexKind> {
    let kinds = [
        ("UNIQUE", IndexKind::Unique),
        ("BITMAP", IndexKind::Bitmap),
        ("BITMAPEXTENT", IndexKind::BitmapExtent),
        ("BITSLICE", IndexKind::Bitslice),
        ("COLUMNAR", IndexKind::Columnar),
    ];
    if cursor.take_word("INDEX") {
        return Some(IndexKind::Plain);
    }
    kinds.into_iter().find(|(word, _)| cursor.take_words(&[word, "INDEX"])).map(|(_, kind)| kind)
}

pub(super) fn create_index(cursor: &mut Cursor, kind: IndexKind) -> Result<Action, SqlError> {
    let name = cursor.identifier()?;
    cursor.word("ON")?;
    cursor.take_word("TABLE");
    let table = cursor.object_name()?;
    let columns =
        if kind == IndexKind::BitmapExtent && !cursor.is_symbol("(") { Vec::new() } else { index_columns(cursor)? };
    let kind = if cursor.take_word("AS") { index_class(cursor, kind)? } else { kind };
    let data = if cursor.take_words(&["WITH", "DATA"]) { cursor.column_list()? } else { Vec::new() };
    if cursor.take_word("IMMEDIATE") || cursor.take_word("DEFER") {
        cursor.take_word("BUILD");
    }
    cursor.end()?;
    Ok(Box::new(move |ddl| ddl.add_index(&table, IndexDef { name, columns, data, kind })))
}

pub(super) fn drop_index(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let if_exists = cursor.take_words(&["IF", "EXISTS"]);
    let name = cursor.identifier()?;
    let mut on = None;
    if cursor.take_word("ON") {
        cursor.take_word("TABLE");
        on = Some(cursor.object_name()?);
    }
    cursor.end()?;
    Ok(Box::new(move |ddl| match ddl.remove_index(&name, on.as_ref()) {
        Err(error) if if_exists && matches!(error.sqlcode, 30 | 333) => Ok(()),
        result => result,
    }))
}

impl Ddl<'_> {
    fn add_index(&mut self, table: &ObjectName, mut index: IndexDef) -> Result<(), SqlError> {
        let mut table = self.changeable_table(table)?;
        free_index_name(&table, &index.name)?;
        index.columns = key_columns(&table, &index.columns)?;
        index.data = key_columns(&table, &index.data)?;
        check_vector_columns(&table, &index)?;
        if index.kind == IndexKind::Unique && table.kind == TableKind::Base {
            let key = KeyDef { name: index.name.clone(), columns: index.columns.clone() };
            if foreign_key::has_duplicates(self.conn, &table, &key)? {
                return Err(duplicates(&table, &key));
            }
        }
        storage::drop_parts(self.conn, &table)?;
        table.indexes.push(index);
        if table.kind == TableKind::Base {
            storage::create_parts(self.conn, &self.catalog, &table)?;
        }
        self.save_table(table)
    }

    /// -333 when there is none, -334 when several tables have it and none was named.
    fn remove_index(&mut self, name: &str, on: Option<&ObjectName>) -> Result<(), SqlError> {
        let has = |table: &TableDef| table.indexes.iter().any(|index| same_name(&index.name, name));
        let tables: Vec<TableDef> = match on {
            Some(on) => vec![self.changeable_table(on)?],
            None => self.catalog.tables().map(|table| (**table).clone()).collect(),
        };
        let mut found = tables.into_iter().filter(has);
        let Some(mut table) = found.next() else {
            return Err(SqlError::execute(333, format!("No such index defined: '{name}'")));
        };
        if found.next().is_some() {
            let text = format!("Index name '{name}' is ambiguous. Index found in multiple tables");
            return Err(SqlError::execute(334, text));
        }
        storage::drop_parts(self.conn, &table)?;
        table.indexes.retain(|index| !same_name(&index.name, name));
        if table.kind == TableKind::Base {
            storage::create_parts(self.conn, &self.catalog, &table)?;
        }
        self.save_table(table)
    }
}

/// `(a [ASC | DESC], ...)`: the order has no effect.
fn index_columns(cursor: &mut Cursor) -> Result<Vec<String>, SqlError> {
    cursor.symbol("(")?;
    let mut columns = Vec::new();
    loop {
        columns.push(cursor.identifier()?);
        if !cursor.take_word("ASC") {
            cursor.take_word("DESC");
        }
        if !cursor.take_symbol(",") {
            cursor.symbol(")")?;
            return Ok(columns);
        }
    }
}

const M_MIN: u32 = 2;
const M_MAX: u32 = 100;

/// `AS HNSW(Distance='Cosine', M=24, efConstruction=100)`: the distance has to be given, quoted; M lies between 2 and 100
/// and is 16, efConstruction is greater than M and 64 (manual, "Hierarchical Navigable Small World Index").
fn index_class(cursor: &mut Cursor, kind: IndexKind) -> Result<IndexKind, SqlError> {
    let start = cursor.offset();
    while !cursor.is_symbol("(") && !cursor.at_end() && !cursor.is_word("WITH") {
        cursor.advance();
    }
    let name = cursor.text_since(start).to_owned();
    let class = name.strip_prefix("%SQL.Index.").unwrap_or(&name);
    let parameters = class_parameters(cursor)?;
    if class.eq_ignore_ascii_case("BITMAP") && kind == IndexKind::Plain {
        return Ok(IndexKind::Bitmap);
    }
    if !class.eq_ignore_ascii_case("HNSW") {
        return Err(SqlError::execute(400, format!("ERROR #5373: Class '{name}', used by an index, does not exist")));
    }
    let (mut distance, mut m, mut ef_construction) = (None, 16, 64);
    for (key, value) in parameters {
        let wrong =
            || SqlError::execute(400, format!("ERROR #7202: Invalid value '{value}' for index parameter '{key}'"));
        let number = |limits: RangeInclusive<u32>| {
            value.parse::<u32>().ok().filter(|number| limits.contains(number)).ok_or_else(wrong)
        };
        match key.to_ascii_uppercase().as_str() {
            "DISTANCE" if value.eq_ignore_ascii_case("Cosine") => distance = Some(VectorDistance::Cosine),
            "DISTANCE" if value.eq_ignore_ascii_case("DotProduct") => distance = Some(VectorDistance::DotProduct),
            "DISTANCE" => return Err(wrong()),
            "M" => m = number(M_MIN..=M_MAX)?,
            "EFCONSTRUCTION" => ef_construction = number(1..=u32::MAX)?,
            _ => {
                return Err(SqlError::execute(400, format!("ERROR #5480: Property parameter not declared: '{key}'")));
            }
        }
    }
    let Some(distance) = distance else {
        return Err(SqlError::execute(400, "ERROR #7202: Index parameter 'Distance' is required"));
    };
    if ef_construction <= m {
        return Err(SqlError::execute(400, "ERROR #7202: Index parameter 'efConstruction' must be greater than 'M'"));
    }
    Ok(IndexKind::Hnsw { distance, m, ef_construction })
}

fn class_parameters(cursor: &mut Cursor) -> Result<Vec<(String, String)>, SqlError> {
    let mut parameters = Vec::new();
    if !cursor.take_symbol("(") || cursor.take_symbol(")") {
        return Ok(parameters);
    }
    loop {
        let key = cursor.identifier()?;
        cursor.symbol("=")?;
        parameters.push((key, cursor.option_value()?));
        if !cursor.take_symbol(",") {
            cursor.symbol(")")?;
            return Ok(parameters);
        }
    }
}

/// HNSW: one column, a VECTOR of fixed length with elements of type double or decimal, one such index on it. Other kinds take no vectors.
fn check_vector_columns(table: &TableDef, index: &IndexDef) -> Result<(), SqlError> {
    let refuse = |text: String| Err(SqlError::execute(400, text));
    let types: Vec<DataType> =
        index.columns.iter().filter_map(|name| table.column(name)).map(|column| column.data_type).collect();
    if !matches!(index.kind, IndexKind::Hnsw { .. }) {
        let vector = types.iter().any(|data_type| matches!(data_type, DataType::Vector { .. }));
        return if vector {
            refuse("ERROR #5414: Invalid index attribute: a VECTOR needs an HNSW index".into())
        } else {
            Ok(())
        };
    }
    let [DataType::Vector { element, length }] = types[..] else {
        return refuse("ERROR #7204: An HNSW index is defined on one VECTOR property".into());
    };
    if length.is_none() {
        return refuse("ERROR #7205: An HNSW index needs a VECTOR property with a fixed length".into());
    }
    if !matches!(element, VectorElement::Double | VectorElement::Decimal) {
        return refuse(format!(
            "ERROR #7206: An HNSW index cannot be defined on VECTOR elements of type {}",
            element.name()
        ));
    }
    let other = |other: &IndexDef| matches!(other.kind, IndexKind::Hnsw { .. }) && other.columns == index.columns;
    if table.indexes.iter().any(other) {
        return refuse("ERROR #7207: The property has an HNSW index already".into());
    }
    Ok(())
}
