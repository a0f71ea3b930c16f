//! Arrays: their constants can be taken apart; IRIS has no array type.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::compare;
use crate::iris::ParameterKind;
use crate::sql::plan::{Bind, ElementSource};
use crate::sql::syntax::nodes::{self, unwrapped};
use crate::sql::syntax::tree::expressions;
use crate::sql::template::LiteralKind;
use crate::sql::translate::cx::{Cx, Result};
use crate::sql::translate::expr::common_type;
use crate::sql::translate::frag::{Frag, Piece, Ty, level};
use crate::sql::typename;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    /// The elements of an array constant: `ARRAY[1,2]`, `'{1,2}'`, either with a cast. `None` for every other
    /// expression. Pins the literal it reads.
    pub(super) fn array_items(&self, node: &SyntaxNode) -> Result<Option<Vec<Frag>>> {
        let node = unwrapped(node);
        match node.kind() {
            SyntaxKind::ARRAY_EXPR if !node.children().any(|child| nodes::is_query(child.kind())) => {
                let nodes: Vec<SyntaxNode> = expressions(&node).collect();
                let items = nodes.iter().map(|item| self.value(item)).collect::<Result<Vec<_>>>()?;
                let ty = common_type(items.iter().map(|item| item.ty));
                let parts = nodes.iter().zip(items);
                parts.map(|(node, item)| self.as_float(node, item, ty)).collect::<Result<_>>().map(Some)
            }
            SyntaxKind::CAST_EXPR => {
                let element = self.cast_target(&node)?.and_then(|ty| typename::element_of(ty.oid));
                let Some(operand) = node.children().find(|child| {
                    matches!(child.kind(), SyntaxKind::LITERAL | SyntaxKind::ARRAY_EXPR | SyntaxKind::PAREN_EXPR)
                }) else {
                    return Ok(None);
                };
                let Some(items) = self.array_items(&operand)? else { return Ok(None) };
                let Some(element) = element else { return Ok(Some(items)) };
                Ok(Some(items.into_iter().map(|item| self.element_as(item, element)).collect()))
            }
            SyntaxKind::LITERAL => match self.constant(&node) {
                Some((LiteralKind::String, text)) => {
                    let items = elements(text)?;
                    Ok(Some(items.into_iter().map(|item| self.element(item.as_deref())).collect()))
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// An element as a constant; it has no type of its own.
    fn element(&self, value: Option<&str>) -> Frag {
        match value {
            None => Frag::atom("NULL", Ty::Untyped),
            Some(value) => self.text_constant(value).with_ty(Ty::Untyped),
        }
    }

    fn element_as(&self, item: Frag, element: Oid) -> Frag {
        self.coerce(item, PgType::new(element))
    }

    /// `left op ANY ($1)`: through IRIS's own list functions, which need nothing installed.
    pub(super) fn with_array_parameter(&self, op: &str, all: bool, left: Frag, argument: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(argument.text_range().start());
        let argument = unwrapped(argument);
        let (operand, array) = match argument.kind() {
            SyntaxKind::CAST_EXPR => {
                let operand = argument.children().find(|child| child.kind() == SyntaxKind::LITERAL);
                (operand.unwrap_or_else(|| argument.clone()), self.cast_target(&argument)?.map(|ty| ty.oid))
            }
            _ => (argument, left.ty.oid().and_then(typename::array_of)),
        };
        let parameter = if operand.kind() == SyntaxKind::LITERAL { Some(self.atom(&operand)?) } else { None };
        let Some(Ty::Parameter(n)) = parameter.as_ref().map(|frag| frag.ty).or(None) else {
            // A parameter typed by an earlier use, or no parameter at all.
            if let Some(frag) = parameter
                && let Some(Bind::Parameter(n)) = frag.marks.first().map(|mark| mark.bind.clone())
            {
                return self.in_elements(op, all, left, n, at);
            }
            return Err(self
                .unsupported("ANY and ALL over an array column or expression are not supported by IRIS", at)
                .hint("IRIS has no array type; pass the array as a parameter or constant, or use a subquery."));
        };
        if let Some(array) = array {
            self.declare_parameter(n, array);
        }
        self.in_elements(op, all, left, n, at)
    }

    fn in_elements(&self, op: &str, all: bool, left: Frag, parameter: u16, at: usize) -> Result<Frag> {
        let not = match (op, all) {
            ("=", false) => false,
            ("<>", true) => true,
            _ => {
                return Err(self
                    .unsupported(
                        format!(
                            "{op} {} over an array parameter is not supported by IRIS",
                            if all { "ALL" } else { "ANY" }
                        ),
                        at,
                    )
                    .hint("= ANY and <> ALL are; for others use unnested conditions or a subquery."));
            }
        };
        let Some(oid) = left.ty.oid() else { return self.in_source(not, left, ElementSource::Array(parameter), None) };
        if !is_listed(oid) {
            let name = PgType::new(oid).name();
            return Err(self
                .unsupported(format!("{op} ANY over an array parameter of {name} is not supported by IRIS"), at)
                .hint("Write the elements out: IN ($1, $2), or = ANY (ARRAY[..])."));
        }
        let left = compare::exact(compare::trimmed_character(left));
        self.in_source(not, left, ElementSource::Array(parameter), Some(oid))
    }

    /// `left = ANY (elements)` or `left <> ALL (elements)`.
    pub(super) fn in_source(&self, not: bool, left: Frag, source: ElementSource, element: Option<Oid>) -> Result<Frag> {
        // Where NULL and false differ, an element that is NULL makes the difference.
        let refuse_nulls = not || !self.loose.get();
        self.check_finished(&left)?;
        let nullable = !left.not_null;
        let left = left.within(level::OTHER);
        let bind = Bind::Elements { source: source.clone(), refuse_nulls, element };
        let elements = Frag::mark(bind, ParameterKind::User, Ty::TEXT);
        let count = |empty: Option<Oid>| {
            let bind = Bind::ElementsCount { source: source.clone(), empty };
            Frag::mark(bind, ParameterKind::NumberLiteral, Ty::INT8)
        };
        let mut test = Frag::cat(&[&left, &" %INLIST $LISTFROMSTRING(", &elements, &", CHAR(1))"], Ty::BOOL)
            .predicate(level::COMPARISON);
        // An empty text is no element of IRIS's lists.
        if let Some(oid) = element.filter(|oid| Ty::of(*oid).is_string()) {
            let empty = Frag::cat(&[&left, &" = '' AND ", &count(Some(oid)), &" > 0"], Ty::BOOL).predicate(level::AND);
            test = Frag::cat(&[&"(", &test, &" OR ", &empty, &")"], Ty::BOOL).predicate(level::ATOM);
        }
        // Nothing is in an empty list, not even NULL.
        let may_be_empty = nullable && matches!(source, ElementSource::Array(_));
        Ok(match (not, may_be_empty) {
            (true, false) => Frag::cat(&[&"NOT (", &test, &")"], Ty::BOOL).predicate(level::NOT),
            (true, true) => {
                let text: [&dyn Piece; 5] = [&"(NOT (", &test, &") OR ", &count(None), &" = 0)"];
                Frag::cat(&text, Ty::BOOL).predicate(level::ATOM)
            }
            (false, true) if !self.loose.get() => {
                let text: [&dyn Piece; 5] = [&"(", &test, &" AND ", &count(None), &" > 0)"];
                Frag::cat(&text, Ty::BOOL).predicate(level::ATOM)
            }
            (false, _) => test,
        })
    }
}

/// Types whose values IRIS has one text for in a list.
pub(super) fn is_listed(oid: Oid) -> bool {
    matches!(
        oid,
        Oid::BOOL
            | Oid::INT2
            | Oid::INT4
            | Oid::INT8
            | Oid::OID
            | Oid::TEXT
            | Oid::VARCHAR
            | Oid::BPCHAR
            | Oid::NAME
            | Oid::UUID
            | Oid::NUMERIC
            | Oid::DATE
            | Oid::INET
            | Oid::CIDR
            | Oid::MACADDR
            | Oid::MACADDR8
    )
}

/// The elements of array text, one-dimensional (manual, "Array Input and Output Syntax").
pub fn elements(text: &str) -> Result<Vec<Option<String>>> {
    let malformed = || PgError::error(SqlState::INVALID_TEXT, format!("malformed array literal: \"{text}\""));
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(malformed)?;
    let mut items = Vec::new();
    let mut chars = inner.chars().peekable();
    while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
    if chars.peek().is_none() {
        return Ok(items);
    }
    loop {
        let mut item = String::new();
        let mut quoted = false;
        while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        if chars.next_if_eq(&'"').is_some() {
            quoted = true;
            loop {
                match chars.next().ok_or_else(malformed)? {
                    '"' => break,
                    '\\' => item.push(chars.next().ok_or_else(malformed)?),
                    c => item.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                match c {
                    '\\' => item.push(chars.next().ok_or_else(malformed)?),
                    '"' => return Err(malformed()),
                    '{' | '}' => {
                        return Err(PgError::unsupported("arrays of more than one dimension are not supported"));
                    }
                    c => item.push(c),
                }
            }
            item.truncate(item.trim_end().len());
            if item.is_empty() {
                return Err(malformed());
            }
        }
        while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        items.push(if !quoted && item.eq_ignore_ascii_case("null") { None } else { Some(item) });
        match chars.next() {
            Some(',') => {}
            None => return Ok(items),
            Some(_) => return Err(malformed()),
        }
    }
}

/// The text of an array of constants, for values that only travel through.
pub fn array_text(items: &[Option<&str>]) -> String {
    let mut text = String::from("{");
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        match item {
            None => text.push_str("NULL"),
            Some(item) => {
                let plain = !item.is_empty()
                    && !item.eq_ignore_ascii_case("null")
                    && !item.contains(['"', '\\', '{', '}', ','])
                    && !item.contains(char::is_whitespace);
                if plain {
                    text.push_str(item);
                } else {
                    text.push('"');
                    for c in item.chars() {
                        if matches!(c, '"' | '\\') {
                            text.push('\\');
                        }
                        text.push(c);
                    }
                    text.push('"');
                }
            }
        }
    }
    text.push('}');
    text
}
