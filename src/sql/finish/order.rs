//! The order of fetches: those that give few rows first, so that others are asked for the rows that belong to these.

use super::Cut;
use super::pairs::{Pair, pairs};
use super::relations::Base;
use super::sample::Sample;
use crate::sql::options::TranslateError;
use crate::sql::plan::{Fetch, FetchKey};
use crate::sql::schema::ColumnFacts;
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

    /// The fetches in their order, and for each table the place of its own.
    pub(super) fn ordered(
        &self,
        bases: &[Base],
        drafts: Vec<Draft>,
    ) -> Result<(Vec<Fetch>, Vec<usize>), TranslateError> {
        let pairs = pairs(bases);
        let mut fetches: Vec<Fetch> = Vec::new();
        let mut places: Vec<Option<usize>> = vec![None; bases.len()];
        // Tables that are known to give few rows, by themselves or by their partners.
        let mut few: Vec<usize> = Vec::new();
        let mut waiting: Vec<(usize, Draft)> = drafts.into_iter().enumerate().collect();
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
            let (at, Draft { mut fetch, strength }) = waiting.remove(next);
            if strength != Strength::Limited {
                self.put_keys(&mut fetch, at, bases, &pairs, (&fetches, &places))?;
            }
            if strength != Strength::Whole || has_few(at) {
                few.push(at);
            }
            let same = fetches.iter().position(|known| *known == fetch);
            let place = same.unwrap_or_else(|| {
                fetches.push(fetch);
                fetches.len().saturating_sub(1)
            });
            if let Some(slot) = places.get_mut(at) {
                *slot = Some(place);
            }
        }
        Ok((fetches, places.into_iter().flatten().collect()))
    }

    /// What the fetches before it say of the rows of a table.
    fn put_keys(
        &self,
        fetch: &mut Fetch,
        at: usize,
        bases: &[Base],
        pairs: &[Pair],
        (fetches, places): (&[Fetch], &[Option<usize>]),
    ) -> Result<(), TranslateError> {
        let Some(base) = bases.get(at) else { return Ok(()) };
        // Rows are counted before any is left out.
        if base.sample.as_ref().is_some_and(Sample::is_repeatable) {
            return Ok(());
        }
        for pair in pairs.iter().filter(|pair| pair.base == at) {
            let Some(place) = places.get(pair.other).copied().flatten() else { continue };
            let of = fetches.get(place).map(|fetch| fetch.columns.as_slice()).unwrap_or_default();
            let Some(fetched) = of.iter().position(|column| column.name == pair.other_column) else { continue };
            let Some(array) = column(base, &pair.column).and_then(|facts| facts.pg_type.oid.array()) else { continue };
            // A list is made of the elements of the rows.
            if of.get(fetched).is_none_or(|column| column.format != Format::Binary) {
                continue;
            }
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

fn column<'a>(base: &'a Base, name: &str) -> Option<&'a ColumnFacts> {
    base.own_names().zip(&base.facts.columns).find_map(|(own, facts)| (own == name).then_some(facts))
}
