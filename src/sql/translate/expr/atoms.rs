//! What stands between operators: literals, names, parentheses, CASE, arrays, calls.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::plan::SessionValue;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query, subquery};
use crate::sql::syntax::tree::{self, Expr, expressions};
use crate::sql::template;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::{Cx, stream_refused};
use crate::sql::translate::context::exact::{trimmed, unfolded};
use crate::sql::translate::context::frag::{Frag, Ty, as_value, level};
use crate::sql::translate::value::compare::Asked;
use crate::sql::translate::value::session::{now, session};
use crate::sql::translate::value::types::common_type;
use crate::types::{Oid, array_text};
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    pub(crate) fn atom(&self, node: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(node.text_range().start());
        match node.kind() {
            SyntaxKind::LITERAL => self.literal_node(node),
            SyntaxKind::NAME_REF => self.name(node),
            SyntaxKind::FIELD_EXPR => self.field(node),
            SyntaxKind::PAREN_EXPR | SyntaxKind::PAREN_SELECT => self.parentheses(node),
            SyntaxKind::CALL_EXPR => self.call(node),
            SyntaxKind::CASE_EXPR => self.case(node),
            SyntaxKind::CAST_EXPR => self.cast_node(node),
            SyntaxKind::ARRAY_EXPR => self.array_constant(node),
            SyntaxKind::TUPLE_EXPR => Err(self.unsupported("row values are not supported by IRIS here", at)),
            SyntaxKind::INDEX_EXPR | SyntaxKind::SLICE_EXPR => {
                Err(self.unsupported("array subscripts are not supported by IRIS", at))
            }
            SyntaxKind::ERROR => Err(template::syntax_error(self.sql, at, &nodes::plain_text(node))),
            // Operators inside an atom's place: read them as an expression of their own.
            SyntaxKind::BIN_EXPR
            | SyntaxKind::PREFIX_EXPR
            | SyntaxKind::POSTFIX_EXPR
            | SyntaxKind::BETWEEN_EXPR
            | SyntaxKind::COLLATE => self.emit(&tree::read(node)?),
            SyntaxKind::SET_EXPR | SyntaxKind::ARG => match node.first_child() {
                Some(child) => self.emit(&tree::read(&child)?),
                None => Err(self.unsupported("DEFAULT is not allowed here", at)),
            },
            kind => Err(self.unsupported(
                format!("{} is not supported by IRIS", format!("{kind:?}").replace('_', " ").to_lowercase()),
                at,
            )),
        }
    }

    fn literal_node(&self, node: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(node.text_range().start());
        let Some(token) = node.first_token() else {
            return Err(self.unsupported("empty literal", at));
        };
        let text = token.text();
        Ok(match token.kind() {
            SyntaxKind::NULL_KW => Frag::atom("NULL", Ty::Untyped),
            SyntaxKind::TRUE_KW => Frag::atom("1", Ty::BOOL).sure(),
            SyntaxKind::FALSE_KW => Frag::atom("0", Ty::BOOL).sure(),
            SyntaxKind::DEFAULT_KW => {
                return Err(PgError::error(SqlState::SYNTAX_ERROR, "DEFAULT is not allowed in this context")
                    .position(nodes::offset(at)));
            }
            SyntaxKind::POSITIONAL_PARAM => self.parameter(text, at)?,
            SyntaxKind::BIT_STRING => {
                let bits = text.get(2..text.len().saturating_sub(1)).unwrap_or_default();
                self.text_constant(bits).with_ty(Ty::of(Oid(1560)))
            }
            SyntaxKind::BYTE_STRING => {
                let digits = text.get(2..text.len().saturating_sub(1)).unwrap_or_default();
                let bits: String =
                    digits.chars().filter_map(|c| c.to_digit(16)).map(|digit| format!("{digit:04b}")).collect();
                self.text_constant(&bits).with_ty(Ty::of(Oid(1560)))
            }
            SyntaxKind::UNICODE_ESC_STRING => {
                let value = unicode_string(text).ok_or_else(|| {
                    PgError::error(SqlState::SYNTAX_ERROR, "invalid Unicode escape").position(nodes::offset(at))
                })?;
                self.text_constant(&value).with_ty(Ty::Untyped)
            }
            _ => match self.literal_of(node).and_then(|n| self.literal(n)) {
                Some(frag) => frag,
                None => return Err(self.unsupported(format!("the constant {text} is not supported"), at)),
            },
        })
    }

    fn name(&self, node: &SyntaxNode) -> Result<Frag> {
        let Some(token) = node.first_token() else {
            return Err(self.unsupported("missing name", node.text_range().start().into()));
        };
        let kind = token.kind();
        if kind != SyntaxKind::IDENT
            && let Some(frag) = self.value_function(kind)
        {
            return Ok(frag);
        }
        self.column_ref(&[token.text().to_owned()], node)
    }

    /// Functions without parentheses (manual, "SQL value functions").
    fn value_function(&self, kind: SyntaxKind) -> Option<Frag> {
        Some(match kind {
            SyntaxKind::CURRENT_TIMESTAMP_KW => now(),
            SyntaxKind::CURRENT_DATE_KW if self.template.is_zoned => self.local_time(Oid::DATE),
            SyntaxKind::CURRENT_TIME_KW | SyntaxKind::LOCALTIME_KW if self.template.is_zoned => {
                self.local_time(Oid::TIME)
            }
            SyntaxKind::LOCALTIMESTAMP_KW if self.template.is_zoned => self.local_time(Oid::TIMESTAMP),
            SyntaxKind::CURRENT_DATE_KW => Frag::atom("CURRENT_DATE", Ty::of(Oid::DATE)).sure(),
            SyntaxKind::CURRENT_TIME_KW | SyntaxKind::LOCALTIME_KW => {
                Frag::atom("CURRENT_TIME(6)", Ty::of(Oid::TIME)).sure()
            }
            SyntaxKind::LOCALTIMESTAMP_KW => now().with_ty(Ty::of(Oid::TIMESTAMP)),
            SyntaxKind::CURRENT_USER_KW | SyntaxKind::USER_KW | SyntaxKind::CURRENT_ROLE_KW => {
                session(SessionValue::CurrentUser, Oid(19))
            }
            SyntaxKind::SESSION_USER_KW => session(SessionValue::SessionUser, Oid(19)),
            SyntaxKind::CURRENT_CATALOG_KW => session(SessionValue::Database, Oid(19)),
            SyntaxKind::CURRENT_SCHEMA_KW => session(SessionValue::CurrentSchema, Oid(19)),
            _ => return None,
        })
    }

    fn field(&self, node: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(node.text_range().start());
        if nodes::has_token(node, SyntaxKind::STAR) {
            return Err(self.unsupported("row expansion by .* is not supported by IRIS here", at));
        }
        // `(t).a` is the column a of t; any other expression before the dot is a composite value.
        let simple = node.descendants().all(|child| {
            matches!(child.kind(), SyntaxKind::FIELD_EXPR | SyntaxKind::NAME_REF | SyntaxKind::PAREN_EXPR)
        });
        // `(c).a` is a part of the column c.
        let is_part = node.descendants().filter(|child| child.kind() == SyntaxKind::PAREN_EXPR).any(|paren| {
            match names::folded_parts(&paren).as_slice() {
                [.., relation, column] => self.find(Some(relation), column).is_some(),
                [column] => self.find(None, column).is_some(),
                [] => false,
            }
        });
        if !simple || is_part {
            return Err(self.unsupported("composite values are not supported by IRIS", at));
        }
        self.column_ref(&names::parts(node), node)
    }

    fn column_ref(&self, parts: &[String], node: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(node.text_range().start());
        let (qualifiers, name) = match parts {
            [qualifiers @ .., name] => (qualifiers, name),
            [] => return Err(self.unsupported("missing name", at)),
        };
        let folded = names::folded(name);
        let qualifier = qualifiers.last().map(|qualifier| names::folded(qualifier));
        if qualifier.as_deref() == Some("excluded")
            && let Some((_, frag)) =
                self.excluded.borrow().iter().find(|(column, _)| column.eq_ignore_ascii_case(&folded))
        {
            return Ok(frag.clone());
        }
        let found = self.find(qualifier.as_deref(), &folded);
        if qualifier.as_deref() == Some("excluded") && found.is_none() && !self.excluded.borrow().is_empty() {
            return Err(self
                .unsupported(
                    format!("EXCLUDED.{folded} is the default of its column, which the gateway cannot tell"),
                    at,
                )
                .hint("Give the column a value in the INSERT."));
        }
        let depth = found.as_ref().map_or(0, |found| found.depth);
        if found.is_some() || qualifier.is_some() {
            self.outermost.set(self.outermost.get().min(depth));
        }
        if let Some((_, frag)) =
            self.substituted.borrow().iter().find(|(column, _)| column.eq_ignore_ascii_case(&folded))
        {
            let of_target = match (&found, &qualifier) {
                (Some(found), _) => found.is_first,
                (None, Some(qualifier)) => self.is_changed_table(qualifier),
                (None, None) => self.scopes.borrow().len() <= 1,
            };
            if of_target {
                return Ok(frag.clone());
            }
        }
        // A column of a query further out: IRIS looks for a bare name in the inner tables first, all of which have a
        // row ID that may be called `ID`.
        let outer = found.as_ref().filter(|found| found.is_outer).map(|found| found.iris_name.clone());
        let column = found.map(|found| found.column);
        let folds_case = column.as_ref().is_some_and(|column| column.folds_case);
        let iris_text = column.as_ref().and_then(|column| column.iris_text.clone());
        if column.is_none() {
            self.check_special_name(qualifier.as_deref(), &folded, at)?;
        }
        let allows_stream = self.allows_stream.replace(false);
        let allows_named = self.allows_named.replace(false);
        let mut frag = Frag::atom(String::new(), column.as_ref().map_or(Ty::Any, |column| column.ty));
        if let Some(column) = column.as_ref().filter(|column| column.is_stream) {
            if !allows_stream {
                return Err(stream_refused(&column.name, at));
            }
            frag.is_stream = true;
        }
        if let Some(column) = column.as_ref().filter(|_| !allows_named) {
            self.refuse_named(column, Some(at))?;
        }
        frag.is_exact = column.as_ref().is_some_and(|column| column.is_exact);
        frag.enum_type = column.as_ref().and_then(|column| column.enum_type.clone());
        frag.vector_element = column.as_ref().map(|column| column.vector_element).unwrap_or_default();
        if column.as_ref().is_some_and(|column| !column.nullable) {
            frag.not_null = true;
        }
        match qualifiers {
            [] => {
                if let Some(outer) = outer.filter(|name| !name.is_empty()) {
                    frag.push(&outer);
                    frag.push(&".");
                }
            }
            [table] => {
                let name = match qualifier.as_deref().and_then(|name| self.relation_named(name)) {
                    Some(relation) => relation.iris_name,
                    None => names::iris_name(table)?,
                };
                if !name.is_empty() {
                    frag.push(&name);
                    frag.push(&".");
                }
            }
            // The schema says no more than the table's name in FROM.
            [_, _] if let Some(relation) = qualifier.as_deref().and_then(|name| self.relation_named(name)) => {
                if !relation.iris_name.is_empty() {
                    frag.push(&relation.iris_name);
                    frag.push(&".");
                }
            }
            [schema, table] => {
                if names::folded(schema) == "public" {
                    frag.push(&self.options.default_schema);
                } else {
                    frag.push(&names::iris_name(schema)?);
                }
                frag.push(&".");
                frag.push(&names::iris_name(table)?);
                frag.push(&".");
            }
            _ => return Err(self.unsupported("cross-database references are not implemented", at)),
        }
        if folded == "ctid" && column.is_none() {
            frag.ty = Ty::of(Oid::TID);
            frag.push(&"%ID");
        } else if let Some(text) = iris_text {
            frag.push(&text);
        } else {
            frag.push(&names::iris_name(name)?);
        }
        let frag = if folds_case { unfolded(&frag) } else { frag };
        // Whatever else writes to IRIS may have left blanks that do not count.
        let has_length = matches!(frag.ty, Ty::Known(ty) if ty.oid == Oid::BPCHAR && ty.typmod >= 0);
        Ok(if has_length { trimmed(frag) } else { frag })
    }

    /// Whether a qualifier means the table an UPDATE changes: the first of the outermost scope.
    fn is_changed_table(&self, qualifier: &str) -> bool {
        let scopes = self.scopes.borrow();
        scopes.first().and_then(|scope| scope.first()).is_some_and(|table| table.name.eq_ignore_ascii_case(qualifier))
    }

    fn check_special_name(&self, qualifier: Option<&str>, name: &str, at: usize) -> Result<()> {
        match name {
            "xmin" | "xmax" | "cmin" | "cmax" | "tableoid" => {
                return Err(self.unsupported(format!("the system column {name} is not supported by IRIS"), at));
            }
            _ => {}
        }
        if qualifier.is_none()
            && let Some(relation) = self.relation_named(name)
            && relation.columns.is_some()
        {
            return Err(self
                .unsupported("a whole row as a value is not supported by IRIS", at)
                .hint("Name the columns."));
        }
        Ok(())
    }

    fn parentheses(&self, node: &SyntaxNode) -> Result<Frag> {
        if let Some(query) = subquery(node) {
            return self.scalar(&query);
        }
        let Some(inner) = node.first_child() else {
            return Err(self.unsupported("empty parentheses", node.text_range().start().into()));
        };
        let frag = self.emit(&tree::read(&inner)?)?;
        // One pair is enough: a second one suppresses literal substitution in IRIS.
        let has_pair = frag.level == level::ATOM && frag.text.starts_with('(') && frag.text.ends_with(')');
        let simple = frag.level == level::ATOM && !frag.is_predicate();
        Ok(if has_pair || simple { frag } else { frag.parenthesised() })
    }

    fn case(&self, node: &SyntaxNode) -> Result<Frag> {
        let subject = node
            .children()
            .find(|child| !matches!(child.kind(), SyntaxKind::WHEN_CLAUSE_LIST | SyntaxKind::ELSE_CLAUSE));
        let subject = subject.map(|subject| self.value(&subject)).transpose()?;
        let mut results = Vec::new();
        let mut branches = Vec::new();
        let mut met: Vec<Frag> = Vec::new();
        for when in nodes::grandchildren(node, SyntaxKind::WHEN_CLAUSE_LIST, SyntaxKind::WHEN_CLAUSE) {
            let mut parts = expressions(&when);
            let (Some(test), Some(result)) = (parts.next(), parts.next()) else {
                return Err(self.unsupported("incomplete CASE", when.text_range().start().into()));
            };
            let test = match &subject {
                Some(subject) => {
                    let (value, test) = self.compared(Asked::Equality, subject.clone(), self.value(&test)?)?;
                    met.push(value);
                    test
                }
                None => self.condition(&test)?,
            };
            let result = self.value(&result)?;
            results.push(result.ty);
            branches.push((test, result));
        }
        let otherwise = nodes::child(node, SyntaxKind::ELSE_CLAUSE).and_then(|clause| clause.first_child());
        let otherwise = otherwise.map(|otherwise| self.value(&otherwise)).transpose()?;
        // ELSE decides before the others (`transformCaseExpr`).
        let last = otherwise.as_ref().map_or(Ty::Untyped, |frag| frag.ty);
        let ty = common_type(std::iter::once(last).chain(results));
        Ok(self.case_text(&met, branches, otherwise, ty))
    }

    #[inline(never)]
    fn case_text(&self, met: &[Frag], branches: Vec<(Frag, Frag)>, otherwise: Option<Frag>, ty: Ty) -> Frag {
        let typed = |frag: Frag| match ty {
            Ty::Known(pg_type) => self.branch(frag, pg_type),
            _ => frag,
        };
        let mut frag = Frag::atom("CASE", if ty == Ty::Untyped { Ty::TEXT } else { ty });
        // One subject for all, or, where it meets them in several types, a comparison for each.
        let is_one = met.windows(2).all(|pair| matches!(pair, [a, b] if a.text == b.text));
        if let Some(subject) = met.first()
            && is_one
        {
            frag.push(&" ");
            frag.push(subject);
        }
        for (n, (test, result)) in branches.into_iter().enumerate() {
            frag.push(&" WHEN ");
            if let Some(subject) = met.get(n)
                && !is_one
            {
                frag.push(&Frag::cat(&[&subject.clone().within(level::OTHER), &" = "], Ty::BOOL));
                frag.push(&test.within(level::OTHER));
            } else {
                frag.push(&test);
            }
            frag.push(&" THEN ");
            frag.push(&typed(result));
        }
        if let Some(otherwise) = otherwise {
            frag.push(&" ELSE ");
            frag.push(&typed(otherwise));
        }
        frag.push(&" END");
        frag
    }

    /// `ARRAY[..]` of constants: its text travels through as a value.
    fn array_constant(&self, node: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(node.text_range().start());
        let mut items = Vec::new();
        let mut types = Vec::new();
        for item in expressions(node) {
            if is_query(item.kind()) {
                return Err(self.unsupported("ARRAY(subquery) is not supported by IRIS", at));
            }
            let frag = as_value(self.expr(&item)?);
            types.push(frag.ty);
            if frag.is_null() {
                items.push(None);
            } else if let Some((_, value)) = self.constant(&item) {
                items.push(Some(value.to_owned()));
            } else if let Some(value) = self.constant_integer(&item) {
                items.push(Some(value.to_string()));
            } else {
                return Err(self
                    .unsupported("ARRAY[..] is supported for constants only: IRIS has no array type", at)
                    .hint("Pass the array as a parameter."));
            }
        }
        let element = match common_type(types) {
            Ty::Known(ty) => ty.oid,
            _ => Oid::TEXT,
        };
        let ty = element.array().map_or(Ty::Any, Ty::of);
        Ok(self.text_constant(&array_text(items.iter().map(Option::as_deref))).with_ty(ty))
    }

    pub(crate) fn collate(&self, operand: &Expr, collation: &SyntaxNode) -> Result<Frag> {
        let frag = self.emit_value(operand)?;
        let name = names::parts(collation).last().map(|name| names::folded(name)).unwrap_or_default();
        match name.as_str() {
            // Byte order is what %EXACT is.
            "C" | "POSIX" | "ucs_basic" => {
                let ty = frag.ty;
                Ok(if frag.is_exact { frag } else { Frag::cat(&[&"%EXACT(", &frag, &")"], ty).exact() })
            }
            "default" => Ok(frag),
            _ => Err(self
                .unsupported(
                    format!("the collation \"{name}\" is not supported by IRIS"),
                    collation.text_range().start().into(),
                )
                .hint("COLLATE \"C\" is IRIS's %EXACT.")),
        }
    }
}

/// `U&'d\0061t\+000061'` with the default escape character.
fn unicode_string(text: &str) -> Option<String> {
    let body = text.get(3..text.len().checked_sub(1)?)?.replace("''", "'");
    let mut value = String::new();
    let mut rest = body.as_str();
    while let Some((plain, escape)) = rest.split_once('\\') {
        value.push_str(plain);
        if let Some(after) = escape.strip_prefix('\\') {
            value.push('\\');
            rest = after;
            continue;
        }
        let (digits, after) = match escape.strip_prefix('+') {
            Some(long) => long.split_at_checked(6)?,
            None => escape.split_at_checked(4)?,
        };
        value.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?).filter(|c| *c != '\0')?);
        rest = after;
    }
    value.push_str(rest);
    Some(value)
}
