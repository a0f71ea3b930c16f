//! Functions of numbers.

use super::types::{shown, wider};
use crate::sql::iris_text;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, MARK, Ty, level, list};
use crate::types::{Oid, PgType};
use crate::wire::PgError;

/// Doubles from here on have no fraction.
const FRACTION_END: &str = "4503599627370496";

/// A double's nearest integer, ties to even (`rint`): ROUND of IRIS goes away from zero. A tie is twice the rounded half
/// of itself, for that half is never a tie.
pub(crate) fn rounded_to_even(x: &Frag) -> Frag {
    let operand = x.clone().within(level::MULTIPLY);
    Frag::cat(
        &[
            &"CASE WHEN ABS(",
            x,
            &") >= ",
            &FRACTION_END,
            &" THEN ",
            x,
            &" WHEN ",
            &operand,
            &" - FLOOR(",
            x,
            &") = .5 THEN 2 * ROUND(",
            &operand,
            &" / 2, 0) ELSE ROUND(",
            x,
            &", 0) END",
        ],
        Ty::FLOAT8,
    )
}

/// `sign`, `ceil`, `floor` and `trunc` of a double: IRIS makes a decimal of it on the way, which the largest and the
/// smallest do not survive.
fn whole_double(name: &str, x: &Frag) -> Frag {
    let operand = x.clone().within(level::OTHER);
    let (below, above, rest) = match name {
        "sign" => {
            return Frag::cat(
                &[
                    &"CASE WHEN ",
                    &operand,
                    &" > 0 THEN 1 WHEN ",
                    &operand,
                    &" < 0 THEN -1 WHEN ",
                    &operand,
                    &" = 0 THEN 0 END",
                ],
                Ty::FLOAT8,
            );
        }
        "floor" => ("-1", "0", Frag::cat(&[&"FLOOR(", x, &")"], Ty::FLOAT8)),
        "trunc" => ("0", "0", Frag::cat(&[&"ROUND(", x, &", 0, 1)"], Ty::FLOAT8)),
        _ => ("0", "1", Frag::cat(&[&"CEILING(", x, &")"], Ty::FLOAT8)),
    };
    Frag::cat(
        &[
            &"CASE WHEN ABS(",
            x,
            &") >= ",
            &FRACTION_END,
            &" OR ",
            &operand,
            &" = 0 THEN ",
            x,
            &" WHEN ABS(",
            x,
            &") < 1 THEN CASE WHEN ",
            &operand,
            &" < 0 THEN ",
            &below,
            &" ELSE ",
            &above,
            &" END ELSE ",
            &rest,
            &" END",
        ],
        Ty::FLOAT8,
    )
}

impl Cx<'_> {
    #[inline(never)]
    pub(crate) fn number_function(&self, name: &str, arguments: &[Frag]) -> Result<Option<Frag>> {
        let first_ty = arguments.first().map_or(Ty::Any, |frag| frag.ty);
        let call = |iris: &str, ty: Ty| Some(Frag::cat(&[&iris, &"(", &list(arguments), &")"], ty));
        // These exist in IRIS as ODBC scalar functions only.
        let braces = |iris: &str| Some(Frag::cat(&[&"{fn ", &iris, &"(", &list(arguments), &")}"], Ty::FLOAT8));
        // Integers have none of these of their own: PostgreSQL prefers the ones of double precision.
        let is_double = first_ty.is(Oid::FLOAT8) || first_ty.is(Oid::FLOAT4);
        let float = first_ty.is_integer() || is_double;
        let numeric = if float { Ty::FLOAT8 } else { Ty::NUMERIC };
        // PostgreSQL computes these to digits of its own, IRIS as doubles: all a column shows, and nothing to compare with.
        let digits = |frag: Frag| Frag { is_unfinished: frag.ty == Ty::NUMERIC, ..frag };
        let whole = if float { Ty::FLOAT8 } else { Ty::Known(PgType::numeric_shown(0)) };
        Ok(match (name, arguments) {
            ("abs", [_]) => call("ABS", if first_ty.is(Oid::NUMERIC) { shown(first_ty) } else { first_ty }),
            ("sign" | "ceil" | "ceiling" | "floor" | "trunc", [x]) if is_double => Some(whole_double(name, x)),
            ("sign", [_]) => call("SIGN", whole),
            ("ceil" | "ceiling", [_]) => call("CEILING", whole),
            ("floor", [_]) => call("FLOOR", whole),
            ("round", [x]) if is_double => Some(rounded_to_even(x)),
            ("round", [x]) => Some(Frag::cat(&[&"ROUND(", x, &", 0)"], whole)),
            ("trunc", [x]) => Some(Frag::cat(&[&"ROUND(", x, &", 0, 1)"], whole)),
            ("round", [x, digits]) => Some(Frag::cat(&[&"ROUND(", x, &", ", digits, &")"], self.shown_digits(digits))),
            ("trunc", [x, digits]) => {
                Some(Frag::cat(&[&"ROUND(", x, &", ", digits, &", 1)"], self.shown_digits(digits)))
            }
            ("mod", [a, b]) => {
                let ty = if a.ty.is_number() && b.ty.is_number() { wider(a.ty, b.ty) } else { Ty::Any };
                call("MOD", ty)
            }
            ("div", [a, b]) => Some(
                Frag::cat(&[&a.clone().within(level::ATOM), &" \\ ", &b.clone().within(level::ATOM)], whole)
                    .with_level(level::OTHER)
                    .with_ty(Ty::Known(PgType::numeric_shown(0))),
            ),
            ("power" | "pow", [_, _]) => call("POWER", numeric).map(digits),
            ("sqrt", [_]) => call("SQRT", numeric).map(digits),
            ("degrees" | "radians", [_]) => call(&name.to_uppercase(), Ty::FLOAT8),
            ("ln", [_]) => braces("LOG").map(|frag| digits(frag.with_ty(numeric))),
            ("log" | "log10", [_]) => braces("LOG10").map(|frag| digits(frag.with_ty(numeric))),
            ("log", [_, _]) => {
                return Err(PgError::unsupported("log() with a base is not supported: IRIS has no such logarithm")
                    .hint("ln(x) / ln(base) is close to it; log(x) has base 10."));
            }
            ("exp", [_]) => braces("EXP").map(|frag| digits(frag.with_ty(numeric))),
            ("pi", []) => braces("PI"),
            ("sin" | "cos" | "tan" | "cot" | "asin" | "acos" | "atan", [_]) => braces(&name.to_uppercase()),
            ("atan2", [_, _]) => braces("ATAN2"),
            _ => None,
        })
    }

    /// The type of a numeric that is rounded to so many digits.
    fn shown_digits(&self, digits: &Frag) -> Ty {
        let digits = self.small_constant(digits).and_then(|digits| i32::try_from(digits).ok());
        digits.map_or(Ty::NUMERIC, |digits| Ty::Known(PgType::numeric_shown(digits.max(0))))
    }

    /// The whole number a fragment is, with its sign; pins the literal.
    pub(crate) fn small_constant(&self, frag: &Frag) -> Option<i64> {
        let (negative, text) = match frag.text.strip_prefix('-') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, frag.text.as_str()),
        };
        let value: i64 = if text.chars().eq([MARK]) {
            let unsigned = Frag { text: text.to_owned(), ..frag.clone() };
            unsigned.literal().and_then(|n| self.read_literal(n))?.1.parse().ok()?
        } else {
            text.parse().ok()?
        };
        if negative { value.checked_neg() } else { Some(value) }
    }

    /// The text a fragment is, as a constant; pins the literal.
    pub(crate) fn text_literal(&self, frag: &Frag) -> Option<String> {
        if let Some(n) = frag.literal() {
            return self.read_literal(n).map(|(_, text)| text.to_owned());
        }
        // Literals that stay in the text.
        if frag.marks.is_empty() { iris_text::unquoted(&frag.text) } else { None }
    }
}
