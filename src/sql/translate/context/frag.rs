//! Pieces of IRIS SQL under construction.

use std::rc::Rc;

use crate::iris::ParameterKind;
use crate::sql::description::EnumType;
use crate::sql::plan::Bind;
use crate::sql::schema::VectorElement;
use crate::types::{Oid, PgType};

/// Stands for a parameter mark until all marks of a statement are numbered. No name or literal that reaches the text
/// may hold it: names are refused, literals are bound.
pub(crate) const MARK: char = '\u{1}';

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub bind: Bind,
    pub kind: ParameterKind,
}

/// What is known of the PostgreSQL type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ty {
    /// Only IRIS can tell.
    Any,
    /// An untyped string constant or NULL: takes the type of its surroundings.
    Untyped,
    /// `$n` without a type so far.
    Parameter(u16),
    Known(PgType),
}

impl Ty {
    pub(crate) const BOOL: Ty = Ty::of(Oid::BOOL);
    pub(crate) const INT4: Ty = Ty::of(Oid::INT4);
    pub(crate) const INT8: Ty = Ty::of(Oid::INT8);
    pub(crate) const NUMERIC: Ty = Ty::of(Oid::NUMERIC);
    pub(crate) const FLOAT8: Ty = Ty::of(Oid::FLOAT8);
    pub(crate) const TEXT: Ty = Ty::of(Oid::TEXT);

    pub(crate) const fn of(oid: Oid) -> Ty {
        Ty::Known(PgType::new(oid))
    }

    pub(crate) fn oid(self) -> Option<Oid> {
        match self {
            Ty::Known(pg_type) => Some(pg_type.oid),
            _ => None,
        }
    }

    pub(crate) fn is(self, oid: Oid) -> bool {
        self.oid() == Some(oid)
    }

    pub(crate) fn is_integer(self) -> bool {
        matches!(self.oid(), Some(Oid::INT2 | Oid::INT4 | Oid::INT8))
    }

    pub(crate) fn is_number(self) -> bool {
        self.is_integer() || matches!(self.oid(), Some(Oid::NUMERIC | Oid::FLOAT4 | Oid::FLOAT8))
    }

    pub(crate) fn is_string(self) -> bool {
        matches!(self.oid(), Some(Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid(18 | 19)))
    }

    pub(crate) fn is_moment(self) -> bool {
        matches!(self.oid(), Some(Oid::DATE | Oid::TIMESTAMP | Oid::TIMESTAMPTZ))
    }

    pub(crate) fn is_open(self) -> bool {
        matches!(self, Ty::Untyped | Ty::Parameter(_))
    }

    /// As a select list describes it: untyped constants are text there (manual, "UNION, CASE, and Related Constructs").
    pub(crate) fn described(self) -> Option<PgType> {
        match self {
            Ty::Known(pg_type) => Some(pg_type),
            Ty::Untyped => Some(PgType::new(Oid::TEXT)),
            Ty::Any | Ty::Parameter(_) => None,
        }
    }
}

/// Whether the text is a value or a condition; IRIS keeps them apart where PostgreSQL has one `boolean`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Value,
    /// A condition that is never NULL.
    SurePredicate,
    Predicate,
}

/// How tightly the outermost operator of a text binds, for parentheses.
pub(crate) mod level {
    pub(crate) const OR: u8 = 1;
    pub(crate) const AND: u8 = 2;
    pub(crate) const NOT: u8 = 3;
    pub(crate) const COMPARISON: u8 = 4;
    /// `||` and whatever else whose rank in IRIS is not certain: parenthesised inside every other operator.
    pub(crate) const OTHER: u8 = 5;
    pub(crate) const ADD: u8 = 6;
    pub(crate) const MULTIPLY: u8 = 7;
    pub(crate) const UNARY: u8 = 8;
    pub(crate) const ATOM: u8 = 9;
}

#[derive(Debug, Clone)]
pub(crate) struct Frag {
    pub text: String,
    /// One for each [`MARK`] of the text, in its order.
    pub marks: Vec<Mark>,
    pub ty: Ty,
    pub form: Form,
    pub level: u8,
    /// Never NULL, as far as the tables tell.
    pub not_null: bool,
    /// The bare name of a column that IRIS keeps as a stream.
    pub is_stream: bool,
    /// A text that IRIS compares by every character of it without being told: a column under %EXACT, what a string
    /// function makes (manual, "Collation").
    pub is_exact: bool,
    /// The encoder has to finish the value, which it does for the top of a select list only: rounding that IRIS does
    /// not do.
    pub is_unfinished: bool,
    /// Of the bare name of a column of vectors; what the gateway makes has the gateway's.
    pub vector_element: VectorElement,
    /// A value of such a type.
    pub enum_type: Option<Rc<EnumType>>,
    /// Where the value is NaN in PostgreSQL, which IRIS has not: the condition for it, and the value without that
    /// condition. The text fails where the condition holds.
    pub nan: Option<Rc<(Frag, Frag)>>,
}

impl Frag {
    pub(crate) fn atom(text: impl Into<String>, ty: Ty) -> Self {
        Self {
            text: text.into(),
            marks: Vec::new(),
            ty,
            form: Form::Value,
            level: level::ATOM,
            not_null: false,
            is_stream: false,
            is_exact: false,
            is_unfinished: false,
            vector_element: VectorElement::Double,
            enum_type: None,
            nan: None,
        }
    }

    pub(crate) fn mark(bind: Bind, kind: ParameterKind, ty: Ty) -> Self {
        Self { marks: vec![Mark { bind, kind }], ..Self::atom(MARK, ty) }
    }

    /// Pieces one behind the other; an atom.
    pub(crate) fn cat(pieces: &[&dyn Piece], ty: Ty) -> Self {
        let mut frag = Self::atom(String::new(), ty);
        for piece in pieces {
            piece.put(&mut frag);
        }
        frag
    }

    pub(crate) fn push(&mut self, piece: &dyn Piece) {
        piece.put(self);
    }

    #[must_use]
    pub(crate) fn with_level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    #[must_use]
    pub(crate) fn with_ty(mut self, ty: Ty) -> Self {
        self.ty = ty;
        self
    }

    #[must_use]
    pub(crate) fn predicate(mut self, level: u8) -> Self {
        self.form = Form::Predicate;
        self.level = level;
        self.ty = Ty::BOOL;
        self
    }

    #[must_use]
    pub(crate) fn sure_predicate(self, level: u8) -> Self {
        Self { form: Form::SurePredicate, not_null: true, ..self.predicate(level) }
    }

    #[must_use]
    pub(crate) fn sure(mut self) -> Self {
        self.not_null = true;
        self
    }

    pub(crate) fn is_predicate(&self) -> bool {
        self.form != Form::Value
    }

    #[must_use]
    pub(crate) fn exact(mut self) -> Self {
        self.is_exact = true;
        self
    }

    #[must_use]
    pub(crate) fn parenthesised(self) -> Self {
        let Self { text, marks, .. } = Self::cat(&[&"(", &self, &")"], self.ty);
        Self { text, marks, level: level::ATOM, is_stream: false, ..self }
    }

    /// In parentheses when something of at least `level` stands around it.
    #[must_use]
    pub(crate) fn within(self, level: u8) -> Self {
        if self.level < level { self.parenthesised() } else { self }
    }

    /// The literal this is, alone.
    pub(crate) fn literal(&self) -> Option<u16> {
        match self.marks.as_slice() {
            [Mark { bind: Bind::Literal(n) | Bind::TypedLiteral { literal: n, .. }, .. }]
                if self.text.chars().eq([MARK]) =>
            {
                Some(*n)
            }
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.text == "NULL"
    }
}

/// Something a [`Frag`] is made of.
pub(crate) trait Piece {
    fn put(&self, frag: &mut Frag);
}

impl Piece for &str {
    fn put(&self, frag: &mut Frag) {
        frag.text.push_str(self);
    }
}

impl Piece for String {
    fn put(&self, frag: &mut Frag) {
        frag.text.push_str(self);
    }
}

impl Piece for Frag {
    fn put(&self, frag: &mut Frag) {
        frag.text.push_str(&self.text);
        frag.marks.extend_from_slice(&self.marks);
    }
}

/// `a, b, c`
pub(crate) fn list(frags: &[Frag]) -> Frag {
    let mut all = Frag::atom(String::new(), Ty::Any);
    for (n, frag) in frags.iter().enumerate() {
        if n > 0 {
            all.push(&", ");
        }
        all.push(frag);
    }
    all
}

/// A condition as a value: 1, 0 or NULL, as BIT holds booleans.
pub(crate) fn as_value(frag: Frag) -> Frag {
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

pub(crate) fn join(frags: &[Frag], word: &str, level: u8) -> Frag {
    if let [only] = frags {
        return only.clone();
    }
    let sure = frags.iter().all(|frag| frag.not_null);
    let mut all = Frag::atom(String::new(), Ty::BOOL);
    for (n, frag) in frags.iter().enumerate() {
        if n > 0 {
            all.push(&word);
        }
        all.push(&frag.clone().within(level));
    }
    if sure { all.sure_predicate(level) } else { all.predicate(level) }
}
