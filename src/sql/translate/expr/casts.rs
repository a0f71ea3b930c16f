//! Names of types, and casts as they are written.

use std::rc::Rc;

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_type};
use crate::sql::syntax::tree::{self, Expr};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::value::enums;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

/// A type as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeName {
    /// Folded words with one blank between, without schema, modifiers and brackets: `timestamp with time zone`.
    pub name: String,
    pub quoted: bool,
    pub mods: Vec<i32>,
    pub array: bool,
    pub at: usize,
}

/// Reads a type node; literals inside it are modifiers and get pinned.
pub(crate) fn type_name(cx: &Cx<'_>, node: &SyntaxNode) -> TypeName {
    let mut name = TypeName {
        name: String::new(),
        quoted: false,
        mods: Vec::new(),
        array: false,
        at: node.text_range().start().into(),
    };
    collect(cx, node, &mut name);
    if let Some(rest) = name.name.strip_prefix("pg_catalog ").or_else(|| name.name.strip_prefix("public ")) {
        name.name = rest.to_owned();
    }
    name
}

fn collect(cx: &Cx<'_>, node: &SyntaxNode, name: &mut TypeName) {
    for element in node.children_with_tokens() {
        match element {
            SyntaxElement::Node(child) => match child.kind() {
                SyntaxKind::LITERAL => {
                    if let Some(value) = cx.constant_integer(&child).and_then(|value| i32::try_from(value).ok()) {
                        name.mods.push(value);
                    }
                }
                SyntaxKind::ARRAY_BOUND => {
                    name.array = true;
                    // `int[3]`: the bound means nothing, but is a literal of the text.
                    for literal in nodes::children(&child, SyntaxKind::LITERAL) {
                        cx.constant_integer(&literal);
                    }
                }
                _ => collect(cx, &child, name),
            },
            SyntaxElement::Token(token) => {
                if token.kind() == SyntaxKind::ARRAY_KW {
                    name.array = true;
                } else if token.kind() == SyntaxKind::IDENT || token.kind().is_keyword() {
                    name.quoted = token.text().starts_with('"');
                    if !name.name.is_empty() {
                        name.name.push(' ');
                    }
                    name.name.push_str(&names::folded(token.text()));
                }
            }
        }
    }
}

/// Types that the wire knows from the oracle's answers and no statement on IRIS has values of.
fn is_beyond_iris(oid: Oid) -> bool {
    matches!(
        oid,
        Oid::INT2VECTOR
            | Oid::CID
            | Oid::OIDVECTOR
            | Oid::PG_NODE_TREE
            | Oid::POINT
            | Oid::REGPROCEDURE
            | Oid::REGOPER
            | Oid::REGROLE
            | Oid::RECORD
            | Oid::CSTRING
            | Oid::ANY
            | Oid::ANYARRAY
            | Oid::VOID
            | Oid::PG_LSN
            | Oid::TSVECTOR
            | Oid::TSQUERY
            | Oid::INT4RANGE
            | Oid::INT8RANGE
            | Oid::NUMRANGE
            | Oid::TSRANGE
            | Oid::TSTZRANGE
            | Oid::DATERANGE
    )
}

impl TypeName {
    /// The type it names.
    pub(crate) fn resolve(&self) -> Result<PgType> {
        let undefined = || {
            PgError::error(SqlState::UNDEFINED_OBJECT, format!("type \"{}\" does not exist", self.name))
                .position(nodes::offset(self.at))
        };
        let unsupported = |what: &str| Err(PgError::unsupported(what.to_owned()).position(nodes::offset(self.at)));
        let oid = match Oid::named(&self.name, self.quoted) {
            Some(oid) if !is_beyond_iris(oid) => oid,
            Some(_) => {
                return unsupported(&format!("the type {} is not supported: IRIS has nothing like it", self.name));
            }
            None => match self.name.as_str() {
                "halfvec" | "sparsevec" => {
                    return unsupported("the types halfvec and sparsevec are not supported; use vector");
                }
                name if name.starts_with("interval ") => {
                    return unsupported("intervals restricted to some fields are not supported");
                }
                "line" | "lseg" | "box" | "path" | "polygon" | "circle" | "hstore" | "geometry" | "geography"
                | "jsonpath" | "citext" | "ltree" => {
                    return unsupported(&format!("the type {} is not supported: IRIS has nothing like it", self.name));
                }
                _ => return Err(undefined()),
            },
        };
        let mods = match (oid, self.mods.as_slice()) {
            // `char` alone is one character (manual, "Character Types").
            (Oid::BPCHAR, []) if self.name != "bpchar" => &[1][..],
            (_, mods) => mods,
        };
        let named = PgType::modified(oid, &self.name, mods).map_err(|error| error.position(nodes::offset(self.at)))?;
        match (self.array, named.oid) {
            (false, _) => Ok(named),
            (true, Oid::VECTOR) => unsupported("arrays of vector are not supported"),
            (true, element) => Ok(PgType { oid: element.array().unwrap_or(element), ..named }),
        }
    }

    /// `serial` and its kin, which are a column's type only.
    pub(crate) fn is_serial(&self) -> bool {
        !self.quoted
            && matches!(self.name.as_str(), "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8")
    }
}

impl Cx<'_> {
    pub(crate) fn cast_expr(&self, operand: &Expr, to: &SyntaxNode) -> Result<Frag> {
        let to = match (type_name(self, to).resolve(), enums::enum_of(self, to)) {
            (Err(_), Some(enum_type)) => {
                let (value, text) = (self.emit_value(operand)?, PgType::new(Oid::TEXT));
                let is_mark = value.ty.is_open() && !value.marks.is_empty();
                let mut value =
                    if is_mark { self.coerce(value, text).with_ty(Ty::Known(text)) } else { self.cast(value, text)? };
                enums::checked(self, &mut value, &Rc::new(enum_type))?;
                return Ok(value);
            }
            (Err(_), None) if enums::named_type(self, to).is_some() => {
                return Err(self.unsupported(
                    "casts to types of a user's making are not supported by IRIS",
                    to.text_range().start().into(),
                ));
            }
            (to, _) => to?,
        };
        if let Some(text) = self.named_text(operand, to)? {
            return Ok(text);
        }
        if let Some(frag) = self.special_cast(operand, to)? {
            return Ok(frag);
        }
        let operand = self.emit_value(operand)?;
        self.cast(operand, to)
    }

    /// `CAST(x AS t)` and `t 'text'`.
    #[inline(never)]
    pub(crate) fn cast_node(&self, node: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(node.text_range().start());
        if nodes::has_token(node, SyntaxKind::TREAT_KW) {
            return Err(self.unsupported("TREAT is not supported by IRIS", at));
        }
        let mut operand = None;
        let mut to = None;
        for child in node.children() {
            // `interval '1' day`
            if format!("{:?}", child.kind()).starts_with("INTERVAL_") && !is_type(child.kind()) {
                return Err(self
                    .unsupported("intervals restricted to some fields are not supported", at)
                    .hint("Write the units into the text: interval '1 day 2 hours'."));
            }
            if is_type(child.kind()) {
                to = Some(child)
            } else {
                operand.get_or_insert(child);
            }
        }
        let (Some(operand), Some(to)) = (operand, to) else {
            return Err(self.unsupported("this form of cast is not supported", at));
        };
        // IRIS's own `VARCHAR('')`, "as long as it may be", and class names have no PostgreSQL type.
        self.cast_expr(&tree::read(&operand)?, &to)
    }

    /// The type a cast node casts to.
    pub(crate) fn cast_target(&self, node: &SyntaxNode) -> Result<Option<PgType>> {
        match node.children().find(|child| is_type(child.kind())) {
            Some(to) => match (type_name(self, &to).resolve(), enums::enum_of(self, &to)) {
                (Err(_), Some(_)) => Ok(Some(PgType::new(Oid::TEXT))),
                (to, _) => to.map(Some),
            },
            None => Ok(None),
        }
    }

    /// The text of a column of a type of a user's making, which is what IRIS keeps.
    fn named_text(&self, operand: &Expr, to: PgType) -> Result<Option<Frag>> {
        let Expr::Atom(node) = operand else { return Ok(None) };
        if to.oid != Oid::TEXT || !enums::is_opaque(self, node) {
            return Ok(None);
        }
        self.allows_named.set(true);
        let text = self.emit(operand);
        self.allows_named.set(false);
        Ok(Some(text?.with_ty(Ty::Known(to)).exact()))
    }

    /// Casts whose operand decides: arrays, and moments cut to their day.
    #[inline(never)]
    fn special_cast(&self, operand: &Expr, to: PgType) -> Result<Option<Frag>> {
        let Expr::Atom(node) = operand else { return Ok(None) };
        if to.oid.element().is_some() && node.kind() == SyntaxKind::ARRAY_EXPR {
            return Ok(Some(self.emit(&Expr::Atom(node.clone()))?.with_ty(Ty::Known(to))));
        }
        if to.oid == Oid::DATE && node.kind() == SyntaxKind::CALL_EXPR {
            return self.day_of_call(node);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::tests::{shown, tables};

    #[test]
    fn types_that_iris_has_nothing_like_are_refused() {
        for (written, message) in [
            ("regrole", "the type regrole is not supported: IRIS has nothing like it"),
            ("point", "the type point is not supported: IRIS has nothing like it"),
            ("tsrange[]", "the type tsrange is not supported: IRIS has nothing like it"),
            ("citext", "the type citext is not supported: IRIS has nothing like it"),
            ("vector[]", "arrays of vector are not supported"),
        ] {
            assert_eq!(shown(&format!("SELECT name::{written} FROM known"), &tables()), format!("0A000 {message}"));
        }
        let unknown = shown("SELECT name::nosuch FROM known", &tables());
        assert_eq!(unknown, "42704 type \"nosuch\" does not exist");
    }
}
