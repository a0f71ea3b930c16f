//! A question for the oracle, and what may have to happen before it can be answered: the client's role is made, a
//! relation that another gateway made is looked for.

use crate::catalog::{Answer, MirrorChange, OracleRequest, user_role};
use crate::wire::{PgError, SqlState};

use super::client::Client;
use super::step::Step;

/// What the runtime has to do for a statement; see [`Step`](super::step::Step).
#[derive(Debug)]
pub enum Order {
    Ask(OracleRequest),
    Mirror(MirrorChange),
    Refresh,
}

impl From<Order> for Step {
    fn from(order: Order) -> Self {
        match order {
            Order::Ask(request) => Self::Ask(request),
            Order::Mirror(change) => Self::Mirror(change),
            Order::Refresh => Self::Refresh,
        }
    }
}

/// One question under way.
#[derive(Debug)]
pub struct Question {
    request: OracleRequest,
    role_made: bool,
    refreshed: bool,
}

#[derive(Debug)]
pub enum QuestionStep {
    Order(Order),
    /// May hold PostgreSQL's own error.
    Answered(Box<Answer>),
}

impl Question {
    pub fn new(request: OracleRequest) -> Self {
        Self { request, role_made: false, refreshed: false }
    }

    pub fn ask(&self) -> Order {
        Order::Ask(self.request.clone())
    }

    /// # Errors
    /// The oracle could not be asked: what the runtime says, or 08P01.
    pub fn on_reply(
        &mut self,
        reply: Result<Vec<u8>, Box<PgError>>,
        client: &Client,
    ) -> Result<QuestionStep, Box<PgError>> {
        let answer = Answer::read(&reply?)?;
        let Some(error) = &answer.error else { return Ok(QuestionStep::Answered(Box::new(answer))) };
        if answer.is_prelude_error && !self.role_made && error.message.starts_with("role ") {
            // Whoever may log in to the gateway is a role.
            self.role_made = true;
            return Ok(QuestionStep::Order(Order::Mirror(user_role(&client.user))));
        }
        if answer.is_prelude_error {
            return Err(PgError::error(SqlState::INTERNAL_ERROR, "the catalog service refused the session's settings")
                .detail(format!("{}: {}", error.code, error.message)));
        }
        if error.code == SqlState::UNDEFINED_TABLE && !self.refreshed {
            self.refreshed = true;
            return Ok(QuestionStep::Order(Order::Refresh));
        }
        Ok(QuestionStep::Answered(Box::new(answer)))
    }
}
