//! EXPLAIN.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::cx::{self, Cx, Result};
use super::expr::is_query;
use super::frag::{Frag, Ty};
use super::{query, script, step};
use crate::sql::plan::{Action, OutputColumn, StepRole, Translation};
use crate::types::{Oid, PgType};

/// IRIS explains queries, in a form of its own; the column is PostgreSQL's.
pub fn explain(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Translation> {
    let at = usize::from(node.text_range().start());
    let analyze = node.descendants().any(|part| {
        part.kind() == SyntaxKind::EXPLAIN_ANALYZE
            || (part.kind() == SyntaxKind::EXPLAIN_OPTION
                && cx::plain_text(&part).to_ascii_lowercase().starts_with("analy")
                && !cx::plain_text(&part).to_ascii_lowercase().ends_with("false"))
    });
    if analyze {
        return Err(cx
            .unsupported("EXPLAIN ANALYZE is not supported by IRIS", at)
            .hint("EXPLAIN shows the plan without running the query."));
    }
    let Some(explained) = node.children().find(|child| is_query(child.kind())) else {
        return Err(cx.unsupported("EXPLAIN is supported for queries only", at));
    };
    if let Some(query) = cx.catalog_query(&explained) {
        return Ok(super::translation(Action::Catalog(query), "EXPLAIN"));
    }
    let text = query::inline_text(cx, &explained)?;
    let columns =
        vec![OutputColumn::Column { label: Some("QUERY PLAN".into()), pg_type: Some(PgType::new(Oid::TEXT)) }];
    let plan = cx.plan(Frag::cat(&[&"EXPLAIN ", &text], Ty::TEXT), columns, true);
    Ok(script(vec![step(plan, StepRole::Rows)], "EXPLAIN"))
}
