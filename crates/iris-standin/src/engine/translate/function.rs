//! Functions: dispatch by name, conditionals, numbers, vectors, system functions.

use super::super::SqlError;
use super::super::catalog::Collation;
use super::super::convert::{Class, Purpose};
use super::super::parse::ast::{CompareOp, Expr, Function, Literal};
use super::super::types::{DataType, VectorElement};
use super::arguments::{unknown_function, wrong_arguments};
use super::shape;
use super::slot::SlotSource;
use super::term::{Coll, DECIMAL, Shape, TEXT, Term, text_constant};
use super::translator::Translator;

/// Only as `{fn ..}`: without the braces IRIS looks for a user's function (facts, "SELECT and functions").
const BRACED_ONLY: [&str; 13] =
    ["ACOS", "ASIN", "ATAN", "ATAN2", "COS", "COT", "EXP", "LOG", "LOG10", "PI", "SIN", "TAN", "DATABASE"];

/// Functions that take a stream; CONVERT is not among them only because it is no call here (manual, "Scalar Functions and
/// Streams").
const STREAM_FUNCTIONS: [&str; 5] = ["CHAR_LENGTH", "CHARACTER_LENGTH", "DATALENGTH", "SUBSTRING", "%INTERNAL"];

impl Translator<'_> {
    pub(super) fn function(&mut self, function: &Function) -> Result<Term, SqlError> {
        let upper = function.name.to_uppercase();
        if shape::is_aggregate(&upper) {
            return self.aggregate(&upper, function);
        }
        if shape::is_window_only(&upper) {
            return self.window_function(&upper, function);
        }
        if function.star || function.distinct {
            return Err(SqlError::prepare(12, format!("A term expected in {}", function.name)));
        }
        if function.over.is_some() {
            return Err(SqlError::prepare(1, format!("{upper} is no window function")));
        }
        if BRACED_ONLY.contains(&upper.as_str()) && !function.braced {
            return Err(unknown_function(&function.name));
        }
        if let Some(term) = self.clock_function(&upper, &function.arguments)? {
            return Ok(term);
        }
        // JSON_ARRAYAGG inside others and date parts need the tree, everything else its translated arguments.
        let mut terms = Vec::with_capacity(function.arguments.len());
        for argument in &function.arguments {
            terms.push(self.value(argument)?);
        }
        if !STREAM_FUNCTIONS.contains(&upper.as_str()) {
            terms.iter().try_for_each(super::output::refuse_stream)?;
        }
        if let Some(term) = self.collation_function(&upper, &terms)? {
            return Ok(term);
        }
        if let Some(term) = self.conditional_function(&upper, &terms, function.braced)? {
            return Ok(term);
        }
        if let Some(term) = self.text_function(&upper, &terms)? {
            return Ok(term);
        }
        if let Some(term) = self.number_function(&upper, &terms)? {
            return Ok(term);
        }
        if let Some(term) = self.date_function(&upper, &terms, &function.arguments)? {
            return Ok(term);
        }
        if let Some(term) = self.vector_function(&upper, &terms, &function.arguments)? {
            return Ok(term);
        }
        if let Some(term) = self.system_function(&upper, &terms)? {
            return Ok(term);
        }
        self.routine(&function.name, &terms)
    }

    /// A routine that somebody defined: it prepares, and fails with -149 when it is called. -359: there is none.
    fn routine(&mut self, name: &str, terms: &[Term]) -> Result<Term, SqlError> {
        let (schema, own) = name.rsplit_once('.').unwrap_or((self.environment.default_schema, name));
        let routine = self.environment.catalog.routine(schema, own).ok_or_else(|| unknown_function(name))?;
        if routine.parameters.len() < terms.len() {
            return Err(wrong_arguments(name));
        }
        let mut arguments = vec![text_constant(&format!("{}.{}", routine.schema, routine.name))];
        arguments.push(text_constant(&routine.language));
        for term in terms {
            arguments.push(self.text_of(term)?);
        }
        let data_type = routine.returns.unwrap_or(TEXT);
        Ok(Term::new(format!("iris_routine({})", arguments.join(",")), data_type))
    }

    fn collation_function(&mut self, upper: &str, terms: &[Term]) -> Result<Option<Term>, SqlError> {
        let collation = match upper {
            "%EXACT" | "%MVR" | "%TRUNCATE" => Collation::Exact,
            "%SQLUPPER" | "%UPPER" | "%ALPHAUP" => Collation::SqlUpper,
            "%SQLSTRING" | "%STRING" => Collation::SqlString,
            "%INTERNAL" | "%ODBCIN" | "%PLUS" => {
                let [term] = terms else { return Err(wrong_arguments(upper)) };
                return Ok(Some(term.clone()));
            }
            "%EXTERNAL" | "%ODBCOUT" => {
                let [term] = terms else { return Err(wrong_arguments(upper)) };
                return self.cast(term, TEXT).map(Some);
            }
            _ => return Ok(None),
        };
        let term = match terms {
            [term] => term,
            [term, _] if upper != "%EXACT" => term,
            _ => return Err(wrong_arguments(upper)),
        };
        let mut result = term.clone();
        if result.class() == Class::Text {
            result.coll = Coll::Explicit(collation);
            let text = self.text_of(term)?;
            result.sql = match collation {
                // SQLite gives a bare column its declared collation wherever values are told apart.
                Collation::Exact if matches!(term.shape, Shape::Mark { .. } | Shape::Literal(_)) => text,
                Collation::Exact => format!("({text} COLLATE BINARY)"),
                Collation::SqlUpper => format!("iris_upper({text})"),
                Collation::SqlString => format!("iris_sqlstring({text})"),
            };
        }
        // No more a plain column, and no literal that could change its type.
        match result.shape {
            Shape::Mark { .. } | Shape::Literal(_) => {}
            _ => result.shape = Shape::Other,
        }
        Ok(Some(result))
    }

    fn conditional_function(&mut self, upper: &str, terms: &[Term], braced: bool) -> Result<Option<Term>, SqlError> {
        match (upper, terms) {
            ("COALESCE", [_, _, ..]) | ("NVL" | "ISNULL", [_, _]) => {
                let (texts, data_type, coll) = self.unify(terms)?;
                let nullable = terms.iter().all(|term| term.nullable);
                let sql = format!("COALESCE({})", texts.join(","));
                Ok(Some(Term { sql, data_type, shape: Shape::Other, coll, nullable }))
            }
            ("IFNULL", [_, _]) if braced => self.conditional_function("NVL", terms, false),
            // Without braces: the second argument where the first is NULL, else NULL (or the third argument).
            ("IFNULL", [test, null, rest @ ..]) if rest.len() < 2 => {
                let mut results = vec![null.clone()];
                results.extend(rest.iter().cloned());
                let (texts, data_type, coll) = self.unify(&results)?;
                let otherwise = texts.get(1).cloned().unwrap_or_else(|| "NULL".into());
                let null = texts.first().cloned().unwrap_or_default();
                let sql = format!("(CASE WHEN {} IS NULL THEN {null} ELSE {otherwise} END)", test.sql);
                Ok(Some(Term { sql, data_type, shape: Shape::Other, coll, nullable: true }))
            }
            ("NULLIF", [a, b]) => {
                let equal = self.compare_terms(CompareOp::Equal, a, b)?;
                let data_type = if self.is_untyped(a) { b.data_type } else { a.data_type };
                let value = self.coerce(a, data_type, Purpose::Compare)?;
                let sql = format!("(CASE WHEN {equal} THEN NULL ELSE {value} END)");
                Ok(Some(Term { sql, data_type, shape: Shape::Other, coll: a.coll, nullable: true }))
            }
            ("DECODE", [value, rest @ ..]) if rest.len() >= 2 => self.decode(value, rest).map(Some),
            ("GREATEST" | "LEAST", [_, _, ..]) => {
                let (texts, data_type, coll) = self.unify(terms)?;
                let op = if upper == "GREATEST" { CompareOp::GreaterEqual } else { CompareOp::LessEqual };
                // NULL as soon as one is: the tests for it come first.
                let nulls: Vec<String> = texts.iter().map(|text| format!("{text} IS NULL")).collect();
                let mut sql = format!("(CASE WHEN {} THEN NULL", nulls.join(" OR "));
                for (index, text) in texts.iter().enumerate() {
                    let mut tests = Vec::new();
                    for (other, other_text) in texts.iter().enumerate() {
                        if other != index {
                            let own = typed(text, data_type, coll);
                            tests.push(self.compare_terms(op, &own, &typed(other_text, data_type, coll))?);
                        }
                    }
                    sql.push_str(&format!(" WHEN {} THEN {text}", tests.join(" AND ")));
                }
                sql.push_str(" END)");
                Ok(Some(Term { sql, data_type, shape: Shape::Other, coll, nullable: true }))
            }
            ("COALESCE" | "NVL" | "ISNULL" | "IFNULL" | "NULLIF" | "GREATEST" | "LEAST" | "DECODE", _) => {
                Err(wrong_arguments(upper))
            }
            _ => Ok(None),
        }
    }

    /// `DECODE(value, search, result, .. [, default])`: two NULLs count as equal.
    fn decode(&mut self, value: &Term, rest: &[Term]) -> Result<Term, SqlError> {
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for pair in rest.chunks(2) {
            match pair {
                [search, result] if search.shape == Shape::Null => {
                    conditions.push(format!("{} IS NULL", value.sql));
                    results.push(result.clone());
                }
                [search, result] => {
                    conditions.push(self.compare_terms(CompareOp::Equal, value, search)?);
                    results.push(result.clone());
                }
                other => results.extend(other.iter().cloned()),
            }
        }
        let (texts, data_type, coll) = self.unify(&results)?;
        let mut sql = String::from("(CASE");
        for (index, text) in texts.iter().enumerate() {
            match conditions.get(index) {
                Some(condition) => sql.push_str(&format!(" WHEN {condition} THEN {text}")),
                None => sql.push_str(&format!(" ELSE {text}")),
            }
        }
        sql.push_str(" END)");
        Ok(Term { sql, data_type, shape: Shape::Other, coll, nullable: true })
    }

    fn number_function(&mut self, upper: &str, terms: &[Term]) -> Result<Option<Term>, SqlError> {
        let known = matches!(
            upper,
            "ABS"
                | "CEILING"
                | "CEIL"
                | "FLOOR"
                | "ROUND"
                | "TRUNCATE"
                | "TRUNC"
                | "MOD"
                | "POWER"
                | "SQRT"
                | "SQUARE"
                | "SIGN"
                | "PI"
                | "EXP"
                | "LOG"
                | "LOG10"
                | "SIN"
                | "COS"
                | "TAN"
                | "COT"
                | "ASIN"
                | "ACOS"
                | "ATAN"
                | "ATAN2"
                | "DEGREES"
                | "RADIANS"
                | "ISNUMERIC"
                | "%TSQL.ZRAND"
                | "TO_NUMBER"
                | "%MINUS"
        );
        if !known {
            return Ok(None);
        }
        let any_double = terms.iter().any(|term| term.class() == Class::Double);
        let sql_type = match (upper, terms) {
            ("PI", []) => ("3.14159265358979323846".to_owned(), DataType::Double),
            ("ABS", [x]) if matches!(x.class(), Class::Int | Class::Double) && !x.is_flexible() => {
                (format!("abs({})", x.sql), x.data_type)
            }
            ("CEILING" | "CEIL" | "FLOOR" | "SIGN", [x]) if x.class() == Class::Int && !x.is_flexible() => {
                (if upper == "SIGN" { format!("sign({})", x.sql) } else { x.sql.clone() }, DataType::Integer)
            }
            ("ABS" | "CEILING" | "CEIL" | "FLOOR" | "SIGN" | "%MINUS", [x]) => {
                let name = match upper {
                    "ABS" => "iris_abs",
                    "FLOOR" => "iris_floor",
                    "SIGN" => "iris_sign",
                    "%MINUS" => "iris_minus",
                    _ => "iris_ceiling",
                };
                let whole = !matches!(upper, "ABS" | "%MINUS");
                let data_type = if whole {
                    DataType::Numeric { precision: 19, scale: 0 }
                } else if x.class() == Class::Decimal {
                    x.data_type
                } else {
                    DECIMAL
                };
                (format!("{name}({})", self.number_text(x)?), data_type)
            }
            ("ROUND" | "TRUNCATE" | "TRUNC", [x]) => {
                let name = if upper == "ROUND" { "iris_round" } else { "iris_truncate" };
                (format!("{name}({},0)", self.number_text(x)?), DataType::Numeric { precision: 19, scale: 0 })
            }
            ("ROUND" | "TRUNCATE" | "TRUNC", [x, digits]) => {
                let name = if upper == "ROUND" { "iris_round" } else { "iris_truncate" };
                let decimal = format!("{name}({},{})", self.number_text(x)?, self.integer_of(digits)?);
                if any_double { (format!("CAST({decimal} AS REAL)"), DataType::Double) } else { (decimal, DECIMAL) }
            }
            ("ROUND", [x, digits, flag]) => {
                let (x, digits, flag) = (self.number_text(x)?, self.integer_of(digits)?, self.integer_of(flag)?);
                let sql =
                    format!("(CASE {flag} WHEN 0 THEN iris_round({x},{digits}) ELSE iris_truncate({x},{digits}) END)");
                (sql, DECIMAL)
            }
            ("MOD", [a, b]) => (format!("iris_mod({},{})", self.number_text(a)?, self.number_text(b)?), DECIMAL),
            ("TO_NUMBER", [x]) => (format!("iris_number({})", self.text_of(x)?), DECIMAL),
            ("ISNUMERIC", [x]) => (format!("iris_isnumeric({})", self.text_of(x)?), DataType::Integer),
            ("%TSQL.ZRAND", [x]) => (format!("iris_random({})", self.double_of(x)?), DataType::Double),
            ("POWER", [a, b]) => {
                (format!("iris_power({},{})", self.double_of(a)?, self.double_of(b)?), number_type(terms))
            }
            ("ATAN2", [a, b]) => {
                (format!("iris_atan2({},{})", self.double_of(a)?, self.double_of(b)?), DataType::Double)
            }
            ("SQRT" | "SQUARE" | "DEGREES" | "RADIANS", [x]) => {
                let x = self.double_of(x)?;
                let sql = match upper {
                    "SQRT" => format!("iris_sqrt({x})"),
                    "SQUARE" => format!("({x}*{x})"),
                    "DEGREES" => format!("iris_degrees({x})"),
                    _ => format!("iris_radians({x})"),
                };
                (sql, number_type(terms))
            }
            ("EXP" | "LOG" | "LOG10" | "SIN" | "COS" | "TAN" | "COT" | "ASIN" | "ACOS" | "ATAN", [x]) => {
                let x = self.double_of(x)?;
                let sql = match upper {
                    "LOG" => format!("iris_ln({x})"),
                    "LOG10" => format!("iris_log10({x})"),
                    "COT" => format!("iris_divide_double(1.0,iris_tan({x}))"),
                    _ => format!("iris_{}({x})", upper.to_lowercase()),
                };
                (sql, DataType::Double)
            }
            _ => return Err(wrong_arguments(upper)),
        };
        Ok(Some(Term::new(sql_type.0, sql_type.1)))
    }

    fn vector_function(&mut self, upper: &str, terms: &[Term], exprs: &[Expr]) -> Result<Option<Term>, SqlError> {
        match (upper, terms) {
            ("TO_VECTOR", [data, rest @ ..]) if rest.len() < 3 => {
                let element = match exprs.get(1) {
                    None => VectorElement::Float,
                    Some(Expr::Literal(Literal::String(name))) => VectorElement::from_name(name)
                        .ok_or_else(|| SqlError::prepare(1, format!("Invalid vector type '{name}' in TO_VECTOR")))?,
                    Some(_) => return Err(SqlError::prepare(1, "The type of TO_VECTOR must be a literal")),
                };
                let length = match (rest.get(1), exprs.get(2)) {
                    (None, _) => None,
                    (Some(_), Some(Expr::Literal(Literal::Integer(digits)))) => digits.parse::<u32>().ok(),
                    // The official driver makes a mark of the length literal; its value is known at run time only.
                    (Some(Term { shape: Shape::Mark { slot, .. }, .. }), _) if self.is_literal_mark(*slot) => None,
                    _ => return Err(SqlError::prepare(1, "The length of TO_VECTOR must be a literal")),
                };
                let data_type = DataType::Vector { element, length };
                let length_text = match rest.get(1) {
                    Some(term) => self.integer_of(term)?,
                    None => "0".into(),
                };
                let sql = if rest.len() < 2 && data.is_flexible() {
                    // Parsed once when it is bound, not for each row.
                    self.coerce(data, data_type, Purpose::Cast)?
                } else {
                    format!("iris_to_vector({},{},{length_text})", self.text_of(data)?, element as u8)
                };
                let mut term = Term::new(sql, data_type);
                if let Shape::Mark { slot, .. } = data.shape
                    && rest.len() < 2
                {
                    term.shape = Shape::Mark { slot, typed: true };
                }
                Ok(Some(term))
            }
            ("VECTOR_COSINE" | "VECTOR_DOT_PRODUCT", [a, b]) => {
                let (a_text, b_text) = (self.vector_operand(a, b)?, self.vector_operand(b, a)?);
                if let (DataType::Vector { element: x, .. }, DataType::Vector { element: y, .. }) =
                    (a.data_type, b.data_type)
                    && x != y
                {
                    return Err(SqlError::execute(
                        259,
                        format!(
                            "Cannot perform vector operation on vectors of different types: {}, {}",
                            x.name(),
                            y.name()
                        ),
                    ));
                }
                let name = if upper == "VECTOR_COSINE" { "iris_vector_cosine" } else { "iris_vector_dot" };
                Ok(Some(Term::new(format!("{name}({a_text},{b_text})"), DataType::Double)))
            }
            ("TO_VECTOR" | "VECTOR_COSINE" | "VECTOR_DOT_PRODUCT", _) => Err(wrong_arguments(upper)),
            _ => Ok(None),
        }
    }

    /// A vector as it is; text beside a vector is converted to its element type.
    pub(super) fn vector_operand(&mut self, term: &Term, other: &Term) -> Result<String, SqlError> {
        if let DataType::Vector { length: None, .. } = term.data_type
            && matches!(&term.shape, Shape::Column { origin: Some(_), .. })
        {
            return Err(SqlError::execute(
                260,
                "Vector column without a declared length cannot be used in vector functions",
            ));
        }
        match (term.class(), other.data_type) {
            _ if matches!(term.data_type, DataType::Vector { element: VectorElement::Text, .. }) => {
                Err(SqlError::execute(258, "Vectors of type string are not supported"))
            }
            (Class::Vector, _) => Ok(term.sql.clone()),
            (_, DataType::Vector { element, .. }) if term.class() == Class::Text => {
                self.coerce(term, DataType::Vector { element, length: None }, Purpose::Compare)
            }
            _ => Err(SqlError::execute(258, "Vector functions need vectors: use TO_VECTOR")),
        }
    }

    fn system_function(&mut self, upper: &str, terms: &[Term]) -> Result<Option<Term>, SqlError> {
        let (source, data_type) = match (upper, terms) {
            ("LAST_IDENTITY", []) => (SlotSource::LastIdentity, DataType::BigInt),
            ("USER" | "CURRENT_USER" | "%SYSTEM_SECURITY.GETUSER" | "%SYSTEM.SECURITY.GETUSER", []) => {
                (SlotSource::User, TEXT)
            }
            ("DATABASE", []) => (SlotSource::Namespace, TEXT),
            ("%SYSTEM_SQL.DEFAULTSCHEMA" | "%SYSTEM_SQL.SCHEMA_DEFAULT", []) => {
                return Ok(Some(Term::new(text_constant(self.environment.default_schema), TEXT)));
            }
            ("%SYSTEM_SQL.UTIL_GETOPTION", [option]) => {
                let option = self.text_of(option)?;
                let (_, level) = self.add_slot(SlotSource::IsolationMode, TEXT);
                return Ok(Some(Term::new(format!("iris_option({option},{level})"), TEXT)));
            }
            _ => return Ok(None),
        };
        let (slot, sql) = self.add_slot(source, data_type);
        let coll = if data_type == TEXT { Coll::Function } else { Coll::None };
        Ok(Some(Term { sql, data_type, shape: Shape::Mark { slot, typed: true }, coll, nullable: true }))
    }
}

fn typed(sql: &str, data_type: DataType, coll: Coll) -> Term {
    Term { sql: sql.to_owned(), data_type, shape: Shape::Other, coll, nullable: true }
}

/// IRIS gives doubles for doubles and decimals for the rest; the engine computes these in doubles.
fn number_type(terms: &[Term]) -> DataType {
    if terms.iter().any(|term| term.class() == Class::Double) { DataType::Double } else { DECIMAL }
}
