//! SELECT .. FOR UPDATE and FOR SHARE. IRIS locks a row for whoever changes it: rows are set to what they are.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Change;
use super::target::{PLACE, Table};
use crate::sql::finish::bases;
use crate::sql::options::TranslateError;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::write_plan::{LockRows, LockedTable, RowWait};
use crate::types::quoted_name;

/// A table whose rows are locked.
struct Locked {
    table: Table,
    /// Its key as the table has it, and as the query calls it.
    key: Vec<String>,
    called: Vec<String>,
    /// What the query calls the table.
    visible: String,
    /// The query has all of its rows, under the names of its columns.
    is_whole: bool,
}

/// What leaves out rows but by their values.
const CUTS: [SyntaxKind; 3] = [SyntaxKind::LIMIT_CLAUSE, SyntaxKind::OFFSET_CLAUSE, SyntaxKind::FETCH_CLAUSE];

fn wait_of(clause: &SyntaxNode) -> RowWait {
    if nodes::child(clause, SyntaxKind::NOWAIT).is_some() {
        RowWait::Refuse
    } else if nodes::child(clause, SyntaxKind::SKIP_LOCKED).is_some() {
        RowWait::Skip
    } else {
        RowWait::Wait
    }
}

impl Change<'_, '_> {
    /// `None`: the query locks nothing, or what it locks IRIS cannot.
    pub(super) fn locking(&self) -> Result<Option<LockRows>, TranslateError> {
        let clauses: Vec<SyntaxNode> = nodes::children(self.node, SyntaxKind::LOCKING_CLAUSE).collect();
        let Some(first) = clauses.first() else { return Ok(None) };
        let all_clauses = self.node.descendants().filter(|node| node.kind() == SyntaxKind::LOCKING_CLAUSE);
        let waits = wait_of(first);
        // The query is asked several times.
        if all_clauses.count() != clauses.len()
            || clauses.iter().any(|clause| wait_of(clause) != waits)
            || nodes::calls_volatile(self.node)
        {
            return Ok(None);
        }
        let Some(locked) = self.locked(&clauses) else { return Ok(None) };
        let mut tables = Vec::new();
        for Locked { table, key, .. } in &locked {
            let Some(locking) = table.locking() else { return Ok(None) };
            let one = format!("{locking} WHERE {}", table.has_key(key));
            if !self.is_written(&one)? {
                return Ok(None);
            }
            let many = match key.as_slice() {
                [column] => {
                    let many = format!("{locking} WHERE {}.{column} = ANY ($1)", table.visible);
                    self.is_written(&many)?.then_some(many)
                }
                _ => None,
            };
            let (schema, name) = (table.pg_schema(), table.spelled_name());
            tables.push(LockedTable { schema, name, keys_count: key.len(), one, many });
        }
        let called = locked.iter().flat_map(|locked| &locked.called);
        let listed: String = called.enumerate().map(|(n, key)| format!(", {key} AS pgw_key_{n}")).collect();
        let Some((head, tail)) = self.with_keys(&clauses, &listed, None) else { return Ok(None) };
        let query = head + &tail;
        let without = match locked.as_slice() {
            [Locked { called, .. }] => match called.as_slice() {
                [key] => self.with_keys(&clauses, &listed, Some(key)),
                _ => None,
            },
            _ => None,
        };
        // Others take the place of rows that are skipped.
        if waits == RowWait::Skip
            && without.is_none()
            && CUTS.iter().any(|kind| nodes::child(self.node, *kind).is_some())
        {
            return Ok(None);
        }
        let words = nodes::plain_text(first).to_ascii_uppercase();
        let words = words.split_whitespace().take_while(|word| !matches!(*word, "OF" | "NOWAIT" | "SKIP"));
        let strength = words.collect::<Vec<_>>().join(" ");
        let is_shared = strength.ends_with("SHARE");
        let all = if waits == RowWait::Wait { self.lock_all(&locked)? } else { None };
        Ok(Some(LockRows { strength, is_shared, waits, query, without, all, tables }))
    }

    /// The tables whose rows are locked; `None` where one of them cannot be.
    fn locked(&self, clauses: &[SyntaxNode]) -> Option<Vec<Locked>> {
        let bases = bases(self.cx, self.node)?;
        let mut all = Vec::new();
        let of: Vec<SyntaxNode> =
            clauses.iter().filter_map(|clause| nodes::child(clause, SyntaxKind::LOCKING_OF)).collect();
        let named: Vec<String> =
            of.iter().flat_map(|of| of.children()).filter_map(|name| names::folded_parts(&name).pop()).collect();
        let locks_all = of.len() < clauses.len();
        // It would lock what a sub-query reads, too.
        let has_query = nodes::child(self.node, SyntaxKind::FROM_CLAUSE)
            .is_some_and(|from| from.descendants().any(|node| nodes::is_query(node.kind())));
        if locks_all && has_query {
            return None;
        }
        for base in bases.iter().filter(|base| base.select == *self.node) {
            if !locks_all && !named.contains(&base.folded) {
                continue;
            }
            // PostgreSQL refuses it.
            if base.is_nullable || base.is_hidden {
                return None;
            }
            let typed = base.typed.join(".");
            let visible = base.typed.last().cloned()?;
            let (_, lookup) = self.cx.relation(&base.typed).ok()?;
            let by_place = self.has_places(&lookup, &base.facts);
            let table = Table::new(typed, visible, base.facts.clone(), base.schema.clone(), by_place);
            let key = table.key()?;
            let called = match by_place {
                true => vec![format!("{}.{PLACE}", base.visible)],
                false => {
                    let called = table.facts.primary_key.iter().map(|own| {
                        let own = base.called(own)?;
                        Some(format!("{}.{}", base.visible, quoted_name(&own)))
                    });
                    called.collect::<Option<_>>()?
                }
            };
            let visible = base.visible.clone();
            let is_whole = !base.is_renamed() && !base.is_sampled();
            all.push(Locked { table, key, called, visible, is_whole });
        }
        // Each name has been found, and something is locked.
        let is_complete = locks_all || named.len() <= all.len();
        (!all.is_empty() && is_complete).then_some(all)
    }

    /// The query without its locking, and with more in its list: up to the number of a parameter, and behind it. `key`: the
    /// parameter has keys of rows that are left out; without one it has no place.
    fn with_keys(&self, clauses: &[SyntaxNode], listed: &str, key: Option<&str>) -> Option<(String, String)> {
        let list = nodes::child(self.node, SyntaxKind::SELECT_CLAUSE)
            .and_then(|clause| nodes::child(&clause, SyntaxKind::TARGET_LIST))?;
        let whole = nodes::range(self.node);
        let mut at = nodes::range(&list).end;
        let mut head = format!("{}{listed}", self.text(whole.start..at));
        let mut tail = String::new();
        if let Some(key) = key {
            match nodes::child(self.node, SyntaxKind::WHERE_CLAUSE) {
                Some(clause) => {
                    let condition = nodes::range(&clause.first_child()?);
                    head.push_str(self.text(at..condition.start));
                    head.push_str(&format!("({}) AND {key} <> ALL (", self.text(condition.clone())));
                    at = condition.end;
                }
                None => {
                    let from = nodes::range(&nodes::child(self.node, SyntaxKind::FROM_CLAUSE)?);
                    head.push_str(self.text(at..from.end));
                    head.push_str(&format!(" WHERE {key} <> ALL ("));
                    at = from.end;
                }
            }
            tail.push(')');
        }
        for clause in clauses {
            let range = nodes::range(clause);
            tail.push_str(self.text(at..range.start));
            at = range.end;
        }
        tail.push_str(self.text(at..whole.end));
        Some((head, tail))
    }

    /// One statement for all rows: of a query of one table that leaves out none but by its condition.
    fn lock_all(&self, locked: &[Locked]) -> Result<Option<String>, TranslateError> {
        let [Locked { table, visible, is_whole: true, .. }] = locked else { return Ok(None) };
        let from = nodes::child(self.node, SyntaxKind::FROM_CLAUSE);
        let item = from.and_then(|from| {
            let mut items = from.children();
            items.next().filter(|item| item.kind() == SyntaxKind::RELATION_FROM_ITEM && items.next().is_none())
        });
        let Some(item) = item else { return Ok(None) };
        let is_cut = CUTS.iter().any(|kind| nodes::child(self.node, *kind).is_some());
        if is_cut || nodes::child(self.node, SyntaxKind::WITH_CLAUSE).is_some() {
            return Ok(None);
        }
        let Some(locking) = table.locking_as(self.text_of(&item), visible) else { return Ok(None) };
        let all = format!("{locking}{}", self.clause(SyntaxKind::WHERE_CLAUSE));
        Ok(self.translates(&all)?.then_some(all))
    }
}
