//! A question for the oracle, and what may have to happen before it can be answered: the client's role is made, a
//! relation that another gateway made is looked for.

use crate::catalog::{Answer, OracleRequest, user_role};
use crate::wire::{PgError, SqlState};

use super::context::ShardContext;
use crate::session::client::Client;
use crate::session::contract::step::{Event, Progress, Want};

/// One question under way.
#[derive(Debug)]
pub(crate) struct Question {
    request: OracleRequest,
    role_made: bool,
    refreshed: bool,
}

impl Question {
    pub(crate) fn new(request: OracleRequest) -> Self {
        Self { request, role_made: false, refreshed: false }
    }

    pub(crate) fn ask(&self) -> Want {
        Want::Ask(self.request.clone())
    }

    /// The answer, which may hold PostgreSQL's own error. Whether the mirror could be changed or refreshed on the way,
    /// the answer will tell.
    ///
    /// # Errors
    /// The oracle could not be asked: what the runtime says, or 08P01.
    pub(crate) fn resume(
        &mut self,
        event: Event<'_>,
        shard: &ShardContext,
        client: &Client,
    ) -> Result<Progress<Box<Answer>>, Box<PgError>> {
        let reply = match event {
            Event::Oracle(reply) => reply,
            Event::Mirrored(_) => return Ok(Progress::Wait(self.ask())),
            _ => return Err(shard.unwaited()),
        };
        let answer = Answer::read(&reply?)?;
        let Some(error) = &answer.error else { return Ok(Progress::Ready(Box::new(answer))) };
        if answer.is_prelude_error && !self.role_made && error.message.starts_with("role ") {
            // Whoever may log in to the gateway is a role.
            self.role_made = true;
            return Ok(Progress::Wait(Want::Mirror(user_role(&client.user))));
        }
        if answer.is_prelude_error {
            return Err(PgError::error(SqlState::INTERNAL_ERROR, "the catalog service refused the session's settings")
                .detail(format!("{}: {}", error.code, error.message)));
        }
        if error.code == SqlState::UNDEFINED_TABLE && !self.refreshed {
            self.refreshed = true;
            return Ok(Progress::Wait(Want::Refresh));
        }
        Ok(Progress::Ready(Box::new(answer)))
    }
}
