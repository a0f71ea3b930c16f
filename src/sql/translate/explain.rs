//! EXPLAIN.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::context::Result;
use super::utility;
use crate::sql::plan::{Action, CatalogQuery, OutputColumn, ScriptStep, StepRole, Translation};
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::query::Place;
use crate::sql::translate::ddl::query_text::inline;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, Severity, SqlState};

/// PostgreSQL explains the queries that the oracle answers, with all its options. IRIS explains its own, in a form of
/// its own; the column is PostgreSQL's. What programs read (FORMAT JSON and its like) has a form that only PostgreSQL
/// can give: it explains the statement over the mirror, which tells its shape, and a notice says so.
pub(crate) fn explain(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Translation> {
    let at = usize::from(node.text_range().start());
    let declared = nodes::child(node, SyntaxKind::DECLARE);
    let explained = declared.as_ref().unwrap_or(node).children().find(|child| is_query(child.kind()));
    let own = explained.as_ref().map_or(Ok(None), |explained| cx.catalog_query(explained))?;
    if let Some(query) = own {
        return Ok(Translation::new(Action::Catalog(query), "EXPLAIN"));
    }
    if nodes::child(node, SyntaxKind::EXPLAIN_ANALYZE).is_some() {
        return Err(analyze(cx, at));
    }
    let mut format = None;
    for option in nodes::grandchildren(node, SyntaxKind::EXPLAIN_OPTION_LIST, SyntaxKind::EXPLAIN_OPTION) {
        format = check_option(cx, &option)?.or(format);
    }
    if let Some(column) = format {
        return structured(cx, node, column);
    }
    let Some(explained) = explained else {
        let of_prepared =
            node.children().any(|child| matches!(child.kind(), SyntaxKind::EXECUTE | SyntaxKind::CREATE_TABLE_AS));
        let error = cx.unsupported("EXPLAIN is supported for queries only", at);
        return Err(if of_prepared { error.hint("Explain the query itself, with its values in it.") } else { error });
    };
    let text = inline(cx, &explained, Place::Table)?.frag;
    let columns = vec![OutputColumn::Column {
        label: Some("QUERY PLAN".into()),
        pg_type: Some(PgType::new(Oid::TEXT)),
        cast_from: None,
    }];
    let plan = cx.plan(Frag::cat(&[&"EXPLAIN ", &text], Ty::TEXT), columns, true);
    Ok(Translation::script(vec![ScriptStep::new(plan, StepRole::Rows)], "EXPLAIN"))
}

/// The query of an EXPLAIN that asks for the plan alone, as text.
pub(crate) fn plainly_explained(cx: &Cx<'_>, explain: &SyntaxNode) -> Option<SyntaxNode> {
    let runs = nodes::child(explain, SyntaxKind::EXPLAIN_ANALYZE).is_some();
    let is_plain = nodes::grandchildren(explain, SyntaxKind::EXPLAIN_OPTION_LIST, SyntaxKind::EXPLAIN_OPTION)
        .iter()
        .all(|option| matches!(check_option(cx, option), Ok(None)));
    explain.children().find(|part| is_query(part.kind())).filter(|_| is_plain && !runs)
}

/// In a format for programs.
fn structured(cx: &Cx<'_>, node: &SyntaxNode, column: Oid) -> Result<Translation> {
    let action = match nodes::child(node, SyntaxKind::EXECUTE) {
        Some(execute) => {
            let start = usize::from(node.text_range().start());
            let explain = cx.sql.get(start..usize::from(execute.text_range().start())).unwrap_or_default().to_owned();
            let (name, arguments) = utility::execute_of(cx, &execute);
            Action::ExplainExecute { explain, column: PgType::new(column), name, arguments }
        }
        None => Action::Catalog(CatalogQuery::default()),
    };
    cx.notice(*PgError::new(
        Severity::Notice,
        SqlState::SUCCESSFUL_COMPLETION,
        "this is how PostgreSQL would run the statement; EXPLAIN in format TEXT shows the plan of IRIS",
    ));
    Ok(Translation::new(action, "EXPLAIN"))
}

fn analyze(cx: &Cx<'_>, at: usize) -> Box<PgError> {
    cx.unsupported("EXPLAIN ANALYZE is not supported by IRIS", at)
        .hint("EXPLAIN shows the plan without running the query.")
}

/// An option either changes nothing about a plan that is one text, or asks for what IRIS cannot tell. `Some`: a format
/// that only PostgreSQL has, and the type of its column.
fn check_option(cx: &Cx<'_>, option: &SyntaxNode) -> Result<Option<Oid>> {
    let at = usize::from(option.text_range().start());
    let text = nodes::plain_text(option).to_ascii_lowercase();
    let (name, value) = text.split_once(' ').unwrap_or((text.as_str(), ""));
    let value = value.trim().trim_matches('\'');
    let is_off = matches!(value, "off" | "false" | "0");
    match name {
        "analyze" | "analyse" if !is_off => Err(analyze(cx, at)),
        // Of figures that only a query that has run can have, or that IRIS has not.
        "analyze" | "analyse" | "verbose" | "costs" | "settings" | "generic_plan" | "buffers" | "timing"
        | "summary" | "memory" => Ok(None),
        "wal" | "serialize" if is_off || value == "none" => Ok(None),
        "wal" | "serialize" => Err(PgError::error(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("EXPLAIN option {} requires ANALYZE", name.to_ascii_uppercase()),
        )),
        "format" if value == "text" => Ok(None),
        "format" if matches!(value, "json" | "xml" | "yaml") && cx.options.has_oracle => Ok(Some(match value {
            "json" => Oid::JSON,
            "xml" => Oid::XML,
            _ => Oid::TEXT,
        })),
        "format" if matches!(value, "json" | "xml" | "yaml") => Err(cx
            .unsupported(
                format!("EXPLAIN (FORMAT {}) is not supported: IRIS has its plans as text", value.to_ascii_uppercase()),
                at,
            )
            .hint("Use FORMAT TEXT.")),
        "format" => Err(PgError::error(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("unrecognized value for EXPLAIN option \"format\": \"{value}\""),
        )
        .position(nodes::offset(at))),
        _ => Err(PgError::error(SqlState::SYNTAX_ERROR, format!("unrecognized EXPLAIN option \"{name}\""))
            .position(nodes::offset(at))),
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::tests::{shown, tables};

    #[test]
    fn options() {
        let plan = shown("explain select id from known", &tables());
        assert!(plan.starts_with("EXPLAIN SELECT") || plan.starts_with("EXPLAIN select"), "{plan}");
        for same in ["verbose", "(analyze false, costs off)", "(format text)", "(ANALYZE off, VERBOSE)"] {
            assert_eq!(shown(&format!("explain {same} select id from known"), &tables()), plan, "{same}");
        }
        assert_eq!(shown("explain declare c cursor for select id from known", &tables()), plan);
        for (statement, code) in [
            ("explain analyze select 1", "0A000"),
            ("explain (analyze) select 1", "0A000"),
            ("explain (analyze true, buffers) select 1", "0A000"),
            ("explain (format json) select 1", "0A000"),
            ("explain (format tsv) select 1", "22023"),
            ("explain (colour) select 1", "42601"),
            ("explain (wal) select 1", "22023"),
            ("explain execute s", "0A000"),
            ("explain delete from known", "0A000"),
        ] {
            let answer = shown(statement, &tables());
            assert!(answer.starts_with(code), "{statement}: {answer}");
        }
    }
}
