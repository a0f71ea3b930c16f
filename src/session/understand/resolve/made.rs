//! Statements before they are understood, and what they are for.

use std::cell::RefCell;

use super::spelling::Spelled;
use super::{Resolve, Stage};
use crate::session::understand::context::ShardContext;
use crate::sql::Template;
use crate::types::Oid;
use crate::wire::PgError;

impl Resolve {
    /// A statement that `of_template` did not find; `template` holds its scan.
    pub(crate) fn new(sql: &str, template: Template) -> Self {
        Self {
            sql: sql.to_owned(),
            spelled: Spelled::default(),
            qualified: None,
            asked: RefCell::default(),
            template,
            parameter_types: Vec::new(),
            stage: Stage::Translate,
            loads_count: 0,
            wants_types: false,
            described: None,
            doubt: None,
            unasked: None,
            refusal: None,
            is_fetch: false,
            stores: false,
            stands_for: None,
        }
    }

    /// With the types the client declares for its parameters.
    pub(crate) fn with_types(sql: &str, mut template: Template, parameter_types: &[Oid]) -> Self {
        template.declare(parameter_types);
        // `unknown` leaves the type open just as 0 does.
        let open = |oid: &Oid| if *oid == Oid::UNKNOWN { Oid::UNSPECIFIED } else { *oid };
        Self {
            parameter_types: parameter_types.iter().map(open).collect(),
            wants_types: true,
            ..Self::new(sql, template)
        }
    }

    /// What gives the rows of a table to a query that PostgreSQL finishes.
    pub(crate) fn fetch(sql: &str, mut template: Template, parameter_types: &[Oid], context: &ShardContext) -> Self {
        if context.options.finishes_all {
            template.fetch();
        }
        Self { is_fetch: true, ..Self::with_types(sql, template, parameter_types) }
    }

    /// A statement of the gateway's own that stores or locks rows whose rules have been looked at.
    pub(crate) fn storing(
        sql: &str,
        stands_for: Option<(String, usize)>,
        mut template: Template,
        parameter_types: &[Oid],
    ) -> Self {
        template.store();
        Self { stores: true, stands_for, ..Self::with_types(sql, template, parameter_types) }
    }

    /// A query that IRIS computes for other values or formats, for PostgreSQL to finish.
    pub(crate) fn refused(sql: &str, mut template: Template, parameter_types: &[Oid], refusal: Box<PgError>) -> Self {
        template.refuse();
        let parameter_types = parameter_types.to_vec();
        Self { parameter_types, refusal: Some(refusal), ..Self::new(sql, template) }
    }
}
