//! From a statement that IRIS cannot compute as a whole to one that PostgreSQL finishes.

use std::rc::Rc;

use crate::catalog::Described;
use crate::sql::{Template, TranslateError, finish, write_back};
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

use super::spelling::Asked;
use super::{Resolve, Surroundings, Understanding, may_be_described};
use crate::session::contract::step::Progress;

impl Resolve {
    /// A statement that IRIS cannot compute as a whole, and that PostgreSQL finds nothing wrong with: one for PostgreSQL to
    /// finish.
    ///
    /// # Errors
    /// `error`, which says why IRIS cannot, where PostgreSQL cannot finish it either.
    pub(super) fn finish(
        &mut self,
        error: Box<PgError>,
        described: Described,
        s: Surroundings<'_>,
    ) -> Result<Understanding, Box<PgError>> {
        if is_misunderstood(&error) { self.cut(error, described, s) } else { Err(error) }
    }

    /// # Errors
    /// `error`, where the statement cannot be cut.
    pub(super) fn cut(
        &mut self,
        error: Box<PgError>,
        mut described: Described,
        s: Surroundings<'_>,
    ) -> Result<Understanding, Box<PgError>> {
        if !s.context.options.finishes || self.stores {
            return Err(error);
        }
        // As PostgreSQL knows the tables: its text is what is cut. It has the same literals.
        let mut template = Template::default();
        let (sql, template) = match &self.spelled.sql {
            Some(sql) => {
                template.scan(sql)?;
                (sql.as_str(), &template)
            }
            None => self.text(),
        };
        let types = self.types_with(&described);
        let found = {
            let tables = s.context.tables.borrow();
            let asked = Asked::new(&tables, &self.asked);
            let options = s.context.translate_options(&types, s.client);
            match finish(sql, template, &asked, &options) {
                Ok(None) => write_back(sql, template, &asked, &options),
                found => found,
            }
        };
        match found {
            Err(TranslateError::NeedTables(names)) => self.next_table(names, s),
            Err(TranslateError::Pg(_)) | Ok(None) => Err(error),
            Ok(Some(translated)) => {
                self.spelled.name(described.columns.as_deref_mut().unwrap_or_default());
                let understood = self.keep(translated, s);
                understood.extra.set_described(Rc::new(described));
                Ok(Progress::Ready(understood))
            }
        }
    }

    /// Whether PostgreSQL may finish a statement that was refused with `error`, which only PostgreSQL's description tells.
    pub(super) fn may_be_finished(&self, error: &PgError, s: Surroundings<'_>) -> bool {
        s.context.options.finishes
            && is_misunderstood(error)
            && error.code != SqlState::SYNTAX_ERROR
            && may_be_described(&self.template.text)
    }

    /// The types of the parameters: what the client left open as PostgreSQL resolves it.
    pub(super) fn types_with(&self, described: &Described) -> Vec<Oid> {
        let count = described.parameter_types.len().max(self.parameter_types.len());
        (0..count)
            .map(|n| {
                let said = self.parameter_types.get(n).copied().filter(|oid| *oid != Oid::UNSPECIFIED);
                said.or_else(|| described.parameter_types.get(n).copied()).unwrap_or(Oid::UNSPECIFIED)
            })
            .collect()
    }
}

/// Whether translation or IRIS finds fault with the words of a statement. Tables and privileges IRIS knows better.
pub(super) fn is_misunderstood(refused: &PgError) -> bool {
    refused.is_beyond_iris
        || matches!(refused.code.0.first_chunk(), Some(b"42" | b"0A"))
            && !matches!(&refused.code.0, b"42P01" | b"42501")
}

/// IRIS does not see a table in a place where PostgreSQL does: it described the statement.
pub(super) fn hidden_table() -> Box<PgError> {
    PgError::unsupported(
        "a reference to a table of an outer query is not supported in this place: IRIS does not see it",
    )
    .hint("In WITH inside of a subquery, put the query of WITH into FROM or the condition itself.")
}

/// IRIS lacks a function that PostgreSQL has: it described the statement.
pub(super) fn foreign_function(refused: &PgError) -> Box<PgError> {
    let named = refused.message.strip_prefix("function ").and_then(|rest| rest.strip_suffix(" does not exist"));
    let message = match named {
        Some(name) => format!("{name}() over the rows of a table is not supported: IRIS has no such function"),
        None => "the statement calls a function that IRIS has not".to_owned(),
    };
    let error = PgError::unsupported(message).hint(
        "Select the columns it needs and compute it in the program; without a table PostgreSQL's functions work.",
    );
    match &refused.detail {
        Some(detail) => error.detail(detail),
        None => error,
    }
}

/// Functions of IRIS that have arguments of their own under a name that PostgreSQL has, too.
pub(super) const IRIS_NAMESAKES: &[&str] = &["convert", "decode"];

/// `upper` of "function upper(integer) does not exist".
pub(super) fn function_name(message: &str) -> Option<&str> {
    let (name, _) = message.strip_prefix("function ")?.split_once('(')?;
    Some(name.strip_prefix("pg_catalog.").unwrap_or(name))
}
