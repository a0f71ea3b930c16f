//! Operators: arithmetic, comparison, concatenation, patterns.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::atoms::inexact;
use super::compare::{self, Asked};
use super::nan;
use super::predicates;
use super::text::TextForm;
use super::text_order::{self, as_sorted};
use super::vector::Distance;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, quantified, unwrapped};
use crate::sql::syntax::tree::{self, Expr, LikeKind};
use crate::sql::translate::cx::{Cx, Result};
use crate::sql::translate::expr::as_value;
use crate::sql::translate::frag::{self, Frag, Ty, level};
use crate::sql::typename;
use crate::types::{Oid, PgType};
use crate::wire::PgError;

impl Cx<'_> {
    pub(super) fn prefix(&self, op: &str, operand: &Expr, at: usize) -> Result<Frag> {
        let frag = self.emit_value(operand)?;
        self.prefixed(op, frag, at)
    }

    #[inline(never)]
    fn prefixed(&self, op: &str, frag: Frag, at: usize) -> Result<Frag> {
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

    pub(super) fn binary(&self, op: &str, left: &Expr, right: &Expr, at: usize) -> Result<Frag> {
        if let Expr::Atom(node) = right
            && let Some((all, argument)) = quantified(node)
        {
            return self.quantified(op, left, all, &argument);
        }
        if let (Expr::Atom(a), Expr::Atom(b)) = (left, right)
            && a.kind() == SyntaxKind::TUPLE_EXPR
        {
            return self.row_comparison(op, a, b);
        }
        if op == "->"
            && let Some(arrow) = self.iris_arrow(left, right)?
        {
            return Ok(arrow);
        }
        if matches!(op, "+" | "-" | "*")
            && let Some(frag) = self.interval_arithmetic(op, left, right)?
        {
            return Ok(frag);
        }
        if op == "-"
            && let Some(frag) = self.similarity(left, right)?
        {
            return Ok(frag);
        }
        let a = self.strict(|| self.emit(left))?;
        let b = self.strict(|| self.emit(right))?;
        if matches!(op, "=" | "<>" | "!=" | "<" | ">" | "<=" | ">=") {
            return self.comparison(op, a, b);
        }
        self.of_values(op, a, b, at)
    }

    /// An operator between values that are read.
    #[inline(never)]
    fn of_values(&self, op: &str, a: Frag, b: Frag, at: usize) -> Result<Frag> {
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

    /// `1 - (a <=> b)` is the cosine itself, in the shape an index serves.
    #[inline(never)]
    fn similarity(&self, left: &Expr, right: &Expr) -> Result<Option<Frag>> {
        Ok(self.similarity_of(left, right)?.map(|distance| distance.value))
    }

    /// `1 - (a <=> b)` as what it is and what sorts as it does.
    #[inline(never)]
    pub(super) fn similarity_of(&self, left: &Expr, right: &Expr) -> Result<Option<Distance>> {
        let (Expr::Atom(one), Expr::Atom(parenthesis)) = (left, right) else { return Ok(None) };
        let Expr::Binary { op, left, right, at } = tree::read(&unwrapped(parenthesis))? else { return Ok(None) };
        if op != "<=>" || self.constant(one).is_none_or(|(_, value)| value != "1") {
            return Ok(None);
        }
        let (a, b) = (self.emit_value(&left)?, self.emit_value(&right)?);
        let Distance { similarity, sort, .. } = self.distance(&op, a, b, at)?;
        Ok(Some(Distance { value: similarity.clone(), sort, sort_descending: false, similarity }))
    }

    /// Two values with a common type, where one of them has none of its own.
    pub(super) fn agree(&self, left: Frag, right: Frag) -> (Frag, Frag) {
        match (left.ty, right.ty) {
            (Ty::Known(ty), other) if other.is_open() => {
                let right = self.coerce(right, ty);
                (left, right)
            }
            (other, Ty::Known(ty)) if other.is_open() => {
                let left = self.coerce(left, ty);
                (left, right)
            }
            (Ty::Parameter(_), Ty::Untyped) | (Ty::Untyped, Ty::Parameter(_)) | (Ty::Untyped, Ty::Untyped) => {
                let text = PgType::new(Oid::TEXT);
                (self.coerce(left, text), self.coerce(right, text))
            }
            _ => (left, right),
        }
    }

    #[inline(never)]
    pub fn comparison(&self, op: &str, left: Frag, right: Frag) -> Result<Frag> {
        let asked = if matches!(op, "=" | "<>" | "!=") { Asked::Equality } else { Asked::Order };
        let (left, right) = self.compared(asked, left, right)?;
        let op = if op == "!=" { "<>" } else { op };
        let sure = left.not_null && right.not_null;
        let (left, right) = text_order::both_as_sorted(op, left, right);
        let narrowed = if op == "=" { by_index(&left, &right).or_else(|| by_index(&right, &left)) } else { None };
        let mut frag = Frag::cat(&[&left.within(level::OTHER), &" ", &op, &" ", &right.within(level::OTHER)], Ty::BOOL);
        if let Some(narrowed) = narrowed {
            frag = Frag::cat(&[&"(", &narrowed, &" AND ", &frag, &")"], Ty::BOOL);
        }
        Ok(if sure { frag.sure_predicate(level::COMPARISON) } else { frag.predicate(level::COMPARISON) })
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
            if is_other || oid.and_then(typename::element_of).is_some() {
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
        let a = compare::exact(self.padded(a));
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

    /// IRIS's own `Home->City`: two names with nothing between them and the arrow.
    fn iris_arrow(&self, left: &Expr, right: &Expr) -> Result<Option<Frag>> {
        let (Expr::Atom(a), Expr::Atom(b)) = (left, right) else { return Ok(None) };
        let names =
            matches!(a.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) && b.kind() == SyntaxKind::NAME_REF;
        let gap = usize::from(b.text_range().start()).saturating_sub(a.text_range().end().into());
        if !names || gap != 2 {
            return Ok(None);
        }
        let left = self.atom(a)?;
        let right = names::iris_name(&nodes::plain_text(b))?;
        Ok(Some(Frag::cat(&[&left, &"->", &right], Ty::Any)))
    }

    /// `left op ANY (argument)`, `left op ALL (argument)`.
    fn quantified(&self, op: &str, left: &Expr, all: bool, argument: &SyntaxNode) -> Result<Frag> {
        let op = if op == "!=" { "<>" } else { op };
        if let Some(query) = nodes::subquery(argument) {
            if query.kind() == SyntaxKind::VALUES && matches!((op, all), ("=", false) | ("<>", true)) {
                let left = self.emit_value(left)?;
                let rows = nodes::grandchildren(&query, SyntaxKind::ROW_LIST, SyntaxKind::ROW);
                let items = rows
                    .iter()
                    .filter_map(|row| row.first_child())
                    .map(|item| self.value(&item))
                    .collect::<Result<Vec<_>>>()?;
                return self.in_list(all, left, items);
            }
            let asked = if matches!(op, "=" | "<>") { Asked::Equality } else { Asked::Order };
            let at = usize::from(query.text_range().start());
            let inner = self.inner_query(&query)?;
            let (mut left, mut query) = self.beside_query(asked, self.emit_value(left)?, inner.rows())?;
            let is_in = matches!((op, all), ("=", false) | ("<>", true));
            // IRIS answers true or false; where a value is NULL, PostgreSQL may answer NULL.
            let is_known = left.not_null && inner.is_not_null();
            if !(is_in || is_known || self.loose.get()) {
                let word = if all { "ALL" } else { "ANY" };
                let message = format!("{op} {word} (subquery) as a value is not supported where a value may be NULL");
                return Err(self.unsupported(message, at).hint("Leave NULLs out, or compare in WHERE without NOT."));
            }
            if text_order::goes_by_text(op, left.ty, query.ty) {
                let sorted = inner.sorted_by();
                query = sorted.ok_or_else(|| self.unsupported("the columns of this subquery are not known", at))?.frag;
                left = as_sorted(&left).within(level::ATOM);
            }
            let left = left.within(level::OTHER);
            return Ok(match (op, all) {
                ("=", false) => Frag::cat(&[&left, &" IN (", &query, &")"], Ty::BOOL),
                ("<>", true) => Frag::cat(&[&left, &" NOT IN (", &query, &")"], Ty::BOOL),
                // For the order, both are made texts that IRIS compares with case.
                _ if left.ty.is_string() && asked == Asked::Equality => {
                    return Err(PgError::unsupported(format!(
                        "{op} ANY and ALL of text over a subquery are not supported"
                    ))
                    .hint("IRIS compares it without case. Compare with MIN() or MAX() of the subquery."));
                }
                _ => {
                    let word = if all { " ALL (" } else { " ANY (" };
                    Frag::cat(&[&left, &" ", &op, &word, &query, &")"], Ty::BOOL)
                }
            }
            .predicate(level::COMPARISON));
        }
        let left = self.emit_value(left)?;
        if let Some(items) = self.array_items(argument)? {
            return self.with_items(op, all, left, items);
        }
        self.with_array_parameter(op, all, left, argument)
    }

    fn with_items(&self, op: &str, all: bool, left: Frag, items: Vec<Frag>) -> Result<Frag> {
        if items.is_empty() {
            let text = if all { "1 = 1" } else { "1 = 0" };
            return Ok(Frag::atom(text, Ty::BOOL).sure_predicate(level::COMPARISON));
        }
        Ok(match (op, all) {
            ("=", false) => self.in_list(false, left, items)?,
            ("<>", true) => self.in_list(true, left, items)?,
            _ => {
                let tests = items.into_iter().map(|item| self.comparison(op, left.clone(), item));
                let tests: Vec<Frag> = tests.collect::<Result<_>>()?;
                let (word, level) = if all { (" AND ", level::AND) } else { (" OR ", level::OR) };
                predicates::join(&tests, word, level).parenthesised()
            }
        })
    }
}

/// The digits behind the point that values of a type are shown with, where the type tells.
fn scale(ty: Ty) -> Option<i32> {
    match ty {
        Ty::Known(pg_type) if ty.is(Oid::NUMERIC) => pg_type.numeric_scale(),
        _ if ty.is_integer() => Some(0),
        _ => None,
    }
}

/// `numeric` and `character` made of values of `ty`: no modifier, but the same digits behind the point (numeric.c keeps
/// the display scale), the same blanks.
pub fn shown(ty: Ty) -> Ty {
    if let Ty::Known(pg_type) = ty
        && pg_type.oid == Oid::BPCHAR
    {
        return Ty::Known(pg_type.characters().map_or(pg_type, PgType::bpchar_shown));
    }
    scale(ty).map_or(Ty::NUMERIC, |scale| Ty::Known(PgType::numeric_shown(scale)))
}

/// `a op b` of numerics with the display scale PostgreSQL gives it, where both sides tell theirs.
fn scaled(op: &str, a: Ty, b: Ty) -> Ty {
    let shown = |scale: i32| Ty::Known(PgType::numeric_shown(scale));
    match (op, scale(a), scale(b)) {
        ("+" | "-" | "%", Some(a), Some(b)) => shown(a.max(b)),
        ("*", Some(a), Some(b)) => shown(a.saturating_add(b)),
        // The other side shows as many as it has: never less than this one.
        ("+" | "-" | "%", Some(scale), None) | ("+" | "-" | "%", None, Some(scale)) => shown(scale),
        _ => Ty::NUMERIC,
    }
}

/// The type of `a op b` for numbers.
pub fn wider(a: Ty, b: Ty) -> Ty {
    const ORDER: [Oid; 6] = [Oid::INT2, Oid::INT4, Oid::INT8, Oid::NUMERIC, Oid::FLOAT4, Oid::FLOAT8];
    let rank = |ty: Ty| ORDER.iter().position(|oid| ty.is(*oid)).unwrap_or(0);
    let wide = rank(a).max(rank(b));
    // real with anything but real is double precision.
    match ORDER.get(wide) {
        Some(&Oid::FLOAT4) if !(a.is(Oid::FLOAT4) && b.is(Oid::FLOAT4)) => Ty::FLOAT8,
        Some(oid) => Ty::of(*oid),
        None => Ty::Any,
    }
}

/// What is equal is equal without regard to case, and for that the column has its index.
fn by_index(column: &Frag, value: &Frag) -> Option<Frag> {
    let column = inexact(column)?;
    let is_mark = value.marks.len() == 1 && value.text.chars().count() == 1;
    is_mark.then(|| Frag::cat(&[&column, &" = ", value], Ty::BOOL))
}

fn undefined_operator(op: &str, ty: Ty) -> Box<PgError> {
    let name = ty.oid().and_then(typename::typname).unwrap_or("unknown");
    PgError::error(
        crate::wire::SqlState::UNDEFINED_FUNCTION,
        format!("the operator {op} does not exist for an operand of type {name}"),
    )
    .hint("No operator matches the given name and argument types. You might need to add explicit type casts.")
}
