//! `pg_temp.name`: each temporary table is in a schema of its own, whose name stands there for everybody but the client.

use std::rc::Rc;

use crate::sql::{RelationName, Template, Translated, TranslationCache, is_temporary_schema, qualified_names};
use crate::types::quoted_name;
use crate::wire::PgError;

use super::{Resolve, Surroundings};
use crate::session::client::temporary::NONE_ANY_MORE;
use crate::session::client::{Client, PG_TEMP};
use crate::session::understand::context::{ShardContext, Understood};

/// A statement with the names of schemas in it.
#[derive(Debug)]
pub(super) struct Qualified {
    pub sql: String,
    pub template: Template,
    /// Characters up to the end of each name of a schema, and how many fewer the client wrote.
    shifts: Vec<(u32, u32)>,
    schemas: Vec<String>,
}

impl Qualified {
    /// `None` for a statement that says nothing of the kind.
    ///
    /// # Errors
    /// As of a scan.
    pub(super) fn of(sql: &str, client: &Client, context: &ShardContext) -> Result<Option<Self>, Box<PgError>> {
        let may_be = sql.as_bytes().windows(4).any(|start| start.eq_ignore_ascii_case(b"pg_t"));
        if !may_be || !context.options.has_oracle {
            return Ok(None);
        }
        let is_meant = |schema: &str| schema == PG_TEMP || is_temporary_schema(schema);
        let found = qualified_names(sql, is_meant);
        if found.is_empty() {
            return Ok(None);
        }
        let names = client.temporary.names(&context.options.temporaries);
        let (mut text, mut end, mut shifts, mut schemas) = (String::new(), 0, Vec::new(), Vec::new());
        for (range, name) in found {
            let schema = names.schemas.get(&name).map_or(names.next, String::as_str);
            text.push_str(sql.get(end..range.start).unwrap_or_default());
            let before = range.len();
            text.push_str(&quoted_name(schema));
            let longer = quoted_name(schema).len().saturating_sub(before);
            let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            shifts.push((characters, u32::try_from(longer).unwrap_or(0)));
            schemas.push(schema.to_owned());
            end = range.end;
        }
        text.push_str(sql.get(end..).unwrap_or_default());
        let mut template = Template::default();
        (template.is_zoned, template.is_dated) = (client.is_zoned(), client.is_dated());
        template.scan(&text)?;
        Ok(Some(Self { sql: text, template, shifts, schemas }))
    }

    /// An error in the client's own words.
    pub(super) fn as_typed(&self, mut error: Box<PgError>) -> Box<PgError> {
        if let Some(position) = &mut error.position {
            let before = self.shifts.iter().filter(|(end, _)| *end < *position).map(|(_, longer)| *longer);
            *position = position.saturating_sub(before.fold(0, u32::saturating_add));
        }
        for schema in &self.schemas {
            error.message = error.message.replace(schema.as_str(), PG_TEMP);
        }
        error
    }
}

impl Resolve {
    /// The statement as everybody but the client has it, and its scan.
    pub(super) fn text(&self) -> (&str, &Template) {
        match &self.qualified {
            Some(qualified) => (&qualified.sql, &qualified.template),
            None => (&self.sql, &self.template),
        }
    }

    /// An error in the client's own words.
    pub(super) fn as_typed(&self, error: Box<PgError>) -> Box<PgError> {
        match &self.qualified {
            Some(qualified) => qualified.as_typed(error),
            None => error,
        }
    }

    /// A translation, kept for all who send the statement; one that is right for this session alone only where the key says
    /// so.
    pub(super) fn keep(&self, mut translated: Translated, s: Surroundings<'_>) -> Rc<Understood> {
        let translation = &mut translated.translation;
        let is_temporary = |name: &RelationName| name.schema.as_deref().is_some_and(is_temporary_schema);
        translation.is_of_session |= self.asked.borrow().iter().any(is_temporary);
        if translation.makes_temporary() || translation.is_of_session && self.template.temporary <= NONE_ANY_MORE {
            return TranslationCache::new(1).insert(&self.template, 0, translated);
        }
        s.context.translations.borrow_mut().insert(&self.template, s.context.epoch(), translated)
    }
}
