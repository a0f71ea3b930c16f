//! Rules between values that are translated: types, casts, comparisons, operators, functions. Nothing here reads the
//! statement.

pub(crate) mod array;
pub(crate) mod assign;
pub(crate) mod bound;
pub(crate) mod cast;
pub(crate) mod coerce;
pub(crate) mod compare;
pub(crate) mod enums;
pub(crate) mod fitting;
pub(crate) mod in_list;
pub(crate) mod json;
pub(crate) mod like;
pub(crate) mod moments;
pub(crate) mod nan;
pub(crate) mod numbers;
pub(crate) mod operators;
pub(crate) mod pieces;
pub(crate) mod predicates;
pub(crate) mod session;
pub(crate) mod sort_key;
pub(crate) mod strings;
pub(crate) mod text;
pub(crate) mod to_char;
pub(crate) mod types;
pub(crate) mod vector;
pub(crate) mod zoned;
