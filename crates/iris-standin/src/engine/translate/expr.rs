//! Values.

use super::super::SqlError;
use super::super::catalog::same_name;
use super::super::convert::{Class, Purpose};
use super::super::decimal::Dec;
use super::super::parse::ast::{BinaryOp, Expr, Function, Literal, Name, OdbcKind, Query};
use super::super::types::DataType;
use super::super::value::Value;
use super::aggregate::JSON_ARRAY_LENGTH_MAX;
use super::slot::SlotSource;
use super::term::quote;
use super::term::{Coll, DECIMAL, Shape, TEXT, Term, constant};
use super::translator::Translator;
use super::type_name;
use iris_protocol::Decimal;
use iris_protocol::ParameterKind;
use rusqlite::types::Value as Stored;

impl Translator<'_> {
    /// What [`Translator::value`] does.
    pub(super) fn value_of(&mut self, expr: &Expr) -> Result<Term, SqlError> {
        let term = self.plain_value(expr)?;
        // The last operation of a chain has been looked at.
        Ok(if matches!(expr, Expr::Binary(..)) { term } else { self.as_grouped(term) })
    }

    /// A grouped string comes out as its group has it: upper-cased.
    fn as_grouped(&self, term: Term) -> Term {
        if self.upper_groups.contains(&term.sql) {
            return Term { sql: format!("iris_upper({})", term.sql), ..term };
        }
        term
    }

    fn plain_value(&mut self, expr: &Expr) -> Result<Term, SqlError> {
        match expr {
            Expr::Literal(literal) => literal_term(literal),
            Expr::Null => {
                Ok(Term { sql: "NULL".into(), data_type: TEXT, shape: Shape::Null, coll: Coll::None, nullable: true })
            }
            Expr::Mark(mark) => self.mark(*mark),
            Expr::Column(parts) => self.column_term(parts),
            Expr::Arrow(reference, field) => self.arrow(reference, field),
            Expr::Variable(name) => self.variable(name, 0),
            Expr::Negate(inner) => self.negate(inner),
            Expr::Binary(first, rest) => {
                let mut left = self.value(first)?;
                for (op, right) in rest {
                    let right = self.value(right)?;
                    let term = self.binary(*op, &left, &right)?;
                    left = self.as_grouped(term);
                }
                Ok(left)
            }
            Expr::Function(function) => {
                let mut term = self.function(function)?;
                if is_json_array(function) {
                    term.sql = format!("substr({},1,{JSON_ARRAY_LENGTH_MAX})", term.sql);
                }
                Ok(term)
            }
            Expr::Cast(inner, to) => {
                let to = type_name::resolve(to)?;
                if let Expr::Function(function) = &**inner
                    && is_json_array(function)
                {
                    let whole = self.function(function)?;
                    return self.cast(&Term { data_type: TEXT, ..whole }, to);
                }
                let term = self.value(inner)?;
                self.cast(&term, to)
            }
            Expr::Convert { data_type, expr, style } => {
                let to = type_name::resolve(data_type)?;
                let term = self.value(expr)?;
                match style {
                    Some(style) => self.convert_styled(&term, to, style),
                    None => self.converted(&term, to),
                }
            }
            Expr::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref())
            }
            Expr::Subquery(query) => self.scalar_subquery(query),
            Expr::OdbcLiteral(kind, inner) => {
                let term = self.value(inner)?;
                self.odbc_literal(*kind, &term)
            }
            Expr::JsonObject { pairs, absent_on_null } => self.json_object(pairs, *absent_on_null),
            Expr::JsonArray { items, absent_on_null } => self.json_array(items, *absent_on_null),
            Expr::Default => Err(SqlError::prepare(1, "DEFAULT is allowed as a value of INSERT and UPDATE only")),
            Expr::Condition(_) => Err(SqlError::prepare(12, "A term expected: a condition is no value")),
        }
    }

    fn column_term(&mut self, parts: &[Name]) -> Result<Term, SqlError> {
        if let Some(last) = parts.last()
            && (last.0 == "%TABLENAME" || last.0 == "%CLASSNAME")
        {
            let table = self.scopes.iter().rev().flat_map(|scope| &scope.sources).find_map(|s| s.table.clone());
            let table = table.ok_or_else(|| SqlError::prepare(29, format!("Field '{}' not found", last.0)))?;
            let text = if last.0 == "%TABLENAME" { table.qualified_name() } else { table.class_name() };
            return Ok(Term::new(super::term::text_constant(&text), TEXT));
        }
        self.column(parts)
    }

    fn mark(&mut self, mark: u32) -> Result<Term, SqlError> {
        let data_type = match self.mark_kind(mark) {
            ParameterKind::User | ParameterKind::StringLiteral => TEXT,
            ParameterKind::IntegerLiteral => DataType::Integer,
            ParameterKind::NumberLiteral => DECIMAL,
        };
        let (slot, sql) = self.add_slot(SlotSource::Parameter(mark), data_type);
        if let Some(known @ None) = usize::try_from(mark).ok().and_then(|mark| self.parameter_types.get_mut(mark))
            && self
                .environment
                .kinds
                .get(usize::try_from(mark).unwrap_or(usize::MAX))
                .is_some_and(|kind| *kind != ParameterKind::User)
        {
            *known = Some(data_type);
        }
        Ok(Term { sql, data_type, shape: Shape::Mark { slot, typed: false }, coll: Coll::None, nullable: true })
    }

    fn negate(&mut self, inner: &Expr) -> Result<Term, SqlError> {
        if let Expr::Literal(Literal::Integer(digits)) = inner {
            return literal_term(&Literal::Integer(format!("-{digits}")));
        }
        if let Expr::Literal(Literal::Number(digits)) = inner {
            return literal_term(&Literal::Number(format!("-{digits}")));
        }
        let term = self.value(inner)?;
        match term.class() {
            Class::Int | Class::Double => {
                let sql = match term.shape {
                    Shape::Mark { slot, typed: false } => {
                        self.set_slot(slot, term.data_type, Purpose::Compare, None);
                        format!("(-{})", term.sql)
                    }
                    _ => format!("(-{})", term.sql),
                };
                Ok(Term::new(sql, term.data_type))
            }
            _ => {
                let data_type = if term.class() == Class::Decimal { term.data_type } else { DECIMAL };
                let sql = format!("iris_subtract('0',{})", self.decimal_of(&term)?);
                Ok(Term::new(sql, data_type))
            }
        }
    }

    pub(super) fn binary(&mut self, op: BinaryOp, left: &Term, right: &Term) -> Result<Term, SqlError> {
        if op == BinaryOp::Concat {
            // IRIS takes the stream's OID for its text. Nobody wants that: a statement that would get it has a defect.
            super::output::refuse_stream(left)?;
            super::output::refuse_stream(right)?;
            let sql = format!("({} || {})", self.text_of(left)?, self.text_of(right)?);
            return Ok(Term::new(sql, TEXT));
        }
        for term in [left, right] {
            if matches!(term.class(), Class::Vector | Class::Bytes | Class::List) {
                return Err(SqlError::prepare(1, "arithmetic needs numbers"));
            }
            super::output::refuse_stream(term)?;
        }
        // An untyped mark takes the number type of the other side.
        let number_class = |term: &Term, other: &Term, translator: &Self| {
            if translator.is_untyped(term) {
                return if other.class().is_numeric() && !translator.is_untyped(other) {
                    other.class()
                } else {
                    Class::Decimal
                };
            }
            match term.class() {
                Class::Double => Class::Double,
                Class::Int | Class::Date => Class::Int,
                _ => Class::Decimal,
            }
        };
        let (a, b) = (number_class(left, right, self), number_class(right, left, self));
        let exact_integers =
            a == Class::Int && b == Class::Int && matches!(op, BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply);
        if exact_integers {
            let symbol = match op {
                BinaryOp::Add => "+",
                BinaryOp::Subtract => "-",
                _ => "*",
            };
            let operand = |translator: &mut Self, term: &Term| match term.class() {
                Class::Date => Ok(term.sql.clone()),
                _ => translator.coerce(term, DataType::BigInt, Purpose::Compare),
            };
            let sql = format!("({}{symbol}{})", operand(self, left)?, operand(self, right)?);
            let wide = left.data_type == DataType::BigInt || right.data_type == DataType::BigInt;
            return Ok(Term::new(sql, if wide { DataType::BigInt } else { DataType::Integer }));
        }
        if (a == Class::Double || b == Class::Double) && !matches!(op, BinaryOp::IntegerDivide | BinaryOp::Modulo) {
            let (x, y) = (self.double_of(left)?, self.double_of(right)?);
            let sql = match op {
                BinaryOp::Add => format!("({x}+{y})"),
                BinaryOp::Subtract => format!("({x}-{y})"),
                BinaryOp::Multiply => format!("iris_multiply_double({x},{y})"),
                _ => format!("iris_divide_double({x},{y})"),
            };
            return Ok(Term::new(sql, DataType::Double));
        }
        let function = match op {
            BinaryOp::Add => "iris_add",
            BinaryOp::Subtract => "iris_subtract",
            BinaryOp::Multiply => "iris_multiply",
            BinaryOp::Divide => "iris_divide",
            BinaryOp::IntegerDivide => "iris_integer_divide",
            BinaryOp::Modulo => "iris_modulo",
            BinaryOp::Concat => "iris_concat",
        };
        let sql = format!("{function}({},{})", self.number_text(left)?, self.number_text(right)?);
        let data_type = arithmetic_type(op, left, right);
        let term = Term::new(sql, data_type);
        Ok(term)
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
    ) -> Result<Term, SqlError> {
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for (when, then) in branches {
            conditions.push(match operand {
                Some(operand) => {
                    let left = self.value(operand)?;
                    let right = self.value(when)?;
                    self.compare_terms(super::super::parse::ast::CompareOp::Equal, &left, &right)?
                }
                None => self.condition(when)?,
            });
            results.push(self.value(then)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.value(otherwise)?);
        }
        let (texts, data_type, coll) = self.unify(&results)?;
        let mut sql = String::from("CASE");
        for (index, text) in texts.iter().enumerate() {
            match conditions.get(index) {
                Some(condition) => sql.push_str(&format!(" WHEN {condition} THEN {text}")),
                None => sql.push_str(&format!(" ELSE {text}")),
            }
        }
        sql.push_str(" END");
        Ok(Term { sql: format!("({sql})"), data_type, shape: Shape::Other, coll, nullable: true })
    }

    fn scalar_subquery(&mut self, query: &Query) -> Result<Term, SqlError> {
        let output = self.query(query)?;
        let [column] = output.columns.as_slice() else {
            return Err(SqlError::prepare(10, "The SELECT list of the subquery must have exactly one item"));
        };
        Ok(Term {
            sql: format!("(SELECT c1 FROM ({}))", output.sql),
            data_type: column.data_type,
            shape: Shape::Subquery,
            coll: column.coll,
            nullable: true,
        })
    }

    fn odbc_literal(&mut self, kind: OdbcKind, term: &Term) -> Result<Term, SqlError> {
        if !term.is_flexible() {
            return Err(SqlError::prepare(1, "ODBC date, time or timestamp literal expected"));
        }
        let data_type = match kind {
            OdbcKind::Date => DataType::Date,
            OdbcKind::Time => DataType::Time { precision: 9 },
            OdbcKind::Timestamp => DataType::Timestamp { precision: 9 },
        };
        let sql = self.coerce(term, data_type, Purpose::Compare)?;
        Ok(Term::new(sql, data_type))
    }

    /// `reference->column`: the row a foreign key of one column leads to.
    fn arrow(&mut self, reference: &Expr, field: &Name) -> Result<Term, SqlError> {
        let Expr::Column(parts) = reference else {
            return Err(SqlError::prepare(1, "a field expected before '->'"));
        };
        let term = self.column(parts)?;
        let name = parts.last().map(|part| part.0.clone()).unwrap_or_default();
        let no_reference = || SqlError::prepare(29, format!("Field '{name}' is no reference"));
        let sources = self.scopes.iter().rev().flat_map(|scope| &scope.sources);
        let table = sources.filter_map(|source| source.table.clone()).find(|table| {
            table.column(&name).is_some()
                && matches!(&term.shape, Shape::Column { origin: Some(origin), .. } if same_name(&origin.table, &table.name))
        });
        let table = table.ok_or_else(no_reference)?;
        let is_own = |columns: &[String]| matches!(columns, [column] if same_name(column, &name));
        let key = table.foreign_keys.iter().find(|key| is_own(&key.columns)).ok_or_else(no_reference)?;
        let parent = self.environment.catalog.table(&key.parent_schema, &key.parent_table).ok_or_else(no_reference)?;
        self.remember_table(&parent);
        let alias = self.alias();
        let source = super::scope::table_source(&parent, None, &alias, true);
        let column = source.columns.iter().find(|column| same_name(&column.name, &field.0));
        let column = column.ok_or_else(|| {
            SqlError::prepare(29, format!("Field '{}' not found in the applicable tables", field.0.to_uppercase()))
        })?;
        let target = key.parent_columns.first().cloned().unwrap_or_else(|| parent.row_id_column().to_owned());
        let sql = format!(
            "(SELECT {} FROM {} AS {alias} WHERE {alias}.{}={})",
            column.sql,
            quote(&parent.sqlite_name),
            quote(&target),
            term.sql
        );
        let mut result = column.term();
        result.sql = sql;
        result.shape = Shape::Column { name: field.0.clone(), origin: None };
        Ok(result)
    }
}

fn arithmetic_type(op: BinaryOp, left: &Term, right: &Term) -> DataType {
    let scale = |term: &Term| match term.data_type {
        DataType::Numeric { scale, .. } => scale,
        DataType::Currency => 4,
        _ if term.class() == Class::Int => 0,
        _ => 15,
    };
    let (a, b) = (scale(left), scale(right));
    let scale = match op {
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Modulo => a.max(b),
        BinaryOp::Multiply => (a + b).min(18),
        BinaryOp::IntegerDivide => 0,
        BinaryOp::Divide | BinaryOp::Concat => 15,
    };
    DataType::Numeric { precision: 19, scale }
}

pub(super) fn literal_term(literal: &Literal) -> Result<Term, SqlError> {
    let (value, data_type) = match literal {
        Literal::String(text) => {
            let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX).max(1);
            (Value::Text(text.clone()), DataType::VarChar { length: Some(length) })
        }
        Literal::Integer(digits) => match digits.parse::<i64>() {
            Ok(number) if i32::try_from(number).is_ok() => (Value::Int(number), DataType::Integer),
            Ok(number) => (Value::Int(number), DataType::BigInt),
            Err(_) => number(digits)?,
        },
        Literal::Number(digits) => number(digits)?,
    };
    let sql = match &value {
        Value::Text(text) => super::term::text_constant(text),
        Value::Int(number) => constant(&Stored::Integer(*number)),
        Value::Double(double) => constant(&Stored::Real(*double)),
        Value::Decimal(decimal) => {
            let dec = Dec::reduced(i128::from(decimal.mantissa), i32::from(decimal.scale)).unwrap_or(Dec::ZERO);
            super::term::text_constant(&dec.text())
        }
        Value::Null | Value::Bytes(_) => "NULL".into(),
    };
    Ok(Term { sql, data_type, shape: Shape::Literal(value), coll: Coll::None, nullable: false })
}

fn number(digits: &str) -> Result<(Value, DataType), SqlError> {
    if let Some(dec) = Dec::parse(digits) {
        let (mantissa, exponent) = dec.parts();
        if let Ok(scale) = i8::try_from(exponent) {
            let behind = u32::try_from(-exponent).unwrap_or(0);
            let precision = u32::try_from(mantissa.unsigned_abs().to_string().len()).unwrap_or(19).max(behind + 1);
            return Ok((Value::Decimal(Decimal { mantissa, scale }), DataType::Numeric { precision, scale: behind }));
        }
    }
    match digits.parse::<f64>() {
        Ok(double) if double.is_finite() => Ok((Value::Double(double), DataType::Double)),
        _ => Err(SqlError::prepare(7, format!("Exponent out of range: {digits}"))),
    }
}

fn is_json_array(function: &Function) -> bool {
    function.name.eq_ignore_ascii_case("JSON_ARRAYAGG")
}
