//! String functions, those of their own syntax among them.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::tree::expressions;
use crate::sql::translate::cx::{self, Cx, Result};
use crate::sql::translate::frag::{Frag, Ty, level, list};
use crate::types::{Oid, PgType};
use crate::wire::PgError;

impl Cx<'_> {
    pub(super) fn substring(&self, node: &SyntaxNode, at: usize) -> Result<Frag> {
        let holder = node.first_child().unwrap_or_else(|| node.clone());
        let order = match holder.kind() {
            SyntaxKind::SUBSTRING_FROM_FOR | SyntaxKind::SUBSTRING_EXPRS => [0, 1, 2],
            SyntaxKind::SUBSTRING_FOR_FROM => [0, 2, 1],
            _ => return Err(self.unsupported("SUBSTRING .. SIMILAR is not supported by IRIS", at)),
        };
        let mut frags = expressions(&holder).map(|child| self.value(&child)).collect::<Result<Vec<_>>>()?;
        if holder.kind() == SyntaxKind::SUBSTRING_FROM_FOR
            && frags.len() == 2
            && cx::has_token(&holder, SyntaxKind::FOR_KW)
        {
            frags.insert(1, Frag::atom("1", Ty::INT4));
        }
        let ordered: Vec<Frag> = order.iter().filter_map(|&n| frags.get(n).cloned()).collect();
        self.string_function("substring", &ordered)?
            .ok_or_else(|| self.unsupported("this form of SUBSTRING is not supported by IRIS", at))
    }

    pub(super) fn position(&self, node: &SyntaxNode, at: usize) -> Result<Frag> {
        let mut frags = expressions(node).map(|child| self.value(&child)).collect::<Result<Vec<_>>>()?.into_iter();
        match (frags.next(), frags.next()) {
            (Some(part), Some(text)) => {
                let (part, text) = (self.as_text(part), self.as_text(text));
                Ok(Frag::cat(&[&"POSITION(", &part, &" IN ", &text, &")"], Ty::INT4))
            }
            _ => Err(self.unsupported("POSITION needs two operands", at)),
        }
    }

    pub(super) fn trim(&self, node: &SyntaxNode, at: usize) -> Result<Frag> {
        let side = node.children().find_map(|child| match child.kind() {
            SyntaxKind::TRIM_LEADING => Some("LEADING"),
            SyntaxKind::TRIM_TRAILING => Some("TRAILING"),
            SyntaxKind::TRIM_BOTH => Some("BOTH"),
            _ => None,
        });
        let holder = node.children().find(|child| {
            matches!(child.kind(), SyntaxKind::TRIM_EXPR_FROM | SyntaxKind::TRIM_FROM | SyntaxKind::TRIM_EXPRS)
        });
        let Some(holder) = holder else { return Err(self.unsupported("TRIM needs an operand", at)) };
        let frags = expressions(&holder).map(|child| self.value(&child)).collect::<Result<Vec<_>>>()?;
        let side = side.unwrap_or("BOTH");
        match (holder.kind(), frags.as_slice()) {
            (SyntaxKind::TRIM_EXPR_FROM, [set, text]) => {
                let (set, text) = (self.as_text(set.clone()), self.as_text(text.clone()));
                Ok(Frag::cat(&[&"TRIM(", &side, &" ", &set, &" FROM ", &text, &")"], Ty::TEXT).exact())
            }
            (_, [text]) => {
                let text = self.as_text(text.clone());
                Ok(match side {
                    "LEADING" => Frag::cat(&[&"LTRIM(", &text, &")"], Ty::TEXT).exact(),
                    "TRAILING" => Frag::cat(&[&"RTRIM(", &text, &")"], Ty::TEXT).exact(),
                    _ => Frag::cat(&[&"TRIM(", &text, &")"], Ty::TEXT).exact(),
                })
            }
            _ => Err(self.unsupported("this form of TRIM is not supported by IRIS", at)),
        }
    }

    pub(super) fn as_text(&self, frag: Frag) -> Frag {
        self.coerce(frag, PgType::new(Oid::TEXT))
    }

    pub(super) fn string_function(&self, name: &str, arguments: &[Frag]) -> Result<Option<Frag>> {
        let texts: Vec<Frag> = arguments.iter().map(|argument| self.as_text(argument.clone())).collect();
        let call = |iris: &str, ty: Ty| Some(Frag::cat(&[&iris, &"(", &list(&texts), &")"], ty).exact());
        let counted = |iris: &str| {
            // The first is text, the others counts or texts of their own.
            let mut frags = vec![self.as_text(arguments.first().cloned().unwrap_or_else(|| Frag::atom("", Ty::TEXT)))];
            frags.extend(arguments.iter().skip(1).map(|frag| self.coerce(frag.clone(), PgType::new(Oid::INT4))));
            Some(Frag::cat(&[&iris, &"(", &list(&frags), &")"], Ty::TEXT).exact())
        };
        Ok(match (name, arguments) {
            // LENGTH of IRIS leaves trailing blanks out.
            ("length" | "char_length" | "character_length", [a]) if !a.ty.is(Oid::BYTEA) => {
                call("CHAR_LENGTH", Ty::INT4)
            }
            ("lower", [_]) => call("LOWER", Ty::TEXT),
            ("upper", [_]) => call("UPPER", Ty::TEXT),
            ("btrim" | "trim", [_]) => call("TRIM", Ty::TEXT),
            ("btrim", [text, set]) => {
                let (set, text) = (self.as_text(set.clone()), self.as_text(text.clone()));
                Some(Frag::cat(&[&"TRIM(BOTH ", &set, &" FROM ", &text, &")"], Ty::TEXT).exact())
            }
            ("ltrim" | "rtrim", [_]) => call(&name.to_uppercase(), Ty::TEXT),
            ("ltrim" | "rtrim", [text, set]) => {
                let side = if name == "ltrim" { "LEADING " } else { "TRAILING " };
                let (set, text) = (self.as_text(set.clone()), self.as_text(text.clone()));
                Some(Frag::cat(&[&"TRIM(", &side, &set, &" FROM ", &text, &")"], Ty::TEXT).exact())
            }
            ("substring" | "substr", [_, second, ..]) => {
                if second.ty.is_string() || second.ty == Ty::Untyped {
                    return Err(PgError::unsupported("SUBSTRING with a regular expression is not supported by IRIS"));
                }
                counted("SUBSTRING")
            }
            ("left" | "right", [_, _]) => counted(&name.to_uppercase()),
            ("repeat", [_, _]) => counted("REPEAT"),
            ("lpad" | "rpad", [text, length, rest @ ..]) => {
                let mut frags = vec![self.as_text(text.clone()), self.coerce(length.clone(), PgType::new(Oid::INT4))];
                frags.extend(rest.iter().map(|frag| self.as_text(frag.clone())));
                Some(Frag::cat(&[&name.to_uppercase(), &"(", &list(&frags), &")"], Ty::TEXT))
            }
            ("replace", [_, _, _]) => call("REPLACE", Ty::TEXT),
            ("reverse", [_]) => call("REVERSE", Ty::TEXT),
            ("ascii", [_]) => call("ASCII", Ty::INT4),
            ("chr", [code]) => Some(Frag::cat(&[&"CHAR(", code, &")"], Ty::TEXT).exact()),
            ("strpos", [_, _]) => call("INSTR", Ty::INT4),
            ("starts_with", [text, prefix]) => {
                let (text, prefix) = (super::compare::exact(self.as_text(text.clone())), self.as_text(prefix.clone()));
                Some(
                    Frag::cat(&[&text.within(level::OTHER), &" %STARTSWITH ", &prefix.within(level::OTHER)], Ty::BOOL)
                        .predicate(level::COMPARISON),
                )
            }
            ("split_part", [text, separator, n]) => {
                let frags = [
                    self.as_text(text.clone()),
                    self.as_text(separator.clone()),
                    self.coerce(n.clone(), PgType::new(Oid::INT4)),
                ];
                Some(Frag::cat(&[&"$PIECE(", &list(&frags), &")"], Ty::TEXT).exact())
            }
            ("concat", [_, ..]) => {
                let pieces: Vec<Frag> = arguments.iter().map(|frag| self.or_empty(frag.clone())).collect();
                Some(chain(&pieces))
            }
            ("concat_ws", [separator, rest @ ..]) if !rest.is_empty() => {
                let separator = self.as_text(separator.clone()).within(level::ATOM);
                let pieces: Vec<Frag> = rest
                    .iter()
                    .map(|frag| {
                        let frag = self.as_text(frag.clone()).within(level::ATOM);
                        Frag::cat(&[&"COALESCE(", &separator, &" || ", &frag, &", '')"], Ty::TEXT)
                    })
                    .collect();
                let all = chain(&pieces);
                Some(Frag::cat(&[&"SUBSTRING(", &all, &", CHAR_LENGTH(", &separator, &") + 1)"], Ty::TEXT).exact())
            }
            ("quote_literal", [_]) => {
                let text = texts.first().cloned().unwrap_or_else(|| Frag::atom("", Ty::TEXT));
                Some(
                    Frag::cat(&[&"'''' || REPLACE(", &text, &", '''', '''''') || ''''"], Ty::TEXT)
                        .with_level(level::OTHER),
                )
            }
            ("to_char", [value, format]) => {
                self.check_zone(value, &[Oid::TIMESTAMPTZ], "to_char() of a timestamp with time zone")?;
                let frags = [value.clone(), self.as_text(format.clone())];
                Some(Frag::cat(&[&"TO_CHAR(", &list(&frags), &")"], Ty::TEXT))
            }
            ("to_date", [_, _]) => call("TO_DATE", Ty::of(Oid::DATE)),
            ("to_timestamp", [_, _]) if self.template.is_zoned => {
                return Err(super::zoned::depends("to_timestamp() of a text"));
            }
            ("to_timestamp", [_, _]) => call("TO_TIMESTAMP", Ty::of(Oid::TIMESTAMPTZ)),
            ("to_number", [_, _]) => {
                let text = texts.first().cloned().unwrap_or_else(|| Frag::atom("", Ty::TEXT));
                Some(Frag::cat(&[&"TO_NUMBER(", &text, &")"], Ty::NUMERIC))
            }
            _ => None,
        })
    }

    fn or_empty(&self, frag: Frag) -> Frag {
        let frag = self.as_text(frag);
        let literal = frag.literal().is_some();
        if literal || frag.not_null {
            frag.within(level::ATOM)
        } else {
            Frag::cat(&[&"COALESCE(", &frag, &", '')"], Ty::TEXT)
        }
    }
}

/// `a || b || c`
fn chain(pieces: &[Frag]) -> Frag {
    let mut all = Frag::atom(String::new(), Ty::TEXT);
    for (n, piece) in pieces.iter().enumerate() {
        if n > 0 {
            all.push(&" || ");
        }
        all.push(piece);
    }
    if pieces.len() > 1 { all.with_level(level::OTHER).exact() } else { all }
}
