//! The syntax of PostgreSQL: from a text to a tree, and what is asked of the tree wherever it is read. Nothing here knows
//! of tables, of types, or of what becomes of a statement.

pub(super) mod depth;
pub(super) mod equalities;
pub(super) mod names;
pub(super) mod nodes;
pub(super) mod parse;
pub(super) mod tree;
pub(super) mod volatile;
pub(super) mod with;
