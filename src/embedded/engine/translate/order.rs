//! ORDER BY, TOP, LIMIT.

use super::super::SqlError;
use super::super::catalog::Collation;
use super::super::convert::{Class, Purpose};
use super::super::parse::ast::{Expr, Limit, Literal, OrderItem, Select, SelectItem, same_name};
use super::super::types::{DECIMAL_COLLATION, DataType};
use super::Translator;
use super::query::{Item, OutColumn, refuse_stream};
use super::term::{Coll, Shape, collation_name};

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
        if let Expr::Column(parts) = expr
            && let [name] = parts.as_slice()
        {
            let by_alias = items.iter().position(|item| item.column.aliased && same_name(&item.column.name, &name.0));
            if by_alias.is_some() {
                return Ok(by_alias);
            }
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
