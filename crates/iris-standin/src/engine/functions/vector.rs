//! TO_VECTOR and the similarity functions.

use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Error};

use super::super::convert;
use super::super::types::{DataType, VectorElement};
use super::super::vectors::{self, VectorError};
use super::call::{Call, raise, strict};

fn failed(error: VectorError) -> Error {
    match error {
        VectorError::Format => raise(1, "The elements of the vector have different data types"),
        VectorError::Length => raise(257, "Cannot perform vector operation on vectors of different lengths"),
        VectorError::Element => raise(259, "Cannot perform vector operation on vectors of different types"),
    }
}

fn blob<'a>(call: &'a Call<'_, '_>, index: usize) -> rusqlite::Result<&'a [u8]> {
    match call.raw(index) {
        ValueRef::Blob(blob) => Ok(blob),
        _ => Err(raise(258, "Vector functions need vectors: use TO_VECTOR")),
    }
}

/// Only vectors of numbers meet.
fn operands<'a>(call: &'a Call<'_, '_>) -> rusqlite::Result<(&'a [u8], &'a [u8])> {
    let (a, b) = (blob(call, 0)?, blob(call, 1)?);
    let is_text = |blob| vectors::open(blob).is_some_and(|(element, _)| element == VectorElement::Text);
    if is_text(a) || is_text(b) {
        return Err(raise(258, "Vectors of type string are not supported"));
    }
    Ok((a, b))
}

pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    // (text, element, length); length 0: as many as there are.
    strict(conn, "iris_to_vector", 3, |call| {
        let element = element(call.int(1));
        let length = u32::try_from(call.int(2)).ok().filter(|length| *length > 0);
        if let ValueRef::Blob(vector) = call.raw(0) {
            return vectors::convert(vector, element, length)
                .map(Stored::Blob)
                .ok_or_else(|| failed(VectorError::Format));
        }
        vectors::parse(&call.text(0), element, length).map(Stored::Blob).map_err(failed)
    })?;
    strict(conn, "iris_vector_cosine", 2, |call| {
        let (a, b) = operands(call)?;
        vectors::cosine(a, b).map(Stored::Real).map_err(failed)
    })?;
    strict(conn, "iris_vector_dot", 2, |call| {
        let (a, b) = operands(call)?;
        vectors::dot_product(a, b).map(Stored::Real).map_err(failed)
    })?;
    strict(conn, "iris_vector_is_zero", 1, |call| {
        let is_zero = vectors::open(blob(call, 0)?).is_some_and(|(_, elements)| elements.iter().all(|byte| *byte == 0));
        Ok(Stored::Integer(i64::from(is_zero)))
    })
}

fn element(code: i64) -> VectorElement {
    // Through the packed form of the type, the one place that knows the codes.
    let packed = 19 | 0xFF_FFFF << 8 | code << 32;
    match convert::unpack(packed) {
        DataType::Vector { element, .. } => element,
        _ => VectorElement::Float,
    }
}
