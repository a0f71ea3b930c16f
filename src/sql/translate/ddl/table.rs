//! Tables that definitions name.

use squawk_syntax::SyntaxNode;

use super::definition::{at, typed_folded};
use crate::sql::schema::RelationName;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

pub(super) fn undefined(name: &str) -> Box<PgError> {
    PgError::error(SqlState(*b"3F000"), format!("schema \"{name}\" does not exist"))
}

/// A table a definition names.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// For the text: schema and name.
    pub text: String,
    pub lookup: RelationName,
    /// IRIS schema and name, for the mirror.
    pub iris: (String, String),
    /// As the client wrote it, folded and in quotes: for statements to the mirror that are not the client's own.
    pub pg: String,
}

impl Table {
    /// Of a `TABLE_NAME`, `TABLE_NAME_REF`, `TABLE_RELATION_NAME`, `VIEW` or `VIEW_REF`.
    pub(crate) fn of(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Self> {
        let parts: Vec<String> = names::parts(node).iter().map(|part| typed_folded(part)).collect();
        Self::found(cx, node, cx.relation(&parts)?)
    }

    /// As [`Table::of`], of one that is made, and is no temporary one whatever the session has of those.
    pub(crate) fn permanent(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Self> {
        let parts: Vec<String> = names::parts(node).iter().map(|part| typed_folded(part)).collect();
        Self::found(cx, node, cx.permanent(&parts)?)
    }

    fn found(cx: &Cx<'_>, node: &SyntaxNode, (text, lookup): (String, RelationName)) -> Result<Self> {
        let schema = match lookup.schema.as_deref() {
            Some(schema) if schema != "public" && !schema.eq_ignore_ascii_case(cx.options.default_schema) => {
                schema.to_owned()
            }
            _ => cx.options.default_schema.to_owned(),
        };
        let pg = match lookup.schema.as_deref() {
            None => quoted_name(&lookup.name),
            Some(schema) if schema.eq_ignore_ascii_case(cx.options.default_schema) => {
                format!("public.{}", quoted_name(&lookup.name))
            }
            Some(schema) => format!("{}.{}", quoted_name(schema), quoted_name(&lookup.name)),
        };
        if cx.options.side_table.is_some_and(|table| table.is(&schema, &lookup.name)) {
            let message = format!("permission denied for table {}", lookup.name);
            return Err(PgError::error(SqlState(*b"42501"), message)
                .detail("The gateway keeps comments in it: it is the catalog_side_table of the configuration.")
                .position(nodes::offset(at(node))));
        }
        let iris = (schema, lookup.name.clone());
        Ok(Self { text, lookup, iris, pg })
    }

    /// One that IRIS has named; `pg` is empty.
    pub(crate) fn of_iris(cx: &Cx<'_>, name: &RelationName) -> Self {
        let schema = name.schema.clone().unwrap_or_else(|| cx.options.default_schema.to_owned());
        Self {
            text: format!("{schema}.{}", quoted_name(&name.name)),
            lookup: name.clone(),
            iris: (schema, name.name.clone()),
            pg: String::new(),
        }
    }

    /// What PostgreSQL calls it in messages: without schema.
    pub(crate) fn name(&self) -> &str {
        &self.lookup.name
    }

    /// As [`Table::of`], of one that has to be there; `what` is the word for it in 42P01.
    pub(crate) fn existing(cx: &Cx<'_>, node: &SyntaxNode, what: &str) -> Result<Self> {
        let table = Self::of(cx, node)?;
        if table.is_another(cx) { Err(table.undefined(cx, what)) } else { Ok(table) }
    }

    /// Whether IRIS has it under a name that PostgreSQL tells from this one.
    pub(crate) fn is_another(&self, cx: &Cx<'_>) -> bool {
        cx.is_another(&self.lookup)
    }

    pub(crate) fn undefined(&self, cx: &Cx<'_>, what: &str) -> Box<PgError> {
        if let Some(schema) = self.missing_schema(cx) {
            return undefined(schema);
        }
        PgError::error(SqlState::UNDEFINED_TABLE, format!("{what} \"{}\" does not exist", self.name()))
    }

    /// 3F000 where IRIS would make it in a schema that PostgreSQL tells from the one that is named.
    pub(crate) fn refuse_other_schema(&self, cx: &Cx<'_>, node: &SyntaxNode) -> Result<()> {
        match self.missing_schema(cx) {
            Some(schema) => Err(undefined(schema).position(nodes::offset(at(node)))),
            None => Ok(()),
        }
    }

    /// Its schema, where IRIS has one that PostgreSQL tells from it.
    pub(crate) fn missing_schema(&self, cx: &Cx<'_>) -> Option<&str> {
        self.lookup.schema.as_deref().filter(|schema| {
            *schema != "public"
                && !schema.eq_ignore_ascii_case(cx.options.default_schema)
                && cx.is_another_schema(schema)
        })
    }

    /// 42P07 where a name is free to PostgreSQL and taken to IRIS.
    pub(crate) fn refuse_taken(&self, cx: &Cx<'_>) -> Result<()> {
        if !self.is_another(cx) {
            return Ok(());
        }
        let message = format!("relation \"{}\" already exists", self.name());
        Err(PgError::error(SqlState(*b"42P07"), message)
            .detail("IRIS has one whose name differs in case alone, and compares names without case."))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.iris.0.eq_ignore_ascii_case(&other.iris.0) && self.iris.1.eq_ignore_ascii_case(&other.iris.1)
    }
}

/// What PostgreSQL calls tables and views together.
pub(crate) const RELATION: &str = "relation";
