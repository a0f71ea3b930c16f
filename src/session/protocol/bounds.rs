//! What one client may keep, in bytes.

use std::collections::HashSet;
use std::rc::Rc;

use crate::wire::{PgError, SqlState};

use super::portal::{Portal, PortalState};
use super::ready::Ready;
use crate::session::run::bind::Values;
use crate::session::understand::statement::Statement;

/// What was added since it was last counted exactly: never less than what is kept, so that counting is rare.
#[derive(Debug, Default)]
pub(in crate::session) struct KeptBytes {
    statements: usize,
    portals: usize,
}

/// A statement or portal besides its texts and values.
const FIXED_BYTES: usize = 512;

impl Statement {
    /// Memory held, about.
    fn bytes(&self) -> usize {
        let inner = self.inner.as_deref().map_or(0, Self::bytes);
        let types = self.parameter_types.len().saturating_mul(8);
        // What a long text was translated to is kept by nobody else.
        let translated = self.template.text.len().saturating_mul(2);
        [self.name.len(), self.sql.len(), self.template.bytes(), translated, types, inner]
            .into_iter()
            .fold(FIXED_BYTES, usize::saturating_add)
    }
}

impl Portal {
    fn bytes(&self) -> usize {
        let values = match &self.state {
            PortalState::Bound(Values::Iris(values)) => values.bytes(),
            PortalState::Bound(Values::Oracle(statement)) => statement.bytes(),
            PortalState::Bound(Values::Refused(query)) => query.bytes(),
            PortalState::Bound(Values::Undrawn(statement)) => statement.bytes(),
            _ => 0_usize,
        };
        values.saturating_add(FIXED_BYTES)
    }
}

impl Ready {
    /// # Errors
    /// 54000.
    pub(in crate::session) fn check_statement_bytes(&self, sql: &str) -> Result<(), Box<PgError>> {
        let max = self.context.options.limits.statement_bytes_max;
        if sql.len() > max {
            return Err(too_much(format!("a statement may be at most {max} bytes long"))
                .hint("Bind long values as parameters, use COPY, or raise statement_bytes_max."));
        }
        Ok(())
    }

    /// Before a statement is kept. The unnamed one does not count: there is only one.
    ///
    /// # Errors
    /// 54000.
    pub(in crate::session) fn charge_statement(
        &mut self,
        name: &str,
        statement: &Statement,
    ) -> Result<(), Box<PgError>> {
        if name.is_empty() {
            return Ok(());
        }
        let (max, bytes) = (self.context.options.limits.prepared_bytes_max, statement.bytes());
        self.kept.statements = self.kept.statements.saturating_add(bytes);
        if self.kept.statements > max {
            let others: usize = self.statements.named().map(|(_, statement)| statement.bytes()).sum();
            if others.saturating_add(bytes) > max {
                self.kept.statements = others;
                return Err(too_much(format!("a client may keep at most {max} bytes of prepared statements"))
                    .hint("DEALLOCATE those no longer needed, or raise prepared_bytes_max."));
            }
            self.kept.statements = others.saturating_add(bytes);
        }
        Ok(())
    }

    /// Before a portal is kept. The unnamed one does not count.
    ///
    /// # Errors
    /// 54000.
    pub(in crate::session) fn charge_portal(&mut self, name: &str, portal: &Portal) -> Result<(), Box<PgError>> {
        if name.is_empty() {
            return Ok(());
        }
        let max = self.context.options.limits.portals_bytes_max;
        let bytes = portal.bytes().saturating_add(portal.statement.bytes());
        self.kept.portals = self.kept.portals.saturating_add(bytes);
        if self.kept.portals > max {
            // A statement counts once, and not at all while it has a name of its own.
            let mut known: HashSet<*const Statement> = self.statements.values().map(Rc::as_ptr).collect();
            let mut exact = |portal: &Portal| {
                let is_new = known.insert(Rc::as_ptr(&portal.statement));
                portal.bytes().saturating_add(if is_new { portal.statement.bytes() } else { 0 })
            };
            let others = self
                .portals
                .iter()
                .filter(|(name, _)| !name.is_empty())
                .map(|(_, portal)| exact(portal))
                .fold(0, usize::saturating_add);
            let bytes = exact(portal);
            if others.saturating_add(bytes) > max {
                self.kept.portals = others;
                return Err(too_much(format!("a client may keep at most {max} bytes in portals"))
                    .hint("Close those no longer needed."));
            }
            self.kept.portals = others.saturating_add(bytes);
        }
        Ok(())
    }
}

fn too_much(message: String) -> Box<PgError> {
    PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
}
