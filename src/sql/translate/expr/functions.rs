//! Function calls: PostgreSQL's names and arguments to IRIS's. A name that PostgreSQL does not know (IRIS's own, or the
//! user's) is called as typed; one that it knows and no rule makes exact is refused.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::known;
use crate::sql::plan::{Draw, SequenceFunction, SessionValue};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, arguments};
use crate::sql::syntax::tree;
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, level, list};
use crate::sql::translate::context::text_order::{self, as_sorted};
use crate::sql::translate::value::compare::Asked;
use crate::sql::translate::value::session::{now, session};
use crate::sql::translate::value::types::common_type;
use crate::sql::translate::value::zoned;
use crate::types::Oid;
use crate::wire::PgError;

// The rules of one function each are kept out of the frames that nest with the calls (`#[inline(never)]`).
impl Cx<'_> {
    pub(crate) fn call(&self, node: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(node.text_range().start());
        let Some(function) = node.first_child() else {
            return Err(self.unsupported("missing function name", at));
        };
        if !matches!(function.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
            return self.special_call(node, &function, at);
        }
        let parts = names::parts(&function);
        let folded: Vec<String> = parts.iter().map(|part| names::folded(part)).collect();
        if let Some(frag) = self.aggregate(&folded, node)? {
            return Ok(frag);
        }
        let name = match folded.as_slice() {
            [name] => name.as_str(),
            [schema, name] if schema == "pg_catalog" => name.as_str(),
            _ => return self.foreign_call(&parts, node, &self.argument_frags(node)?),
        };
        if let Some(list) = nodes::child(node, SyntaxKind::ARG_LIST)
            && nodes::children(&list, SyntaxKind::ARG)
                .any(|argument| nodes::has_token(&argument, SyntaxKind::VARIADIC_KW))
        {
            return Err(self.unsupported("VARIADIC arguments are not supported by IRIS", at));
        }
        let frag = self.function(name, &parts, node, at)?;
        match nodes::child(node, SyntaxKind::OVER_CLAUSE) {
            Some(over) => self.windowed(name, &frag, node, &over),
            None => Ok(frag),
        }
    }

    /// `None`: not where it stands, or not with such arguments.
    #[inline(never)]
    fn sequence_value(&self, function: SequenceFunction, node: &SyntaxNode) -> Result<Option<Frag>> {
        let nodes = arguments(node);
        let name = match (function, nodes.as_slice()) {
            (SequenceFunction::Last, []) => String::new(),
            (SequenceFunction::Next | SequenceFunction::Current, [argument]) => match self.regclass_text(argument) {
                Some(name) => name,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        if !self.may_draw.get() || !is_unconditional(node) {
            return Ok(None);
        }
        let at = usize::from(node.text_range().start());
        Ok(Some(self.drawn(Some(at), Draw { function, name })))
    }

    /// `'s'`, `'s'::regclass`
    fn regclass_text(&self, node: &SyntaxNode) -> Option<String> {
        let mut node = nodes::unwrapped(node);
        while node.kind() == SyntaxKind::CAST_EXPR {
            let is_type = |child: &SyntaxNode| format!("{:?}", child.kind()).ends_with("_TYPE");
            let operand = node.children().find(|child| !is_type(child) && child.kind() != SyntaxKind::COLON_COLON)?;
            node = nodes::unwrapped(&operand);
        }
        match self.constant(&node) {
            Some((LiteralKind::String, text)) => Some(text.to_owned()),
            _ => None,
        }
    }

    #[inline(never)]
    fn windowed(&self, name: &str, call: &Frag, node: &SyntaxNode, over: &SyntaxNode) -> Result<Frag> {
        let value = arguments(node).first().map(|value| self.value(value)).transpose()?;
        self.window_function(name, call, value.as_ref(), over)
    }

    /// A call with a syntax of its own.
    #[inline(never)]
    fn special_call(&self, node: &SyntaxNode, function: &SyntaxNode, at: usize) -> Result<Frag> {
        match function.kind() {
            SyntaxKind::EXISTS_FN => {
                let query = function.first_child().and_then(|query| nodes::subquery(&query));
                let query = query.ok_or_else(|| self.unsupported("EXISTS needs a query", at))?;
                let query = self.subquery(&query)?;
                Ok(Frag::cat(&[&"EXISTS (", &query, &")"], Ty::BOOL).sure_predicate(level::ATOM))
            }
            SyntaxKind::EXTRACT_FN => self.extract(function),
            SyntaxKind::SUBSTRING_FN => self.substring(function, at).map(Frag::exact),
            SyntaxKind::POSITION_FN => self.position(function, at),
            SyntaxKind::TRIM_FN => self.trim(function, at).map(Frag::exact),
            SyntaxKind::OVERLAY_FN => Err(self.unsupported("OVERLAY is not supported by IRIS", at)),
            kind @ (SyntaxKind::JSON_OBJECT_FN
            | SyntaxKind::JSON_ARRAY_FN
            | SyntaxKind::JSON_VALUE_FN
            | SyntaxKind::JSON_QUERY_FN
            | SyntaxKind::JSON_EXISTS_FN) => {
                let name = format!("{kind:?}").trim_end_matches("_FN").to_owned();
                Err(refused_constructor(self, node, &name))
            }
            kind => {
                let name = format!("{kind:?}").trim_end_matches("_FN").replace('_', " ");
                Err(self.unsupported(format!("{name} is not supported by IRIS"), at))
            }
        }
    }

    /// A function of some schema, or one no rule knows.
    #[inline(never)]
    fn foreign_call(&self, parts: &[String], node: &SyntaxNode, arguments: &[Frag]) -> Result<Frag> {
        let mut name = String::new();
        for (n, part) in parts.iter().enumerate() {
            if n > 0 {
                name.push('.');
            }
            if n == 0 && parts.len() > 1 && names::folded(part) == "public" {
                name.push_str(self.options.default_schema);
            } else if parts.len() == 1 || n + 1 < parts.len() {
                // IRIS's own functions have reserved names (LEFT, UPPER): as typed.
                name.push_str(part);
            } else {
                name.push_str(&names::iris_name(part)?);
            }
        }
        let Some(list_node) = nodes::child(node, SyntaxKind::ARG_LIST) else {
            return Ok(Frag::atom(name, Ty::Any));
        };
        if nodes::has_token(&list_node, SyntaxKind::STAR) {
            return Ok(Frag::atom(format!("{name}(*)"), Ty::Any));
        }
        Ok(Frag::cat(&[&name, &"(", &list(arguments), &")"], Ty::Any))
    }

    pub(crate) fn argument_frags(&self, node: &SyntaxNode) -> Result<Vec<Frag>> {
        arguments(node)
            .iter()
            .map(|argument| {
                if argument.kind() == SyntaxKind::NAMED_ARG {
                    return Err(self.unsupported(
                        "named arguments are not supported by IRIS",
                        argument.text_range().start().into(),
                    ));
                }
                self.value(argument)
            })
            .collect()
    }

    fn function(&self, name: &str, parts: &[String], node: &SyntaxNode, at: usize) -> Result<Frag> {
        if let Some(frag) = self.function_of_nodes(name, node, at)? {
            return Ok(frag);
        }
        let arguments = self.argument_frags(node)?;
        self.function_of_values(name, parts, node, &arguments, at)
    }

    /// Functions that read their arguments as they are written.
    #[inline(never)]
    fn function_of_nodes(&self, name: &str, node: &SyntaxNode, at: usize) -> Result<Option<Frag>> {
        let nodes = arguments(node);
        match name {
            "date_trunc" => return self.date_trunc(&nodes, at).map(Some),
            "date_part" => {
                let [field, moment] = nodes.as_slice() else {
                    return Err(self.unsupported("date_part() needs a field and a value", at));
                };
                let Some((LiteralKind::String, field)) = self.constant(field) else {
                    return Err(self.unsupported("date_part() is supported with a constant field only", at));
                };
                return self.part(&field.to_lowercase(), moment, Ty::FLOAT8, at).map(Some);
            }
            "timezone" if let [zone, moment] = nodes.as_slice() => {
                return self.at_time_zone(&tree::read(moment)?, Some(&tree::read(zone)?)).map(Some);
            }
            "to_vector" => return self.iris_to_vector(&nodes).map(Some),
            "dateadd" | "datediff" | "datepart" | "datename" | "datetrunc" | "cast" | "convert" => {
                // IRIS's own: the unit stays in the text.
                let mut frags = Vec::new();
                for (n, argument) in nodes.iter().enumerate() {
                    let frag = match argument.kind() {
                        SyntaxKind::NAME_REF if n == 0 => Frag::atom(nodes::plain_text(argument), Ty::Any),
                        _ => self.inlined(n == 0, || self.value(argument))?,
                    };
                    frags.push(frag);
                }
                return Ok(Some(Frag::cat(&[&name.to_uppercase(), &"(", &list(&frags), &")"], Ty::Any)));
            }
            "nextval" => return self.sequence_value(SequenceFunction::Next, node),
            "currval" => return self.sequence_value(SequenceFunction::Current, node),
            "lastval" => return self.sequence_value(SequenceFunction::Last, node),
            "current_setting" | "set_config" => return self.setting_function(name, &nodes, at).map(Some),
            _ => {}
        }
        if let Some(frag) = session_function(name, nodes.len()) {
            return Ok(Some(frag));
        }
        if matches!(name, "current_schemas") {
            let implicit = nodes.first().is_some_and(|node| nodes::plain_text(node).eq_ignore_ascii_case("true"));
            let ty = Oid::NAME_ARRAY;
            return Ok(Some(session(SessionValue::CurrentSchemas { implicit }, ty)));
        }
        if matches!(name, "gen_random_uuid" | "uuid_generate_v4" | "random") {
            return self.once(name, at).map(Some);
        }
        Ok(None)
    }

    /// Functions of the values of their arguments.
    #[inline(never)]
    fn function_of_values(
        &self,
        name: &str,
        parts: &[String],
        node: &SyntaxNode,
        arguments: &[Frag],
        at: usize,
    ) -> Result<Frag> {
        if let Some(frag) = self.vector_function(name, arguments, at)? {
            return Ok(frag);
        }
        if let Some(frag) = self.string_function(name, arguments)? {
            return Ok(frag.exact());
        }
        if let Some(frag) = self.json_function(name, arguments)? {
            return Ok(frag);
        }
        if let Some(frag) = self.number_function(name, arguments)? {
            return Ok(frag);
        }
        if let Some(frag) = self.general_function(name, arguments)? {
            return Ok(frag);
        }
        // IRIS's DECODE chooses among values; PostgreSQL's takes two arguments and is none of it.
        if name == "decode" && arguments.len() > 2 {
            return self.foreign_call(parts, node, arguments);
        }
        refused(name)
            .or_else(|| known::is_of_postgresql(name).then(|| known::without_rule(name)))
            .map_or_else(|| self.foreign_call(parts, node, arguments), |error| Err(error.position(nodes::offset(at))))
    }

    /// Functions of no or any arguments whose value is made once per statement.
    #[inline(never)]
    fn once(&self, name: &str, at: usize) -> Result<Frag> {
        if self.scopes.borrow().iter().any(|scope| !scope.is_empty()) {
            return Err(self
                .unsupported(format!("{name}() for every row of a query is not supported by IRIS"), at)
                .hint("It works in VALUES and in a SELECT without FROM, where it is evaluated once."));
        }
        Ok(match name {
            "random" => session(SessionValue::Random, Oid::FLOAT8),
            _ => session(SessionValue::RandomUuid, Oid::UUID),
        })
    }

    #[inline(never)]
    fn setting_function(&self, name: &str, nodes: &[SyntaxNode], at: usize) -> Result<Frag> {
        let text = |node: &SyntaxNode| match self.constant(node) {
            Some((LiteralKind::String, value)) => Some(value.to_owned()),
            _ => None,
        };
        let flag = |node: Option<&SyntaxNode>| {
            node.is_some_and(|node| nodes::plain_text(node).to_ascii_lowercase().trim_matches('\'').starts_with('t'))
        };
        for node in nodes {
            self.constant(node);
        }
        let value = match (name, nodes) {
            ("current_setting", [setting, rest @ ..]) => {
                text(setting).map(|name| SessionValue::Setting { name, missing_ok: flag(rest.first()) })
            }
            ("set_config", [setting, value, local]) => {
                match (self.given(setting, Oid::TEXT)?, self.given(value, Oid::TEXT)?, self.given(local, Oid::BOOL)?) {
                    (Some(name), Some(value), Some(local)) => Some(SessionValue::SetConfig { name, value, local }),
                    _ => None,
                }
            }
            _ => None,
        };
        value.map(|value| session(value, Oid::TEXT)).ok_or_else(|| {
            self.unsupported(format!("{name}() is supported with constants and parameters as arguments only"), at)
        })
    }

    /// IRIS's `TO_VECTOR(data, type, length)`: type and length stay in the text.
    #[inline(never)]
    fn iris_to_vector(&self, nodes: &[SyntaxNode]) -> Result<Frag> {
        let mut frags = Vec::new();
        for (n, node) in nodes.iter().enumerate() {
            frags.push(match n {
                0 => self.value(node)?,
                _ if node.kind() == SyntaxKind::NAME_REF => Frag::atom(nodes::plain_text(node).to_uppercase(), Ty::Any),
                _ => self.inlined(true, || self.value(node))?,
            });
        }
        Ok(Frag::cat(&[&"TO_VECTOR(", &list(&frags), &")"], Ty::of(Oid::VECTOR)))
    }

    #[inline(never)]
    fn general_function(&self, name: &str, arguments: &[Frag]) -> Result<Option<Frag>> {
        let same = || {
            let ty = common_type(arguments.iter().map(|frag| frag.ty));
            let frags: Vec<Frag> = arguments
                .iter()
                .map(|frag| match ty {
                    Ty::Known(pg_type) => self.branch(frag.clone(), pg_type),
                    _ => frag.clone(),
                })
                .collect();
            (if ty == Ty::Untyped { Ty::TEXT } else { ty }, frags)
        };
        Ok(match (name, arguments) {
            ("coalesce", [_, ..]) => {
                let (ty, frags) = same();
                let sure = frags.iter().any(|frag| frag.not_null);
                let frag = Frag::cat(&[&"COALESCE(", &list(&frags), &")"], ty);
                Some(if sure { frag.sure() } else { frag })
            }
            ("nullif", [value, other]) => Some(self.nullif(value, other)?),
            ("greatest" | "least", [_, ..]) => {
                let (ty, frags) = same();
                if frags.len() > EXTREME_MAX && !frags.iter().all(|frag| frag.not_null) {
                    return Err(PgError::unsupported(format!(
                        "{name}() of more than {EXTREME_MAX} values that may be NULL is not supported"
                    )));
                }
                for pair in frags.windows(2) {
                    if let [a, b] = pair {
                        self.compared(Asked::Order, a.clone(), b.clone())?;
                    }
                }
                let is_character = |frag: &Frag| frag.ty.is(Oid::BPCHAR);
                let has_one_length = matches!(ty, Ty::Known(ty) if ty.oid == Oid::BPCHAR && ty.typmod >= 0);
                let is_text = arguments.first().is_some_and(|first| first.ty.is_string() && !is_character(first));
                if arguments.iter().any(is_character) && !has_one_length && !is_text {
                    return Err(PgError::unsupported(format!(
                        "{name}() of character values of several lengths is not supported"
                    ))
                    .hint("Cast the values to text."));
                }
                if ty.is(Oid::BYTEA) {
                    return Err(PgError::unsupported(format!("{name}() of bytea is not supported by IRIS"))
                        .hint("Compare in the client, or with CASE."));
                }
                let frags: Vec<Frag> = frags.into_iter().map(|frag| self.sorted(frag)).collect::<Result<_>>()?;
                Some(extreme(&name.to_uppercase(), &frags, ty))
            }
            ("now" | "transaction_timestamp" | "statement_timestamp" | "clock_timestamp" | "current_timestamp", _) => {
                Some(now())
            }
            ("localtimestamp", _) if self.template.is_zoned => Some(self.local_time(Oid::TIMESTAMP)),
            ("current_time" | "localtime", _) if self.template.is_zoned => Some(self.local_time(Oid::TIME)),
            ("current_date", []) if self.template.is_zoned => Some(self.local_time(Oid::DATE)),
            ("localtimestamp", _) => Some(now().with_ty(Ty::of(Oid::TIMESTAMP))),
            ("current_time" | "localtime", _) => Some(Frag::atom("CURRENT_TIME(6)", Ty::of(Oid::TIME)).sure()),
            ("current_date", []) => Some(Frag::atom("CURRENT_DATE", Ty::of(Oid::DATE)).sure()),
            ("to_timestamp", [seconds]) if seconds.ty.is_integer() => Some(Frag::cat(
                &[&"DATEADD('second', ", seconds, &", '1970-01-01 00:00:00')"],
                Ty::of(Oid::TIMESTAMPTZ),
            )),
            ("to_timestamp", [_]) => {
                return Err(PgError::unsupported(
                    "to_timestamp() of a number with a fraction is not supported by IRIS",
                )
                .hint("Whole seconds work: to_timestamp(seconds::bigint)."));
            }
            ("to_timestamp", [_, _]) if self.template.is_zoned => {
                return Err(zoned::depends("to_timestamp() of a text"));
            }
            ("to_timestamp", [text, format]) => Some(self.moment_from_text(Oid::TIMESTAMPTZ, text, format)?),
            ("to_date", [text, format]) => Some(self.moment_from_text(Oid::DATE, text, format)?),
            ("to_char", [value, format]) => Some(self.to_char(value, format)?),
            ("row_number" | "rank" | "dense_rank", []) => {
                Some(Frag::atom(format!("{}()", name.to_uppercase()), Ty::INT8))
            }
            ("percent_rank" | "cume_dist", []) => Some(Frag::atom(format!("{}()", name.to_uppercase()), Ty::FLOAT8)),
            ("ntile", [count]) if self.small_constant(count).is_some_and(|count| count > 0) => {
                Some(Frag::cat(&[&"NTILE(", &list(arguments), &")"], Ty::INT4))
            }
            ("ntile", [_]) => {
                return Err(PgError::unsupported("ntile() is supported with a positive constant only")
                    .hint("PostgreSQL has an error for what is not positive, which IRIS has not."));
            }
            ("lag" | "lead" | "first_value" | "last_value" | "nth_value", [value, ..]) if value.ty.is(Oid::BPCHAR) => {
                return Err(PgError::unsupported(format!("{name}() of character(n) is not supported"))
                    .hint("IRIS keeps such values without their blanks. Cast the column to text."));
            }
            ("lag" | "lead" | "first_value" | "last_value" | "nth_value", [value, ..]) => {
                Some(Frag::cat(&[&name.to_uppercase(), &"(", &list(arguments), &")"], value.ty))
            }
            _ => None,
        })
    }
}

/// Functions of the session; the arguments they are called with count.
fn session_function(name: &str, arguments: usize) -> Option<Frag> {
    let value = match (name, arguments) {
        ("version", 0) => (SessionValue::Version, Oid::TEXT),
        ("current_user" | "user" | "current_role", 0) => (SessionValue::CurrentUser, Oid(19)),
        ("session_user", 0) => (SessionValue::SessionUser, Oid(19)),
        ("current_database" | "current_catalog", 0) => (SessionValue::Database, Oid(19)),
        ("current_schema", 0) => (SessionValue::CurrentSchema, Oid(19)),
        ("pg_backend_pid", 0) => (SessionValue::BackendPid, Oid::INT4),
        ("inet_client_addr", 0) => (SessionValue::ClientAddress, Oid(869)),
        ("inet_client_port", 0) => (SessionValue::ClientPort, Oid::INT4),
        ("inet_server_addr", 0) => (SessionValue::ServerAddress, Oid(869)),
        ("inet_server_port", 0) => (SessionValue::ServerPort, Oid::INT4),
        ("pg_postmaster_start_time", 0) => (SessionValue::StartTime, Oid::TIMESTAMPTZ),
        ("txid_current" | "pg_current_xact_id", 0) => (SessionValue::TransactionId, Oid::INT8),
        ("pg_is_in_recovery", 0) => return Some(Frag::atom("0", Ty::BOOL).sure()),
        _ => return None,
    };
    Some(session(value.0, value.1).sure())
}

/// Every argument of GREATEST and LEAST is written once for every other.
const EXTREME_MAX: usize = 32;

/// GREATEST and LEAST: PostgreSQL passes NULLs over, IRIS answers NULL. Each place takes the next value there is.
fn extreme(name: &str, frags: &[Frag], ty: Ty) -> Frag {
    if !ty.is_string() {
        return extreme_value(name, frags, ty);
    }
    let sorted: Vec<Frag> = frags.iter().map(as_sorted).collect();
    text_order::without_blank(&extreme_value(name, &sorted, ty))
}

fn extreme_value(name: &str, frags: &[Frag], ty: Ty) -> Frag {
    if frags.iter().all(|frag| frag.not_null) {
        return Frag::cat(&[&name, &"(", &list(frags), &")"], ty).sure();
    }
    let rotated: Vec<Frag> = (0..frags.len())
        .map(|n| {
            let mut order: Vec<Frag> = frags.iter().skip(n).chain(frags.iter().take(n)).cloned().collect();
            if let Some(sure) = order.iter().position(|frag| frag.not_null) {
                order.truncate(sure + 1);
            }
            match order.as_slice() {
                [only] => only.clone(),
                order => Frag::cat(&[&"COALESCE(", &list(order), &")"], ty),
            }
        })
        .collect();
    Frag::cat(&[&name, &"(", &list(&rotated), &")"], ty)
}

/// PostgreSQL's functions that IRIS has no way to compute; a function of the user's own is none of them.
fn refused(name: &str) -> Option<Box<PgError>> {
    let catalog = matches!(
        name,
        "format_type"
            | "obj_description"
            | "col_description"
            | "shobj_description"
            | "to_regclass"
            | "to_regtype"
            | "to_regnamespace"
            | "has_table_privilege"
            | "has_schema_privilege"
            | "has_database_privilege"
            | "has_column_privilege"
            | "has_any_column_privilege"
            | "has_function_privilege"
            | "row_security_active"
    );
    if catalog || (name.starts_with("pg_") && !matches!(name, "pg_sleep")) {
        return Some(
            PgError::unsupported(format!("the function {name}() is not available yet"))
                .detail("System information functions are answered by a later part of the gateway."),
        );
    }
    let hint = match name {
        "regexp_replace"
        | "regexp_match"
        | "regexp_matches"
        | "regexp_split_to_array"
        | "regexp_split_to_table"
        | "regexp_like"
        | "regexp_count"
        | "regexp_instr"
        | "regexp_substr" => "IRIS SQL has no regular expressions.",
        "generate_series"
        | "unnest"
        | "jsonb_array_elements"
        | "json_array_elements"
        | "jsonb_each"
        | "json_each"
        | "jsonb_each_text"
        | "json_each_text"
        | "jsonb_object_keys"
        | "json_object_keys"
        | "string_to_table" => "IRIS SQL has no set-returning functions; JSON_TABLE in FROM reads JSON documents.",
        "nextval" | "currval" | "setval" | "lastval" => {
            "It is evaluated once: in VALUES of an INSERT, or in a SELECT without FROM, and not under a condition."
        }
        "age" | "justify_days" | "justify_hours" | "justify_interval" | "make_interval" => "IRIS SQL has no intervals.",
        "md5" | "sha224" | "sha256" | "sha384" | "sha512" | "digest" | "crypt" | "encode" | "decode" | "gen_salt" => {
            "Compute it in the application and pass the result."
        }
        "initcap"
        | "translate"
        | "format"
        | "octet_length"
        | "bit_length"
        | "to_hex"
        | "quote_ident"
        | "string_to_array"
        | "array_to_string"
        | "array_length"
        | "cardinality"
        | "array_append"
        | "array_cat"
        | "array_position"
        | "array_remove"
        | "array_upper"
        | "array_lower"
        | "jsonb_set"
        | "jsonb_insert"
        | "jsonb_array_length"
        | "json_array_length"
        | "jsonb_typeof"
        | "json_typeof"
        | "jsonb_pretty"
        | "to_json"
        | "to_jsonb"
        | "row_to_json"
        | "jsonb_path_query"
        | "jsonb_extract_path"
        | "jsonb_extract_path_text"
        | "json_extract_path_text"
        | "setseed"
        | "width_bucket"
        | "to_tsvector"
        | "to_tsquery"
        | "ts_rank"
        | "similarity"
        | "levenshtein"
        | "num_nulls"
        | "num_nonnulls"
        | "cbrt"
        | "factorial"
        | "gcd"
        | "lcm" => "IRIS SQL has no such function.",
        "pg_sleep" => "Wait on the client.",
        _ => return None,
    };
    Some(PgError::unsupported(format!("the function {name}() is not supported by IRIS")).hint(hint))
}

/// Refuses the constructors of the SQL standard, which IRIS spells alike and answers otherwise.
pub(crate) fn refused_constructor(cx: &Cx<'_>, node: &SyntaxNode, name: &str) -> Box<PgError> {
    let at = usize::from(node.text_range().start());
    PgError::unsupported(format!("{name} is not supported: IRIS has another or none"))
        .hint("json_build_object() and json_build_array() work.")
        .position(nodes::offset(at.min(cx.sql.len())))
}

/// Whether a call is evaluated whenever what it stands in is: no CASE, COALESCE, AND, OR or query around it decides.
pub(crate) fn is_unconditional(call: &SyntaxNode) -> bool {
    call.ancestors().skip(1).all(|above| match above.kind() {
        SyntaxKind::CASE_EXPR | SyntaxKind::WHERE_CLAUSE | SyntaxKind::FILTER_CLAUSE => false,
        SyntaxKind::CALL_EXPR => {
            let name = above.first_child().and_then(|name| names::parts(&name).pop());
            name.is_none_or(|name| !matches!(names::folded(&name).as_str(), "coalesce" | "nullif"))
        }
        SyntaxKind::BIN_EXPR => {
            !nodes::has_token(&above, SyntaxKind::AND_KW) && !nodes::has_token(&above, SyntaxKind::OR_KW)
        }
        SyntaxKind::SELECT | SyntaxKind::COMPOUND_SELECT | SyntaxKind::PAREN_SELECT => {
            above.parent().is_none_or(|parent| parent.kind() == SyntaxKind::SOURCE_FILE)
        }
        _ => true,
    })
}
