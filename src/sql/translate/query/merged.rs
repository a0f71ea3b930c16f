//! JOIN .. USING and NATURAL JOIN: written as ON, and the columns they make of two.
//!
//! The column is that of the side that always has a row; a FULL JOIN has COALESCE of both (manual, "Table Expressions").

use super::from::From;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::alike;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::scope::{Column, Relation};
use crate::sql::translate::value::types::common_type;
use crate::types::Oid;
use crate::wire::PgError;

/// A column that a join has made of the columns of relations `start..end`.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    column: Column,
    start: usize,
    end: usize,
}

/// Which sides of a join may be missing: left, right.
pub(crate) type Optional = (bool, bool);

impl From {
    /// The relations, with the columns that joins have merged in front of those they are made of.
    pub(crate) fn place_merged(&mut self) {
        let mut relations = Vec::new();
        let mut places = Vec::new();
        for (n, relation) in std::mem::take(&mut self.relations).into_iter().enumerate() {
            let columns: Vec<Column> =
                self.merged.iter().filter(|merged| merged.start == n).map(|merged| merged.column.clone()).collect();
            if !columns.is_empty() {
                relations.push(Relation { is_merged: true, ..Relation::new("", "", Some(columns)) });
            }
            places.push(relations.len());
            relations.push(relation);
        }
        for range in self.conditions.iter_mut().filter_map(|(_, range)| range.as_mut()) {
            let place = |n: usize| places.get(n).copied().unwrap_or(relations.len());
            *range = place(range.start)..place(range.end);
        }
        self.relations = relations;
    }

    /// The one column of that name in relations `start..end`, as `*` would show it; `None` where there is none or several.
    fn column_of(&self, name: &str, start: usize, end: usize) -> Option<(Frag, bool)> {
        let of = |text: String, column: &Column, nullable: bool| {
            let mut frag = Frag::atom(text, column.ty);
            frag.not_null = !nullable;
            frag.is_exact = column.is_exact;
            (frag, nullable)
        };
        let is_named = |column: &&Column| column.name.eq_ignore_ascii_case(name);
        let within = |merged: &&Merged| merged.start >= start && merged.end <= end;
        if let Some(merged) = self.merged.iter().filter(within).find(|merged| is_named(&&merged.column)) {
            return Some(of(merged.column.iris_name(), &merged.column, merged.column.nullable));
        }
        let mut found = self.relations.get(start..end)?.iter().flat_map(|relation| {
            let columns = relation.columns.iter().flatten().filter(is_named);
            columns.map(move |column| (relation, column))
        });
        let (relation, column) = found.next()?;
        if found.next().is_some() {
            return None;
        }
        let text = if relation.iris_name.is_empty() {
            column.iris_name()
        } else {
            format!("{}.{}", relation.iris_name, column.iris_name())
        };
        Some(of(text, column, column.nullable || relation.optional))
    }

    /// The names `*` would show of relations `start..end`; `None` where only IRIS knows them.
    fn names_of(&self, start: usize, end: usize) -> Option<Vec<String>> {
        let mut names = Vec::new();
        for merged in self.merged.iter().filter(|merged| merged.start >= start && merged.end <= end) {
            names.push(merged.column.name.clone());
        }
        for relation in self.relations.get(start..end)? {
            for column in relation.columns.as_ref()? {
                if !relation.hidden.iter().any(|hidden| hidden.eq_ignore_ascii_case(&column.name)) {
                    names.push(column.name.clone());
                }
            }
        }
        Some(names)
    }

    /// The names a NATURAL join of relations `start..middle` and `middle..end` is about.
    ///
    /// # Errors
    /// 0A000 for names that are common to IRIS and not to PostgreSQL.
    pub(crate) fn common_names(&self, start: usize, middle: usize, end: usize) -> Result<Option<Vec<String>>> {
        let (Some(mut left), Some(right)) = (self.names_of(start, middle), self.names_of(middle, end)) else {
            return Ok(None);
        };
        for name in &left {
            if let Some(other) = right.iter().find(|other| alike::is_confused(other, name)) {
                return Err(alike::refusal("columns", name, other));
            }
        }
        left.retain(|name| right.contains(name));
        Ok(Some(left))
    }
}

impl Cx<'_> {
    /// The condition of a join of relations `start..middle` and `middle..end` by equal columns. `None`, and nothing done,
    /// where the columns are not known.
    pub(crate) fn merge(
        &self,
        from: &mut From,
        names: &[String],
        (start, middle): (usize, usize),
        optional: Optional,
    ) -> Result<Option<Frag>> {
        let end = from.relations.len();
        let mut condition: Option<Frag> = None;
        let mut made = Vec::new();
        for name in names {
            let sides = (from.column_of(name, start, middle), from.column_of(name, middle, end));
            let (Some((left, left_nullable)), Some((right, right_nullable))) = sides else { return Ok(None) };
            let test = self.comparison("=", left.clone(), right.clone())?;
            let ty = common_type([left.ty, right.ty]);
            if matches!(ty, Ty::Known(ty) if ty.oid == Oid::BPCHAR && ty.typmod < 0) {
                let message =
                    format!("the column \"{name}\" of several lengths of characters is not supported in USING");
                return Err(PgError::unsupported(message).hint("Join with ON, and name the column of one side."));
            }
            condition = Some(match condition {
                Some(before) => Frag::cat(&[&before, &" AND ", &test], Ty::BOOL),
                None => test,
            });
            let (text, nullable) = match optional {
                (true, true) => (format!("COALESCE({}, {})", left.text, right.text), left_nullable || right_nullable),
                (true, false) => (right.text.clone(), right_nullable),
                (false, true) => (left.text.clone(), left_nullable),
                (false, false) => (left.text.clone(), false),
            };
            made.push(Merged {
                column: Column {
                    iris_text: Some(text),
                    is_exact: left.is_exact && right.is_exact,
                    ..Column::new(name.clone(), ty, nullable)
                },
                start,
                end,
            });
        }
        let is_made = |merged: &Merged| {
            merged.start >= start && made.iter().any(|new| new.column.name.eq_ignore_ascii_case(&merged.column.name))
        };
        from.merged.retain(|merged| !is_made(merged));
        for merged in &mut from.merged {
            // What an outer join may leave out, it leaves out of merged columns too.
            let missing = if merged.start < middle { optional.0 } else { optional.1 };
            if merged.start >= start {
                merged.column.nullable |= missing;
            }
        }
        for relation in from.relations.iter_mut().skip(start) {
            relation.hidden.extend(names.iter().cloned());
        }
        made.append(&mut from.merged);
        from.merged = made;
        Ok(Some(condition.unwrap_or_else(|| Frag::atom("1 = 1", Ty::BOOL))))
    }
}
