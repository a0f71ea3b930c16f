//! From the text of a statement to what is known of it.

pub(super) mod context;
pub(super) mod learnt;
pub(super) mod parameter;
pub(super) mod parsed;
pub(super) mod prelude;
pub(super) mod question;
pub(super) mod resolve;
pub(super) mod rows;
pub(super) mod rules;
pub(super) mod session_values;
pub(super) mod shape;
pub(super) mod statement;
