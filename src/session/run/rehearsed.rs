//! A definition of rules that IRIS does not know of: PostgreSQL tries it, the rows that are there are looked at, IRIS and the mirror
//! carry it out, and what the rows have to have by it is computed.

use std::rc::Rc;

use crate::catalog::try_definitions;
use crate::iris::Request;
use crate::sql::{Proof, Rehearsal};
use crate::wire::{Messages, PgError, SendBuf, SqlState};

use super::nested::{Carrying, MakeCarrying, Nested, NestedProgress, OwnStatement, RowForm, StepsDone};
use super::outcome::{CommandTag, Outcome};
use crate::session::contract::step::{Event, Progress};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::question::Question;
use crate::session::understand::rules::mirror_change;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// 42P07.
const DUPLICATE_TABLE: SqlState = SqlState(*b"42P07");

/// Such a definition under way.
#[derive(Debug)]
pub(crate) struct Rehearsed {
    make: MakeCarrying,
    understood: Rc<Understood>,
    /// What carries it out.
    then: Box<dyn Carrying>,
    stage: Stage,
    question: Option<Question>,
    nested: Option<Box<Nested>>,
    /// What a proof has found.
    spool: SendBuf,
    tag: Option<CommandTag>,
    /// Why it is taken back.
    failure: Option<Box<PgError>>,
    /// What stands around it takes it back.
    is_undone_outside: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Try,
    Proof(usize),
    Define,
    Fill(usize),
    Undo(usize),
}

impl Rehearsed {
    pub(crate) fn new(
        make: MakeCarrying,
        understood: Rc<Understood>,
        then: Box<dyn Carrying>,
        is_undone_outside: bool,
    ) -> Self {
        Self {
            make,
            understood,
            then,
            stage: Stage::Try,
            question: None,
            nested: None,
            spool: SendBuf::new(),
            tag: None,
            failure: None,
            is_undone_outside,
        }
    }

    /// # Errors
    /// The statement's own.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        cx.client.settings.check_writable(&self.understood.translation.tag)?;
        self.is_undone_outside &= cx.client.in_transaction();
        if let (true, Some(change)) = (cx.shard.options.has_oracle, mirror_change(cx.client, &self.understood)) {
            let statements = change.statements.iter().map(|statement| statement.sql.as_str());
            let question = Question::new(try_definitions(&change.search_path, statements));
            let want = question.ask();
            self.question = Some(question);
            return Ok(Outcome::Wait(want));
        }
        self.stage = Stage::Proof(0);
        self.go_on(cx)
    }

    /// # Errors
    /// The statement's own.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        match self.stage {
            Stage::Try => {
                let Some(question) = &mut self.question else { return Err(cx.shard.unwaited()) };
                match question.resume(event, cx.shard, cx.client)? {
                    Progress::Wait(want) => Ok(Outcome::Wait(want)),
                    Progress::Ready(answer) => {
                        // Which tables there are IRIS knows better.
                        let only = self.rehearsal().and_then(|rehearsal| rehearsal.only);
                        let counts = |error: &PgError| match only {
                            Some(only) => error.code == only,
                            None => !matches!(error.code, SqlState::UNDEFINED_TABLE | DUPLICATE_TABLE),
                        };
                        match answer.error {
                            Some(error) if counts(&error) => Err(error),
                            _ => {
                                self.stage = Stage::Proof(0);
                                self.go_on(cx)
                            }
                        }
                    }
                }
            }
            Stage::Define => {
                let outcome = self.then.resume(event, cx)?;
                self.defined(outcome, cx)
            }
            Stage::Proof(_) | Stage::Fill(_) | Stage::Undo(_) => {
                let Some(mut nested) = self.nested.take() else { return Err(cx.shard.unwaited()) };
                let takes_back = self.takes_back();
                match cx.settling_if(takes_back, |cx| nested.resume(event, &mut cx.spooled(&mut self.spool))) {
                    Ok(NestedProgress::Wait(want)) => {
                        self.nested = Some(nested);
                        Ok(Outcome::Wait(want))
                    }
                    Ok(NestedProgress::Done(count)) => {
                        self.done(Ok(count))?;
                        self.go_on(cx)
                    }
                    Err(error) => {
                        self.done(Err(error))?;
                        self.go_on(cx)
                    }
                }
            }
        }
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        match &mut self.nested {
            Some(nested) => nested.take_result(),
            None => self.then.take_result(),
        }
    }

    /// What has been carried out; what it has taken back itself is as if it had not been.
    pub(crate) fn progress(&self) -> StepsDone {
        match self.stage {
            Stage::Define | Stage::Fill(_) => self.then.progress(),
            _ => StepsDone::default(),
        }
    }

    fn rehearsal(&self) -> Option<&Rehearsal> {
        self.understood.translation.rehearsal.as_deref()
    }

    fn proof(&self, at: usize) -> Option<&Proof> {
        self.rehearsal()?.proofs.get(at)
    }

    fn go_on(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        loop {
            let sql = match self.stage {
                Stage::Try => return Err(cx.shard.unwaited()),
                Stage::Proof(at) => self.proof(at).map(|proof| proof.query.clone()),
                Stage::Define => {
                    let outcome = self.then.start(cx)?;
                    return self.defined(outcome, cx);
                }
                Stage::Fill(at) => self.rehearsal().and_then(|rehearsal| rehearsal.fills.get(at).cloned()),
                Stage::Undo(at) => self.rehearsal().and_then(|rehearsal| rehearsal.undo.get(at).cloned()),
            };
            let Some(sql) = sql else {
                match self.stage {
                    Stage::Proof(_) => {
                        self.stage = Stage::Define;
                        continue;
                    }
                    Stage::Undo(_) => {
                        if let Some(failure) = self.failure.take() {
                            return Err(failure);
                        }
                    }
                    _ => {}
                }
                let tag = self.tag.take();
                return Ok(Outcome::Complete(tag.unwrap_or_else(|| (&self.understood.tag).into())));
            };
            if matches!(self.stage, Stage::Fill(_)) {
                cx.client.transaction.begin_implicit();
            }
            self.spool.clear();
            let own = OwnStatement::new(sql, Vec::new(), Vec::new(), RowForm::Carried);
            let (make, takes_back) = (self.make, self.takes_back());
            match cx.settling_if(takes_back, |cx| Nested::start(own, make, &mut cx.spooled(&mut self.spool))) {
                Ok((nested, NestedProgress::Wait(want))) => {
                    self.nested = Some(Box::new(nested));
                    return Ok(Outcome::Wait(want));
                }
                Ok((_, NestedProgress::Done(count))) => self.done(Ok(count))?,
                Err(error) => self.done(Err(error))?,
            }
        }
    }

    /// Whether the definition is being taken back, which is not to be undone itself.
    fn takes_back(&self) -> bool {
        matches!(self.stage, Stage::Undo(_))
    }

    /// IRIS and the mirror have it.
    fn defined(&mut self, outcome: Outcome, cx: &mut Cx<'_>) -> Result<Outcome> {
        match outcome {
            Outcome::Complete(tag) => {
                self.tag = Some(tag);
                self.stage = Stage::Fill(0);
                self.go_on(cx)
            }
            outcome => Ok(outcome),
        }
    }

    /// What the end of a statement in front or behind means.
    fn done(&mut self, result: Result<u64>) -> Result<()> {
        match (self.stage, result) {
            (Stage::Proof(_), Err(error)) => return Err(error),
            (Stage::Proof(at), Ok(0)) => self.stage = Stage::Proof(at.saturating_add(1)),
            (Stage::Proof(at), Ok(_)) => {
                let Some(proof) = self.proof(at) else { return Ok(()) };
                let mut error = proof.error.clone();
                if let Some(detail) = first_cell(&self.spool) {
                    error.detail = Some(detail);
                }
                return Err(error);
            }
            (Stage::Fill(at), Ok(_)) => self.stage = Stage::Fill(at.saturating_add(1)),
            (Stage::Fill(_), Err(mut error)) => {
                if let (Some(index), SqlState::UNIQUE_VIOLATION) =
                    (self.rehearsal().and_then(|rehearsal| rehearsal.index.as_ref()), error.code)
                {
                    error.message = format!("could not create unique index \"{index}\"");
                    error.detail = error.detail.map(|detail| detail.replace(" already exists.", " is duplicated."));
                }
                if self.is_undone_outside {
                    return Err(error);
                }
                self.failure = Some(error);
                self.stage = Stage::Undo(0);
            }
            (Stage::Undo(at), _) => self.stage = Stage::Undo(at.saturating_add(1)),
            (Stage::Try | Stage::Define, _) => {}
        }
        Ok(())
    }
}

/// The first cell of the first row, a text.
fn first_cell(spool: &SendBuf) -> Option<String> {
    let (message, _) = Messages::new(spool.as_slice()).find(|(message, _)| message.tag == b'D')?;
    let (length, rest) = message.body.get(2..)?.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
    Some(String::from_utf8_lossy(rest.get(..length)?).into_owned())
}
