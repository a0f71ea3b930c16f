//! pgvector's operators and functions over IRIS's VECTOR_COSINE and VECTOR_DOT_PRODUCT.

use super::nan;
use crate::sql::plan::Bind;
use crate::sql::schema::VectorElement;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Mark, Ty, level};
use crate::sql::translate::context::vectors::{is_made, with_element};
use crate::types::{Fitting, Oid, PgType};
use crate::wire::{PgError, SqlState};

/// What a distance is in IRIS: a value for select lists and conditions, and something cheaper that sorts alike.
pub(crate) struct Distance {
    pub value: Frag,
    /// Sorts as the distance does, in the direction given: the shape an HNSW index serves is DESC.
    pub sort: Frag,
    pub sort_descending: bool,
    /// `1 - distance` of a cosine distance: the cosine itself.
    pub similarity: Frag,
}

impl Distance {
    /// What sorts as the distance does for every vector, zero vectors among them, and whether the other way round.
    pub(crate) fn exact_sort(&self) -> (Frag, bool) {
        match self.value.nan {
            Some(_) => (nan::placed(self.value.clone()), false),
            None => (self.sort.clone(), self.sort_descending),
        }
    }
}

/// The length of a vector whose type tells it.
fn dimensions(frag: &Frag) -> Option<i32> {
    match frag.ty {
        Ty::Known(ty) if ty.oid == Oid::VECTOR && ty.typmod > 0 => Some(ty.typmod),
        _ => None,
    }
}

fn is_bound(frag: &Frag) -> bool {
    matches!(frag.marks.as_slice(), [Mark { bind: Bind::Fitted { .. }, .. }]) && is_made(frag)
}

/// A side of a distance that is a constant or a parameter: its length is checked when it is bound, and that it is no
/// zero vector where that matters.
fn operand(frag: Frag, other: &Frag, is_left: bool, is_cosine: bool) -> Frag {
    let mut frag = frag;
    let is_made = is_made(&frag);
    if let [Mark { bind, .. }] = frag.marks.as_mut_slice()
        && is_made
        && matches!(bind, Bind::Parameter(_) | Bind::TypedLiteral { .. } | Bind::TypedConstant { .. })
    {
        let to = PgType { oid: Oid::VECTOR, typmod: dimensions(other).unwrap_or(-1) };
        let fitting = Fitting::Operand { is_left, may_be_zero: !is_cosine };
        *bind = Bind::Fitted { source: Box::new(bind.clone()), to, fitting };
    }
    frag
}

impl Cx<'_> {
    pub(crate) fn vector_distance(&self, op: &str, a: Frag, b: Frag, at: usize) -> Result<Frag> {
        Ok(self.distance(op, a, b, at)?.value)
    }

    pub(crate) fn distance(&self, op: &str, a: Frag, b: Frag, at: usize) -> Result<Distance> {
        // Without a column of known type both may be open: the operator itself says vector.
        let vector = PgType::new(Oid::VECTOR);
        let (a, b) = (self.as_vector(a, vector)?, self.as_vector(b, vector)?);
        if let (Some(left), Some(right)) = (dimensions(&a), dimensions(&b))
            && left != right
        {
            let message = format!("different vector dimensions {left} and {right}");
            return Err(PgError::error(SqlState::DATA_EXCEPTION, message));
        }
        let is_cosine = op == "<=>";
        let (a, b) = (operand(a.clone(), &b, true, is_cosine), operand(b, &a, false, is_cosine));
        let (a, b) = self.of_one_element(a, b, at)?;
        let dot = |a: &Frag, b: &Frag| Frag::cat(&[&"VECTOR_DOT_PRODUCT(", a, &", ", b, &")"], Ty::FLOAT8);
        let cosine = Frag::cat(&[&"VECTOR_COSINE(", &a, &", ", &b, &")"], Ty::FLOAT8);
        match op {
            "<=>" => {
                // A vector of a constant or parameter is no zero vector: that is refused when it is bound.
                let columns = [&a, &b].into_iter().filter(|side| !is_bound(side));
                let squares: Vec<Frag> = columns.map(|side| dot(side, side)).collect();
                let value = Frag::cat(&[&"1 - ", &cosine], Ty::FLOAT8).with_level(level::ADD);
                Ok(Distance {
                    value: nan::unless_zero(value, &squares),
                    similarity: nan::unless_zero(cosine.clone(), &squares),
                    sort: cosine,
                    sort_descending: true,
                })
            }
            "<#>" => {
                let dot = dot(&a, &b);
                let value = Frag::cat(&[&"-", &dot], Ty::FLOAT8).with_level(level::UNARY);
                Ok(Distance { value, similarity: dot.clone(), sort: dot, sort_descending: true })
            }
            // |a - b|^2 = a.a - 2 a.b + b.b; IRIS has no distance of its own for it.
            "<->" => {
                let square = Frag::cat(&[&dot(&a, &a), &" - 2 * ", &dot(&a, &b), &" + ", &dot(&b, &b)], Ty::FLOAT8)
                    .with_level(level::ADD);
                // Rounding may leave a square of equal vectors a little below zero.
                let value = Frag::cat(&[&"SQRT(ABS(", &square, &"))"], Ty::FLOAT8);
                // b.b is the same for all rows when b is a constant, which then need not be computed.
                let sort = if is_made(&b) {
                    Frag::cat(&[&dot(&a, &a), &" - 2 * ", &dot(&a, &b)], Ty::FLOAT8).with_level(level::ADD)
                } else {
                    square
                };
                Ok(Distance { value, similarity: sort.clone(), sort, sort_descending: false })
            }
            _ => Err(self
                .unsupported(format!("the vector operator {op} (L1 distance) is not supported by IRIS"), at)
                .hint("IRIS computes VECTOR_COSINE and VECTOR_DOT_PRODUCT: use <=>, <#> or <->.")),
        }
    }

    /// Both sides with elements of one type, which IRIS's functions ask for (-259).
    fn of_one_element(&self, a: Frag, b: Frag, at: usize) -> Result<(Frag, Frag)> {
        let kept = |frag: &Frag| (!is_made(frag) && !frag.is_null()).then_some(frag.vector_element);
        let element = match (kept(&a), kept(&b)) {
            (Some(left), Some(right)) if left == right => left,
            (Some(element), None) | (None, Some(element)) => element,
            (None, None) => VectorElement::Double,
            (Some(_), Some(_)) => {
                return Err(self
                    .unsupported("a distance of vectors whose elements differ in IRIS is not supported", at)
                    .hint("IRIS's vector functions take vectors of one element type."));
            }
        };
        if element == VectorElement::Other {
            return Err(self.unsupported("IRIS has distances of vectors of numbers only", at));
        }
        let [a, b] = [a, b].map(|frag| match element {
            // No index serves this, but every element becomes a number.
            VectorElement::Unknown if !is_made(&frag) => Frag::cat(&[&"TO_VECTOR(", &frag, &", DOUBLE)"], frag.ty),
            _ => with_element(frag, element),
        });
        Ok((a, b))
    }

    fn as_vector(&self, frag: Frag, vector: PgType) -> Result<Frag> {
        match frag.ty {
            // A parameter that the client declares as text is read by the gateway.
            ty if ty.is_string() => self.cast(frag, vector),
            _ => Ok(self.coerce(frag, vector)),
        }
    }

    /// pgvector's functions; `None` for other names.
    pub(crate) fn vector_function(&self, name: &str, arguments: &[Frag], at: usize) -> Result<Option<Frag>> {
        let op = match name {
            "cosine_distance" => "<=>",
            "l2_distance" => "<->",
            "inner_product" | "vector_negative_inner_product" | "negative_inner_product" => "<#>",
            "l1_distance" => "<+>",
            "l2_normalize" | "binary_quantize" | "subvector" | "hamming_distance" | "jaccard_distance" => {
                return Err(self.unsupported(format!("{name}() is not supported by IRIS"), at));
            }
            "vector_norm" | "l2_norm" => {
                let [a] = arguments else { return Ok(None) };
                let a = self.as_vector(a.clone(), PgType::new(Oid::VECTOR))?;
                return Ok(Some(Frag::cat(&[&"SQRT(VECTOR_DOT_PRODUCT(", &a, &", ", &a, &"))"], Ty::FLOAT8)));
            }
            "vector_dims" => {
                let [a] = arguments else { return Ok(None) };
                return match a.ty {
                    Ty::Known(ty) if ty.oid == Oid::VECTOR && ty.typmod > 0 => Ok(Some(Frag::cat(
                        &[&"CASE WHEN ", a, &" IS NOT NULL THEN ", &ty.typmod.to_string(), &" END"],
                        Ty::INT4,
                    ))),
                    _ => Err(self.unsupported("vector_dims() is supported for columns of a declared length only", at)),
                };
            }
            _ => return Ok(None),
        };
        let [a, b] = arguments else { return Ok(None) };
        let distance = self.distance(op, a.clone(), b.clone(), at)?;
        Ok(Some(if name == "inner_product" { distance.sort } else { distance.value }))
    }
}
