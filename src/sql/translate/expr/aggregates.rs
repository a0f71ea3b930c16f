//! Aggregates, as such and as window functions.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::aggregate_calls::is_aggregate;
use crate::sql::syntax::nodes::{self, arguments};
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::exact::trimmed_character;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::text_order;
use crate::sql::translate::value::enums;
use crate::sql::translate::value::types::shown;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    pub(crate) fn aggregate(&self, name: &[String], node: &SyntaxNode) -> Result<Option<Frag>> {
        let name = match name {
            [name] => name.as_str(),
            [schema, name] if schema == "pg_catalog" => name.as_str(),
            _ => return Ok(None),
        };
        if !is_aggregate(name) {
            return Ok(None);
        }
        let at = usize::from(node.text_range().start());
        if nodes::child(node, SyntaxKind::WITHIN_CLAUSE).is_some() {
            return Err(self.unsupported(format!("{name}() WITHIN GROUP is not supported by IRIS"), at));
        }
        let Some(list) = nodes::child(node, SyntaxKind::ARG_LIST) else { return Ok(None) };
        if !nodes::grandchildren(&list, SyntaxKind::ARG, SyntaxKind::ORDER_BY_CLAUSE).is_empty() {
            return Err(self
                .unsupported(format!("ORDER BY inside {name}() is not supported by IRIS"), at)
                .hint("Sort on the client."));
        }
        let filter = match nodes::child(node, SyntaxKind::FILTER_CLAUSE).and_then(|clause| clause.first_child()) {
            Some(condition) => Some(self.filter(&condition)?),
            None => None,
        };
        if let Some(over) = nodes::child(node, SyntaxKind::OVER_CLAUSE) {
            return self.over_window(name, node, filter.as_ref(), &over, at).map(Some);
        }
        let distinct = if nodes::child(&list, SyntaxKind::DISTINCT).is_some() { "DISTINCT " } else { "" };
        let frag = if nodes::has_token(&list, SyntaxKind::STAR) {
            match &filter {
                // COUNT, not SUM: it is 0 where nothing is counted.
                Some(filter) => Frag::cat(&[&"COUNT(CASE WHEN ", filter, &" THEN 1 END)"], Ty::INT8),
                None => Frag::atom("COUNT(*)", Ty::INT8),
            }
            .sure()
        } else {
            let nodes = arguments(node);
            let Some(value) = nodes.first() else {
                return Err(self.unsupported(format!("{name}() needs an argument"), at));
            };
            let value = self.value(value)?;
            let value = if name == "string_agg" { trimmed_character(value) } else { value };
            if let Some(frag) = self.json_aggregate(name, distinct, &value, &nodes, filter.as_ref(), at)? {
                if nodes::child(node, SyntaxKind::OVER_CLAUSE).is_some() {
                    return Err(self.unsupported(format!("{name}() as a window function is not supported by IRIS"), at));
                }
                return Ok(Some(frag));
            }
            let filtered = |value: &Frag| match &filter {
                Some(filter) => Frag::cat(&[&"CASE WHEN ", filter, &" THEN ", value, &" END"], value.ty),
                None => value.clone(),
            };
            self.of_value(name, distinct, &filtered(&value), &nodes, at)?
        };
        Ok(Some(frag))
    }

    fn over_window(
        &self,
        name: &str,
        node: &SyntaxNode,
        filter: Option<&Frag>,
        over: &SyntaxNode,
        at: usize,
    ) -> Result<Frag> {
        let Some(list) = nodes::child(node, SyntaxKind::ARG_LIST) else {
            return Err(self.unsupported(format!("{name}() needs an argument"), at));
        };
        if nodes::child(&list, SyntaxKind::DISTINCT).is_some() {
            return Err(self.unsupported("DISTINCT is not implemented for window functions", at));
        }
        let nodes = arguments(node);
        let value = match nodes.first() {
            Some(value) => Some(self.value(value)?),
            None => None,
        };
        let ty = match &value {
            Some(value) => self.of_value(name, "", value, &nodes, at)?.ty,
            None => Ty::INT8,
        };
        let value = match (filter, value) {
            (None, value) => value,
            (Some(filter), value) => {
                let value = value.unwrap_or_else(|| Frag::atom("1", Ty::INT4));
                Some(Frag::cat(&[&"CASE WHEN ", filter, &" THEN ", &value, &" END"], value.ty))
            }
        };
        self.window_aggregate(name, value.as_ref(), ty, over)
    }

    /// `json_agg`, `jsonb_agg`, `json_object_agg`.
    #[inline(never)]
    fn json_aggregate(
        &self,
        name: &str,
        distinct: &str,
        value: &Frag,
        nodes: &[SyntaxNode],
        filter: Option<&Frag>,
        at: usize,
    ) -> Result<Option<Frag>> {
        if !matches!(name, "json_agg" | "jsonb_agg" | "json_object_agg") {
            return Ok(None);
        }
        if !distinct.is_empty() {
            return Err(self.unsupported(format!("{name}() with DISTINCT is not supported by IRIS"), at));
        }
        match (name, nodes) {
            ("json_agg" | "jsonb_agg", [_]) => self.json_array_of_rows(name == "jsonb_agg", value, filter).map(Some),
            ("json_object_agg", [_, second]) => self.json_object_of_rows(value, &self.value(second)?, filter).map(Some),
            _ => Ok(None),
        }
    }

    /// Sums and averages of what IRIS keeps as text would be those of the numbers its text begins with.
    fn check_aggregated(&self, name: &str, value: &Frag, at: usize) -> Result<()> {
        let computes = matches!(
            name,
            "sum" | "avg" | "stddev" | "stddev_samp" | "stddev_pop" | "variance" | "var_samp" | "var_pop"
        );
        match value.ty {
            Ty::Known(pg_type) if computes && !value.ty.is_number() && pg_type.oid != Oid::MONEY => {
                let type_name = PgType::new(pg_type.oid).name();
                Err(self
                    .unsupported(format!("{name}() of values of type {type_name} is not supported by IRIS"), at)
                    .hint("IRIS sums numbers; compute it on the client."))
            }
            _ => Ok(()),
        }
    }

    fn of_value(&self, name: &str, distinct: &str, value: &Frag, nodes: &[SyntaxNode], at: usize) -> Result<Frag> {
        let grouped;
        let value = if distinct.is_empty() {
            value
        } else {
            grouped = self.grouped(value.clone())?;
            &grouped
        };
        check_argument(name, value.ty).map_err(|error| error.position(nodes::offset(at)))?;
        self.check_aggregated(name, value, at)?;
        let float = matches!(value.ty.oid(), Some(Oid::FLOAT4 | Oid::FLOAT8));
        let call = |iris: &str, ty: Ty| Frag::cat(&[&iris, &"(", &distinct, value, &")"], ty);
        // One value has no spread; IRIS gives 0 for it.
        let of_several = |iris: &str| {
            let ty = if float { Ty::FLOAT8 } else { Ty::NUMERIC };
            let count = call("COUNT", Ty::INT8);
            Frag::cat(&[&"CASE WHEN ", &count, &" > 1 THEN ", &call(iris, ty), &" END"], ty)
        };
        Ok(match (name, nodes.len()) {
            ("count", 1) => call("COUNT", Ty::INT8).sure(),
            ("sum", 1) if value.ty.is(Oid::FLOAT4) => Frag { is_unfinished: true, ..call("SUM", value.ty) },
            ("sum", 1) => call(
                "SUM",
                match value.ty.oid() {
                    Some(Oid::INT2 | Oid::INT4) => Ty::INT8,
                    Some(Oid::INT8) => shown(Ty::INT8),
                    Some(Oid::NUMERIC) => shown(value.ty),
                    Some(Oid::FLOAT8) => Ty::FLOAT8,
                    _ => Ty::Any,
                },
            ),
            ("avg", 1) => call(
                "AVG",
                match value.ty {
                    _ if float => Ty::FLOAT8,
                    ty if ty.is_number() => Ty::NUMERIC,
                    _ => Ty::Any,
                },
            ),
            ("min" | "max", 1) => {
                // bpchar and varchar have no min of their own but text's.
                let ty = match value.ty.oid() {
                    Some(Oid::VARCHAR) => Ty::TEXT,
                    Some(Oid::NUMERIC) => shown(value.ty),
                    Some(oid) => Ty::of(oid),
                    None => Ty::Any,
                };
                let iris = if name == "min" { "MIN" } else { "MAX" };
                if let Some(enum_type) = &value.enum_type {
                    let place = Frag::cat(&[&iris, &"(", &enums::ordered(self, value, enum_type), &")"], Ty::INT4);
                    return Ok(enums::label_at(&place, enum_type));
                }
                let value = self.sorted(value.clone())?;
                let ty = match value.ty {
                    ty if ty.is(Oid::BPCHAR) => shown(ty),
                    Ty::Known(PgType::FLOAT8_OR_NAN) => value.ty,
                    _ => ty,
                };
                if value.ty.is_string() {
                    text_order::extreme(iris, distinct, &value, ty).exact()
                } else {
                    Frag::cat(&[&iris, &"(", &distinct, &value, &")"], ty).exact()
                }
            }
            ("bool_and" | "every", 1) => call("MIN", Ty::BOOL),
            ("bool_or", 1) => call("MAX", Ty::BOOL),
            ("any_value", 1) => call("MIN", value.ty),
            ("stddev" | "stddev_samp", 1) => of_several("STDDEV_SAMP"),
            ("stddev_pop", 1) => call("STDDEV_POP", if float { Ty::FLOAT8 } else { Ty::NUMERIC }),
            ("variance" | "var_samp", 1) => of_several("VAR_SAMP"),
            ("var_pop", 1) => call("VAR_POP", if float { Ty::FLOAT8 } else { Ty::NUMERIC }),
            ("string_agg", 2) => {
                let Some(separator) = nodes.get(1) else { return Ok(call("LIST", Ty::TEXT)) };
                match self.constant(separator) {
                    Some((LiteralKind::String, ",")) => call("LIST", Ty::TEXT),
                    _ => {
                        let separator = self.as_text(self.value(separator)?);
                        let items = call("%DLIST", Ty::Any);
                        Frag::cat(&[&"$LISTTOSTRING(", &items, &", ", &separator, &")"], Ty::TEXT)
                    }
                }
            }
            _ => {
                return Err(self.unsupported(format!("the aggregate {name}() is not supported by IRIS"), at));
            }
        })
    }
}

/// # Errors
/// 42883 for a type PostgreSQL has no such aggregate of, where IRIS would make a number of the value.
fn check_argument(name: &str, ty: Ty) -> Result<()> {
    let Ty::Known(pg_type) = ty else { return Ok(()) };
    let oid = pg_type.oid;
    let number = ty.is_number() || oid == Oid::MONEY;
    let exists = match name {
        "sum" => number || matches!(oid, Oid::INTERVAL | Oid::TIME | Oid::VECTOR),
        "avg" => ty.is_number() || matches!(oid, Oid::INTERVAL | Oid::TIME | Oid::VECTOR),
        "min" | "max" => !matches!(
            oid,
            Oid::BOOL | Oid::JSON | Oid::JSONB | Oid::XML | Oid::UUID | Oid::VECTOR | Oid::BIT | Oid::VARBIT
        ),
        "bool_and" | "bool_or" | "every" => oid == Oid::BOOL,
        "stddev" | "stddev_samp" | "stddev_pop" | "variance" | "var_samp" | "var_pop" => ty.is_number(),
        _ => true,
    };
    if exists {
        return Ok(());
    }
    let shown = PgType::new(oid).name();
    Err(PgError::error(SqlState::UNDEFINED_FUNCTION, format!("function {name}({shown}) does not exist"))
        .hint("No function matches the given name and argument types. You might need to add explicit type casts."))
}
