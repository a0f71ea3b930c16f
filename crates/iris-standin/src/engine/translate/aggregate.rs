//! Aggregates and window functions.

use super::super::SqlError;
use super::super::convert::Class;
use super::super::parse::ast::{Expr, Frame, FrameBound, Function, Window};
use super::super::types::DataType;
use super::arguments::{argument_count, wrong_arguments};
use super::output::{is_upper, refuse_stream};
use super::term::{Coll, DECIMAL, Shape, TEXT, Term};
use super::translator::{Aggregates, Translator};

/// What JSON_ARRAYAGG gives: what is longer is cut without an error, unless a CAST around it says another length (manual,
/// "Maximum JSON Array Size").
const JSON_ARRAY: DataType = DataType::VarChar { length: Some(JSON_ARRAY_LENGTH_MAX) };
pub(super) const JSON_ARRAY_LENGTH_MAX: u32 = 8192;

impl Translator<'_> {
    pub(super) fn aggregate(&mut self, upper: &str, function: &Function) -> Result<Term, SqlError> {
        if function.over.is_none() {
            match self.aggregates {
                Aggregates::Allowed => {}
                Aggregates::Forbidden => {
                    return Err(SqlError::prepare(
                        19,
                        format!("Aggregate function {upper} cannot be used in a WHERE or GROUP BY clause"),
                    ));
                }
                Aggregates::Nested => {
                    return Err(SqlError::prepare(19, format!("Aggregate function {upper} within an aggregate")));
                }
            }
        }
        if function.over.is_none() {
            self.aggregates_count += 1;
        } else if !self.windows_allowed {
            return Err(window_misplaced(upper));
        } else if !matches!(upper, "AVG" | "COUNT" | "MAX" | "MIN" | "SUM") {
            return Err(SqlError::prepare(1, format!("{upper} is no window function")));
        }
        let windows_allowed = std::mem::replace(&mut self.windows_allowed, false);
        // Grouped strings are upper-cased outside of aggregates only.
        let groups = std::mem::take(&mut self.upper_groups);
        let term = self.with_aggregates(
            if function.over.is_some() { self.aggregates } else { Aggregates::Nested },
            |translator| translator.aggregate_call(upper, function),
        );
        self.upper_groups = groups;
        self.windows_allowed = windows_allowed;
        let mut term = term?;
        if let Some(window) = &function.over {
            // COUNT counts up from 1, whatever the frame.
            let frame = match (upper, &window.frame) {
                ("COUNT", _) => Some(&TO_CURRENT_ROW),
                (_, None) if !window.order_by.is_empty() => Some(&TO_CURRENT_ROW),
                (_, frame) => frame.as_ref(),
            };
            term.sql.push_str(&self.window(window, frame)?);
            term.shape = Shape::Other;
        }
        Ok(term)
    }

    fn aggregate_call(&mut self, upper: &str, function: &Function) -> Result<Term, SqlError> {
        if function.star {
            if upper != "COUNT" {
                return Err(SqlError::prepare(12, format!("A term expected in {upper}")));
            }
            return Ok(aggregate_term("COUNT(*)".into(), DataType::BigInt));
        }
        argument_count(upper, &function.arguments, 1..=1)?;
        let argument = function.arguments.first().ok_or_else(|| wrong_arguments(upper))?;
        let term = self.value(argument)?;
        if upper != "COUNT" || function.distinct {
            refuse_stream(&term)?;
        }
        let distinct = if function.distinct { "DISTINCT " } else { "" };
        // In a frame of rows NULL is zero.
        let counts_null = upper != "COUNT" && function.over.as_ref().is_some_and(Window::has_frame);
        let term = if counts_null { as_zero(term) } else { term };
        let text = if function.distinct && is_upper(term.class(), term.coll) {
            format!("iris_upper({})", term.sql)
        } else {
            term.sql.clone()
        };
        Ok(match upper {
            "COUNT" => aggregate_term(format!("COUNT({distinct}{text})"), DataType::BigInt),
            "APPROX_COUNT_DISTINCT" => aggregate_term(format!("COUNT(DISTINCT {text})"), DataType::BigInt),
            "MIN" | "MAX" => {
                let collated = Term { sql: text, ..term.clone() }.collated();
                Term { sql: format!("{upper}({collated})"), shape: Shape::Aggregate, nullable: true, ..term }
            }
            "SUM" => match term.class() {
                // SQLite fails where the sum is beyond 64 bits.
                Class::Int if term.data_type == DataType::BigInt => {
                    aggregate_term(format!("iris_sum_whole({distinct}{text})"), DataType::BigInt)
                }
                Class::Int => aggregate_term(format!("SUM({distinct}{text})"), DataType::BigInt),
                Class::Double => aggregate_term(format!("SUM({distinct}{text})"), DataType::Double),
                _ => {
                    let data_type = if term.class() == Class::Decimal { term.data_type } else { DECIMAL };
                    aggregate_term(format!("iris_sum({distinct}{})", self.number_text(&term)?), data_type)
                }
            },
            "AVG" => match term.class() {
                Class::Double => aggregate_term(format!("AVG({distinct}{text})"), DataType::Double),
                _ => aggregate_term(format!("iris_avg({distinct}{})", self.number_text(&term)?), DECIMAL),
            },
            "STDDEV" | "STDDEV_SAMP" | "STDDEV_POP" | "VARIANCE" | "VAR_SAMP" | "VAR_POP" => {
                let name = match upper {
                    "STDDEV" | "STDDEV_SAMP" => "iris_stddev_samp",
                    "STDDEV_POP" => "iris_stddev_pop",
                    "VARIANCE" | "VAR_SAMP" => "iris_var_samp",
                    _ => "iris_var_pop",
                };
                let data_type = if term.class() == Class::Double { DataType::Double } else { DECIMAL };
                aggregate_term(format!("{name}({distinct}{})", self.double_of(&term)?), data_type)
            }
            "LIST" | "%DLIST" => {
                let cast = self.text_of(&term)?;
                if upper == "LIST" {
                    aggregate_term(format!("iris_list({distinct}{cast})"), TEXT)
                } else {
                    aggregate_term(format!("iris_dlist({distinct}{cast})"), DataType::List)
                }
            }
            "JSON_ARRAYAGG" => {
                let json = self.json_value(argument, &term)?;
                aggregate_term(format!("iris_json_arrayagg({distinct}{json})"), JSON_ARRAY)
            }
            _ => return Err(SqlError::prepare(359, format!("User defined SQL function '{upper}' does not exist"))),
        })
    }

    pub(super) fn window_function(&mut self, upper: &str, function: &Function) -> Result<Term, SqlError> {
        let Some(window) = &function.over else {
            return Err(SqlError::prepare(1, format!("{upper} needs an OVER clause")));
        };
        if !self.windows_allowed {
            return Err(window_misplaced(upper));
        }
        let limits = match upper {
            "ROW_NUMBER" | "RANK" | "DENSE_RANK" | "PERCENT_RANK" | "CUME_DIST" => 0..=0,
            "LAG" | "LEAD" => 1..=3,
            "NTH_VALUE" => 2..=2,
            _ => 1..=1,
        };
        argument_count(upper, &function.arguments, limits)?;
        let mut terms = Vec::new();
        self.windows_allowed = false;
        let takes_frame = matches!(upper, "FIRST_VALUE" | "LAST_VALUE" | "NTH_VALUE");
        for (n, argument) in function.arguments.iter().enumerate() {
            let term = self.value(argument)?;
            terms.push(if n == 0 && takes_frame && window.frame.is_some() { as_zero(term) } else { term });
        }
        self.windows_allowed = true;
        let mut term = match (upper, terms.as_slice()) {
            ("ROW_NUMBER" | "RANK" | "DENSE_RANK", _) => Term::new(format!("{upper}()"), DataType::BigInt),
            ("PERCENT_RANK" | "CUME_DIST", _) => Term::new(format!("{upper}()"), DataType::Double),
            ("NTILE", [buckets]) => Term::new(format!("NTILE({})", self.integer_of(buckets)?), DataType::BigInt),
            ("LAG" | "LEAD", [value, rest @ ..]) => {
                let mut sql = format!("{upper}({}", value.sql);
                if let Some(offset) = rest.first() {
                    sql.push_str(&format!(",{}", self.integer_of(offset)?));
                }
                if let Some(default) = rest.get(1) {
                    let default = self.coerce(default, value.data_type, super::super::convert::Purpose::Compare)?;
                    sql.push_str(&format!(",{default}"));
                }
                Term { sql: sql + ")", shape: Shape::Other, nullable: true, ..value.clone() }
            }
            ("NTH_VALUE", [value, n]) => {
                let n = self.integer_of(n)?;
                Term {
                    sql: format!("NTH_VALUE({},{n})", value.sql),
                    shape: Shape::Other,
                    nullable: true,
                    ..value.clone()
                }
            }
            (_, [value]) => {
                Term { sql: format!("{upper}({})", value.sql), shape: Shape::Other, nullable: true, ..value.clone() }
            }
            _ => return Err(wrong_arguments(upper)),
        };
        let frame = match &window.frame {
            Some(frame) => Some(frame),
            None if takes_frame && !window.order_by.is_empty() => Some(&TO_CURRENT_ROW),
            None => None,
        };
        term.sql.push_str(&self.window(window, frame.filter(|_| takes_frame))?);
        Ok(term)
    }

    fn window(&mut self, window: &Window, frame: Option<&Frame>) -> Result<String, SqlError> {
        let mut parts = Vec::new();
        if !window.partition_by.is_empty() {
            let mut keys = Vec::new();
            for key in &window.partition_by {
                keys.push(self.order_key(key)?);
            }
            parts.push(format!("PARTITION BY {}", keys.join(",")));
        }
        if !window.order_by.is_empty() {
            let mut keys = Vec::new();
            for item in &window.order_by {
                keys.push(format!("{}{}", self.order_key(&item.expr)?, if item.descending { " DESC" } else { "" }));
            }
            parts.push(format!("ORDER BY {}", keys.join(",")));
        }
        if let Some(frame) = frame {
            parts.push(frame_text(frame));
        }
        Ok(format!(" OVER ({})", parts.join(" ")))
    }

    /// Without the constant-as-ordinal trap: inside OVER numbers are constants to SQLite too.
    fn order_key(&mut self, expr: &Expr) -> Result<String, SqlError> {
        let term = self.value(expr)?;
        refuse_stream(&term)?;
        Ok(term.collated())
    }
}

fn window_misplaced(upper: &str) -> SqlError {
    SqlError::prepare(19, format!("Window function {upper} is allowed in the SELECT list and ORDER BY only"))
}

fn as_zero(term: Term) -> Term {
    let zero = match term.class() {
        Class::Int | Class::Double => "0",
        Class::Decimal => "'0'",
        _ => return term,
    };
    Term { sql: format!("COALESCE({},{zero})", term.sql), shape: Shape::Other, ..term }
}

fn aggregate_term(sql: String, data_type: DataType) -> Term {
    let coll = if data_type == TEXT { Coll::Function } else { Coll::None };
    let nullable = !sql.starts_with("COUNT(");
    Term { sql, data_type, shape: Shape::Aggregate, coll, nullable }
}

/// As SQLite writes it; bounds in either order mean the same.
fn frame_text(frame: &Frame) -> String {
    let bound = |bound: &FrameBound| match bound {
        FrameBound::UnboundedPreceding => "UNBOUNDED PRECEDING".to_owned(),
        FrameBound::Preceding(rows) => format!("{rows} PRECEDING"),
        FrameBound::CurrentRow => "CURRENT ROW".to_owned(),
        FrameBound::Following(rows) => format!("{rows} FOLLOWING"),
        FrameBound::UnboundedFollowing => "UNBOUNDED FOLLOWING".to_owned(),
    };
    let place = |bound: &FrameBound| match bound {
        FrameBound::UnboundedPreceding => i128::MIN,
        FrameBound::Preceding(rows) => -i128::from(*rows),
        FrameBound::CurrentRow => 0,
        FrameBound::Following(rows) => i128::from(*rows),
        FrameBound::UnboundedFollowing => i128::MAX,
    };
    let current = FrameBound::CurrentRow;
    let end = frame.end.as_ref().unwrap_or(&current);
    let (from, to) = if place(&frame.start) <= place(end) { (&frame.start, end) } else { (end, &frame.start) };
    format!("ROWS BETWEEN {} AND {}", bound(from), bound(to))
}

/// The frame where none is written.
const TO_CURRENT_ROW: Frame = Frame { start: FrameBound::UnboundedPreceding, end: None };

impl Window {
    /// Whether values are taken from a frame of rows, in which NULL is zero: of all rows of the partition it is not.
    fn has_frame(&self) -> bool {
        self.frame.is_some() || !self.order_by.is_empty()
    }
}
