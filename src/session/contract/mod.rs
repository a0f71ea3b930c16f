//! What a session and its runtime say to each other.

pub mod effect;
pub mod identity;
pub mod lock;
pub mod step;
