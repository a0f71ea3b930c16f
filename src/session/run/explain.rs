//! Questions to PostgreSQL about a refusal of IRIS's: which keys a constraint ties together, what is against a definition.
//! An error is told without the answer where there is none.

use crate::bridge::{Culprit, folded, last_part};
use crate::catalog::{Answer, Execution, execute, try_definitions};
use crate::iris::IrisError;
use crate::sql::CatalogQuery;
use crate::wire::{PgError, SqlState};

use super::violation::{Attempt, ForeignKey, referred};
use crate::session::client::Client;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{ShardContext, Understood};
use crate::session::understand::prelude::prelude;
use crate::session::understand::question::Question;
use crate::session::understand::rules::mirror_change;
use crate::types::quoted_text;

/// An error that is being looked into.
#[derive(Debug)]
pub(crate) struct Explanation {
    iris: IrisError,
    /// As far as it is known without asking.
    plain: Box<PgError>,
    about: About,
    question: Question,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    ForeignKey,
    Definition,
}

/// 2BP01, `dependent_objects_still_exist`.
const DEPENDENT_OBJECTS: SqlState = SqlState(*b"2BP01");
/// 42809.
const WRONG_OBJECT_TYPE: SqlState = SqlState(*b"42809");
/// Separates the names of columns.
const SEPARATOR: char = '\u{1}';

impl Explanation {
    /// # Errors
    /// `plain`, when there is nothing to be asked.
    pub(crate) fn new(
        iris: &IrisError,
        plain: Box<PgError>,
        understood: &Understood,
        context: &ShardContext,
        client: &Client,
    ) -> Result<Self, Box<PgError>> {
        if !context.options.has_oracle {
            return Err(plain);
        }
        let (about, request) = if let Some(change) = mirror_change(client, understood) {
            // The mirror drops what depends on an object with it, and whether it is there or not: IRIS has by then.
            let as_written = |sql: &str| match plain.code {
                DEPENDENT_OBJECTS => sql.strip_suffix(" CASCADE").unwrap_or(sql).to_owned(),
                SqlState::UNDEFINED_TABLE if sql.starts_with("DROP ") => sql.replacen(" IF EXISTS", "", 1),
                _ => sql.to_owned(),
            };
            let statements: Vec<String> = change.statements.iter().map(|change| as_written(&change.sql)).collect();
            (About::Definition, try_definitions(&change.search_path, statements.iter().map(String::as_str)))
        } else if matches!(iris.sqlcode, 121..=124) {
            let Some(sql) = foreign_key_query(iris) else { return Err(plain) };
            let prelude = prelude(client, CatalogQuery::default(), context);
            (About::ForeignKey, execute(&prelude, &sql, &[], Execution::default()))
        } else {
            return Err(plain);
        };
        Ok(Self { iris: iris.clone(), plain, about, question: Question::new(request) })
    }

    pub(crate) fn ask(&self) -> Want {
        self.question.ask()
    }

    /// What comes next, unless the error can be told.
    ///
    /// # Errors
    /// The error, with what the answer adds.
    pub(crate) fn resume(
        &mut self,
        event: Event<'_>,
        attempt: Option<&Attempt<'_>>,
        context: &ShardContext,
        client: &Client,
    ) -> Result<Want, Box<PgError>> {
        match self.question.resume(event, context, client) {
            Ok(Progress::Wait(want)) => Ok(want),
            Ok(Progress::Ready(answer)) => Err(self.explained(&answer, attempt, context)),
            Err(_) => Err(self.plain.clone()),
        }
    }

    fn explained(&self, answer: &Answer, attempt: Option<&Attempt<'_>>, context: &ShardContext) -> Box<PgError> {
        let plain = self.plain.clone();
        match self.about {
            About::Definition => match &answer.error {
                // The mirror may be behind: a refusal of another kind is not the one that IRIS means.
                Some(error) if is_same_kind(error.code, plain.code) => {
                    let mut error = error.clone();
                    // It counts from the start of the mirror's statement.
                    error.position = None;
                    error.detail = match (error.detail.take(), plain.detail) {
                        (Some(own), Some(iris)) => Some(format!("{own}\n{iris}")),
                        (own, iris) => own.or(iris),
                    };
                    error
                }
                _ => plain,
            },
            About::ForeignKey => match (attempt, foreign_key(answer)) {
                (Some(attempt), Some(key)) => referred(&self.iris, plain, &key, attempt, context),
                _ => plain,
            },
        }
    }
}

/// What IRIS does not find under a name may be there as another kind of relation.
fn is_same_kind(own: SqlState, iris: SqlState) -> bool {
    own == iris || iris == SqlState::INTERNAL_ERROR || iris == SqlState::UNDEFINED_TABLE && own == WRONG_OBJECT_TYPE
}

fn foreign_key_query(iris: &IrisError) -> Option<String> {
    let culprit = Culprit::of(iris);
    let constraint = quoted_text(&folded(last_part(culprit.constraint?)));
    let table = culprit.table.map(|table| quoted_text(&folded(last_part(table))));
    let table = table.map(|table| format!("AND lower(t.relname) = lower({table})")).unwrap_or_default();
    let columns = |key: &str, relation: &str| {
        format!(
            "(SELECT string_agg(a.attname, chr({code}) ORDER BY k.place) \
             FROM unnest(c.{key}) WITH ORDINALITY AS k (number, place) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.{relation} AND a.attnum = k.number)",
            code = u32::from(SEPARATOR)
        )
    };
    Some(format!(
        "SELECT r.relname, {own}, {referred} FROM pg_catalog.pg_constraint c \
         JOIN pg_catalog.pg_class t ON t.oid = c.conrelid JOIN pg_catalog.pg_class r ON r.oid = c.confrelid \
         WHERE c.contype = 'f' AND lower(c.conname) = lower({constraint}) {table}",
        own = columns("conkey", "conrelid"),
        referred = columns("confkey", "confrelid"),
    ))
}

/// Of two keys of one name nobody knows which is meant.
fn foreign_key(answer: &Answer) -> Option<ForeignKey> {
    if answer.rows_count != 1 {
        return None;
    }
    let mut cells = answer.first_row().into_iter();
    let mut next = || cells.next().flatten();
    let names = |text: String| text.split(SEPARATOR).map(str::to_owned).collect();
    Some(ForeignKey { parent: next()?, columns: names(next()?), parent_columns: names(next()?) })
}
