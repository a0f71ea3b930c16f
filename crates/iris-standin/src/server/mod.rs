//! The superserver side of the IRIS protocol: listener, login, statements, pages, streams.
//!
//! Everything on the wire follows the facts about official clients (`shared/facts/iris-wire-protocol.md`, named by section
//! where code depends on them), seen from the other side. What the server does with a statement is behind [`Engine`] and
//! [`Backend`], so that the protocol is tested without SQL.
//!
//! One std thread per connection reads a message, answers it, reads the next. A result larger than a page leaves the
//! engine while it is made: the thread sends a page and waits for the client inside the row callback (`results`).

mod adapter;
mod backend;
mod catalogue;
mod connection;
mod error_texts;
mod errors;
mod jobs;
mod login;
mod options;
mod procedures;
mod results;
mod scroll;
mod session;
mod shared;
mod statements;
mod streams;
mod superserver;
mod transport;
mod values;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use backend::{Backend, Engine, Interrupt, Login, PreparedStatement};
pub use error_texts::sqlcode_text;
pub use errors::error_text;
pub use options::SuperserverOptions;
pub use superserver::{Superserver, SuperserverHandle};
#[cfg(test)]
mod replay_tests;
