//! Expressions.

pub mod aggregates;
pub mod array;
pub mod atoms;
pub mod bound;
pub mod calls;
pub mod casts;
pub mod column_cast;
pub mod compare;
pub mod dates;
pub mod fitting;
pub mod functions;
pub mod in_list;
pub mod interval;
pub mod json;
pub mod known;
pub mod labels;
pub mod moments;
pub mod nan;
pub mod numbers;
pub mod operators;
pub mod pieces;
pub mod predicates;
pub mod strings;
pub mod text;
pub mod text_order;
pub mod to_char;
pub mod vector;
pub mod window;
pub mod window_value;
pub mod zoned;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use self::vector::Distance;
use crate::iris::ParameterKind;
use crate::sql::plan::Bind;
use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::{self, Expr};
use crate::sql::translate::cx::{Cx, Result};
use crate::sql::translate::frag::{self, Form, Frag, Mark, Ty, level};
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

/// Bytes of one expression's text, beyond eight times the statement's own.
const TEXT_BYTES_MAX: usize = 64 * 1024;

impl Cx<'_> {
    /// An expression, as value or condition, whichever it is.
    pub fn expr(&self, node: &SyntaxNode) -> Result<Frag> {
        self.strict(|| self.emit(&tree::read(node)?))
    }

    /// An expression where IRIS wants a value.
    pub fn value(&self, node: &SyntaxNode) -> Result<Frag> {
        let frag = as_value(self.expr(node)?);
        self.check_finished(&frag)?;
        Ok(frag)
    }

    /// An expression at the top of a select list, whose value the encoder may have to finish.
    pub fn shown_value(&self, node: &SyntaxNode) -> Result<Frag> {
        let is_name = matches!(nodes::unwrapped(node).kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
        self.allows_stream.set(is_name);
        let frag = self.expr(node);
        self.allows_stream.set(false);
        Ok(nan::placed(as_value(frag?)))
    }

    /// A value that is shown as it is, which the bare name of a stream may be.
    pub fn shown(&self, node: &SyntaxNode, allows_stream: bool) -> Result<Frag> {
        let is_name = matches!(nodes::unwrapped(node).kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
        self.allows_stream.set(allows_stream && is_name);
        let result = self.value(node);
        self.allows_stream.set(false);
        result
    }

    /// An expression where a condition stands.
    pub fn condition(&self, node: &SyntaxNode) -> Result<Frag> {
        self.strict(|| self.emit_condition(&tree::read(node)?))
    }

    /// The condition of WHERE, ON, HAVING: a NULL counts as false.
    pub fn filter(&self, node: &SyntaxNode) -> Result<Frag> {
        let before = self.loose.replace(true);
        let result = tree::read(node).and_then(|expr| self.emit_condition(&expr));
        self.loose.set(before);
        result
    }

    /// The vector distance an expression is, if it is one.
    pub fn distance_of(&self, node: &SyntaxNode) -> Result<Option<Distance>> {
        let node = nodes::unwrapped(node);
        let Expr::Binary { op, left, right, at } = tree::read(&node)? else { return Ok(None) };
        if op == "-" {
            return self.similarity_of(&left, &right);
        }
        if !matches!(op.as_str(), "<=>" | "<#>" | "<->") {
            return Ok(None);
        }
        let (a, b) = (self.emit_value(&left)?, self.emit_value(&right)?);
        self.distance(&op, a, b, at).map(Some)
    }

    /// The elements of an array constant.
    pub fn array_constants(&self, node: &SyntaxNode) -> Result<Option<Vec<Frag>>> {
        self.array_items(node)
    }

    fn strict<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.loose.replace(false);
        let result = body();
        self.loose.set(before);
        result
    }

    fn emit_value(&self, expr: &Expr) -> Result<Frag> {
        let frag = self.strict(|| Ok(as_value(self.emit(expr)?)))?;
        self.check_finished(&frag)?;
        Ok(frag)
    }

    fn emit_condition(&self, expr: &Expr) -> Result<Frag> {
        let frag = self.emit(expr)?;
        Ok(self.as_condition(frag))
    }

    fn emit(&self, expr: &Expr) -> Result<Frag> {
        let frag = self.emit_unchecked(expr)?;
        // Some rules write an operand more than once, which doubles with every level of nesting.
        if frag.text.len() > TEXT_BYTES_MAX.saturating_add(self.sql.len().saturating_mul(8)) {
            return Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, "the statement becomes too long for IRIS")
                .hint("Name nested conditions in a subquery."));
        }
        Ok(frag)
    }

    fn emit_unchecked(&self, expr: &Expr) -> Result<Frag> {
        match expr {
            Expr::Atom(node) => self.atom(node),
            Expr::Not(operand) => self.not(operand),
            Expr::Prefix { op, operand, at } => self.prefix(op, operand, *at),
            Expr::Binary { op, left, right, at } => self.binary(op, left, right, *at),
            Expr::Logic { and, left, right } => self.logic(*and, left, right),
            Expr::Is { what, not, operand } => self.is(*what, *not, operand),
            Expr::IsDistinct { not, left, right } => self.is_distinct(*not, left, right),
            Expr::Between { not, symmetric, operand, low, high } => self.between(*not, *symmetric, operand, low, high),
            Expr::In { not, operand, list } => self.is_in(*not, operand, list),
            Expr::Like { kind, not, operand, pattern, escape } => {
                self.like(*kind, *not, operand, pattern, escape.as_deref())
            }
            Expr::Cast { operand, to } => self.cast_expr(operand, to),
            Expr::AtTimeZone { operand, zone } => self.at_time_zone(operand, zone.as_deref()),
            Expr::Collate { operand, collation } => self.collate(operand, collation),
            Expr::Overlaps { at } => Err(self.unsupported("the OVERLAPS operator is not supported by IRIS", *at)),
            Expr::IsOther(node) => Err(self.unsupported(
                format!("{} is not supported by IRIS", nodes::plain_text(node).to_uppercase()),
                node.text_range().start().into(),
            )),
        }
    }

    /// A value as a condition: `active` is `active = 1`.
    pub fn as_condition(&self, frag: Frag) -> Frag {
        if frag.is_predicate() {
            return frag;
        }
        match frag.text.as_str() {
            "1" => return Frag::atom("1 = 1", Ty::BOOL).sure_predicate(level::COMPARISON),
            "0" => return Frag::atom("1 = 0", Ty::BOOL).sure_predicate(level::COMPARISON),
            // A condition that is NULL; IRIS wants a type with it.
            "NULL" => {
                return Frag::atom("1 = CAST(NULL AS INTEGER)", Ty::BOOL).predicate(level::COMPARISON);
            }
            _ => {}
        }
        let frag = self.coerce(frag, PgType::new(Oid::BOOL));
        let not_null = frag.not_null;
        let frag = Frag::cat(&[&frag.within(level::OTHER), &" = 1"], Ty::BOOL);
        if not_null { frag.sure_predicate(level::COMPARISON) } else { frag.predicate(level::COMPARISON) }
    }

    /// Gives an untyped constant or parameter the type of its surroundings.
    pub fn coerce(&self, frag: Frag, to: PgType) -> Frag {
        match frag.ty {
            Ty::Parameter(n) => {
                self.declare_parameter(n, to.oid);
                let frag = frag.with_ty(Ty::Known(to));
                if to.oid == Oid::VECTOR { vector::to_vector(frag, to) } else { frag }
            }
            Ty::Untyped if frag.is_null() => frag.with_ty(Ty::Known(to)),
            Ty::Untyped => {
                let mut frag = frag.with_ty(Ty::Known(to));
                if frag.marks.is_empty() && to.oid != Oid::VECTOR {
                    return inlined_as(frag, to);
                }
                if !matches!(to.oid, Oid::TEXT | Oid::VARCHAR)
                    && let [Mark { bind, kind }] = frag.marks.as_mut_slice()
                {
                    // Beside another constant IRIS would compare it as text.
                    if to.oid == Oid::NUMERIC {
                        *kind = ParameterKind::NumberLiteral;
                    } else if Ty::Known(to).is_integer() && *kind == ParameterKind::StringLiteral {
                        *kind = ParameterKind::IntegerLiteral;
                    }
                    let oid = to.oid;
                    match bind {
                        Bind::Literal(literal) => *bind = Bind::TypedLiteral { literal: *literal, oid },
                        Bind::Constant(text) => *bind = Bind::TypedConstant { text: std::mem::take(text), oid },
                        _ => {}
                    }
                }
                if to.oid == Oid::VECTOR { vector::to_vector(frag, to) } else { frag }
            }
            Ty::Known(from) if from.oid == Oid::BPCHAR && to.oid != Oid::BPCHAR && Ty::Known(to).is_string() => {
                compare::trimmed(frag).with_ty(Ty::Known(to))
            }
            // Beside values of other lengths the blanks belong to the value.
            Ty::Known(from) if from.oid == Oid::BPCHAR && to.oid == Oid::BPCHAR && to.typmod < 0 => {
                self.padded(frag).with_ty(Ty::Known(to))
            }
            Ty::Any | Ty::Known(_) => frag,
        }
    }

    /// One of several values that become one column, of their common type. A constant among dates, times and doubles has to be
    /// one for IRIS as well, which would take it for text.
    pub fn branch(&self, frag: Frag, to: PgType) -> Frag {
        let is_bare = frag.text.chars().eq([frag::MARK]);
        let is_text = frag.marks.is_empty() && frag.text.starts_with('\'');
        let is_mark = frag.ty.is_open() && (is_bare || is_text);
        let frag = self.coerce(frag, to);
        if is_bare && !is_cast_alike(to.oid) && frag.marks.iter().all(|mark| mark.kind == ParameterKind::User) {
            return compare::told(frag);
        }
        match casts::iris_cast_type(to) {
            Some(name) if is_mark && is_cast_alike(to.oid) => {
                let (ty, sure) = (frag.ty, frag.not_null);
                let frag = Frag::cat(&[&"CAST(", &frag, &" AS ", &name, &")"], ty);
                if sure { frag.sure() } else { frag }
            }
            _ => frag,
        }
    }

    pub fn unsupported(&self, message: impl Into<String>, at: usize) -> Box<PgError> {
        PgError::unsupported(message).position(nodes::offset(at))
    }
}

/// A stream where IRIS cannot have one.
pub fn stream_refused(column: &str, at: usize) -> Box<PgError> {
    PgError::unsupported(format!("the column \"{column}\" can only be shown, written and tested for NULL"))
        .detail(
            "It is kept outside of its row (STORAGE EXTERNAL), as a stream of IRIS, with which IRIS cannot compute.",
        )
        .position(nodes::offset(at))
}

/// A string constant that stands in the text, of a type whose values IRIS writes otherwise: it is bound after all.
fn inlined_as(frag: Frag, to: PgType) -> Frag {
    let is_written_otherwise = matches!(
        to.oid,
        Oid::BOOL | Oid::NUMERIC | Oid::FLOAT4 | Oid::FLOAT8 | Oid::TIMESTAMPTZ | Oid::BYTEA | Oid::INTERVAL
    );
    let text = frag.text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    // IRIS does not hold the smallest bigint, and reads what is no number as 0.
    let is_no_integer = Ty::Known(to).is_integer()
        && text.is_some_and(|text| text.trim().parse::<i64>().is_ok_and(|value| value == i64::MIN));
    match text.filter(|_| is_written_otherwise || is_no_integer) {
        Some(text) => {
            let bind = Bind::TypedConstant { text: text.replace("''", "'"), oid: to.oid };
            let kind = if to.oid == Oid::NUMERIC { ParameterKind::NumberLiteral } else { ParameterKind::StringLiteral };
            Frag::mark(bind, kind, Ty::Known(to)).sure()
        }
        None => frag,
    }
}

/// Constants of these types that IRIS is not told the type of are text to it.
fn is_cast_alike(oid: Oid) -> bool {
    matches!(oid, Oid::DATE | Oid::TIME | Oid::TIMESTAMP | Oid::TIMESTAMPTZ | Oid::FLOAT4 | Oid::FLOAT8)
}

/// A condition as a value: 1, 0 or NULL, as BIT holds booleans.
pub fn as_value(frag: Frag) -> Frag {
    let frag = match frag.form {
        Form::Value => return frag,
        Form::SurePredicate => Frag::cat(&[&"CASE WHEN ", &frag, &" THEN 1 ELSE 0 END"], Ty::BOOL).sure(),
        Form::Predicate => {
            let negated = frag.clone().within(level::ATOM);
            Frag::cat(&[&"CASE WHEN ", &frag, &" THEN 1 WHEN NOT ", &negated, &" THEN 0 END"], Ty::BOOL)
        }
    };
    frag.with_level(level::ATOM)
}

fn is_plain_text(oid: Oid) -> bool {
    matches!(oid, Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR)
}

/// The type of several expressions that become one column or result (manual, "UNION, CASE, and Related Constructs").
pub fn common_type(types: impl IntoIterator<Item = Ty>) -> Ty {
    let mut common = Ty::Untyped;
    let mut is_open = false;
    for ty in types {
        is_open |= ty.is_open();
        common = match (common, ty) {
            (Ty::Untyped | Ty::Parameter(_), other) => other,
            (known, Ty::Untyped | Ty::Parameter(_)) => known,
            (Ty::Any, _) | (_, Ty::Any) => Ty::Any,
            (Ty::Known(a), Ty::Known(b)) if a == b => common,
            (Ty::Known(a), Ty::Known(b)) if a.oid == b.oid => Ty::of(a.oid),
            // Between numbers and a real it is the real: an operator would take both as doubles.
            (a, b)
                if a.is_number()
                    && b.is_number()
                    && !a.is(Oid::FLOAT8)
                    && !b.is(Oid::FLOAT8)
                    && (a.is(Oid::FLOAT4) || b.is(Oid::FLOAT4)) =>
            {
                Ty::of(Oid::FLOAT4)
            }
            (a, b) if a.is_number() && b.is_number() => operators::wider(a, b),
            // Each of these can be made the other: the first decides (select_common_type).
            (Ty::Known(a), Ty::Known(b)) if is_plain_text(a.oid) && is_plain_text(b.oid) => Ty::of(a.oid),
            (a, b) if a.is_string() && b.is_string() => Ty::TEXT,
            (a, b) if a.is_moment() && b.is_moment() => {
                if a.is(Oid::TIMESTAMPTZ) || b.is(Oid::TIMESTAMPTZ) {
                    Ty::of(Oid::TIMESTAMPTZ)
                } else {
                    Ty::of(Oid::TIMESTAMP)
                }
            }
            _ => Ty::Any,
        };
    }
    // A constant has no length of its own, so neither has what it shares with a character(n).
    if is_open && common.is(Oid::BPCHAR) { Ty::of(Oid::BPCHAR) } else { common }
}
