//! A connection's thread, from accept to end.

use std::net::TcpStream;

use super::{Engine, jobs::JobGuard, login, shared::Shared, transport::LinkError};

/// Serves one client until it leaves. Dropping the session rolls back what is open.
pub(super) fn serve<E: Engine>(shared: &Shared<E>, socket: TcpStream, job: &JobGuard) {
    let number = job.number();
    let ended = match login::login(shared, socket, job) {
        Ok(Some(session)) => session.run(),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) | Err(LinkError::Closed) => tracing::debug!(job = number, "connection ended"),
        Err(error) => tracing::info!(job = number, %error, "connection broken"),
    }
}
