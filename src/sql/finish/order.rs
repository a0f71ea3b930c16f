//! The order of fetches: those that give few rows first, so that others are asked for the rows that belong to these.

use super::Cut;
use super::pairs::{Pair, pairs};
use super::relations::Base;
use super::sample::Sample;
use super::sources::Sources;
use super::whole::Whole;
use crate::sql::options::TranslateError;
use crate::sql::plan::{Fetch, FetchKey, FetchedColumn};
use crate::sql::syntax::equalities::equated;
use crate::sql::syntax::names;
use crate::types::quoted_name;
use crate::wire::Format;

/// What is known of the rows that a fetch gives, the fewest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Limited,
    /// One by its key.
    Keyed,
    /// Those of which a column has one value.
    Equal,
    Filtered,
    Whole,
}

impl Strength {
    /// By the conditions of a fetch, if it has any.
    pub(super) fn of(base: &Base, has_conditions: bool) -> Self {
        if !has_conditions {
            return Self::Whole;
        }
        let mut equal: Vec<String> = Vec::new();
        for equality in base.conjuncts.iter().flat_map(|conjunct| equated(&conjunct.condition)) {
            let is_constant = equality.reads.is_empty();
            equal.extend(names::folded_parts(&equality.column).pop().filter(|_| is_constant));
        }
        let keys = base.facts.unique_keys.iter().map(|(_, columns)| columns).chain([&base.facts.primary_key]);
        let is_one = |key: &Vec<String>| {
            !key.is_empty() && key.iter().all(|column| base.called(column).is_some_and(|name| equal.contains(&name)))
        };
        match equal.is_empty() {
            true => Self::Filtered,
            false if keys.into_iter().any(is_one) => Self::Keyed,
            false => Self::Equal,
        }
    }
}

/// The fetch for a table, before others are known.
#[derive(Debug)]
pub(super) struct Draft {
    pub fetch: Fetch,
    pub strength: Strength,
}

/// Lists that one fetch may be given.
const KEYS_MAX: usize = 4;

impl Cut<'_, '_> {
    /// The parameters of the client's text.
    pub(super) fn parameters_count(&self) -> usize {
        self.cx.options.parameter_types.len()
    }

    /// The fetches in their order, and for each table the place of its own, if it has one.
    pub(super) fn ordered(
        &self,
        bases: &[Base],
        wholes: &[Whole],
        drafts: Vec<(usize, Draft)>,
    ) -> Result<(Vec<Fetch>, Vec<Option<usize>>), TranslateError> {
        let pairs = pairs(bases);
        // Those of sub-queries come first, in their own order.
        let mut fetches: Vec<Fetch> = Vec::new();
        for whole in wholes {
            if whole.place == fetches.len() {
                fetches.push(whole.fetch.clone());
            }
        }
        let mut places: Vec<Option<usize>> = vec![None; bases.len()];
        // Tables that are known to give few rows, by themselves or by their partners.
        let within = |base: &Base| wholes.iter().any(|whole| whole.holds(&base.range));
        let mut few: Vec<usize> = (0..bases.len()).filter(|at| bases.get(*at).is_some_and(within)).collect();
        let mut waiting = drafts;
        while !waiting.is_empty() {
            let has_few = |at: usize| pairs.iter().any(|pair| pair.base == at && few.contains(&pair.other));
            // Who can be asked for by a table that cannot be asked for by it.
            let is_second = |at: usize| {
                let of = |base: usize, other: usize| pairs.iter().any(|pair| pair.base == base && pair.other == other);
                waiting.iter().any(|(other, _)| of(at, *other) && !of(*other, at))
            };
            // Partners of few rows come behind what has conditions of its own, and in front of what has none.
            let rank = |(at, draft): &(usize, Draft)| match draft.strength {
                Strength::Whole if has_few(*at) => (Strength::Whole, 0),
                Strength::Whole => (Strength::Whole, if is_second(*at) { 2 } else { 1 }),
                strength => (strength, 0),
            };
            let next = (0..waiting.len()).min_by_key(|n| waiting.get(*n).map(&rank)).unwrap_or(0);
            // PostgreSQL has to take for the same what is written twice: all of it at once.
            let (at, draft) = waiting.remove(next);
            let mut alike = vec![at];
            waiting.retain(|(other, twin)| {
                let is_alike = twin.fetch == draft.fetch;
                alike.extend(is_alike.then_some(*other));
                !is_alike
            });
            let mut placed = Vec::with_capacity(alike.len());
            for at in alike {
                let mut fetch = draft.fetch.clone();
                if draft.strength != Strength::Limited {
                    self.put_keys(&mut fetch, at, (bases, wholes), &pairs, (&fetches, &places))?;
                }
                let is_few = draft.strength != Strength::Whole || has_few(at);
                placed.push((at, fetch, is_few));
            }
            for (at, fetch, is_few) in placed {
                few.extend(is_few.then_some(at));
                let same = fetches.iter().position(|known| *known == fetch);
                let place = same.unwrap_or_else(|| {
                    fetches.push(fetch);
                    fetches.len().saturating_sub(1)
                });
                if let Some(slot) = places.get_mut(at) {
                    *slot = Some(place);
                }
            }
        }
        Ok((fetches, places))
    }

    /// What the fetches before it say of the rows of a table.
    fn put_keys(
        &self,
        fetch: &mut Fetch,
        at: usize,
        (bases, wholes): (&[Base], &[Whole]),
        pairs: &[Pair],
        (fetches, places): (&[Fetch], &[Option<usize>]),
    ) -> Result<(), TranslateError> {
        let Some(base) = bases.get(at) else { return Ok(()) };
        // Rows are counted before any is left out.
        if base.sample.as_ref().is_some_and(Sample::is_repeatable) {
            return Ok(());
        }
        let fetched = |pair: &Pair| {
            if let Some(place) = places.get(pair.other).copied().flatten() {
                let columns = &fetches.get(place)?.columns;
                // A list is made of the elements of the rows.
                let is_it =
                    |column: &FetchedColumn| column.name == pair.other_column && column.format == Format::Binary;
                return Some((place, columns.iter().position(is_it)?));
            }
            let other = bases.get(pair.other)?;
            let whole = wholes.iter().find(|whole| whole.holds(&other.range))?;
            Some((whole.place, whole.shown(pair.other, &pair.other_column, Sources { bases })?))
        };
        for pair in pairs.iter().filter(|pair| pair.base == at) {
            let Some((place, fetched)) = fetched(pair) else { continue };
            let Some(array) = base.column(&pair.column).and_then(|facts| facts.pg_type.oid.array()) else { continue };
            let key = FetchKey {
                column: format!("{}.{}", base.visible, quoted_name(&pair.column)),
                array,
                fetch: place,
                fetched,
            };
            let tried = fetch.keyed([&key], self.parameters_count().saturating_add(1));
            if fetch.keys.len() < KEYS_MAX
                && !fetch.keys.contains(&key)
                && self.translation(&tried, &[array])?.is_some()
            {
                fetch.keys.push(key);
            }
        }
        Ok(())
    }
}
