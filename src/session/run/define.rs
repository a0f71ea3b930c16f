//! A definition inside of a transaction: how it is undone is known before it runs, for it may end with its connection.

use std::rc::Rc;

use crate::iris::Request;
use crate::sql::{Reversal, ReversalPart, UndoSource};
use crate::wire::PgError;

use super::defer::Defer;
use super::nested::{Carrying, MakeCarrying};
use super::outcome::Outcome;
use super::put_aside::{Aside, PutAside};
use super::undoing::Lookup;
use crate::session::client::definitions::{Undo, UndoHow};
use crate::session::contract::step::{Event, Progress};
use crate::session::understand::context::{Cx, Understood};

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Such a definition under way.
#[derive(Debug)]
pub(crate) struct Define {
    understood: Rc<Understood>,
    /// What carries it out.
    inner: Box<dyn Carrying>,
    /// Of DROP, what runs in its place.
    aside: Option<Box<PutAside>>,
    /// Of an ALTER TABLE that cannot be undone as it is, what runs in its place.
    defer: Option<Box<Defer>>,
    /// The question under way.
    lookup: Option<Lookup>,
    /// Parts of the reversal that have been looked at.
    parts_count: usize,
    undos: Vec<Known>,
    /// Definitions in front of it.
    before_count: usize,
    is_running: bool,
    /// It stands in a transaction.
    is_recorded: bool,
}

/// How a change is undone.
#[derive(Debug)]
struct Known {
    first_step: usize,
    /// It makes something: where IRIS had it already, nothing is undone.
    is_maker: bool,
    undo: Undo,
}

impl Known {
    fn new(part: &ReversalPart, how: UndoHow, cx: &Cx<'_>) -> Self {
        let witness = part.takes.as_ref().and_then(|name| cx.client.definitions.witness(name));
        let undo = Undo { witness, ..Undo::new(how, part.probe.clone()) };
        Self { first_step: part.first_step, is_maker: part.probe.is_some(), undo }
    }

    /// Of a change that IRIS is known to have made.
    fn certain(self) -> Undo {
        Undo { probe: None, ..self.undo }
    }
}

impl Define {
    pub(crate) fn new(make: MakeCarrying, understood: Rc<Understood>, inner: Box<dyn Carrying>) -> Self {
        let drops = understood
            .translation
            .reversal
            .as_ref()
            .is_some_and(|reversal| !reversal.drops.is_empty() || reversal.drops_others.is_some());
        let aside = drops.then(|| Box::new(PutAside::new(make, Rc::clone(&understood))));
        let defers = understood.translation.reversal.as_ref().is_some_and(|reversal| reversal.deferral.is_some());
        let defer = defers.then(|| Box::new(Defer::new(make, Rc::clone(&understood))));
        Self {
            understood,
            inner,
            aside,
            defer,
            lookup: None,
            parts_count: 0,
            undos: Vec::new(),
            before_count: 0,
            is_running: false,
            is_recorded: false,
        }
    }

    fn reversal(&self) -> Option<&Reversal> {
        self.understood.translation.reversal.as_deref()
    }

    /// # Errors
    /// The definition's own, and 0A000 for what cannot be undone.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Some(reversal) = self.reversal().filter(|_| cx.client.in_transaction()) else {
            self.is_running = true;
            return self.inner.start(cx);
        };
        let made = cx.client.definitions.tables_since(cx.client.transaction.definitions_kept());
        let is_own = !reversal.changes.is_empty() && reversal.changes.iter().all(|name| made.contains(name.as_str()));
        if is_own {
            // What has made it drops it under the name that it had then.
            let renames = reversal.vacates.is_some();
            (self.aside, self.defer) = (None, None);
            return if renames { self.look(cx) } else { self.run(cx) };
        }
        if let Some(refusal) = &reversal.refusal {
            return Err(refusal.clone());
        }
        if let Some(defer) = &mut self.defer {
            return defer.start(cx);
        }
        match &mut self.aside {
            Some(aside) => {
                let aside = aside.start(cx)?;
                self.on_aside(aside, cx)
            }
            None => self.look(cx),
        }
    }

    fn on_aside(&mut self, aside: Aside, cx: &mut Cx<'_>) -> Result<Outcome> {
        match aside {
            Aside::Wait(want) => Ok(Outcome::Wait(want)),
            Aside::Done => Ok(Outcome::Complete((&self.understood.tag).into())),
            Aside::Unknown => {
                // IRIS has what the mirror does not know, or says that there is nothing.
                self.aside = None;
                cx.client.transaction.mark_definition();
                self.run(cx)
            }
        }
    }

    /// Finds out how the definition is undone, then runs it.
    fn look(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        let understood = Rc::clone(&self.understood);
        let parts = understood.translation.reversal.as_deref().map(|reversal| reversal.parts.as_slice());
        for part in parts.unwrap_or_default().iter().skip(self.parts_count) {
            match &part.undo {
                UndoSource::Statement(sql) => self.undos.push(Known::new(part, UndoHow::Statement(sql.clone()), cx)),
                UndoSource::Query(sql) | UndoSource::LateQuery(sql) => {
                    let lookup = Lookup::new(sql, cx);
                    let want = lookup.ask();
                    self.lookup = Some(lookup);
                    return Ok(Outcome::Wait(want));
                }
            }
            self.parts_count = self.parts_count.saturating_add(1);
        }
        self.run(cx)
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        let definitions = &mut cx.client.definitions;
        self.before_count = definitions.count();
        if let Some(name) = self.understood.translation.reversal.as_ref().and_then(|reversal| reversal.makes.as_ref()) {
            definitions.makes_table(name);
        }
        self.undos.iter().for_each(|known| definitions.push(known.undo.clone()));
        (self.is_running, self.is_recorded) = (true, true);
        let outcome = self.inner.start(cx);
        self.on_outcome(outcome, cx)
    }

    /// # Errors
    /// As [`start`](Self::start).
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        if self.is_running {
            let outcome = self.inner.resume(event, cx);
            return self.on_outcome(outcome, cx);
        }
        if let Some(defer) = &mut self.defer {
            return defer.resume(event, cx);
        }
        if let Some(aside) = &mut self.aside {
            let aside = aside.resume(event, cx)?;
            return self.on_aside(aside, cx);
        }
        let Some(lookup) = &mut self.lookup else { return Err(cx.shard.unwaited()) };
        match lookup.resume(event, cx)? {
            Progress::Wait(want) => Ok(Outcome::Wait(want)),
            Progress::Ready(found) => {
                let understood = Rc::clone(&self.understood);
                let parts = understood.translation.reversal.as_deref().map(|reversal| reversal.parts.as_slice());
                if let Some(part) = parts.unwrap_or_default().get(self.parts_count) {
                    let how = |sql| match part.undo {
                        UndoSource::LateQuery(_) => UndoHow::Query(sql),
                        _ => UndoHow::Statement(sql),
                    };
                    self.undos.extend(found.texts.into_iter().map(|sql| Known::new(part, how(sql), cx)));
                }
                self.parts_count = self.parts_count.saturating_add(1);
                self.lookup = None;
                self.look(cx)
            }
        }
    }

    fn on_outcome(&mut self, outcome: Result<Outcome>, cx: &mut Cx<'_>) -> Result<Outcome> {
        if !self.is_recorded || matches!(outcome, Ok(Outcome::Wait(_))) {
            return outcome;
        }
        let progress = self.inner.progress();
        let is_done = |known: &Known| outcome.is_ok() || known.first_step < progress.steps_count;
        // The mirror may have made what IRIS had.
        let is_iris = !self.understood.translation.mirror_decides;
        let is_made = |known: &Known| !(is_iris && known.is_maker && progress.ignored.contains(&known.first_step));
        let known = std::mem::take(&mut self.undos).into_iter().filter(|known| is_done(known) && is_made(known));
        cx.client.definitions.replace(self.before_count, known.map(Known::certain));
        if outcome.is_ok()
            && let Some((name, witness)) = self.reversal().and_then(|reversal| reversal.vacates.as_ref())
        {
            cx.client.definitions.vacate(name, witness);
        }
        outcome
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        let aside = self.aside.as_mut().and_then(|aside| aside.take_result());
        let defer = || self.defer.as_mut().and_then(|defer| defer.take_result());
        aside.or_else(defer).or_else(|| self.inner.take_result())
    }
}
