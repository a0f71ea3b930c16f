//! Changes of columns that cannot be undone as they are: PostgreSQL says at once what is wrong with them. Columns that are
//! dropped are put aside; other types wait for COMMIT: the session's questions see them, and what IRIS would answer as if they
//! had not been made is refused.

use std::rc::Rc;

use crate::iris::Request;
use crate::sql::Deferral;
use crate::wire::PgError;

use super::nested::{MakeCarrying, Nested, NestedProgress, OwnStatement, RowForm};
use super::outcome::Outcome;
use super::put_aside::{Aside, PutAside};
use crate::session::client::Client;
use crate::session::contract::step::Event;
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::rows::Formats;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// An ALTER TABLE with such changes under way.
#[derive(Debug)]
pub(crate) struct Defer {
    make: MakeCarrying,
    understood: Rc<Understood>,
    aside: PutAside,
    /// The other actions.
    rest: Option<Box<Nested>>,
}

impl Defer {
    pub(crate) fn new(make: MakeCarrying, understood: Rc<Understood>) -> Self {
        let aside = PutAside::new(make, Rc::clone(&understood));
        Self { make, understood, aside, rest: None }
    }

    fn deferral(&self) -> Option<&Deferral> {
        self.understood.translation.reversal.as_deref()?.deferral.as_ref()
    }

    /// # Errors
    /// As [`resume`](Self::resume).
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        let aside = self.aside.start(cx)?;
        self.on_aside(aside, cx)
    }

    /// # Errors
    /// PostgreSQL's, and those of the other actions.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Some(rest) = &mut self.rest else {
            let aside = self.aside.resume(event, cx)?;
            return self.on_aside(aside, cx);
        };
        let progress = rest.resume(event, cx)?;
        Ok(self.on_rest(progress, cx))
    }

    fn on_aside(&mut self, aside: Aside, cx: &mut Cx<'_>) -> Result<Outcome> {
        if let Aside::Wait(want) = aside {
            return Ok(Outcome::Wait(want));
        }
        let Some(rest) = self.deferral().and_then(|deferral| deferral.rest.clone()) else { return Ok(self.over(cx)) };
        let form = RowForm::Client(Formats::text());
        let own = OwnStatement::new(rest, Vec::new(), Vec::new(), form);
        let (nested, progress) = Nested::start(own, self.make, cx)?;
        self.rest = Some(Box::new(nested));
        Ok(self.on_rest(progress, cx))
    }

    fn on_rest(&self, progress: NestedProgress, cx: &mut Cx<'_>) -> Outcome {
        match progress {
            NestedProgress::Wait(want) => Outcome::Wait(want),
            NestedProgress::Done(_) => self.over(cx),
        }
    }

    fn over(&self, cx: &mut Cx<'_>) -> Outcome {
        if let Some(deferral) = self.deferral().filter(|deferral| !deferral.changes.is_empty()) {
            cx.client.definitions.defer(deferral, self.aside.waiting());
        }
        // What was understood before does not know of it.
        cx.shard.schema_changed();
        Outcome::Complete((&self.understood.tag).into())
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.rest.as_mut().and_then(|rest| rest.take_result()).or_else(|| self.aside.take_result())
    }
}

/// # Errors
/// 0A000 for a statement of IRIS, whose text this is, in which a change of a column that waits for COMMIT would have to show.
#[inline]
pub(crate) fn check_deferred(client: &Client, text: &str) -> Result<()> {
    if client.definitions.has_deferred() { check_shown(client, text) } else { Ok(()) }
}

#[cold]
fn check_shown(client: &Client, text: &str) -> Result<()> {
    if client.definitions.is_settling() {
        return Ok(());
    }
    for deferral in client.definitions.deferred() {
        if mentions(text, &deferral.table) && shows(text, deferral) {
            let (columns, table) = (deferral.columns.join(", "), &deferral.table);
            let message = format!("the change of column {columns} of table {table} waits for COMMIT");
            return Err(PgError::unsupported(message)
                .detail("IRIS could not undo it. Until then neither the column can be used nor what has all columns.")
                .hint("Name the other columns in the statement, or COMMIT first."));
        }
    }
    Ok(())
}

/// Whether IRIS would answer otherwise if the change had been made: all columns are meant, one of these is named, or the
/// table gets another name.
fn shows(text: &str, deferral: &Deferral) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let altered = words.first().zip(words.get(3)).filter(|(first, _)| **first == "ALTER").map(|(_, change)| *change);
    match (altered, words.as_slice()) {
        // Whatever its type is.
        (Some("ALTER"), [.., "NULL"] | [.., "DROP", "DEFAULT"]) => return false,
        (Some("RENAME"), _) => return true,
        _ => {}
    }
    if deferral.columns.iter().any(|column| mentions(text, column)) {
        return true;
    }
    let compact: String = words.concat();
    if compact.replace("(*)", "").contains('*') {
        return true;
    }
    // INSERT without a list of columns.
    let at = words.iter().position(|word| mentions(word, &deferral.table));
    let after = at.and_then(|at| words.get(at.saturating_add(1)));
    words.first() == Some(&"INSERT") && !after.is_some_and(|word| word.starts_with('('))
}

/// Whether a text has the name, whatever its case.
fn mentions(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&name).any(|(at, found)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at.saturating_add(found.len())..).and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_a_change_that_waits() {
        let deferral = Deferral {
            rest: None,
            tried: Vec::new(),
            changes: Vec::new(),
            table: "t".to_owned(),
            relation: "public.t".to_owned(),
            columns: vec!["c".to_owned()],
            dropped: Vec::new(),
            demanded: Vec::new(),
        };
        let shows = |text: &str| mentions(text, "t") && shows(text, &deferral);
        for text in [
            "SELECT * FROM SQLUser.t",
            "SELECT c FROM SQLUser.t",
            "SELECT \"C\" FROM SQLUser.T",
            "INSERT INTO SQLUser.t VALUES (1)",
            "INSERT INTO SQLUser.t SELECT 1",
            "ALTER TABLE SQLUser.t RENAME \"u\"",
            "ALTER TABLE SQLUser.t ALTER COLUMN c RENAME \"d\"",
        ] {
            assert!(shows(text), "{text}");
        }
        for text in [
            "SELECT a FROM SQLUser.t",
            "SELECT COUNT(*) FROM SQLUser.t",
            "SELECT * FROM SQLUser.u",
            "INSERT INTO SQLUser.t (a) VALUES (1)",
            "ALTER TABLE SQLUser.t ADD COLUMN \"cc\" INTEGER",
            "ALTER TABLE SQLUser.t ALTER COLUMN c NOT NULL",
            "ALTER TABLE SQLUser.t ALTER COLUMN b RENAME \"d\"",
        ] {
            assert!(!shows(text), "{text}");
        }
    }
}
