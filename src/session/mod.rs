//! One client's conversation, sans IO: frames in, bytes and orders out.

mod step;

pub use step::{Event, Step};
