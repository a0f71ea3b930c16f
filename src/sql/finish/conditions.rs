//! Conditions taken apart at their ANDs, as text: each part is translated for itself.

use std::ops::Range;

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use crate::sql::syntax::nodes::unwrapped;

/// A part of a condition: the condition it is of, and its place in the statement's text.
#[derive(Debug, Clone)]
pub(super) struct Conjunct {
    pub condition: SyntaxNode,
    pub range: Range<usize>,
}

impl Conjunct {
    /// The nodes of the condition that stand in this part.
    pub(super) fn nodes(&self) -> impl Iterator<Item = SyntaxNode> + '_ {
        self.condition.descendants().filter(|node| {
            let range = node.text_range();
            self.range.start <= usize::from(range.start()) && usize::from(range.end()) <= self.range.end
        })
    }

    /// Whether an OR in it binds less than an AND beside it would.
    pub(super) fn has_or(&self) -> bool {
        let whole = self.condition.text_range();
        let is_whole = usize::from(whole.start()) == self.range.start && usize::from(whole.end()) == self.range.end;
        is_whole && self.condition.descendants_with_tokens().any(|element| element.kind() == SyntaxKind::OR_KW)
    }
}

/// The parts of a condition all of which have to be true where it is: AND binds less than all else but OR.
pub(super) fn conjuncts(condition: &SyntaxNode) -> Vec<Conjunct> {
    let condition = unwrapped(condition);
    let mut parts: Vec<Range<usize>> = Vec::new();
    let (mut depth, mut betweens) = (0_usize, 0_usize);
    let mut start: Option<usize> = None;
    let mut end = 0;
    for token in condition.descendants_with_tokens().filter_map(SyntaxElement::into_token) {
        let kind = token.kind();
        if matches!(kind, SyntaxKind::WHITESPACE | SyntaxKind::COMMENT) {
            continue;
        }
        match kind {
            SyntaxKind::L_PAREN | SyntaxKind::L_BRACK | SyntaxKind::CASE_KW => depth = depth.saturating_add(1),
            SyntaxKind::R_PAREN | SyntaxKind::R_BRACK => depth = depth.saturating_sub(1),
            // Of CASE: other words END are names, and in parentheses or none here.
            SyntaxKind::END_KW => depth = depth.saturating_sub(1),
            SyntaxKind::BETWEEN_KW if depth == 0 => betweens = betweens.saturating_add(1),
            SyntaxKind::AND_KW if depth == 0 && betweens > 0 => betweens = betweens.saturating_sub(1),
            SyntaxKind::OR_KW if depth == 0 => {
                let range = condition.text_range();
                let range = usize::from(range.start())..usize::from(range.end());
                return vec![Conjunct { condition, range }];
            }
            SyntaxKind::AND_KW if depth == 0 => {
                parts.extend(start.take().map(|start| start..end));
                continue;
            }
            _ => {}
        }
        start.get_or_insert(token.text_range().start().into());
        end = token.text_range().end().into();
    }
    parts.extend(start.map(|start| start..end));
    parts.into_iter().map(|range| Conjunct { condition: condition.clone(), range }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::syntax::nodes::child;
    use crate::sql::syntax::parse::lone_statement;

    fn parts(condition: &str) -> Vec<String> {
        let sql = format!("SELECT 1 FROM t WHERE {condition}");
        let select = lone_statement(&sql).unwrap();
        let condition = child(&select, SyntaxKind::WHERE_CLAUSE).unwrap().first_child().unwrap();
        conjuncts(&condition).into_iter().map(|part| sql[part.range].to_owned()).collect()
    }

    #[test]
    fn conditions_come_apart_at_their_ands() {
        assert_eq!(parts("a = 1 AND b = 2 and not c"), ["a = 1", "b = 2", "not c"]);
        assert_eq!(parts("(a = 1 AND b = 2)"), ["a = 1", "b = 2"]);
        assert_eq!(
            parts("a BETWEEN 1 AND 2 AND b NOT BETWEEN c AND d"),
            ["a BETWEEN 1 AND 2", "b NOT BETWEEN c AND d"]
        );
        assert_eq!(parts("a = 1 AND (b = 2 OR c AND d)"), ["a = 1", "(b = 2 OR c AND d)"]);
        assert_eq!(parts("a = 1 AND b = 2 OR c"), ["a = 1 AND b = 2 OR c"]);
        assert_eq!(
            parts("CASE WHEN a AND b THEN c ELSE d END AND e[1 + 1] /* AND x */ > 2"),
            ["CASE WHEN a AND b THEN c ELSE d END", "e[1 + 1] /* AND x */ > 2"]
        );
        assert_eq!(parts("a IN (SELECT b FROM u WHERE c AND d) AND e"), ["a IN (SELECT b FROM u WHERE c AND d)", "e"]);
    }
}
