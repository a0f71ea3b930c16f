//! Expressions in arguments of what the gateway carries out: the oracle evaluates them, one column each, first.

use crate::catalog::{Execution, execute};
use crate::sql::CatalogQuery;
use crate::wire::{PgError, SqlState};

use super::catalog::CatalogStatement;
use crate::session::client::Client;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::ShardContext;
use crate::session::understand::prelude::prelude;
use crate::session::understand::question::Question;

/// One row of expressions being evaluated.
#[derive(Debug)]
pub(crate) struct Evaluation {
    question: Question,
    columns_count: usize,
}

impl Evaluation {
    /// `statement` has one row of `columns_count` columns.
    pub(crate) fn new(
        statement: &CatalogStatement,
        columns_count: usize,
        context: &ShardContext,
        client: &Client,
    ) -> Self {
        // Any function may be called in an expression.
        let prelude = prelude(client, CatalogQuery { reads_settings: true, ..CatalogQuery::default() }, context);
        let execution = Execution { values: &statement.values, ..Execution::default() };
        let request = execute(&prelude, &statement.sql, &statement.parameter_types, execution);
        Self { question: Question::new(request), columns_count }
    }

    pub(crate) fn ask(&self) -> Want {
        self.question.ask()
    }

    /// The values as text; `None` = NULL.
    ///
    /// # Errors
    /// PostgreSQL's own error of an expression, or why it could not be asked.
    pub(crate) fn resume(
        &mut self,
        event: Event<'_>,
        shard: &ShardContext,
        client: &Client,
    ) -> Result<Progress<Vec<Option<String>>>, Box<PgError>> {
        let mut answer = match self.question.resume(event, shard, client)? {
            Progress::Wait(want) => return Ok(Progress::Wait(want)),
            Progress::Ready(answer) => answer,
        };
        if let Some(mut error) = answer.error.take() {
            // It counts from the start of a text that the client has not written.
            error.position = None;
            return Err(error);
        }
        let values = answer.first_row();
        if values.len() != self.columns_count {
            return Err(PgError::error(
                SqlState::INTERNAL_ERROR,
                "the catalog service has not evaluated the arguments",
            ));
        }
        Ok(Progress::Ready(values))
    }
}
