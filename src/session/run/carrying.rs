//! Statements inside of other ones: what carries the client's out carries these out, too.

use std::rc::Rc;

use super::Operation;
use super::bind::Values;
use super::nested::{Carrying, RowUse, StepsDone};
use super::outcome::Outcome;
use super::script::Run;
use super::undoing::Undoing;
use crate::iris::Request;
use crate::session::contract::step::Event;
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::rows::Formats;
use crate::wire::PgError;

impl Carrying for Operation {
    fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        self.start(0, cx)
    }

    fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        self.resume(event, cx)
    }

    fn take_result(&mut self) -> Option<Request> {
        self.take_result()
    }

    fn progress(&self) -> StepsDone {
        match self {
            Self::Run(run) => run.progress(),
            Self::Following(run) => run.progress(),
            Self::Rehearsed(run) => run.progress(),
            _ => StepsDone::default(),
        }
    }
}

/// What undoes the definitions of a transaction.
pub(in crate::session) fn undoing() -> Undoing {
    Undoing::new(carrying)
}

/// A statement inside of another one; see [`MakeCarrying`](super::nested::MakeCarrying).
pub(super) fn carrying(
    understood: Rc<Understood>,
    values: Values,
    formats: Formats,
    rows: RowUse,
    cx: &Cx<'_>,
) -> Result<Box<dyn Carrying>, Box<PgError>> {
    let describe = rows == RowUse::Described;
    let mut operation = Operation::new(understood, values, formats, describe, cx.shard, cx.client)?;
    let carries = rows == RowUse::Carried;
    match &mut operation {
        Operation::Run(run) => carry(run, carries, cx),
        Operation::Drawing(drawing) => drawing.carries = Some(carries),
        _ => {}
    }
    Ok(Box::new(operation))
}

pub(super) fn carry(run: &mut Run, carries: bool, cx: &Cx<'_>) {
    if carries {
        run.print_standard();
    }
    // A portal may have a result of the same statement open: IRIS tells results apart by the key.
    if cx.client.open_results.any() {
        run.separate(cx.shard.next_statement_key());
    }
}
