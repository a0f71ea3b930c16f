//! Conditions: WHERE, ON, HAVING, WHEN.

use super::super::SqlError;
use super::super::catalog::Collation;
use super::super::convert::{Class, Purpose};
use super::super::parse::ast::{CompareOp, Condition, Expr, JsonKind, Query};
use super::super::types::DataType;
use super::output::QueryOutput;
use super::term::{Coll, TEXT, Term};
use super::translator::Translator;

/// The terms under AND or OR as a tree of logarithmic depth: SQLite refuses expressions deeper than 1,000, and hangs a
/// chain on its left end.
fn balanced(terms: &[String], word: &str) -> String {
    match terms {
        [] => String::new(),
        [term] => term.clone(),
        terms => {
            let (left, right) = terms.split_at(terms.len() / 2);
            format!("({} {word} {})", balanced(left, word), balanced(right, word))
        }
    }
}

impl Translator<'_> {
    /// What [`Translator::condition`] does.
    pub(super) fn condition_of(&mut self, expr: &Expr) -> Result<String, SqlError> {
        let Expr::Condition(condition) = expr else {
            return Err(SqlError::prepare(14, "A comparison operator is required here: a value alone is no condition"));
        };
        match condition {
            Condition::And(terms) => self.terms(terms, "AND"),
            Condition::Or(terms) => self.terms(terms, "OR"),
            Condition::Not(inner) => Ok(format!("(NOT {})", self.condition(inner)?)),
            Condition::Compare(op, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                self.compare_terms(*op, &left, &right)
            }
            Condition::CompareQuery { op, all, expr, query } => self.quantified(*op, *all, expr, query),
            Condition::IsNull { expr, not } => {
                let term = self.value(expr)?;
                Ok(format!("({} IS {}NULL)", term.sql, if *not { "NOT " } else { "" }))
            }
            Condition::IsJson { expr, kind, not } => {
                let term = self.value(expr)?;
                let kind = match kind {
                    JsonKind::Value => "value",
                    JsonKind::Scalar => "scalar",
                    JsonKind::Array => "array",
                    JsonKind::Object => "object",
                };
                let text = self.text_of(&term)?;
                Ok(format!("({}iris_is_json({text},'{kind}'))", if *not { "NOT " } else { "" }))
            }
            Condition::Like { expr, pattern, escape, not } => {
                let term = self.value(expr)?;
                let pattern = self.value(pattern)?;
                let escape = match escape {
                    Some(escape) => {
                        if let Expr::Literal(super::super::parse::ast::Literal::String(text)) = &**escape
                            && text.chars().count() != 1
                        {
                            return Err(SqlError::prepare(63, "Invalid escape character in LIKE"));
                        }
                        let escape = self.value(escape)?;
                        self.text_of(&escape)?
                    }
                    None => "''".into(),
                };
                self.text_predicate("iris_like", &term, &pattern, *not, &format!(",{escape}"))
            }
            Condition::StartsWith { expr, prefix, not } => {
                let term = self.value(expr)?;
                let prefix = self.value(prefix)?;
                self.text_predicate("iris_starts", &term, &prefix, *not, "")
            }
            Condition::Contains { expr, part, not } => {
                let mut term = self.value(expr)?;
                let part = self.value(part)?;
                term.coll = Coll::Explicit(Collation::Exact);
                self.text_predicate("iris_contains", &term, &part, *not, "")
            }
            Condition::Matches { expr, pattern, not } => {
                let mut term = self.value(expr)?;
                let pattern = self.value(pattern)?;
                term.coll = Coll::Explicit(Collation::Exact);
                self.text_predicate("iris_matches", &term, &pattern, *not, "")
            }
            Condition::Pattern { expr, pattern, not } => {
                let mut term = self.value(expr)?;
                let pattern = self.value(pattern)?;
                term.coll = Coll::Explicit(Collation::Exact);
                self.text_predicate("iris_pattern", &term, &pattern, *not, "")
            }
            Condition::Between { expr, low, high, not } => {
                let term = self.value(expr)?;
                let low = self.value(low)?;
                let high = self.value(high)?;
                self.between(&term, &low, &high, *not)
            }
            Condition::InValues { expr, values, not } => {
                let term = self.value(expr)?;
                let mut terms = Vec::with_capacity(values.len());
                for value in values {
                    terms.push(self.value(value)?);
                }
                self.in_values(&term, &terms, *not)
            }
            Condition::InQuery { expr, query, not } => {
                let term = self.value(expr)?;
                let word = if *not { "NOT IN" } else { "IN" };
                let output = self.one_column(query)?;
                let (left, right) = self.beside(&term, &output)?;
                Ok(format!("({left} {word} ({right}))"))
            }
            Condition::InList { expr, list, not } => {
                let term = self.value(expr)?;
                let list = self.value(list)?;
                let text = self.text_of(&term)?;
                let list = self.coerce(&list, DataType::List, Purpose::Compare)?;
                let upper = i32::from(term.class() == Class::Text && term.coll.collation() == Collation::SqlUpper);
                Ok(format!("({}iris_in_list({text},{list},{upper}))", if *not { "NOT " } else { "" }))
            }
            Condition::Exists(query) => {
                let output = self.query(query)?;
                Ok(format!("EXISTS ({})", output.sql))
            }
        }
    }

    fn terms(&mut self, terms: &[Expr], word: &str) -> Result<String, SqlError> {
        let texts = terms.iter().map(|term| self.condition(term)).collect::<Result<Vec<_>, _>>()?;
        Ok(balanced(&texts, word))
    }

    /// `function(text, pattern [, more], upper)`: the last argument says whether case counts.
    fn text_predicate(
        &mut self,
        function: &str,
        term: &Term,
        pattern: &Term,
        not: bool,
        more: &str,
    ) -> Result<String, SqlError> {
        if term.data_type.is_stream() {
            return Err(SqlError::prepare(313, "Condition not allowed on stream fields"));
        }
        // Dates are matched in the form clients see them in.
        let text = if term.class().is_temporal() {
            let cast = self.cast(term, TEXT)?;
            cast.sql
        } else {
            self.text_of(term)?
        };
        let pattern_text = self.text_of(pattern)?;
        let upper = term.coll.stronger(pattern.coll).collation() == Collation::SqlUpper;
        Ok(format!("({}{function}({text},{pattern_text}{more},{}))", if not { "NOT " } else { "" }, i32::from(upper)))
    }

    fn one_column(&mut self, query: &Query) -> Result<QueryOutput, SqlError> {
        let output = self.query(query)?;
        if output.columns.len() == 1 {
            Ok(output)
        } else {
            Err(SqlError::prepare(10, "The SELECT list of the subquery must have exactly one item"))
        }
    }

    /// Left operand with its collation, and the subquery with its column in the same type.
    fn beside(&mut self, term: &Term, output: &QueryOutput) -> Result<(String, String), SqlError> {
        let Some(column) = output.columns.first() else {
            return Err(SqlError::prepare(10, "The SELECT list of the subquery must have exactly one item"));
        };
        let mut right = Term::new("c1".into(), column.data_type);
        right.coll = column.coll;
        if term.data_type.is_stream() || right.data_type.is_stream() {
            return Err(SqlError::prepare(313, "Condition not allowed on stream fields"));
        }
        let data_type = if term.is_flexible() || term.class() == right.class() {
            right.data_type
        } else {
            super::compare::wider(term.data_type, right.data_type)
        };
        let left = self.coerce(term, data_type, Purpose::Compare)?;
        let inner = self.coerce(&right, data_type, Purpose::Compare)?;
        let typed = Term {
            sql: left,
            data_type,
            shape: super::term::Shape::Other,
            coll: term.coll.stronger(right.coll),
            nullable: true,
        };
        let sql = if inner == "c1" { output.sql.clone() } else { format!("SELECT {inner} FROM ({})", output.sql) };
        Ok((typed.collated(), sql))
    }

    /// `= ANY (query)`, `> ALL (query)`: by EXISTS over the rows that decide.
    fn quantified(&mut self, op: CompareOp, all: bool, expr: &Expr, query: &Query) -> Result<String, SqlError> {
        let term = self.value(expr)?;
        let output = self.one_column(query)?;
        let Some(column) = output.columns.first() else {
            return Err(SqlError::prepare(10, "The SELECT list of the subquery must have exactly one item"));
        };
        let mut right = Term::new("c1".into(), column.data_type);
        right.coll = column.coll;
        let comparison = self.compare_terms(op, &term, &right)?;
        Ok(if all {
            format!("(NOT EXISTS (SELECT 1 FROM ({}) WHERE NOT COALESCE({comparison},0)))", output.sql)
        } else {
            format!("EXISTS (SELECT 1 FROM ({}) WHERE {comparison})", output.sql)
        })
    }
}
