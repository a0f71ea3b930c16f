//! The portals of a session by name. Those that end with their transaction stand apart from the cursors that outlive it,
//! so that the end of a transaction, or of a savepoint, looks only at portals that end.

#[cfg(test)]
use std::cell::Cell;
use std::collections::HashMap;

use crate::iris::Request;

use super::by_name::ByName;
use super::portal::Portal;

#[derive(Debug, Default)]
pub(in crate::session) struct Portals {
    /// They end with their transaction at the latest.
    passing: ByName<Portal>,
    /// Cursors WITH HOLD whose transaction has committed.
    held: HashMap<String, Portal, foldhash::fast::RandomState>,
    /// Names of portals made behind a savepoint, with the number of that, in the order of their making. Some may be gone.
    behind_savepoints: Vec<(u64, String)>,
    /// How many of `held` somebody has walked over so far.
    #[cfg(test)]
    held_walked: Cell<usize>,
}

/// Names of portals that are gone are kept until there are more of them than this and than of others.
const GONE_MAX: usize = 32;

impl Portals {
    pub(in crate::session) fn get(&self, name: &str) -> Option<&Portal> {
        self.passing.get(name).or_else(|| self.held.get(name))
    }

    pub(in crate::session) fn get_mut(&mut self, name: &str) -> Option<&mut Portal> {
        self.passing.get_mut(name).or_else(|| self.held.get_mut(name))
    }

    pub(in crate::session) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The unnamed one, which nobody has.
    #[inline]
    pub(in crate::session) fn set_unnamed(&mut self, portal: Portal) {
        self.passing.set_unnamed(portal);
    }

    /// A new portal, whose name nobody has.
    pub(in crate::session) fn insert(&mut self, name: &str, portal: Portal) {
        if portal.savepoint > 0 && !name.is_empty() {
            if self.behind_savepoints.len() / 2 > self.passing.len().max(GONE_MAX) {
                let passing = &self.passing;
                self.behind_savepoints
                    .retain(|(number, name)| passing.get(name).is_some_and(|portal| portal.savepoint == *number));
            }
            self.behind_savepoints.push((portal.savepoint, name.to_owned()));
        }
        self.passing.insert(name, portal);
    }

    pub(in crate::session) fn remove(&mut self, name: &str) -> Option<Portal> {
        self.passing.remove(name).or_else(|| self.held.remove(name))
    }

    pub(in crate::session) fn len(&self) -> usize {
        self.passing.len().saturating_add(self.held.len())
    }

    /// Whether there is one that ends with its transaction.
    pub(in crate::session) fn has_passing(&self) -> bool {
        self.passing.len() > 0
    }

    /// Those that end with their transaction.
    pub(in crate::session) fn passing(&self) -> impl Iterator<Item = &Portal> {
        self.passing.values()
    }

    pub(in crate::session) fn iter(&self) -> impl Iterator<Item = (&str, &Portal)> {
        self.walk_held();
        self.passing.iter().chain(self.held.iter().map(|(name, portal)| (name.as_str(), portal)))
    }

    pub(in crate::session) fn values_mut(&mut self) -> impl Iterator<Item = &mut Portal> {
        self.walk_held();
        self.passing.values_mut().chain(self.held.values_mut())
    }

    /// As [`ByName::walk`].
    fn walk_held(&self) {
        #[cfg(test)]
        self.held_walked.set(self.held_walked.get().saturating_add(self.held.len()));
    }

    /// Lets go of the unnamed one. A result that it leaves open goes to `closes`.
    #[inline]
    pub(in crate::session) fn close_unnamed(&mut self, closes: &mut Vec<Request>) {
        if let Some(portal) = self.passing.get_mut("") {
            // Hardly any leaves one.
            if let Some(request) = portal.take_result() {
                closes.push(request);
            }
            self.passing.clear_unnamed();
        }
    }

    /// Lets go of all. Results that they leave open go to `closes`.
    pub(in crate::session) fn close_all(&mut self, closes: &mut Vec<Request>) {
        self.close_unnamed(closes);
        let named = self.passing.take_named().chain(std::mem::take(&mut self.held));
        closes.extend(named.filter_map(|(_, mut portal)| portal.take_result()));
        self.behind_savepoints.clear();
    }

    /// The transaction is over: portals end with it, but for cursors WITH HOLD that it has committed.
    pub(in crate::session) fn end_transaction(&mut self, committed: bool, closes: &mut Vec<Request>) {
        // DECLARE gives its cursor a name, so the unnamed one is none WITH HOLD.
        self.close_unnamed(closes);
        if !self.has_passing() {
            return;
        }
        for (name, mut portal) in self.passing.take_named() {
            if committed && portal.is_held() {
                self.held.insert(name, portal);
            } else {
                closes.extend(portal.take_result());
            }
        }
        self.behind_savepoints.clear();
    }

    /// The transaction is back at the savepoint of this number: what was made behind it ends.
    pub(in crate::session) fn roll_back_to(&mut self, savepoint: u64, closes: &mut Vec<Request>) {
        let ends = |portal: &Portal| portal.savepoint >= savepoint;
        let mut end = |passing: &mut ByName<Portal>, name: &str| {
            if passing.get(name).is_some_and(ends) {
                closes.extend(passing.remove(name).and_then(|mut portal| portal.take_result()));
            }
        };
        end(&mut self.passing, "");
        while let Some((_, name)) = self.behind_savepoints.pop_if(|(number, _)| *number >= savepoint) {
            end(&mut self.passing, &name);
        }
    }
}

#[cfg(test)]
impl Portals {
    /// Portals that somebody has walked over so far.
    pub(in crate::session) fn walked(&self) -> usize {
        self.passing.walked().saturating_add(self.held_walked.get())
    }

    pub(in crate::session) fn behind_savepoints_count(&self) -> usize {
        self.behind_savepoints.len()
    }
}
