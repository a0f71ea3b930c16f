//! Statements that drivers parse without a name each time they run them: found by their text as it came, without a look
//! at its words.

use std::collections::HashMap;
use std::rc::Rc;

use crate::sql::Action;
use crate::types::Oid;

use super::statement::Statement;
use crate::session::client::Client;

/// Statements kept per shard, and the longest text of one: some megabytes at the most.
const STATEMENTS_MAX: usize = 1_024;
const TEXT_BYTES_MAX: usize = 2_048;

type Generation = HashMap<Box<str>, Rc<Statement>, foldhash::fast::RandomState>;

/// The unnamed statements of a shard's clients. Two generations, as in [`TranslationCache`](crate::sql::TranslationCache).
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    young: Generation,
    old: Generation,
    epoch: u64,
}

impl Parsed {
    /// What a client's Parse of this text with these types was understood as before.
    pub(crate) fn get(
        &mut self,
        sql: &str,
        types: impl Iterator<Item = Oid>,
        client: &Client,
        epoch: u64,
    ) -> Option<Rc<Statement>> {
        self.turn_to(epoch);
        let sql = sql.strip_suffix(';').unwrap_or(sql);
        if sql.len() > TEXT_BYTES_MAX || !client.search_path.is_empty() || client.temporary.state() != 0 {
            return None;
        }
        if !self.young.contains_key(sql) {
            let (text, statement) = self.old.remove_entry(sql)?;
            self.put(text, statement);
        }
        let statement = self.young.get(sql)?;
        let is_same = client.means(&statement.template) && types.eq(statement.client_types.iter().copied());
        is_same.then(|| Rc::clone(statement))
    }

    /// Keeps a statement that means the same to every client of the shard with these settings: one that IRIS runs. Its
    /// translation is the shard's.
    pub(crate) fn keep(&mut self, statement: &Rc<Statement>, client: &Client) {
        let is_for_all = matches!(statement.understood.translation.action, Action::Script(_))
            && statement.described.is_none()
            && statement.inner.is_none()
            && statement.template.temporary == 0
            && client.search_path.is_empty();
        if is_for_all && statement.sql.len() <= TEXT_BYTES_MAX {
            self.turn_to(statement.epoch);
            self.put(statement.sql.as_str().into(), Rc::clone(statement));
        }
    }

    fn put(&mut self, text: Box<str>, statement: Rc<Statement>) {
        if self.young.len() >= STATEMENTS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, statement);
    }

    fn turn_to(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.young.clear();
            self.old.clear();
            self.epoch = epoch;
        }
    }
}
