//! What a client keeps by name: prepared statements, and portals. The unnamed one of each, which most clients use for
//! every statement, stands apart: it is at hand without a search.

use std::collections::HashMap;

/// Things by name, the empty name among them.
#[derive(Debug)]
pub(in crate::session) struct ByName<T> {
    unnamed: Option<T>,
    named: HashMap<String, T, foldhash::fast::RandomState>,
}

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self { unnamed: None, named: HashMap::default() }
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

    pub(in crate::session) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.unnamed.iter().map(|thing| ("", thing)).chain(self.named())
    }

    /// Those that have a name.
    pub(in crate::session) fn named(&self) -> impl Iterator<Item = (&str, &T)> {
        self.named.iter().map(|(name, thing)| (name.as_str(), thing))
    }

    pub(in crate::session) fn values(&self) -> impl Iterator<Item = &T> {
        self.unnamed.iter().chain(self.named.values())
    }

    pub(in crate::session) fn any(&self, is_it: impl Fn(&T) -> bool) -> bool {
        self.unnamed.as_ref().is_some_and(&is_it) || !self.named.is_empty() && self.named.values().any(is_it)
    }

    pub(in crate::session) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.unnamed.iter_mut().chain(self.named.values_mut())
    }

    /// Lets go of those for which `stays` is false.
    pub(in crate::session) fn retain(&mut self, mut stays: impl FnMut(&mut T) -> bool) {
        if self.unnamed.as_mut().is_some_and(|thing| !stays(thing)) {
            self.unnamed = None;
        }
        if !self.named.is_empty() {
            self.named.retain(|_, thing| stays(thing));
        }
    }

    /// Lets go of all.
    pub(in crate::session) fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }
}
