//! ORDER BY, TOP, LIMIT.

use super::super::SqlError;
use super::super::catalog::Collation;
use super::super::convert::{Class, Purpose};
use super::super::parse::ast::{Expr, Limit, Literal, Name, OrderItem, Select, SelectItem, same_name};
use super::super::types::{DECIMAL_COLLATION, DataType};
use super::output::{Item, OutColumn, refuse_stream};
use super::shape;
use super::term::{Coll, Shape, collation_name};
use super::translator::Translator;

impl Translator<'_> {
    pub(super) fn select_order(
        &mut self,
        select: &Select,
        order_by: &[OrderItem],
        items: &[Item],
        hidden: &mut Vec<String>,
    ) -> Result<String, SqlError> {
        let mut parts = Vec::new();
        let stars = select.items.iter().any(|item| !matches!(item, SelectItem::Expr { .. }));
        for item in order_by {
            let is_named = self.named_position(&item.expr, items).is_some();
            if !is_named && shape::has_aggregate(&item.expr) {
                return Err(SqlError::prepare(
                    73,
                    "Aggregate functions in ORDER BY are allowed by their alias or number in the SELECT list only",
                ));
            }
            let ordinal = matches!(item.expr, Expr::Literal(Literal::Integer(_)));
            if !ordinal && !is_named && shape::is_constant(&item.expr) {
                // Marks, subqueries and constants: checked, and then left out.
                self.value(&item.expr)?;
                continue;
            }
            self.check_cte_columns(&item.expr, items)?;
            let position = self.output_position(&item.expr, items, stars)?;
            let (text, class, coll) = match position {
                Some(at) => {
                    let found = items.get(at);
                    if let Some(item) = found {
                        refuse_stream(&item.term)?;
                    }
                    let class = found.map_or(Class::Int, |item| item.term.class());
                    let coll = found.map_or(Coll::None, |item| item.term.coll);
                    ((at + 1).to_string(), class, coll)
                }
                None => {
                    let term = self.value(&item.expr)?;
                    refuse_stream(&term)?;
                    let text = if matches!(term.shape, Shape::Literal(_) | Shape::Null) {
                        format!("({}+0)", term.sql)
                    } else if select.distinct_by.is_empty() {
                        term.sql.clone()
                    } else {
                        hidden.push(term.sql.clone());
                        format!("o{}", hidden.len().saturating_sub(1))
                    };
                    (text, term.class(), term.coll)
                }
            };
            parts.push(order_text(&text, class, coll, item.descending));
        }
        Ok(if parts.is_empty() { String::new() } else { format!(" ORDER BY {}", parts.join(",")) })
    }

    /// -23: a column of a table of WITH that is not selected.
    fn check_cte_columns(&self, expr: &Expr, items: &[Item]) -> Result<(), SqlError> {
        let is_selected = |parts: &[Name]| {
            let name = parts.last();
            items.iter().any(|item| match &item.expr {
                Some(Expr::Column(selected)) => selected.last() == name,
                _ => false,
            }) || items.iter().any(|item| {
                item.column.aliased
                    && parts.len() == 1
                    && name.is_some_and(|name| same_name(&item.column.name, &name.0))
            })
        };
        match shape::columns(expr).into_iter().find(|parts| self.is_of_cte(parts) && !is_selected(parts)) {
            Some(parts) => {
                let label = parts.first().map(|name| name.0.to_uppercase()).unwrap_or_default();
                Err(SqlError::prepare(23, format!("Label '{label}' is not listed among the applicable tables")))
            }
            None => Ok(()),
        }
    }

    /// The select item that a name alone means.
    fn named_position(&self, expr: &Expr, items: &[Item]) -> Option<usize> {
        let Expr::Column(parts) = expr else { return None };
        let [name] = parts.as_slice() else { return None };
        items.iter().position(|item| item.column.aliased && same_name(&item.column.name, &name.0))
    }

    /// The select item an ORDER BY item means: by ordinal, by alias, by name, or the same expression.
    fn output_position(&self, expr: &Expr, items: &[Item], stars: bool) -> Result<Option<usize>, SqlError> {
        if let Expr::Literal(Literal::Integer(digits)) = expr {
            if stars {
                return Err(SqlError::prepare(22, "ORDER BY ordinal is not allowed with SELECT *"));
            }
            return match digits.parse::<usize>().ok().and_then(|n| n.checked_sub(1)) {
                Some(at) if at < items.len() => Ok(Some(at)),
                _ => Err(SqlError::prepare(
                    5,
                    format!("Column number specified in ORDER {digits} does not match SELECT list"),
                )),
            };
        }
        if let Some(by_alias) = self.named_position(expr, items) {
            return Ok(Some(by_alias));
        }
        Ok(items.iter().position(|item| item.expr.as_ref() == Some(expr)))
    }

    /// ORDER BY of a set operation: only what was selected (-6), or an ordinal (-5).
    pub(super) fn output_order(&mut self, order_by: &[OrderItem], columns: &[OutColumn]) -> Result<String, SqlError> {
        let mut parts = Vec::new();
        for item in order_by {
            let position = match &item.expr {
                Expr::Literal(Literal::Integer(digits)) => {
                    let at =
                        digits.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|at| *at < columns.len());
                    at.ok_or_else(|| {
                        SqlError::prepare(
                            5,
                            format!("Column number specified in ORDER {digits} does not match SELECT list"),
                        )
                    })?
                }
                Expr::Column(parts) if parts.len() == 1 => parts
                    .first()
                    .and_then(|name| columns.iter().position(|column| same_name(&column.name, &name.0)))
                    .ok_or_else(|| SqlError::prepare(6, "ORDER BY column not in SELECT after UNION"))?,
                _ => return Err(SqlError::prepare(6, "ORDER BY column not in SELECT after UNION")),
            };
            let (class, coll) = columns
                .get(position)
                .map_or((Class::Int, Coll::None), |column| (Class::of(&column.data_type), column.coll));
            parts.push(order_text(&(position + 1).to_string(), class, coll, item.descending));
        }
        Ok(if parts.is_empty() { String::new() } else { format!(" ORDER BY {}", parts.join(",")) })
    }

    pub(super) fn limit(&mut self, limit: &Limit) -> Result<String, SqlError> {
        let count = limit.count.as_ref().map(|count| self.row_count(count)).transpose()?;
        let offset = limit.offset.as_ref().map(|offset| self.row_count(offset)).transpose()?;
        Ok(match (count, offset) {
            (None, None) => String::new(),
            (Some(count), None) => format!(" LIMIT {count}"),
            (count, Some(offset)) => format!(" LIMIT {} OFFSET {offset}", count.unwrap_or_else(|| "-1".into())),
        })
    }

    /// Of TOP, LIMIT, OFFSET: negative counts as 0.
    pub(super) fn row_count(&mut self, count: &Expr) -> Result<String, SqlError> {
        match count {
            Expr::Literal(Literal::Integer(digits)) => Ok(digits.parse::<i64>().unwrap_or(i64::MAX).to_string()),
            Expr::Negate(_) => Ok("0".into()),
            _ => {
                let term = self.value(count)?;
                Ok(format!("max({},0)", self.coerce(&term, DataType::Integer, Purpose::Cast)?))
            }
        }
    }
}

fn order_text(text: &str, class: Class, coll: Coll, descending: bool) -> String {
    let collate = match class {
        Class::Text => format!(" COLLATE {}", collation_name(order_collation(coll))),
        Class::Decimal => format!(" COLLATE {}", DECIMAL_COLLATION),
        _ => String::new(),
    };
    format!("{text}{collate}{}", if descending { " DESC" } else { "" })
}

fn order_collation(coll: Coll) -> Collation {
    match coll {
        Coll::None => Collation::Exact,
        _ => coll.collation(),
    }
}
