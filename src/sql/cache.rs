//! The translations a shard keeps, by template text.

use std::collections::HashMap;
use std::rc::Rc;

use super::options::Translated;
use super::plan::Translation;
use super::template::Template;

/// A translation and the literal values it holds for.
#[derive(Debug)]
pub struct CachedTranslation<E = ()> {
    pub translation: Translation,
    /// That of the translation, shared by all who carry it out.
    pub tag: Rc<str>,
    /// It defines nothing, says nothing besides, and takes nothing of a session: there is nothing to look for when it is done.
    pub is_plain: bool,
    /// What the cache's owner learns of the statement later on.
    pub extra: E,
    /// Index and value of every literal a rule read.
    pinned: Vec<(u16, Box<str>)>,
}

impl<E> CachedTranslation<E> {
    fn matches(&self, template: &Template) -> bool {
        self.pinned.iter().all(|(n, value)| template.literal(*n).is_some_and(|(_, found)| *found == **value))
    }
}

/// Translations of one template; more than one only where rules read literal values.
type Variants<E> = Vec<Rc<CachedTranslation<E>>>;

/// Hashed by a key of the process's own, so that nobody can choose texts that meet.
type Generation<E> = HashMap<Box<str>, Variants<E>, foldhash::fast::RandomState>;

/// Per shard, for one set of [`TranslateOptions`](super::TranslateOptions).
///
/// Least recently used templates leave first, by two generations: a hit in the old one moves the template to the young
/// one; when the young one holds half of the bound, the old one is dropped and they change places. That keeps the
/// bound and costs no list upkeep on a hit.
#[derive(Debug)]
pub struct TranslationCache<E = ()> {
    young: Generation<E>,
    old: Generation<E>,
    epoch: u64,
    generation_max: usize,
}

/// Values of pinned literals vary (`LIMIT` of a paging client, `interval '1 day'`): the newest few are enough.
const VARIANTS_MAX: usize = 16;

/// A template longer than this is not kept: a bulk INSERT is rarely sent twice, and the bound counts entries.
const TEXT_BYTES_MAX: usize = 64 * 1024;

impl<E: Default> TranslationCache<E> {
    /// Keeps at most `templates_max` templates.
    pub fn new(templates_max: usize) -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            epoch: 0,
            generation_max: (templates_max / 2).max(1),
        }
    }

    /// The translation for this template and these pinned values, made under schema epoch `epoch`. A new epoch
    /// empties the cache.
    pub fn get(&mut self, template: &Template, epoch: u64) -> Option<Rc<CachedTranslation<E>>> {
        self.turn_to(epoch);
        if let Some(variants) = self.young.get(template.text.as_str()) {
            return variants.iter().find(|cached| cached.matches(template)).cloned();
        }
        let (text, variants) = self.old.remove_entry(template.text.as_str())?;
        let found = variants.iter().find(|cached| cached.matches(template)).cloned();
        self.make_room();
        self.young.insert(text, variants);
        found
    }

    /// Keeps a fresh translation and gives it back shared. Refused insertions (too long a text) are still usable.
    pub fn insert(&mut self, template: &Template, epoch: u64, translated: Translated) -> Rc<CachedTranslation<E>> {
        self.turn_to(epoch);
        let pinned = translated
            .pinned
            .iter()
            .filter_map(|&n| template.literal(n).map(|(_, value)| (n, Box::from(value))))
            .collect();
        let translation = translated.translation;
        let tag = Rc::from(translation.tag.as_str());
        let is_plain = translation.is_plain();
        let cached = Rc::new(CachedTranslation { translation, tag, is_plain, extra: E::default(), pinned });
        if template.text.len() > TEXT_BYTES_MAX {
            return cached;
        }
        if let Some((text, variants)) = self.old.remove_entry(template.text.as_str()) {
            self.make_room();
            self.young.insert(text, variants);
        }
        match self.young.get_mut(template.text.as_str()) {
            Some(variants) => {
                variants.retain(|variant| !variant.matches(template));
                if variants.len() >= VARIANTS_MAX {
                    variants.remove(0);
                }
                variants.push(Rc::clone(&cached));
            }
            None => {
                self.make_room();
                self.young.insert(Box::from(template.text.as_str()), vec![Rc::clone(&cached)]);
            }
        }
        cached
    }

    /// What was kept for this template and these pinned values is not: it turned out to be of no use.
    pub fn forget(&mut self, template: &Template) {
        for generation in [&mut self.young, &mut self.old] {
            if let Some(variants) = generation.get_mut(template.text.as_str()) {
                variants.retain(|variant| !variant.matches(template));
            }
        }
    }

    /// Templates kept.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn turn_to(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.young.clear();
            self.old.clear();
            self.epoch = epoch;
        }
    }

    fn make_room(&mut self) {
        if self.young.len() >= self.generation_max {
            self.old = std::mem::take(&mut self.young);
        }
    }
}
