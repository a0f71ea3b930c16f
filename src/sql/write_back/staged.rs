//! Statements with parts that have an effect of their own: changes in WITH, and sub-queries that lock rows. PostgreSQL runs all of
//! them over the data as they were before; here the parts come first, one after the other. That is the same where nothing
//! else in the statement reads what a part changes, and refused where something does.

use std::collections::HashSet;
use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Change;
use crate::sql::schema::RelationName;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::with::{is_with_table, with_of};
use crate::sql::write_plan::{Stage, Staged, StagedPiece, StagedText};

impl Change<'_, '_> {
    /// `None` where parts and statement may not be told apart, or stand in each other's way.
    pub(super) fn staged(&self, stages: &[SyntaxNode]) -> Option<Staged> {
        if stages.iter().any(|stage| nodes::child(stage, SyntaxKind::WITH_CLAUSE).is_some() || has_parts(stage))
            || !self.are_apart(stages)
        {
            return None;
        }
        let first = stages
            .iter()
            .map(|stage| Some(Stage { text: self.stage(stage, stages)?, locks: !is_change(stage.kind()) }));
        Some(Staged { stages: first.collect::<Option<_>>()?, last: self.pieces(nodes::range(self.node), stages) })
    }

    /// The parts, in the order of the text.
    pub(super) fn stages(&self) -> Vec<SyntaxNode> {
        let with = with_of(self.node);
        let mut stages: Vec<SyntaxNode> = Vec::new();
        for node in self.node.descendants().filter(|node| node != self.node) {
            let is_change = is_change(node.kind())
                && node.parent().is_some_and(|table| table.kind() == SyntaxKind::WITH_TABLE && table.parent() == with);
            let locks = node.kind() == SyntaxKind::SELECT && nodes::child(&node, SyntaxKind::LOCKING_CLAUSE).is_some();
            let is_within = stages.iter().any(|stage| stage.text_range().contains_range(node.text_range()));
            if (is_change || locks) && !is_within {
                stages.push(node);
            }
        }
        stages
    }

    /// The statement of a part: behind what it reads of WITH.
    fn stage(&self, stage: &SyntaxNode, stages: &[SyntaxNode]) -> Option<StagedText> {
        let Some(with) = with_of(self.node) else { return Some(self.pieces(nodes::range(stage), &[])) };
        let start = stage.text_range().start();
        let tables: Vec<SyntaxNode> = nodes::children(&with, SyntaxKind::WITH_TABLE).collect();
        let mut text = StagedText::new();
        // Those that are read by others come in front of them.
        let mut read = relations(stage).map(|name| folded(&name)).collect::<HashSet<String>>();
        let mut needed = Vec::new();
        for table in tables.iter().rev().filter(|table| table.text_range().end() <= start) {
            if read.contains(&names::folded(&names::first(table)?)) {
                read.extend(relations(table).map(|name| folded(&name)));
                needed.push(table);
            }
        }
        let recursive = nodes::has_token(&with, SyntaxKind::RECURSIVE_KW);
        for (n, table) in needed.iter().rev().enumerate() {
            let head = if recursive { "WITH RECURSIVE " } else { "WITH " };
            text.push(StagedPiece::Text(if n == 0 { head } else { ", " }.to_owned()));
            text.extend(self.pieces(nodes::range(table), stages));
        }
        text.push(StagedPiece::Text(" ".to_owned()));
        text.extend(self.pieces(nodes::range(stage), &[]));
        Some(text)
    }

    /// A part of the text, with rows in place of stages.
    fn pieces(&self, range: Range<usize>, stages: &[SyntaxNode]) -> StagedText {
        let mut pieces = StagedText::new();
        let mut at = range.start;
        for (n, stage) in stages.iter().enumerate() {
            let stage = nodes::range(stage);
            if at <= stage.start && stage.end <= range.end {
                pieces.push(StagedPiece::Text(self.text(at..stage.start).to_owned()));
                pieces.push(StagedPiece::Rows(n));
                at = stage.end;
            }
        }
        pieces.push(StagedPiece::Text(self.text(at..range.end).to_owned()));
        pieces
    }

    /// Whether nothing else reads what a part changes, by itself, by a view or by a foreign key.
    fn are_apart(&self, stages: &[SyntaxNode]) -> bool {
        stages.iter().enumerate().filter(|(_, stage)| is_change(stage.kind())).all(|(n, stage)| {
            let Some(changed) = target(stage).and_then(|name| self.cx.relation(&names::parts(&name)).ok()) else {
                return false;
            };
            let mut touched = vec![changed.1];
            let mut at = 0;
            while let Some(name) = touched.get(at).cloned() {
                at = at.saturating_add(1);
                // Not known yet: the statement is looked at again when it is.
                let Some(dependents) = self.cx.views(&name) else { return false };
                let keys = dependents.referrers.iter().map(|(table, _)| table);
                for dependent in dependents.readers.iter().chain(keys) {
                    let folded = RelationName { schema: None, name: dependent.name.to_lowercase() };
                    if !touched.iter().any(|known| known.name == folded.name) {
                        touched.push(folded);
                    }
                }
            }
            let is_touched = |name: &SyntaxNode| touched.iter().any(|touched| touched.name == folded(name));
            // What comes before it reads the data as they were.
            let before = stages.get(..=n).unwrap_or_default();
            let is_before =
                |name: &SyntaxNode| before.iter().any(|stage| stage.text_range().contains_range(name.text_range()));
            relations(self.node)
                .filter(|name| !is_before(name) && !is_with_table(name))
                .all(|name| !is_touched(&name) || is_inserted(&name))
        })
    }
}

fn is_change(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE)
}

/// Whether there are changes or locks further in.
fn has_parts(stage: &SyntaxNode) -> bool {
    stage.descendants().filter(|node| node != stage).any(|node| {
        is_change(node.kind())
            || node.kind() == SyntaxKind::LOCKING_CLAUSE && node.parent().is_none_or(|query| query != *stage)
    })
}

/// The names of tables in a statement.
fn relations(node: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> {
    let kinds = [SyntaxKind::RELATION_NAME_REF, SyntaxKind::TABLE_NAME_REF];
    node.descendants().filter(move |node| kinds.contains(&node.kind()))
}

fn folded(name: &SyntaxNode) -> String {
    names::folded_parts(name).pop().unwrap_or_default()
}

/// The table that a change is of: the first that it names, behind its WITH.
fn target(change: &SyntaxNode) -> Option<SyntaxNode> {
    let with = nodes::child(change, SyntaxKind::WITH_CLAUSE);
    relations(change).find(|name| with.as_ref().is_none_or(|with| !with.text_range().contains_range(name.text_range())))
}

/// Whether a name is that of the table that an INSERT adds to: it reads nothing of it.
fn is_inserted(name: &SyntaxNode) -> bool {
    let insert = name.ancestors().find(|node| is_change(node.kind()));
    insert.is_some_and(|insert| insert.kind() == SyntaxKind::INSERT && target(&insert).as_ref() == Some(name))
}
