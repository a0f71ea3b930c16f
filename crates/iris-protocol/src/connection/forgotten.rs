//! Statements that the server says it holds no longer (status 404). Their text is prepared again; they run only if they
//! still mean what they meant, since values have been written by the metadata known before.

use std::rc::Rc;

use super::encode::{Values, put_prepare};
use super::machine::{Expected, Machine, Outcome};
use super::upload::Upload;
use super::{IrisError, LinkError, StatementMetadata, SubmitOutcome};
use crate::{IrisStatement, Opcode};

impl Machine {
    /// PP, with PQ's or PU's body at hand.
    pub(super) fn prepare_again(
        &mut self,
        id: u32,
        statement: &IrisStatement,
        values: &Values<'_>,
        out: &mut Vec<u8>,
    ) -> Result<SubmitOutcome, LinkError> {
        let mut body = Vec::new();
        if statement.is_query {
            values.put_query(&mut body);
        } else {
            values.put_update(&mut body);
        }
        self.send(Opcode::PREPARE, id, out, |out| put_prepare(out, statement))?;
        self.wait(id, Expected::SameMetadata { is_query: statement.is_query, body })
    }

    /// The reply to that PP.
    pub(super) fn on_same_metadata(
        &mut self,
        id: u32,
        is_query: bool,
        metadata: Rc<StatementMetadata>,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Outcome, LinkError> {
        if !self.still_means(id, &metadata) {
            return Ok(Outcome::Failed { error: IrisError::recompiled(), counts: Vec::new() });
        }
        self.statements.prepared(id, Rc::clone(&metadata));
        let opcode = if is_query { Opcode::EXECUTE_QUERY } else { Opcode::EXECUTE_UPDATE };
        self.send(opcode, id, out, |out| out.extend_from_slice(body))?;
        self.wait(id, if is_query { Expected::Page(metadata) } else { Expected::Counts(metadata) })?;
        Ok(Outcome::More)
    }

    /// Whether the metadata fit those known before, if there are any; else the statement is a new one from now on.
    pub(super) fn still_means(&mut self, id: u32, metadata: &StatementMetadata) -> bool {
        let fits = self.statements.metadata(id).is_none_or(|known| known.means_the_same(metadata));
        if !fits {
            self.statements.forget(id);
        }
        fits
    }

    /// An execution with long values: PP comes first where the server does not hold the text.
    pub(super) fn execute_long(
        &mut self,
        id: u32,
        statement: &IrisStatement,
        values: &Values<'_>,
        out: &mut Vec<u8>,
    ) -> Result<SubmitOutcome, LinkError> {
        let upload = Box::new(Upload::new(statement, values.items, values.per_set, values.sets, values.rows_max));
        let known = self.statements.metadata(id).filter(|_| !self.statements.is_forgotten(id)).map(Rc::clone);
        match known {
            Some(metadata) => self.go_on(id, upload, metadata, out),
            None => {
                self.send(Opcode::PREPARE, id, out, |out| put_prepare(out, statement))?;
                self.wait(id, Expected::UploadMetadata(upload))
            }
        }
    }
}
