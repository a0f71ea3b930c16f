//! The right to have a finished statement under way.

use std::fmt::Debug;

/// From the first row that is fetched until PostgreSQL has answered: the process has a bounded number of these, so that the
/// rows do not take all of its memory and of its IRIS connections. Dropped, however its statement has ended, it goes to the
/// next who waits.
#[derive(Debug)]
pub struct Permit {
    _held: Box<dyn Debug>,
}

impl Permit {
    /// `held`: what gives it back when it is dropped.
    pub fn new(held: impl Debug + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}
