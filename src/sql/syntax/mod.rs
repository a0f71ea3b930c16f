//! The syntax of PostgreSQL: from a text to a tree, and what is asked of the tree wherever it is read. Nothing here knows
//! of tables, of types, or of what becomes of a statement.

pub mod depth;
pub mod equalities;
pub mod names;
pub mod nodes;
pub mod parse;
pub mod tree;
