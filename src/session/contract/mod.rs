//! What a session and its runtime say to each other.

pub(super) mod effect;
pub(super) mod identity;
pub(super) mod lock;
pub(super) mod permit;
pub(super) mod step;
