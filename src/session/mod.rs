//! One client's conversation, sans IO: frames in, bytes and orders out.

pub mod auth;
pub mod scram;
mod step;
pub mod users;

pub use step::{Event, Step};
