//! Vectors made of texts.

use super::exact::inexact;
use super::frag::{Frag, MARK, Ty};
use crate::sql::schema::VectorElement;
use crate::types::PgType;

/// A vector made of the text of a constant or parameter. The element type must be the column's, and vectors of this
/// gateway are made of DOUBLE. No length is said: with one IRIS cuts what is longer and pads what is shorter, without an
/// error (manual, `TO_VECTOR`). What the gateway binds has the length already ([`Fitting`]), and IRIS checks what reaches
/// a column or another vector.
pub(crate) fn to_vector(frag: Frag, pg_type: PgType) -> Frag {
    let sure = frag.not_null;
    // IRIS shows its own vectors as text.
    let frag = inexact(&frag).unwrap_or(frag);
    let frag = Frag::cat(&[&"TO_VECTOR(", &frag, &", DOUBLE)"], Ty::Known(pg_type));
    if sure { frag.sure() } else { frag }
}

/// The made vector with the elements of the column it meets.
pub(crate) fn with_element(mut frag: Frag, element: VectorElement) -> Frag {
    if element != VectorElement::Double
        && is_made(&frag)
        && let Some(data) = frag.text.strip_suffix(", DOUBLE)")
    {
        frag.text = format!("{data}, {})", element.iris_name());
    }
    frag
}

/// A vector of a constant or parameter.
pub(crate) fn is_made(frag: &Frag) -> bool {
    frag.text.strip_prefix("TO_VECTOR(").is_some_and(|data| data.starts_with(['\'', MARK]))
}
