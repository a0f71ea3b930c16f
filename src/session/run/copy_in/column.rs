//! How the fields of a row become values of IRIS; chosen once for each column.

use std::sync::Arc;

use crate::bridge::{CellEncoder, default_pg_type};
use crate::iris::{IrisType, ParameterDescription, StatementMetadata};
use crate::session::understand::context::Understood;
use crate::sql::{Bind, ColumnChoice, CopyFormat, CopyFromStdin};
use crate::types::{
    BinaryDecoder, Datum, Encoder, Fitting, IsNull, Oid, PgType, Style, TextDecoder, assign, assigns_as_is, fit,
};
use crate::wire::{Format, PgError, SqlState};

#[derive(Debug)]
pub(super) struct Column {
    decoder: Decoder,
    /// The type of its text.
    pg_type: PgType,
    is_assigned: bool,
    fitted: Option<(PgType, Fitting)>,
    /// By what IRIS declares for it.
    encoder: CellEncoder,
    /// A value in binary as a text, where rows are stored by a query.
    printer: Option<Encoder>,
}

#[derive(Debug)]
enum Decoder {
    Text(TextDecoder),
    Binary(BinaryDecoder),
}

impl Column {
    #[inline]
    pub(super) fn put(
        &self,
        field: Option<&[u8]>,
        style: &Arc<Style>,
        batch: &mut Vec<u8>,
    ) -> Result<(), Box<PgError>> {
        let Some(bytes) = field else { return self.encoder.put(batch, &Datum::Null) };
        let mut datum = match &self.decoder {
            Decoder::Text(decoder) => decoder.decode(bytes, style)?,
            Decoder::Binary(decoder) => decoder.decode(bytes)?,
        };
        if self.is_assigned {
            datum = assign(datum, self.pg_type.oid, self.pg_type, style)?;
        }
        if let Some((to, fitting)) = self.fitted {
            datum = fit(datum, to, fitting)?;
        }
        self.encoder.put(batch, &datum)
    }

    /// A field as PostgreSQL reads it, into `text`; false: it is a text as it is.
    ///
    /// # Errors
    /// Those of the type.
    pub(super) fn print(&self, field: &[u8], text: &mut Vec<u8>) -> Result<bool, Box<PgError>> {
        let (Decoder::Binary(decoder), Some(printer)) = (&self.decoder, &self.printer) else { return Ok(false) };
        text.clear();
        let _: IsNull = printer.encode(&decoder.decode(field)?, text)?;
        Ok(true)
    }
}

/// What the translation knows of a column counts before what IRIS declares: timestamptz is TIMESTAMP there.
///
/// # Errors
/// 0A000 for a type whose values have no text here.
pub(super) fn columns(
    copy: &CopyFromStdin,
    understood: &Understood,
    metadata: &StatementMetadata,
) -> Result<Vec<Column>, Box<PgError>> {
    let untyped = ParameterDescription { iris_type: IrisType::VARCHAR, precision: 0, scale: 0, nullable: 1 };
    let is_binary = matches!(copy.options.format, CopyFormat::Binary);
    let column = |index: usize| {
        let declared = metadata.parameters.get(index).copied().unwrap_or(untyped);
        let known = understood.translation.parameter_types.get(index).copied();
        let oid = known
            .filter(|oid| *oid != Oid::UNSPECIFIED)
            .unwrap_or_else(|| default_pg_type(declared.iris_type, declared.precision, declared.scale).oid);
        let pg_type = match copy.insert.binds.get(index) {
            Some(Bind::Assigned { to, .. }) => *to,
            _ => PgType::new(oid),
        };
        let printer = match is_binary && copy.by_query.is_some() {
            true => Some(Encoder::select_styled(PgType::new(pg_type.oid), Format::Text, &Style::standard_of_thread())?),
            false => None,
        };
        Ok(Column {
            decoder: match is_binary {
                true => Decoder::Binary(BinaryDecoder::select(pg_type.oid)),
                false => Decoder::Text(TextDecoder::select(pg_type.oid)),
            },
            pg_type,
            is_assigned: !assigns_as_is(pg_type.oid, pg_type),
            fitted: match copy.insert.binds.get(index) {
                Some(Bind::Fitted { to, fitting, .. }) => Some((*to, *fitting)),
                _ => None,
            },
            encoder: CellEncoder::select(declared),
            printer,
        })
    };
    (0..copy.columns.len()).map(column).collect()
}

/// What FORCE_NOT_NULL, FORCE_NULL and DEFAULT make of fields.
#[derive(Debug)]
pub(super) struct Adjustments {
    not_null: Vec<bool>,
    null: Vec<bool>,
    marker: Vec<u8>,
}

impl Adjustments {
    /// `None`: fields are what they are.
    ///
    /// # Errors
    /// 42703 and 42P10 for columns that are not among those of the data.
    pub(super) fn of(copy: &CopyFromStdin) -> Result<Option<Box<Self>>, Box<PgError>> {
        let options = &copy.options;
        let CopyFormat::Rows(format) = &options.format else { return Ok(None) };
        let not_null = chosen(&options.force_not_null, copy, "FORCE_NOT_NULL")?;
        let null = chosen(&options.force_null, copy, "FORCE_NULL")?;
        if not_null.is_empty() && null.is_empty() {
            return Ok(None);
        }
        Ok(Some(Box::new(Self { not_null, null, marker: format.null().to_vec() })))
    }

    pub(super) fn field<'a>(&'a self, index: usize, field: Option<&'a [u8]>) -> Option<&'a [u8]> {
        let is = |columns: &[bool]| columns.get(index).copied().unwrap_or(false);
        match field {
            None if is(&self.not_null) => Some(&self.marker),
            Some(text) if is(&self.null) && text == self.marker => None,
            field => field,
        }
    }
}

fn chosen(choice: &ColumnChoice, copy: &CopyFromStdin, option: &str) -> Result<Vec<bool>, Box<PgError>> {
    let mut columns = match choice {
        ColumnChoice::None => return Ok(Vec::new()),
        ColumnChoice::All => return Ok(vec![true; copy.columns.len()]),
        ColumnChoice::Listed(_) => vec![false; copy.columns.len()],
    };
    let ColumnChoice::Listed(listed) = choice else { return Ok(columns) };
    for name in listed {
        let found = copy.columns.iter().zip(&mut columns).find(|((known, _), _)| known == name);
        let Some((_, chosen)) = found else {
            let table = copy.insert.writes.as_ref().map(|writes| &writes.table);
            let exists = table.is_some_and(|table| table.columns.iter().any(|column| column.name == *name));
            let relation = table.map(|table| table.name.as_str()).unwrap_or_default();
            return Err(match exists {
                true => {
                    let message = format!("{option} column \"{name}\" not referenced by COPY");
                    PgError::error(SqlState(*b"42P10"), message)
                }
                false => PgError::error(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{name}\" of relation \"{relation}\" does not exist"),
                ),
            });
        };
        *chosen = true;
    }
    Ok(columns)
}
