//! Exact arithmetic over decimal text, and mathematics over doubles.

use rusqlite::Connection;
use rusqlite::types::Value as Stored;

use super::super::decimal::Dec;
use super::call::{Call, decimal_result, raise, strict};
use super::formats;

type Operation = fn(Dec, Dec) -> Option<Dec>;
type Rounding = fn(Dec) -> Dec;
type Mathematics = fn(f64) -> f64;

fn divide_error() -> rusqlite::Error {
    raise(400, "Fatal error occurred: <DIVIDE>")
}

pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    let operations: [(&str, Operation); 3] =
        [("iris_add", Dec::add), ("iris_subtract", Dec::subtract), ("iris_multiply", Dec::multiply)];
    for (name, operation) in operations {
        strict(conn, name, 2, move |call| decimal_result(operation(call.decimal(0), call.decimal(1))))?;
    }
    let divisions: [(&str, Operation); 4] = [
        ("iris_divide", Dec::divide),
        ("iris_integer_divide", Dec::integer_divide),
        ("iris_modulo", Dec::modulo),
        ("iris_mod", truncated_modulo),
    ];
    for (name, operation) in divisions {
        strict(conn, name, 2, move |call| {
            if call.decimal(1).is_zero() {
                return Err(divide_error());
            }
            decimal_result(operation(call.decimal(0), call.decimal(1)))
        })?;
    }
    let unary: [(&str, Rounding); 4] = [
        ("iris_abs", Dec::abs),
        ("iris_floor", Dec::floor),
        ("iris_ceiling", Dec::ceiling),
        ("iris_minus", Dec::negate),
    ];
    for (name, operation) in unary {
        strict(conn, name, 1, move |call| decimal_result(Some(operation(call.decimal(0)))))?;
    }
    strict(conn, "iris_sign", 1, |call| {
        let dec = call.decimal(0);
        let sign = if dec.is_zero() {
            0
        } else if dec.is_negative() {
            -1
        } else {
            1
        };
        decimal_result(Some(Dec::from_i64(sign)))
    })?;
    strict(conn, "iris_round", 2, |call| decimal_result(Some(call.decimal(0).round(digits(call)))))?;
    strict(conn, "iris_truncate", 2, |call| decimal_result(Some(call.decimal(0).truncate_to(digits(call)))))?;
    strict(conn, "iris_divide_double", 2, |call| {
        if call.double(1) == 0.0 {
            return Err(divide_error());
        }
        finite(call.double(0) / call.double(1), "/")
    })?;
    strict(conn, "iris_multiply_double", 2, |call| finite(call.double(0) * call.double(1), "*"))?;
    strict(conn, "iris_power", 2, |call| {
        let (base, exponent) = (call.double(0), call.double(1));
        if base == 0.0 && exponent < 0.0 { finite(f64::NAN, "POWER") } else { finite(base.powf(exponent), "POWER") }
    })?;
    strict(conn, "iris_sqrt", 1, |call| finite(call.double(0).sqrt(), "SQRT"))?;
    let positive = |value: f64| if value > 0.0 { value } else { f64::NAN };
    strict(conn, "iris_ln", 1, move |call| finite(positive(call.double(0)).ln(), "LOG"))?;
    strict(conn, "iris_log10", 1, move |call| finite(positive(call.double(0)).log10(), "LOG10"))?;
    let mathematics: [(&'static str, Mathematics); 9] = [
        ("iris_exp", f64::exp),
        ("iris_sin", f64::sin),
        ("iris_cos", f64::cos),
        ("iris_tan", f64::tan),
        ("iris_asin", f64::asin),
        ("iris_acos", f64::acos),
        ("iris_atan", f64::atan),
        ("iris_degrees", f64::to_degrees),
        ("iris_radians", f64::to_radians),
    ];
    for (name, operation) in mathematics {
        strict(conn, name, 1, move |call| finite(operation(call.double(0)), name.trim_start_matches("iris_")))?;
    }
    strict(conn, "iris_atan2", 2, |call| finite(call.double(0).atan2(call.double(1)), "ATAN2"))?;
    strict(conn, "iris_number", 1, |call| {
        decimal_result(Some(formats::to_number(&call.text(0)).unwrap_or(Dec::ZERO)))
    })?;
    strict(conn, "iris_isnumeric", 1, |call| Ok(Stored::Integer(i64::from(Dec::parse(&call.text(0)).is_some()))))?;
    let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
    conn.create_scalar_function("iris_random", 1, flags, |context| {
        let limit: f64 = context.get(0)?;
        let mut bytes = [0u8; 8];
        getrandom::fill(&mut bytes).map_err(|_| raise(400, "no random numbers"))?;
        #[expect(clippy::cast_precision_loss, reason = "53 random bits are what a double holds")]
        let unit = (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64;
        Ok(unit * limit)
    })
}

/// MOD of ODBC: the sign of the dividend, unlike `#`.
fn truncated_modulo(a: Dec, b: Dec) -> Option<Dec> {
    let rest = a.abs().modulo(b.abs())?;
    Some(if a.is_negative() { rest.negate() } else { rest })
}

fn digits(call: &Call<'_, '_>) -> i32 {
    i32::try_from(call.int(1).clamp(-200, 200)).unwrap_or(0)
}

fn finite(value: f64, name: &str) -> rusqlite::Result<Stored> {
    if value.is_finite() {
        Ok(Stored::Real(value))
    } else if value.is_infinite() {
        Err(raise(400, "Fatal error occurred: <MAXNUMBER>"))
    } else {
        Err(raise(149, &format!("SQL function {name} was called with an illegal value")))
    }
}
