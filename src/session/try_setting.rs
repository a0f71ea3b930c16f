//! SET of a parameter that only a PostgreSQL knows: the oracle says whether it may have the value, and how SHOW would
//! print it.

use crate::catalog::{quoted, try_setting};
use crate::sql::{CatalogQuery, SettingCommand};
use crate::wire::{PgError, SqlState};

use super::client::Client;
use super::context::ShardContext;
use super::question::{Order, Question, QuestionStep};
use super::settings::Settings;

#[derive(Debug)]
pub struct TrySetting {
    name: String,
    value: String,
    local: bool,
    question: Option<Question>,
}

impl TrySetting {
    /// `None`: no question for the oracle.
    pub fn of(command: &SettingCommand, context: &ShardContext) -> Option<Self> {
        let SettingCommand::Set { name, value: Some(value), local } = command else { return None };
        (context.options.has_oracle && Settings::needs_oracle(name)).then(|| Self {
            name: name.clone(),
            value: value.clone(),
            local: *local,
            question: None,
        })
    }

    pub fn start(&mut self, context: &ShardContext, client: &Client) -> Order {
        let prelude = client.prelude(CatalogQuery::default(), context);
        let (name, value) = (quoted(&self.name), quoted(&self.value));
        let statement = format!("SELECT pg_catalog.set_config({name}, {value}, true)");
        let question = Question::new(try_setting(&prelude, &statement));
        let order = question.ask();
        self.question = Some(question);
        order
    }

    /// The order that comes next; `None` when the setting has its value.
    ///
    /// # Errors
    /// PostgreSQL's: 42704, 22023, 55P02, 42501.
    pub fn on_reply(
        &mut self,
        reply: Result<Vec<u8>, Box<PgError>>,
        client: &mut Client,
    ) -> Result<Option<Order>, Box<PgError>> {
        let question = self.question.as_mut().ok_or_else(unasked)?;
        let mut answer = match question.on_reply(reply, client)? {
            QuestionStep::Order(order) => return Ok(Some(order)),
            QuestionStep::Answered(answer) => answer,
        };
        if let Some(error) = answer.error.take() {
            return Err(error);
        }
        let value = answer.single_value().unwrap_or_else(|| self.value.clone());
        let in_transaction = client.in_transaction();
        client.settings.accept(&self.name, &value, self.local, in_transaction);
        if self.local && !in_transaction {
            client.settings.end_transaction(true);
        }
        Ok(None)
    }

    /// After an order that was no question.
    ///
    /// # Errors
    /// XX000 when there was none.
    pub fn again(&self) -> Result<Order, Box<PgError>> {
        self.question.as_ref().map(Question::ask).ok_or_else(unasked)
    }
}

fn unasked() -> Box<PgError> {
    PgError::error(SqlState::INTERNAL_ERROR, "an answer came that nobody asked for")
}
