//! From IRIS rows to DataRow: coders chosen once per column, then a plain loop.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::bridge::{CellDecoder, default_pg_type};
use crate::catalog::{Described, DescribedColumn, TableCache};
use crate::iris::{IrisType, ItemReader, StatementMetadata};
use crate::sql::{OutputColumn, Plan};
use crate::types::{Datum, Encoder, IsNull, Oid, PgType, Style};
use crate::wire::{FieldDescription, Format, PgError, RowWriter, SendBuf, SqlState};

/// One column as the client sees it.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub name: String,
    pub pg_type: PgType,
    /// Bytes of a value (`pg_type.typlen`); negative: it varies.
    pub type_len: i16,
    pub format: Format,
    /// 0 when it is no column of a table.
    pub table_oid: u32,
    pub attribute_number: i16,
}

impl Field {
    /// A column of no table.
    pub(crate) fn new(name: &str, pg_type: PgType, format: Format) -> Self {
        Self { name: name.to_owned(), pg_type, type_len: pg_type.typlen(), format, table_oid: 0, attribute_number: 0 }
    }
}

#[derive(Debug)]
struct Column {
    decoder: CellDecoder,
    encoder: Encoder,
    /// The cell is a handle; its value is read by a request of its own.
    stream: Option<StreamKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    Text,
    Binary,
}

/// The columns of a result with their coders.
#[derive(Debug)]
pub(crate) struct RowShape {
    fields: Vec<Field>,
    /// RowDescription of them, once it has been asked for.
    description: OnceCell<Box<[u8]>>,
    columns: Vec<Column>,
    /// Cells behind them that are not shown.
    hidden: usize,
    pub has_streams: bool,
    /// Where a column's text depends on the client's settings: those it was made for.
    style: Option<Arc<Style>>,
}

impl RowShape {
    /// # Errors
    /// 0A000: a column's type has no form in the wanted format. 08P01: `formats` fits neither none, one nor all columns.
    pub(crate) fn new(
        plan: &Plan,
        metadata: &StatementMetadata,
        described: Option<&Described>,
        formats: &Formats,
        tables: &TableCache,
        style: &Arc<Style>,
    ) -> Result<Self, Box<PgError>> {
        let is_hidden = |column: &&OutputColumn| matches!(column, OutputColumn::Hidden);
        let hidden = plan.columns.iter().filter(is_hidden).count().min(metadata.columns.len());
        let shown = metadata.columns.len().saturating_sub(hidden);
        // What PostgreSQL says of the columns, unless it speaks of others than IRIS gives.
        let told =
            described.and_then(|described| described.columns.as_deref()).filter(|columns| columns.len() == shown);
        let outputs = expand(&plan.columns, metadata.columns.len());
        formats.check(shown)?;
        let mut fields = Vec::with_capacity(shown);
        let mut columns = Vec::with_capacity(shown);
        let mut depends = false;
        for (index, described) in metadata.columns.iter().enumerate().take(shown) {
            let (label, known_type, cast_from) = match outputs.get(index) {
                Some(OutputColumn::Column { label, pg_type, cast_from }) => (label.as_deref(), *pg_type, *cast_from),
                _ => (None, None, None),
            };
            let facts = tables.column(&described.schema, &described.table, &described.name);
            let pg_type = known_type
                .or_else(|| facts.map(|c| c.pg_type))
                .unwrap_or_else(|| default_pg_type(described.iris_type, described.precision, described.scale));
            let format = formats.of(index);
            let name = label.or_else(|| facts.map(|c| c.name.as_str())).unwrap_or(&described.name);
            let mut field = Field::new(name, pg_type, format);
            if let Some(column) = told.and_then(|columns| columns.get(index)) {
                column.name.clone_into(&mut field.name);
                field.table_oid = column.table_oid;
                field.attribute_number = column.attribute_number;
                field.pg_type = told_type(column.pg_type, pg_type);
                // PostgreSQL knows types that are not known here, such as enums.
                let is_its_own = field.pg_type.oid == column.pg_type.oid;
                field.type_len = if is_its_own { column.type_len } else { field.pg_type.typlen() };
            }
            let encoder = match cast_from {
                // The translation's type: it knows a modifier that is none of the column's (`round(f::numeric, 2)`).
                Some(from) => {
                    depends |= Encoder::cast_depends_on_style(from, pg_type, format);
                    Encoder::select_cast(from, pg_type, format, style)?
                }
                None => {
                    let coded = coded_type(field.pg_type, pg_type);
                    depends |= Encoder::depends_on_style(coded, format);
                    Encoder::select_styled(coded, format, style)?
                }
            };
            fields.push(field);
            columns.push(Column {
                decoder: CellDecoder::select(described.iris_type),
                encoder,
                stream: match described.iris_type {
                    IrisType::LONGVARCHAR | IrisType::WLONGVARCHAR => Some(StreamKind::Text),
                    IrisType::LONGVARBINARY => Some(StreamKind::Binary),
                    _ => None,
                },
            });
        }
        let has_streams = columns.iter().any(|column| column.stream.is_some());
        let style = depends.then(|| Arc::clone(style));
        Ok(Self { fields, description: OnceCell::new(), columns, hidden, has_streams, style })
    }

    /// Whether it prints values as `style` asks for.
    pub(crate) fn serves(&self, style: &Arc<Style>) -> bool {
        self.style.as_ref().is_none_or(|own| Arc::ptr_eq(own, style) || own == style)
    }

    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    pub(crate) fn put_description(&self, out: &mut SendBuf) {
        let description = self.description.get_or_init(|| {
            let mut made = SendBuf::new();
            put_row_description(&self.fields, &mut made);
            made.as_slice().into()
        });
        out.put_messages(description);
    }

    /// The kind of stream a column holds handles of.
    pub(crate) fn stream(&self, column: usize) -> Option<StreamKind> {
        self.columns.get(column)?.stream
    }

    pub(crate) fn columns_count(&self) -> usize {
        self.columns.len()
    }

    /// Writes the next row of `reader` as one DataRow.
    ///
    /// # Errors
    /// 08006 when the row is malformed, 22xxx when a value does not fit its type; nothing of the row is left in `out`.
    pub(crate) fn write_row(&self, reader: &mut ItemReader<'_>, out: &mut SendBuf) -> Result<(), Box<PgError>> {
        let mut row = out.begin_data_row();
        for column in &self.columns {
            let item = reader.need("cell").map_err(malformed)?;
            let datum = column.decoder.decode(&item)?;
            put_cell(&mut row, &column.encoder, &datum)?;
        }
        for _ in 0..self.hidden {
            reader.need("cell").map_err(malformed)?;
        }
        row.finish()?;
        Ok(())
    }

    /// Writes one row whose stream cells have been read: `cells[i]` stands for column i.
    ///
    /// # Errors
    /// As `write_row`.
    pub(crate) fn write_gathered(&self, cells: &[GatheredCell], out: &mut SendBuf) -> Result<(), Box<PgError>> {
        let mut row = out.begin_data_row();
        for (column, cell) in self.columns.iter().zip(cells) {
            let datum = match cell {
                GatheredCell::Null => Datum::Null,
                GatheredCell::Item(bytes) => {
                    let item = ItemReader::new(bytes).need("cell").map_err(malformed)?;
                    let datum = column.decoder.decode(&item)?;
                    put_cell(&mut row, &column.encoder, &datum)?;
                    continue;
                }
                GatheredCell::Text(bytes) => Datum::Owned(String::from_utf8_lossy(bytes).into_owned()),
                GatheredCell::Binary(bytes) => Datum::Bytes(bytes),
            };
            put_cell(&mut row, &column.encoder, &datum)?;
        }
        row.finish()?;
        Ok(())
    }
}

fn put_cell(row: &mut RowWriter<'_>, encoder: &Encoder, datum: &Datum<'_>) -> Result<(), Box<PgError>> {
    if *datum == Datum::Null {
        row.null();
        return Ok(());
    }
    // Only `Datum::Null` encodes to NULL.
    row.cell(|bytes| encoder.encode(datum, bytes).map(|_: IsNull| ()))
}

/// A cell of a row with streams.
#[derive(Debug)]
pub(crate) enum GatheredCell {
    Null,
    /// The item as it stood in the row.
    Item(Vec<u8>),
    Text(Vec<u8>),
    Binary(Vec<u8>),
}

pub(in crate::session) fn malformed(error: crate::iris::ListError) -> Box<PgError> {
    PgError::error(SqlState::CONNECTION_FAILURE, "IRIS sent a malformed row").detail(error.to_string())
}

/// The type a column is told and written as. A numeric without a scale of its own shows the one the translation found.
fn told_type(told: PgType, translated: PgType) -> PgType {
    let is_shown = |oid: Oid| told == PgType::new(oid) && translated.oid == oid;
    if is_shown(Oid::NUMERIC) {
        translated.numeric_scale().map_or(translated, PgType::numeric_shown)
    } else if translated == PgType::FLOAT8_OR_NAN && is_shown(Oid::FLOAT8)
        || is_shown(Oid::BPCHAR) && translated.typmod < -1
    {
        translated
    } else {
        told
    }
}

/// The type that a column's values are written as. Every PostgreSQL but a new one has an OID of its own for `vector`,
/// which clients are told, since they ask its catalogs.
fn coded_type(told: PgType, translated: PgType) -> PgType {
    if translated.oid == Oid::VECTOR && !told.oid.is_known() { translated } else { told }
}

/// `*` stands for as many columns as are left over for it. Two stars share what is left by table, which only IRIS
/// knows: then no label is trusted but those before the first and behind the last star.
fn expand(columns: &[OutputColumn], count: usize) -> Vec<OutputColumn> {
    let stars = columns.iter().filter(|column| matches!(column, OutputColumn::Star)).count();
    let first = columns.iter().position(|column| matches!(column, OutputColumn::Star));
    let (Some(first), true) = (first, stars > 0) else { return columns.to_vec() };
    let last = columns.iter().rposition(|column| matches!(column, OutputColumn::Star)).unwrap_or(first);
    let behind = columns.len().saturating_sub(last).saturating_sub(1);
    let starred = count.saturating_sub(first).saturating_sub(behind);
    let head = columns.iter().take(first).cloned();
    let tail = columns.iter().skip(last.saturating_add(1)).cloned();
    head.chain(std::iter::repeat_n(OutputColumn::Star, starred)).chain(tail).collect()
}

/// Format codes of Bind: none (all text), one for all, or one each. Copied without memory of its own, unless columns
/// differ.
#[derive(Debug, Clone)]
pub(crate) struct Formats {
    codes: Codes,
    /// Codes given.
    count: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Codes {
    All(Format),
    Each(Rc<[Format]>),
}

impl Default for Formats {
    fn default() -> Self {
        Self::text()
    }
}

impl Formats {
    pub(crate) fn text() -> Self {
        Self { codes: Codes::All(Format::Text), count: 0 }
    }

    pub(crate) fn all(format: Format) -> Self {
        Self { codes: Codes::All(format), count: 1 }
    }

    /// As Bind has them.
    pub(crate) fn new(codes: impl ExactSizeIterator<Item = Format> + Clone) -> Self {
        let count = codes.len();
        let first = codes.clone().next().unwrap_or(Format::Text);
        let is_one = codes.clone().all(|format| format == first);
        let codes = if is_one { Codes::All(first) } else { Codes::Each(codes.collect()) };
        Self { codes, count }
    }

    /// Whether columns look the same by both.
    pub(crate) fn means(&self, other: &Self) -> bool {
        self.codes == other.codes
    }

    /// The format codes as Bind gave them.
    pub(crate) fn to_codes(&self) -> Vec<Format> {
        (0..self.count).map(|index| self.of(index)).collect()
    }

    pub(crate) fn of(&self, index: usize) -> Format {
        match &self.codes {
            Codes::All(format) => *format,
            Codes::Each(formats) => formats.get(index).copied().unwrap_or(Format::Text),
        }
    }

    /// # Errors
    /// 08P01 as PostgreSQL words it.
    pub(crate) fn check(&self, columns: usize) -> Result<(), Box<PgError>> {
        if self.count > 1 && self.count != columns {
            return Err(PgError::error(
                SqlState::PROTOCOL_VIOLATION,
                format!("bind message has {} result formats but query has {columns} columns", self.count),
            ));
        }
        Ok(())
    }
}

/// The columns of a result as the client is told them: those of a shape that is kept, or made for this once.
#[derive(Debug)]
pub(crate) enum Fields {
    Kept(Rc<RowShape>),
    Own(Vec<Field>),
}

impl Fields {
    pub(crate) fn as_slice(&self) -> &[Field] {
        match self {
            Self::Kept(shape) => &shape.fields,
            Self::Own(fields) => fields,
        }
    }

    pub(crate) fn put_description(&self, out: &mut SendBuf) {
        match self {
            Self::Kept(shape) => shape.put_description(out),
            Self::Own(fields) => put_row_description(fields, out),
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Field> {
        match self {
            Self::Kept(shape) => shape.fields.clone(),
            Self::Own(fields) => fields,
        }
    }
}

/// The columns of a statement as PostgreSQL describes them.
///
/// # Errors
/// 08P01 for formats that are neither none, one nor one for each.
pub(crate) fn described_fields(
    described: Option<&Described>,
    formats: &Formats,
) -> Result<Option<Vec<Field>>, Box<PgError>> {
    let Some(columns) = described.and_then(|described| described.columns.as_ref()) else { return Ok(None) };
    formats.check(columns.len())?;
    let field = |(index, column): (usize, &DescribedColumn)| Field {
        name: column.name.clone(),
        pg_type: column.pg_type,
        type_len: column.type_len,
        format: formats.of(index),
        table_oid: column.table_oid,
        attribute_number: column.attribute_number,
    };
    Ok(Some(columns.iter().enumerate().map(field).collect()))
}

pub(crate) fn put_row_description(fields: &[Field], out: &mut SendBuf) {
    out.put_row_description(fields.iter().map(|field| FieldDescription {
        name: &field.name,
        table_oid: field.table_oid,
        attribute_number: field.attribute_number,
        type_oid: field.pg_type.oid.0,
        type_len: field.type_len,
        typmod: field.pg_type.wire_typmod(),
        format: field.format,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> OutputColumn {
        OutputColumn::Column { label: Some(name.to_owned()), pg_type: None, cast_from: None }
    }

    #[test]
    fn stars_take_what_is_left() {
        let star = OutputColumn::Star;
        assert_eq!(
            expand(&[named("a"), star.clone(), named("b")], 5),
            [named("a"), star.clone(), star.clone(), star.clone(), named("b")]
        );
        assert_eq!(expand(&[named("a"), named("b")], 2), [named("a"), named("b")]);
        assert_eq!(expand(&[star.clone(), named("x"), star.clone()], 3), [star.clone(), star.clone(), star]);
    }

    #[test]
    fn formats_are_none_one_or_all() {
        let of = |codes: &[Format]| Formats::new(codes.iter().copied());
        let (text, binary) = (Format::Text, Format::Binary);
        let mixed = of(&[text, binary]);
        assert_eq!((mixed.of(0), mixed.of(1)), (text, binary));
        assert!(mixed.check(3).is_err() && mixed.check(2).is_ok());
        assert_eq!(mixed.to_codes(), [text, binary]);
        let one = of(&[binary]);
        assert_eq!(one.of(7), binary);
        assert!(one.check(3).is_ok());
        let same = of(&[binary, binary]);
        assert!(same.check(3).is_err() && same.check(2).is_ok());
        assert_eq!(same.to_codes(), [binary, binary]);
        assert!(same.means(&one) && !same.means(&mixed) && mixed.means(&of(&[text, binary])));
        assert!(of(&[]).means(&Formats::text()) && of(&[]).to_codes().is_empty());
    }
}
