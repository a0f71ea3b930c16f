//! WITH.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::with::with_of;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::alike;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::query::{Place, Query};
use crate::sql::translate::context::scope::Cte;

impl Cx<'_> {
    /// A query behind its WITH, whose tables it sees.
    pub(crate) fn under_with(&self, node: &SyntaxNode, query: impl FnOnce() -> Result<Query>) -> Result<Query> {
        let before = self.ctes.borrow().len();
        let with = with_of(node).map(|clause| self.with(&clause)).transpose()?;
        let query = query();
        self.ctes.borrow_mut().truncate(before);
        Ok(match with {
            Some(with) => query?.behind(&with),
            None => query?,
        })
    }

    /// `WITH .. ` and its tables into scope; whoever calls takes them out again.
    pub(crate) fn with(&self, clause: &SyntaxNode) -> Result<Frag> {
        let mut frag = Frag::atom("WITH ", Ty::Any);
        let recursive = nodes::has_token(clause, SyntaxKind::RECURSIVE_KW);
        let typed_name = |table: &SyntaxNode| {
            nodes::child(table, SyntaxKind::CTE_NAME).map(|name| nodes::plain_text(&name)).unwrap_or_default()
        };
        let all: Vec<String> =
            nodes::children(clause, SyntaxKind::WITH_TABLE).map(|table| names::folded(&typed_name(&table))).collect();
        for (n, table) in nodes::children(clause, SyntaxKind::WITH_TABLE).enumerate() {
            let typed = typed_name(&table);
            let name = names::folded(&typed);
            // With RECURSIVE a query of WITH sees itself and those behind it, too.
            if recursive && all.iter().skip(n).any(|name| refers_to(&table, name)) {
                return Err(self
                    .unsupported("WITH RECURSIVE is not supported by IRIS", table.text_range().start().into())
                    .hint("Iterate in the application."));
            }
            if let Some(other) = self.ctes.borrow().iter().find(|other| alike::is_confused(&other.name, &name)) {
                return Err(alike::refusal("names of WITH", &other.name, &name));
            }
            let columns: Vec<String> = nodes::child(&table, SyntaxKind::COLUMN_LIST)
                .iter()
                .flat_map(SyntaxNode::children)
                .map(|column| nodes::plain_text(&column))
                .collect();
            let query = table.children().find(|child| {
                !matches!(
                    child.kind(),
                    SyntaxKind::CTE_NAME
                        | SyntaxKind::COLUMN_LIST
                        | SyntaxKind::MATERIALIZED
                        | SyntaxKind::NOT_MATERIALIZED
                        | SyntaxKind::SEARCH_CLAUSE
                        | SyntaxKind::CYCLE_CLAUSE
                )
            });
            let Some(query) = query else {
                return Err(self.unsupported("empty WITH query", table.text_range().start().into()));
            };
            let named = (!columns.is_empty()).then_some(columns.as_slice());
            let query = self.query(&query, Place::Table, named)?;
            if n > 0 {
                frag.push(&", ");
            }
            let iris_name = names::iris_name_or(&typed, || format!("pgw_w{}", self.ctes.borrow().len() + 1))?;
            frag.push(&iris_name);
            frag.push(&" AS (");
            frag.push(&query.frag);
            frag.push(&")");
            self.ctes.borrow_mut().push(Cte { name, iris_name, columns: query.shape });
        }
        frag.push(&" ");
        Ok(frag)
    }
}

fn refers_to(table: &SyntaxNode, name: &str) -> bool {
    table
        .descendants()
        .filter(|node| node.kind() == SyntaxKind::RELATION_NAME_REF)
        .any(|node| matches!(names::parts(&node).as_slice(), [only] if names::folded(only) == name))
}
