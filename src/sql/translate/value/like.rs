//! LIKE, ILIKE and SIMILAR TO.

use crate::sql::plan::Bind;
use crate::sql::syntax::tree::LikeKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::exact::exact;
use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::types::{Fitting, Oid, PgType};
use crate::wire::PgError;

impl Cx<'_> {
    pub(crate) fn like_frags(
        &self,
        kind: LikeKind,
        not: bool,
        operand: Frag,
        pattern: Frag,
        escape: Option<Frag>,
    ) -> Result<Frag> {
        if operand.ty.is(Oid::BYTEA) || pattern.ty.is(Oid::BYTEA) {
            return Err(PgError::unsupported("LIKE of binary strings is not supported by IRIS")
                .hint("Compare whole values, or keep text in the column."));
        }
        let text = PgType::new(Oid::TEXT);
        // LIKE sees the blanks of character(n).
        let operand = self.padded(operand);
        let operand = if operand.ty.is(Oid::BPCHAR) { operand.with_ty(Ty::TEXT) } else { self.coerce(operand, text) };
        let (operand, pattern) = (exact(operand), self.coerce(pattern, text));
        if kind == LikeKind::Similar {
            let plain = pattern
                .literal()
                .and_then(|n| self.read_literal(n))
                .is_some_and(|(_, value)| !value.contains(['|', '*', '+', '?', '{', '(', '[']));
            if !plain {
                return Err(PgError::unsupported(
                    "SIMILAR TO is supported for patterns without regular-expression characters only",
                )
                .hint("IRIS has no regular expressions; use LIKE."));
            }
        }
        let (pattern, escape) = self.escaped(kind, pattern, escape)?;
        let word = if not { " NOT LIKE " } else { " LIKE " };
        let (operand, pattern) = (operand.within(level::OTHER), pattern.within(level::OTHER));
        let mut frag = if kind == LikeKind::Ilike {
            Frag::cat(&[&"UPPER(", &operand, &")", &word, &"UPPER(", &pattern, &")"], Ty::BOOL)
        } else {
            Frag::cat(&[&operand, &word, &pattern], Ty::BOOL)
        };
        if let Some(escape) = escape {
            frag.push(&" ESCAPE ");
            frag.push(&escape);
        }
        Ok(frag.predicate(level::COMPARISON))
    }

    /// The pattern and what escapes in it, checked as far as they are known.
    fn escaped(&self, kind: LikeKind, pattern: Frag, escape: Option<Frag>) -> Result<(Frag, Option<Frag>)> {
        let mut pattern = pattern;
        let character = match &escape {
            None if self.may_hold_backslash(&pattern) => Some('\\'),
            None => return Ok((pattern, None)),
            Some(escape) => {
                let Some(text) = self.text_literal(escape) else {
                    return Err(PgError::unsupported("ESCAPE of anything but a constant is not supported by IRIS"));
                };
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (character, None) => character,
                    // PostgreSQL says so of the first row, and nothing where there is none.
                    _ => {
                        return Err(PgError::unsupported(
                            "an escape string of several characters is not supported by IRIS",
                        ));
                    }
                }
            }
        };
        // Nothing escapes.
        let Some(character) = character else {
            return Ok((pattern, None));
        };
        if kind == LikeKind::Ilike && character.is_alphabetic() {
            return Err(PgError::unsupported("ILIKE with a letter as its escape character is not supported by IRIS"));
        }
        match pattern.literal().and_then(|n| self.read_literal(n)) {
            Some((_, value)) if value.chars().rev().take_while(|c| *c == character).count() % 2 == 1 => {
                // PostgreSQL says so of the first row that gets there.
                return Err(PgError::unsupported(
                    "a pattern that ends with its escape character is not supported by IRIS",
                ));
            }
            Some(_) => {}
            None => {
                if let [mark] = pattern.marks.as_mut_slice()
                    && escape.is_none()
                    && matches!(mark.bind, Bind::Parameter(_))
                    && pattern.text.chars().count() == 1
                {
                    let source = Box::new(mark.bind.clone());
                    mark.bind = Bind::Fitted { source, to: PgType::new(Oid::TEXT), fitting: Fitting::Pattern };
                }
            }
        }
        // PostgreSQL's default escape character is the backslash; IRIS has none unless told.
        Ok((pattern, Some(escape.unwrap_or_else(|| Frag::atom("'\\'", Ty::TEXT)))))
    }

    fn may_hold_backslash(&self, pattern: &Frag) -> bool {
        match pattern.literal() {
            Some(n) => self.template.literals.get(usize::from(n)).is_some_and(|literal| literal.backslash),
            None => true,
        }
    }
}
