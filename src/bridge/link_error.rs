//! A connection to IRIS that broke, as a client sees it.

use crate::iris::LinkError;
use crate::wire::{PgError, SqlState};

/// 08006, but for our own mistakes.
pub fn link_to_pg(error: &LinkError) -> Box<PgError> {
    let code = match error {
        LinkError::Misuse(_) => SqlState::INTERNAL_ERROR,
        LinkError::RequestTooLarge => SqlState::PROGRAM_LIMIT_EXCEEDED,
        _ => SqlState::CONNECTION_FAILURE,
    };
    match error {
        LinkError::LoginRefused { sqlcode, text } => PgError::error(code, "IRIS refused the gateway's login")
            .detail(format!("IRIS SQLCODE -{sqlcode}: {}", text.split_whitespace().collect::<Vec<_>>().join(" "))),
        _ => PgError::error(code, error.to_string()),
    }
}
