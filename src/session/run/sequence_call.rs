//! `nextval`, `currval`, `setval` and `lastval`: outside of the session's transaction, whatever becomes of that.

use crate::catalog::{Execution, SequenceAnswer, SequenceName, SequenceRequest, execute};
use crate::sql::{CatalogQuery, SequenceFunction, regclass_parts};
use crate::types::quoted_text;
use crate::wire::{PgError, SqlState};

use super::sequence::counted_by_iris;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{Cx, ShardContext};
use crate::session::understand::prelude::prelude;
use crate::session::understand::question::Question;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// A call, or several of `nextval` for the same sequence.
#[derive(Debug)]
pub(crate) struct SequenceCall {
    function: SequenceFunction,
    /// As the argument names it; empty for `lastval`.
    name: String,
    /// For `setval`.
    value: i64,
    is_called: bool,
    count: usize,
    /// What the name means, when no such sequence is kept.
    doubt: Option<Question>,
}

impl SequenceCall {
    /// `nextval` so many times.
    pub(crate) fn draw(name: &str, count: usize) -> Self {
        Self { count, ..Self::new(SequenceFunction::Next, name, 0, true) }
    }

    pub(crate) fn new(function: SequenceFunction, name: &str, value: i64, is_called: bool) -> Self {
        Self { function, name: name.to_owned(), value, is_called, count: 1, doubt: None }
    }

    /// # Errors
    /// 55000 for `lastval` before `nextval`, 25006 in a transaction that only reads, 42602 for what is no name.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Progress<Vec<i64>>> {
        let names = |cx: &Cx<'_>| sequence_names(&self.name, &cx.client.search_path, cx.shard);
        let request = match self.function {
            SequenceFunction::Last => return Ok(Progress::Ready(vec![cx.client.sequences.last()?])),
            SequenceFunction::Current => SequenceRequest::Read { names: names(cx)? },
            SequenceFunction::Next => {
                cx.client.settings.check_writable("nextval()")?;
                SequenceRequest::Draw { names: names(cx)?, count: self.count }
            }
            SequenceFunction::Set => {
                cx.client.settings.check_writable("setval()")?;
                SequenceRequest::Set { names: names(cx)?, value: self.value, is_called: self.is_called }
            }
        };
        Ok(Progress::Wait(Want::Sequence(request)))
    }

    /// The values.
    ///
    /// # Errors
    /// 42P01 and 42809 for what is no sequence, 2200H at its end, 55000 for `currval` before `nextval`, 22003 for a value
    /// beyond the bounds.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Progress<Vec<i64>>> {
        match (event, &mut self.doubt) {
            (Event::Sequence(answer), None) => self.answered(answer?, cx),
            (event, Some(question)) => match question.resume(event, cx.shard, cx.client)? {
                Progress::Wait(want) => Ok(Progress::Wait(want)),
                Progress::Ready(answer) => Err(self.no_sequence(&answer.first_row())),
            },
            _ => Err(cx.shard.unwaited()),
        }
    }

    fn answered(&mut self, answer: Box<SequenceAnswer>, cx: &mut Cx<'_>) -> Result<Progress<Vec<i64>>> {
        let Some(sequence) = answer.sequence else {
            let sql = format!(
                "SELECT relname, relkind FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass({})",
                quoted_text(&self.name)
            );
            let prelude = prelude(cx.client, CatalogQuery::default(), cx.shard);
            let question = Question::new(execute(&prelude, &sql, &[], Execution::default()));
            let want = question.ask();
            self.doubt = Some(question);
            return Ok(Progress::Wait(want));
        };
        let mine = &mut cx.client.sequences;
        let values = match self.function {
            SequenceFunction::Current => vec![mine.current(&sequence.id, &sequence.name.name)?],
            SequenceFunction::Set => {
                if self.is_called {
                    mine.put(&sequence.id, self.value);
                }
                vec![self.value]
            }
            SequenceFunction::Next | SequenceFunction::Last => {
                if let Some(last) = answer.values.last() {
                    mine.drawn(&sequence.id, *last);
                }
                answer.values
            }
        };
        Ok(Progress::Ready(values))
    }

    /// `row`: what PostgreSQL knows under the name.
    fn no_sequence(&self, row: &[Option<String>]) -> Box<PgError> {
        match row {
            [Some(name), Some(kind)] if kind == "S" => counted_by_iris(name),
            [Some(name), _] => PgError::error(SqlState(*b"42809"), format!("\"{name}\" is not a sequence")),
            _ => {
                let parts = regclass_parts(&self.name).unwrap_or_default();
                let message = format!("relation \"{}\" does not exist", parts.join("."));
                PgError::error(SqlState::UNDEFINED_TABLE, message)
            }
        }
    }
}

/// The sequences that a text may mean, as the input of `regclass` reads it.
fn sequence_names(text: &str, search_path: &[String], shard: &ShardContext) -> Result<Vec<SequenceName>> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PgError::unsupported("a sequence cannot be named by its OID").hint("Use its name."));
    }
    let mut parts =
        regclass_parts(text).ok_or_else(|| PgError::error(SqlState(*b"42602"), "invalid name syntax"))?.into_iter();
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let in_schema = |schema: &str, name: &str| {
        let is_default = schema.eq_ignore_ascii_case(&shard.options.default_schema);
        let schema = if is_default { "public" } else { schema }.to_owned();
        SequenceName { schema, name: name.to_owned() }
    };
    Ok(match (second, third) {
        (None, _) if search_path.is_empty() => vec![in_schema("public", &first)],
        (None, _) => search_path.iter().map(|schema| in_schema(schema, &first)).collect(),
        (Some(name), None) => vec![in_schema(&first, &name)],
        (Some(schema), Some(name)) => vec![in_schema(&schema, &name)],
    })
}
