//! A column of a table, by INFORMATION_SCHEMA and its description.

use std::rc::Rc;

use crate::catalog::iris_column::IrisColumnType;
use crate::catalog::mirror::{IrisDefault, default_clause};
use crate::sql::{ColumnFacts, ColumnNote, DeclaredType, VectorElement, is_note, parse_column_note};

/// A column as the views tell of it.
pub(super) struct ReadColumn {
    pub facts: ColumnFacts,
    pub note: Option<ColumnNote>,
    /// In PostgreSQL's words.
    pub default: Option<String>,
    /// The gateway made it.
    pub is_noted: bool,
}

pub(super) fn column(row: Vec<Option<String>>) -> Option<ReadColumn> {
    let mut cells = row.into_iter();
    let mut next = || cells.next().flatten();
    let name = next()?;
    let data_type = next().unwrap_or_default();
    let mut number = || next().and_then(|text| text.trim().parse().ok());
    let iris = IrisColumnType { data_type, length: number(), precision: number(), scale: number() };
    let nullable = is_true(next().as_deref());
    let identity = is_true(next().as_deref());
    let default = next();
    // ALTER TABLE leaves a description behind that is no longer true.
    let description = next();
    let is_ours = description.as_deref().is_some_and(is_note);
    let note = description.as_deref().and_then(parse_column_note);
    let declared = note.as_ref().map(|note| note.declared.clone());
    let enum_type = match &declared {
        Some(DeclaredType::Enum(declared)) if iris.fits_text() => Some(Rc::new(declared.clone())),
        _ => None,
    };
    let named = match &declared {
        Some(DeclaredType::Named(named)) if named.base.map_or(iris.fits_text(), |base| iris.fits(base)) => {
            Some(Rc::new(named.clone()))
        }
        _ => None,
    };
    let is_noted = declared.is_some();
    let declared = declared.map(|declared| declared.pg_type());
    let declared = declared.filter(|declared| enum_type.is_some() || named.is_some() || iris.fits(*declared));
    let pg_type = declared.unwrap_or_else(|| iris.pg_type());
    let has_own = default.as_ref().is_some_and(|text| !text.is_empty());
    let iris_default = IrisDefault::read(default.as_deref());
    let described_draws = note.as_ref().filter(|_| !has_own && !identity).and_then(ColumnNote::draws);
    let draws = iris_default.draws().map(str::to_owned).or(described_draws);
    let described = note.as_ref().and_then(|note| default_clause(note, &iris_default));
    let facts = ColumnFacts {
        name,
        pg_type,
        nullable,
        identity,
        has_default: has_own || draws.is_some(),
        draws,
        constant_default: iris_default.constant(pg_type),
        // The gateway makes text EXACT, and always leaves a note about it.
        folds_case: !is_noted && iris.is_text(),
        enum_type,
        named,
        is_stream: iris.is_stream(),
        vector_element: VectorElement::default(),
        is_spelled: is_ours,
    };
    // The gateway takes the values of sequences.
    let default = described.or_else(|| iris_default.pg_text(pg_type)).filter(|_| facts.draws.is_none());
    Some(ReadColumn { facts, note, default, is_noted })
}

/// The views say YES, 1 or `1` depending on the column and the version.
pub(super) fn is_true(text: Option<&str>) -> bool {
    matches!(text, Some("1" | "YES" | "Yes" | "yes"))
}
