//! Rules between values that are translated: types, casts, comparisons, operators, functions. Nothing here reads the
//! statement.

pub mod array;
pub mod assign;
pub mod bound;
pub mod cast;
pub mod coerce;
pub mod compare;
pub mod enums;
pub mod fitting;
pub mod in_list;
pub mod json;
pub mod like;
pub mod moments;
pub mod nan;
pub mod numbers;
pub mod operators;
pub mod pieces;
pub mod predicates;
pub mod session;
pub mod sort_key;
pub mod strings;
pub mod text;
pub mod to_char;
pub mod types;
pub mod vector;
pub mod zoned;
