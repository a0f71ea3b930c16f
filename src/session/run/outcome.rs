//! What comes of a statement that was started or resumed.

use std::rc::Rc;

use crate::session::contract::step::Want;
use crate::wire::SendBuf;

/// What comes next.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// [`Operation::resume`] is to be called with what comes of it.
    Wait(Want),
    /// The row limit is reached.
    Suspended,
    Complete(CommandTag),
    /// EmptyQueryResponse instead of CommandComplete.
    Empty,
}

/// The text of CommandComplete.
#[derive(Debug, Clone)]
pub(crate) struct CommandTag {
    /// Shared with the translation.
    command: Rc<str>,
    /// Of rows.
    count: Option<u64>,
}

impl CommandTag {
    pub(crate) fn counted(command: impl Into<Rc<str>>, count: u64) -> Self {
        Self { command: command.into(), count: Some(count) }
    }

    pub(crate) fn put(&self, out: &mut SendBuf) {
        match self.count {
            Some(count) => out.put_command_complete_counted(&self.command, count),
            None => out.put_command_complete(&self.command),
        }
    }

    /// Of rows.
    pub(crate) fn count(&self) -> Option<u64> {
        self.count
    }

    /// Whether it is this one, which has no count.
    pub(crate) fn is(&self, command: &str) -> bool {
        self.count.is_none() && *self.command == *command
    }
}

impl From<&Rc<str>> for CommandTag {
    fn from(command: &Rc<str>) -> Self {
        Self { command: Rc::clone(command), count: None }
    }
}

impl From<&str> for CommandTag {
    fn from(command: &str) -> Self {
        Self { command: command.into(), count: None }
    }
}
