//! Calls that no function answers.

use std::ops::RangeInclusive;

use super::super::SqlError;
use super::super::parse::ast::Expr;

pub(super) fn unknown_function(name: &str) -> SqlError {
    SqlError::prepare(359, format!("User defined SQL function '{name}' does not exist"))
}

pub(super) fn wrong_arguments(name: &str) -> SqlError {
    SqlError::prepare(1, format!("Invalid number of arguments for function {name}"))
}

pub(super) fn argument_count(name: &str, arguments: &[Expr], limits: RangeInclusive<usize>) -> Result<(), SqlError> {
    if limits.contains(&arguments.len()) { Ok(()) } else { Err(wrong_arguments(name)) }
}
