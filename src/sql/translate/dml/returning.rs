//! RETURNING, by a SELECT beside the change.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::target::Target;
use crate::sql::plan::{ScriptStep, StepRole};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::context::query::Place;
use crate::sql::translate::context::scope::Relation;
use crate::sql::translate::context::target::{outputs, render};
use crate::sql::translate::expr::column_cast::ColumnCasts;

/// `SELECT .. FROM t WHERE ..`, whose rows are the answer.
pub(crate) fn select(
    cx: &Cx<'_>,
    target: &Target,
    returned: &SyntaxNode,
    scope: Vec<Relation>,
    from: &Frag,
    condition: Option<&Frag>,
) -> Result<ScriptStep> {
    let Some(targets) = nodes::child(returned, SyntaxKind::TARGET_LIST) else {
        return Err(cx.unsupported("RETURNING needs a list", returned.text_range().start().into()));
    };
    if returned.descendants().any(|node| node.kind() == SyntaxKind::RETURNING_OPTION_LIST) {
        return Err(cx.unsupported("RETURNING WITH (OLD, NEW) is not supported", returned.text_range().start().into()));
    }
    // It would see the table as it is after the change, or after a part of it.
    let mut read = returned.descendants().filter(|node| node.kind() == SyntaxKind::RELATION_NAME_REF);
    if read.any(|name| cx.relation(&names::parts(&name)).is_ok_and(|(text, _)| text.eq_ignore_ascii_case(&target.text)))
    {
        return Err(cx
            .unsupported(
                "RETURNING that reads the changed table is not supported",
                returned.text_range().start().into(),
            )
            .hint("Read it before the change, in the same transaction."));
    }
    let relations = scope.clone();
    let targets = cx.scoped(scope, || cx.targets(&targets, Place::Top, None, &relations, false, ColumnCasts::All))?;
    let mut frag = Frag::cat(&[&"SELECT ", &list(&render(&targets)), &" FROM ", &target.named()?], Ty::Any);
    frag.push(from);
    if let Some(condition) = condition {
        frag.push(&" WHERE ");
        frag.push(condition);
    }
    Ok(ScriptStep::new(cx.plan(frag, outputs(&targets, Place::Top), true), StepRole::Rows))
}

/// The row an INSERT just made on this connection.
pub(crate) fn inserted(cx: &Cx<'_>, target: &Target, returned: &SyntaxNode) -> Result<ScriptStep> {
    let condition = Frag::atom("%ID = LAST_IDENTITY()", Ty::BOOL);
    select(cx, target, returned, vec![target.relation()?], &Frag::atom("", Ty::Any), Some(&condition))
}
