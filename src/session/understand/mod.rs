//! From the text of a statement to what is known of it.

pub mod context;
pub mod learnt;
pub mod parameter;
pub mod parsed;
pub mod prelude;
pub mod question;
pub mod resolve;
pub mod rows;
pub mod rules;
pub mod session_values;
pub mod shape;
pub mod statement;
