//! DELETE.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::returning;
use super::target::Target;
use super::update::{filter, refuse_with};
use super::written::{changes, held};
use crate::sql::plan::{ScriptStep, StepRole, Translation};
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};

pub(crate) fn delete(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Translation> {
    refuse_with(cx, node, "DELETE")?;
    let target = Target::read(cx, node)?;
    let only = nodes::child(node, SyntaxKind::WHERE_CLAUSE).and_then(|clause| clause.first_child());
    if !target.is_one(only.as_ref()) {
        target.refuse_own_references(cx, node.text_range().start().into())?;
    }
    let using = nodes::child(node, SyntaxKind::USING_CLAUSE).map(|clause| cx.read_from(&clause)).transpose()?;
    let mut scope = vec![target.relation()?];
    scope.extend(using.iter().flat_map(|from| from.relations.iter().cloned()));
    let (condition, tables) = cx.scoped(scope.clone(), || {
        let tables = using.as_ref().map(|from| cx.write_from(from)).transpose()?;
        Ok((filter(cx, node)?, tables))
    })?;
    let mut frag = Frag::cat(&[&"DELETE FROM ", &target.named()?], Ty::Any);
    if let Some(tables) = &tables {
        // IRIS's second FROM is PostgreSQL's USING.
        frag.push(&" FROM ");
        frag.push(tables);
    }
    if let Some(condition) = &condition {
        frag.push(&" WHERE ");
        frag.push(condition);
    }
    let plan = cx.plan(frag, Vec::new(), false);
    let held = if using.is_none() { held(cx, node) } else { Vec::new() };
    let change = ScriptStep::new(changes(plan, &target, &[], held), StepRole::Count);
    let Some(returned) = nodes::child(node, SyntaxKind::RETURNING_CLAUSE) else {
        return Ok(Translation::script(vec![change], "DELETE"));
    };
    let tables = match &tables {
        Some(tables) => Frag::cat(&[&", ", tables], Ty::Any),
        None => Frag::atom("", Ty::Any),
    };
    // Read while they are there.
    let rows = returning::select(cx, &target, &returned, scope, &tables, condition.as_ref())?;
    Ok(Translation::script(vec![rows, change], "DELETE"))
}
