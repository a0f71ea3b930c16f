//! Arrays as lists of IRIS, which has no array type.

use crate::iris::ParameterKind;
use crate::sql::plan::{Bind, ElementSource};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Piece, Ty, level};
use crate::types::Oid;

impl Cx<'_> {
    /// `left = ANY (elements)` or `left <> ALL (elements)`.
    pub(crate) fn in_source(&self, not: bool, left: Frag, source: ElementSource, element: Option<Oid>) -> Result<Frag> {
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
pub(crate) fn is_listed(oid: Oid) -> bool {
    matches!(
        oid,
        Oid::BOOL
            | Oid::INT2
            | Oid::INT4
            | Oid::INT8
            | Oid::OID
            | Oid::TID
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
