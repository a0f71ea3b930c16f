//! What comes of a statement that was started or resumed.

use crate::session::contract::step::Want;

/// What comes next.
#[derive(Debug)]
pub enum Outcome {
    /// [`Operation::resume`] is to be called with what comes of it.
    Wait(Want),
    /// The row limit is reached.
    Suspended,
    /// The text of CommandComplete.
    Complete(String),
    /// EmptyQueryResponse instead of CommandComplete.
    Empty,
}
