//! JSON constructors.

use super::super::SqlError;
use super::super::parse::ast::Expr;
use super::term::{TEXT, Term};
use super::translator::Translator;

impl Translator<'_> {
    pub(super) fn json_object(&mut self, pairs: &[(Expr, Expr)], absent_on_null: bool) -> Result<Term, SqlError> {
        let mut parts = vec![i32::from(absent_on_null).to_string()];
        for (key, value) in pairs {
            let key = self.value(key)?;
            parts.push(self.text_of(&key)?);
            let term = self.value(value)?;
            parts.push(self.json_value(value, &term)?);
        }
        Ok(Term::new(format!("iris_json_object({})", parts.join(",")), TEXT))
    }

    pub(super) fn json_array(&mut self, items: &[Expr], absent_on_null: bool) -> Result<Term, SqlError> {
        let mut parts = vec![i32::from(absent_on_null).to_string()];
        for item in items {
            let term = self.value(item)?;
            parts.push(self.json_value(item, &term)?);
        }
        Ok(Term::new(format!("iris_json_array({})", parts.join(",")), TEXT))
    }

    /// A value as JSON text; results of the JSON functions stay what they are. NULL stays NULL.
    pub(super) fn json_value(&mut self, expr: &Expr, term: &Term) -> Result<String, SqlError> {
        let is_json = match expr {
            Expr::JsonObject { .. } | Expr::JsonArray { .. } => true,
            Expr::Function(function) => function.name.eq_ignore_ascii_case("JSON_ARRAYAGG"),
            _ => false,
        };
        if is_json {
            return Ok(term.sql.clone());
        }
        let sql = self.coerce(term, term.data_type, super::super::convert::Purpose::Compare)?;
        Ok(format!("iris_json({sql},{})", term.class().code()))
    }
}
