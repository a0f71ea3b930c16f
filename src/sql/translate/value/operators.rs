//! Operators between values: arithmetic, concatenation, regular expressions.

use super::nan;
use super::text::TextForm;
use super::types::{scaled, wider};
use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::LikeKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::exact::exact;
use crate::sql::translate::context::frag::{self, Frag, Ty, as_value, level};
use crate::types::{Oid, PgType};
use crate::wire::PgError;

impl Cx<'_> {
    #[inline(never)]
    pub(crate) fn prefixed(&self, op: &str, frag: Frag, at: usize) -> Result<Frag> {
        let ty = frag.ty;
        match op {
            "-" if ty.is_string() => Err(undefined_operator("-", ty)),
            "-" if frag.nan.is_some() => {
                let minus = |frags: Vec<Frag>| {
                    let value = frags.into_iter().next().unwrap_or_else(|| Frag::atom("", Ty::FLOAT8));
                    Ok(Frag::cat(&[&"-", &value.within(level::ATOM)], Ty::FLOAT8).with_level(level::UNARY))
                };
                nan::lifted(&[&frag], minus).unwrap_or(Ok(frag))
            }
            "-" => {
                self.check_number(op, &frag, at)?;
                let frag = frag.within(level::UNARY);
                // `- -1`: two signs with nothing between would begin a comment.
                let gap = if frag.text.starts_with('-') { " " } else { "" };
                let sure = frag.not_null;
                Ok(Frag { not_null: sure, ..Frag::cat(&[&"-", &gap, &frag], ty).with_level(level::UNARY) })
            }
            "+" => Ok(frag),
            "@" => Ok(Frag::cat(&[&"ABS(", &frag, &")"], ty)),
            "|/" => Ok(Frag::cat(&[&"SQRT(", &frag, &")"], Ty::FLOAT8)),
            _ => Err(self
                .unsupported(format!("the operator {op} is not supported by IRIS"), at)
                .hint("IRIS SQL has no bit operators; compute on the client or with MOD and POWER.")),
        }
    }

    /// An operator between values that are read.
    #[inline(never)]
    pub(crate) fn of_values(&self, op: &str, a: Frag, b: Frag, at: usize) -> Result<Frag> {
        let (a, b) = (as_value(a), as_value(b));
        self.check_finished(&a)?;
        self.check_finished(&b)?;
        match op {
            "<=>" | "<#>" | "<->" | "<+>" => self.vector_distance(op, a, b, at),
            "+" | "-" | "*" | "/" | "%" | "^" => self.arithmetic(op, a, b, at),
            "||" => self.concatenation(a, b, at),
            "~" | "!~" | "~*" | "!~*" => self.regexp(op, a, b, at),
            // What LIKE and ILIKE are called inside PostgreSQL; some tools write them.
            "~~" | "!~~" | "~~*" | "!~~*" => {
                let kind = if op.ends_with('*') { LikeKind::Ilike } else { LikeKind::Like };
                self.like_frags(kind, op.starts_with('!'), a, b, None)
            }
            "^@" => Ok(self.starts_with(&a, &b)),
            "->" | "->>" | "#>" | "#>>" | "@>" | "<@" | "?" | "?|" | "?&" | "@?" | "@@" | "#-" => Err(self
                .unsupported(format!("the operator {op} is not supported by IRIS"), at)
                .hint("IRIS SQL has no JSON or array operators; JSON_TABLE in FROM reads JSON documents.")),
            "&" | "|" | "#" | "<<" | ">>" | "&&" => Err(self
                .unsupported(format!("the operator {op} is not supported by IRIS"), at)
                .hint("IRIS SQL has no bit or array operators.")),
            _ => Err(self.unsupported(format!("the operator {op} is not supported by IRIS"), at)),
        }
    }

    #[inline(never)]
    fn arithmetic(&self, op: &str, a: Frag, b: Frag, at: usize) -> Result<Frag> {
        let plain = |frags: Vec<Frag>| match <[Frag; 2]>::try_from(frags) {
            Ok([a, b]) => self.arithmetic(op, a, b, at),
            Err(_) => Err(self.unsupported("arithmetic of this kind is not supported", at)),
        };
        if let Some(lifted) = nan::lifted(&[&a, &b], plain) {
            return lifted;
        }
        if let Some(frag) = self.date_arithmetic(op, &a, &b, at)? {
            return Ok(frag);
        }
        let (a, b) = match (a.ty, b.ty) {
            // A constant or parameter takes the other operand's type (manual, "Operator Type Resolution").
            (ty, other) if ty.is_number() && other.is_open() => {
                let Ty::Known(ty) = ty else { return Ok(a) };
                (a, self.coerce(b, PgType::new(ty.oid)))
            }
            (other, ty) if ty.is_number() && other.is_open() => {
                let Ty::Known(ty) = ty else { return Ok(b) };
                (self.coerce(a, PgType::new(ty.oid)), b)
            }
            _ => (a, b),
        };
        if a.ty.is(Oid::VECTOR) || b.ty.is(Oid::VECTOR) {
            return Err(self.unsupported("arithmetic on vectors is not supported by IRIS", at));
        }
        for frag in [&a, &b] {
            if frag.ty.is_string() || frag.ty.is(Oid::BOOL) {
                return Err(undefined_operator(op, frag.ty).position(nodes::offset(at)));
            }
            self.check_number(op, frag, at)?;
        }
        let integers = a.ty.is_integer() && b.ty.is_integer();
        let ty = if a.ty.is_number() && b.ty.is_number() { wider(a.ty, b.ty) } else { Ty::Any };
        let ty = if ty.is(Oid::NUMERIC) { scaled(op, a.ty, b.ty) } else { ty };
        // IRIS computes with doubles; that the encoder rounds the result once makes it PostgreSQL's.
        let is_unfinished = ty.is(Oid::FLOAT4);
        let sure = a.not_null && b.not_null;
        let frag = match op {
            "%" => Frag::cat(&[&"MOD(", &a, &", ", &b, &")"], ty),
            "^" => {
                let ty = if ty.is(Oid::NUMERIC) { ty } else { Ty::FLOAT8 };
                Frag::cat(&[&"POWER(", &a, &", ", &b, &")"], ty)
            }
            // IRIS divides integers into fractions; `\` is its integer division, truncating as PostgreSQL's.
            "/" if integers => {
                Frag::cat(&[&a.within(level::ATOM), &" \\ ", &b.within(level::ATOM)], ty).with_level(level::OTHER)
            }
            "*" | "/" => Frag::cat(&[&a.within(level::MULTIPLY), &" ", &op, &" ", &b.within(level::UNARY)], ty)
                .with_level(level::MULTIPLY),
            _ => Frag::cat(&[&a.within(level::ADD), &" ", &op, &" ", &b.within(level::MULTIPLY)], ty)
                .with_level(level::ADD),
        };
        let frag = Frag { is_unfinished, ..frag };
        Ok(if sure { frag.sure() } else { frag })
    }

    /// Arithmetic of what IRIS keeps as text would be that of the numbers its text begins with.
    fn check_number(&self, op: &str, frag: &Frag, at: usize) -> Result<()> {
        match frag.ty {
            Ty::Known(pg_type) if !frag.ty.is_number() && pg_type.oid != Oid::OID => {
                let name = PgType::new(pg_type.oid).name();
                Err(self
                    .unsupported(format!("the operator {op} for values of type {name} is not supported by IRIS"), at)
                    .hint("IRIS computes with numbers and moments; compute on the client."))
            }
            _ => Ok(()),
        }
    }

    #[inline(never)]
    fn concatenation(&self, a: Frag, b: Frag, at: usize) -> Result<Frag> {
        for frag in [&a, &b] {
            let oid = frag.ty.oid();
            // These are put together otherwise than their texts, or have another text than IRIS keeps.
            let is_other =
                matches!(oid, Some(Oid::JSON | Oid::JSONB | Oid::VECTOR | Oid::INET | Oid::CIDR | Oid::MONEY));
            if is_other || oid.and_then(Oid::element).is_some() {
                let name = oid.map_or_else(String::new, |oid| PgType::new(oid).name());
                return Err(self
                    .unsupported(format!("|| for values of type {name} is not supported by IRIS"), at)
                    .hint("Put them together on the client."));
            }
        }
        let (a, b) = (self.text_of(a, TextForm::Cast)?, self.text_of(b, TextForm::Cast)?);
        // Chains stay flat: `||` is associative.
        let flat = |frag: Frag| {
            if frag.level == level::OTHER && frag.text.contains(" || ") { frag } else { frag.within(level::ATOM) }
        };
        let sure = a.not_null && b.not_null;
        let frag = Frag::cat(&[&flat(a), &" || ", &b.within(level::ATOM)], Ty::TEXT).with_level(level::OTHER).exact();
        Ok(if sure { frag.sure() } else { frag })
    }

    /// Regular expressions that are a prefix, an exact text or a part of the text; others IRIS has no way to match.
    #[inline(never)]
    fn regexp(&self, op: &str, a: Frag, b: Frag, at: usize) -> Result<Frag> {
        let pattern = b.literal().and_then(|n| self.read_literal(n)).map(|(_, value)| value);
        let plain = pattern.and_then(|pattern| {
            let (pattern, start) = pattern.strip_prefix('^').map_or((pattern, false), |rest| (rest, true));
            let (pattern, end) = pattern.strip_suffix('$').map_or((pattern, false), |rest| (rest, true));
            let special = ['\\', '.', '[', ']', '(', ')', '{', '}', '*', '+', '?', '|', '^', '$'];
            (!pattern.contains(special)).then_some((pattern, start, end))
        });
        let Some((text, start, end)) = plain else {
            return Err(self
                .unsupported(format!("the regular-expression operator {op} is not supported by IRIS"), at)
                .hint("Patterns without special characters work, anchored by ^ or $ or not; else use LIKE."));
        };
        let a = exact(self.padded(a));
        let insensitive = op.ends_with('*');
        let not = if op.starts_with('!') { "NOT " } else { "" };
        let text = if insensitive { text.to_uppercase() } else { text.to_owned() };
        let a = if insensitive { Frag::cat(&[&"UPPER(", &a, &")"], Ty::TEXT) } else { a.within(level::OTHER) };
        let escaped = |text: &str| text.replace(['%'], "\\%").replace('_', "\\_");
        let like = |pattern: String| {
            let frag = Frag::cat(&[&a, &" ", &not, &"LIKE ", &self.text_constant(&pattern)], Ty::BOOL);
            let escape: &dyn frag::Piece = if pattern.contains('\\') { &" ESCAPE '\\'" } else { &"" };
            Frag::cat(&[&frag, escape], Ty::BOOL)
        };
        let frag = match (start, end) {
            (true, true) => {
                let op = if not.is_empty() { " = " } else { " <> " };
                Frag::cat(&[&a, &op, &self.text_constant(&text)], Ty::BOOL)
            }
            (true, false) if not.is_empty() => Frag::cat(&[&a, &" %STARTSWITH ", &self.text_constant(&text)], Ty::BOOL),
            (true, false) => like(format!("{}%", escaped(&text))),
            (false, true) => like(format!("%{}", escaped(&text))),
            (false, false) => like(format!("%{}%", escaped(&text))),
        };
        Ok(frag.predicate(level::COMPARISON))
    }

    /// `date + 7`, `date - 7`, `date - date`, `timestamp - timestamp`; `None` when no date is involved.
    #[inline(never)]
    pub(crate) fn date_arithmetic(&self, op: &str, a: &Frag, b: &Frag, at: usize) -> Result<Option<Frag>> {
        let day = |days: &Frag, date: &Frag, sign: &str| {
            let date_ty = Ty::of(Oid::DATE);
            let days = if sign.is_empty() {
                days.clone()
            } else {
                Frag::cat(&[&sign, &days.clone().within(level::ATOM)], Ty::INT4)
            };
            Frag::cat(&[&"CAST(DATEADD('day', ", &days, &", ", date, &") AS DATE)"], date_ty)
        };
        let is_date = |frag: &Frag| frag.ty.is(Oid::DATE);
        let days = |frag: &Frag| {
            (frag.ty.is_integer() || matches!(frag.ty, Ty::Parameter(_)))
                .then(|| self.coerce(frag.clone(), PgType::new(Oid::INT4)))
        };
        if op == "-" && is_date(a) && (is_date(b) || b.ty == Ty::Untyped) {
            let b = self.coerce(b.clone(), PgType::new(Oid::DATE));
            return Ok(Some(Frag::cat(&[&"DATEDIFF('day', ", &b, &", ", a, &")"], Ty::INT4)));
        }
        if is_date(a)
            && let Some(days) = days(b)
        {
            return Ok(match op {
                "+" => Some(day(&days, a, "")),
                "-" => Some(day(&days, a, "-")),
                _ => None,
            });
        }
        if is_date(b)
            && op == "+"
            && let Some(days) = days(a)
        {
            return Ok(Some(day(&days, b, "")));
        }
        if op == "-" && a.ty.is_moment() && (b.ty.is_moment() || b.ty.is_open()) {
            return Err(self
                .unsupported("the difference of two timestamps is an interval, which IRIS does not have", at)
                .hint("EXTRACT(EPOCH FROM a - b) gives it in seconds."));
        }
        Ok(None)
    }
}

fn undefined_operator(op: &str, ty: Ty) -> Box<PgError> {
    let name = ty.oid().and_then(Oid::base_name).unwrap_or("unknown");
    PgError::error(
        crate::wire::SqlState::UNDEFINED_FUNCTION,
        format!("the operator {op} does not exist for an operand of type {name}"),
    )
    .hint("No operator matches the given name and argument types. You might need to add explicit type casts.")
}
