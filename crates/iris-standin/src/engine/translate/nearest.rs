//! What an HNSW index does to a search that it serves. The stand-in computes such a search exactly, but for what the
//! manual says is not in the index ("Hierarchical Navigable Small World Index", "Special Cases").

use super::super::SqlError;
use super::super::catalog::{IndexKind, TableDef, VectorDistance, same_name};
use super::super::parse::ast::{Expr, Function, OrderItem, Select, SelectItem, Top};
use super::term::Shape;
use super::translator::Translator;

impl Translator<'_> {
    /// `TOP n .. ORDER BY VECTOR_COSINE(column, x) DESC` over one table with such an index: all-zero vectors are not in
    /// it, and near an all-zero one it finds nothing.
    pub(super) fn nearest_condition(
        &mut self,
        select: &Select,
        order_by: &[OrderItem],
    ) -> Result<Option<String>, SqlError> {
        let (Top::Count(_), [first, ..]) = (&select.top, order_by) else { return Ok(None) };
        let Some(function) = ordered_by(select, &first.expr) else { return Ok(None) };
        if !first.descending || !function.name.eq_ignore_ascii_case("VECTOR_COSINE") {
            return Ok(None);
        }
        let [a, b] = function.arguments.as_slice() else { return Ok(None) };
        for (column, other) in [(a, b), (b, a)] {
            let Expr::Column(parts) = column else { continue };
            let term = self.column(parts)?;
            let Shape::Column { name, .. } = &term.shape else { continue };
            let sources = self.scopes.last().map(|scope| scope.sources.as_slice()).unwrap_or_default();
            let [source] = sources else { continue };
            if !source.table.as_deref().is_some_and(|table| is_indexed(table, name)) {
                continue;
            }
            let other = self.value(other)?;
            return Ok(Some(format!(
                "iris_vector_is_zero({})=0 AND iris_vector_is_zero({})=0",
                term.sql,
                self.vector_operand(&other, &term)?
            )));
        }
        Ok(None)
    }
}

fn is_indexed(table: &TableDef, column: &str) -> bool {
    table.indexes.iter().any(|index| {
        matches!(index.kind, IndexKind::Hnsw { distance: VectorDistance::Cosine, .. })
            && index.columns.iter().all(|name| same_name(name, column))
    })
}

/// The function that an ORDER BY item means, by itself or by the alias of a select item.
fn ordered_by<'a>(select: &'a Select, item: &'a Expr) -> Option<&'a Function> {
    let aliased = |wanted: &Expr| match wanted {
        Expr::Column(parts) => select.items.iter().find_map(|item| match (item, parts.as_slice()) {
            (SelectItem::Expr { expr, alias: Some(alias) }, [name]) if alias == name => Some(expr),
            _ => None,
        }),
        _ => None,
    };
    match aliased(item).unwrap_or(item) {
        Expr::Function(function) => Some(function),
        _ => None,
    }
}
