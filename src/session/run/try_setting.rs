//! SET of a parameter that only a PostgreSQL knows: the oracle says whether it may have the value, and how SHOW would
//! print it.

use std::rc::Rc;

use crate::catalog::try_setting;
use crate::sql::{CatalogQuery, SettingCommand};
use crate::wire::PgError;

use super::outcome::Outcome;
use crate::session::client::settings::Settings;
use crate::session::contract::step::{Event, Progress};
use crate::session::understand::context::{Cx, ShardContext};
use crate::session::understand::prelude::prelude;
use crate::session::understand::question::Question;
use crate::types::quoted_text;

#[derive(Debug)]
pub(crate) struct TrySetting {
    name: String,
    value: String,
    local: bool,
    tag: Rc<str>,
    question: Option<Question>,
}

impl TrySetting {
    /// `None`: no question for the oracle.
    pub(crate) fn of(command: &SettingCommand, tag: &Rc<str>, context: &ShardContext) -> Option<Self> {
        let SettingCommand::Set { name, value: Some(value), local } = command else { return None };
        (context.options.has_oracle && Settings::needs_oracle(name)).then(|| Self {
            name: name.clone(),
            value: value.clone(),
            local: *local,
            tag: Rc::clone(tag),
            question: None,
        })
    }

    pub(crate) fn start(&mut self, cx: &Cx<'_>) -> Outcome {
        let prelude = prelude(cx.client, CatalogQuery::default(), cx.shard);
        let (name, value) = (quoted_text(&self.name), quoted_text(&self.value));
        let statement = format!("SELECT pg_catalog.set_config({name}, {value}, true)");
        let question = Question::new(try_setting(&prelude, &statement));
        let want = question.ask();
        self.question = Some(question);
        Outcome::Wait(want)
    }

    /// # Errors
    /// PostgreSQL's: 42704, 22023, 55P02, 42501.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let Some(question) = &mut self.question else { return Err(cx.shard.unwaited()) };
        if let Event::Mirrored(Err(error)) = event {
            return Err(error);
        }
        let mut answer = match question.resume(event, cx.shard, cx.client)? {
            Progress::Wait(want) => return Ok(Outcome::Wait(want)),
            Progress::Ready(answer) => answer,
        };
        if let Some(error) = answer.error.take() {
            return Err(error);
        }
        let value = answer.single_value().unwrap_or_else(|| self.value.clone());
        let in_transaction = cx.client.in_transaction();
        cx.client.settings.accept(&self.name, &value, self.local, in_transaction)?;
        if self.local && !in_transaction {
            cx.client.settings.end_transaction(true);
        }
        cx.client.tell_settings(cx.out);
        Ok(Outcome::Complete((&self.tag).into()))
    }
}
