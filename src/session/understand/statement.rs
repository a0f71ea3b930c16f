//! Prepared statements: what is kept of them.

use std::rc::Rc;
use std::time::SystemTime;

use crate::bridge::default_pg_type;
use crate::catalog::Described;
use crate::sql::{Action, Bind as ValueSource, CursorCommand, Template};
use crate::types::Oid;

use super::learnt::{Understood, plans};
use crate::session::client::Client;

/// A prepared statement, by Parse or by SQL-level PREPARE.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub name: String,
    pub understood: Rc<Understood>,
    /// Holds the literals its binds refer to.
    pub template: Template,
    pub parameter_types: Vec<Oid>,
    pub sql: String,
    /// PostgreSQL's word on a statement of the oracle's.
    pub described: Option<Rc<Described>>,
    /// Types as the client gave them; 0 = ours to find.
    pub client_types: Vec<Oid>,
    /// The schema epoch it was understood under.
    pub epoch: u64,
    pub prepared_at: SystemTime,
    /// By SQL-level PREPARE.
    pub from_sql: bool,
    /// The query of a DECLARE, the statement of a PREPARE; then only this depends on the schema.
    pub inner: Option<Rc<Statement>>,
}

impl Statement {
    /// Of what was understood, and the parts of that: text, scan, and PostgreSQL's word where it is not kept with the translation.
    pub(in crate::session) fn new(
        understood: Rc<Understood>,
        (sql, template, described): (String, Template, Option<Rc<Described>>),
        client_types: &[Oid],
        epoch: u64,
    ) -> Self {
        let told = described.clone().or_else(|| understood.extra.described());
        let parameter_types = parameter_types(&understood, client_types, told.as_deref());
        Self {
            name: String::new(),
            understood,
            template,
            parameter_types,
            sql,
            described,
            client_types: client_types.to_vec(),
            epoch,
            prepared_at: SystemTime::now(),
            from_sql: false,
            inner: None,
        }
    }

    /// A DECLARE or PREPARE with the statement it is about. The parameters of DECLARE are its query's.
    pub(in crate::session) fn around(outer: Self, inner: Self) -> Self {
        let parameter_types = if outer.is_declare() { inner.parameter_types.clone() } else { Vec::new() };
        Self { parameter_types, inner: Some(Rc::new(inner)), ..outer }
    }

    fn is_declare(&self) -> bool {
        matches!(self.understood.translation.action, Action::Cursor(CursorCommand::Declare { .. }))
    }

    /// Whether temporary tables have come or gone since it was understood, and a name in it may mean another table by now. As in
    /// PostgreSQL, a statement goes on with the permanent tables that it was prepared with, but for those prepared before the
    /// session's first temporary table, which gives its search path one schema more; what is taken apart is understood in
    /// parts when it runs.
    pub(in crate::session) fn is_outdated_by_temporary(&self, client: &Client) -> bool {
        let (then, now) = (self.template.temporary, client.temporary.state());
        if then == now {
            return false;
        }
        let translation = &self.understood.translation;
        let is_bound = translation.is_of_session
            || matches!(
                translation.action,
                Action::Finish(_) | Action::WriteBack(_) | Action::LockRows(_) | Action::Staged(_)
            );
        is_bound || then == 0
    }

    /// What has to be understood anew when the schema changes.
    pub(in crate::session) fn subject(&self) -> &Self {
        self.inner.as_deref().unwrap_or(self)
    }

    /// What the parameters are bound to.
    pub(in crate::session) fn bound(&self) -> &Self {
        if self.is_declare() { self.subject() } else { self }
    }
}

/// What the client said first, then what PostgreSQL says; where it could not be asked, casts, then what IRIS declares for the first place a parameter stands in.
pub(crate) fn parameter_types(understood: &Understood, client_types: &[Oid], told: Option<&Described>) -> Vec<Oid> {
    let translation = &understood.translation;
    if let Action::CopyFromStdin(_) | Action::CopyToStdout(_) = translation.action {
        // Its `$n` are the columns of a row.
        return Vec::new();
    }
    let highest = plans(&translation.action)
        .flat_map(|plan| &plan.binds)
        .filter_map(|bind| if let ValueSource::Parameter(n) = bind { Some(usize::from(*n)) } else { None })
        .max()
        .unwrap_or(0);
    let told = told.map(|told| told.parameter_types.as_slice()).unwrap_or_default();
    let count = highest.max(translation.parameter_types.len()).max(client_types.len()).max(told.len());
    let known = |oid: &Oid| *oid != Oid::UNSPECIFIED && *oid != Oid::UNKNOWN;
    (0..count)
        .map(|index| {
            let said = client_types.get(index).copied().filter(known);
            said.or_else(|| told.get(index).copied().filter(known))
                .or_else(|| translation.parameter_types.get(index).copied().filter(known))
                .or_else(|| declared_type(understood, index))
                .unwrap_or(Oid::TEXT)
        })
        .collect()
}

fn declared_type(understood: &Understood, index: usize) -> Option<Oid> {
    let number = u16::try_from(index.saturating_add(1)).ok()?;
    plans(&understood.translation.action).enumerate().find_map(|(step, plan)| {
        let metadata = understood.extra.metadata(step)?;
        let place = plan.binds.iter().position(|bind| *bind == ValueSource::Parameter(number))?;
        let declared = metadata.parameters.get(place)?;
        let oid = default_pg_type(declared.iris_type, declared.precision, declared.scale).oid;
        // An untyped place reads as a string of no particular length: `text`, as PostgreSQL resolves unknowns.
        Some(if oid == Oid::VARCHAR { Oid::TEXT } else { oid })
    })
}
