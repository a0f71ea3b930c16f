//! What a client keeps by name: prepared statements, and portals. The unnamed one of each, which most clients use for
//! every statement, stands apart: it is at hand without a search.

#[cfg(test)]
use std::cell::Cell;
use std::collections::HashMap;

/// Things by name, the empty name among them.
#[derive(Debug)]
pub(in crate::session) struct ByName<T> {
    unnamed: Option<T>,
    named: HashMap<String, T, foldhash::fast::RandomState>,
    /// How many somebody has walked over so far.
    #[cfg(test)]
    walked: Cell<usize>,
}

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self {
            unnamed: None,
            named: HashMap::default(),
            #[cfg(test)]
            walked: Cell::new(0),
        }
    }
}

impl<T> ByName<T> {
    pub(in crate::session) fn get(&self, name: &str) -> Option<&T> {
        if name.is_empty() { self.unnamed.as_ref() } else { self.named.get(name) }
    }

    pub(in crate::session) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        if name.is_empty() { self.unnamed.as_mut() } else { self.named.get_mut(name) }
    }

    pub(in crate::session) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Puts it in the place of what had the name.
    pub(in crate::session) fn insert(&mut self, name: &str, thing: T) {
        if name.is_empty() {
            self.unnamed = Some(thing);
        } else {
            self.named.insert(name.to_owned(), thing);
        }
    }

    pub(in crate::session) fn remove(&mut self, name: &str) -> Option<T> {
        if name.is_empty() { self.unnamed.take() } else { self.named.remove(name) }
    }

    pub(in crate::session) fn len(&self) -> usize {
        self.named.len().saturating_add(usize::from(self.unnamed.is_some()))
    }

    /// Each walk over all is counted in tests: no statement of the steady state may make one.
    fn walk(&self) {
        #[cfg(test)]
        self.walked.set(self.walked.get().saturating_add(self.len()));
    }

    pub(in crate::session) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.unnamed.iter().map(|thing| ("", thing)).chain(self.named())
    }

    /// Those that have a name.
    pub(in crate::session) fn named(&self) -> impl Iterator<Item = (&str, &T)> {
        self.walk();
        self.named.iter().map(|(name, thing)| (name.as_str(), thing))
    }

    pub(in crate::session) fn values(&self) -> impl Iterator<Item = &T> {
        self.walk();
        self.unnamed.iter().chain(self.named.values())
    }

    pub(in crate::session) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.walk();
        self.unnamed.iter_mut().chain(self.named.values_mut())
    }

    #[inline]
    pub(in crate::session) fn set_unnamed(&mut self, thing: T) {
        self.unnamed = Some(thing);
    }

    /// Lets go of the unnamed one.
    pub(in crate::session) fn clear_unnamed(&mut self) {
        self.unnamed = None;
    }

    /// All that have a name, which leave.
    pub(in crate::session) fn take_named(&mut self) -> impl Iterator<Item = (String, T)> + use<T> {
        // A map that many have left is as slow to empty as a full one: it leaves with them.
        std::mem::take(&mut self.named).into_iter()
    }

    /// Lets go of all.
    pub(in crate::session) fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }
}

#[cfg(test)]
impl<T> ByName<T> {
    pub(in crate::session) fn walked(&self) -> usize {
        self.walked.get()
    }
}
