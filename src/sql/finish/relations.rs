//! The tables that a query names, each with what the query says of the rows it needs of it.

use std::ops::Range;
use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::conditions::{Conjunct, conjuncts};
use super::sample::Sample;
use crate::sql::schema::{ColumnFacts, TableFacts};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::with::is_with_table;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::query::from::{Alias, alias};
use crate::types::quoted_name;

/// A table where a query names it.
#[derive(Debug)]
pub(in crate::sql) struct Base {
    /// The SELECT whose FROM it is in, or TABLE.
    pub select: SyntaxNode,
    /// What stands for it in FROM, without its alias.
    pub range: Range<usize>,
    /// Its name as typed, with its schema.
    pub typed: Vec<String>,
    /// What columns are qualified with, as typed, and folded.
    pub visible: String,
    /// The schema it is in, folded.
    pub schema: String,
    pub folded: String,
    /// What it is called over its rows, which are of no schema: beside another table of its name not by its own.
    pub shown: String,
    pub alias: Option<Alias>,
    /// It stands in a join in parentheses with an alias, which hides its name.
    pub is_hidden: bool,
    /// An outer join may have no row of it.
    pub is_nullable: bool,
    pub facts: Rc<TableFacts>,
    /// What is true of all of its rows that the query needs.
    pub(super) conjuncts: Vec<Conjunct>,
    /// The same by USING and NATURAL.
    pub merges: Vec<Rc<Merge>>,
    /// The query reads its `tableoid`.
    pub shows_own_oid: bool,
    /// The query reads its `ctid`.
    pub shows_places: bool,
    pub(super) sample: Option<Sample>,
}

impl Base {
    /// What PostgreSQL calls the columns of the table.
    pub(super) fn own_names(&self) -> impl Iterator<Item = String> + '_ {
        let all_spelled = self.facts.spelled.is_none();
        self.facts.columns.iter().map(move |column| {
            if column.is_spelled || all_spelled { column.name.clone() } else { column.name.to_lowercase() }
        })
    }

    /// What PostgreSQL calls the table, and the type of its rows.
    pub(super) fn own_name(&self) -> String {
        let own = self.typed.last().map(|name| names::folded(name)).unwrap_or_default();
        format!("{}.{}", quoted_name(&self.schema), quoted_name(&own))
    }

    /// What the query calls them: the names of an alias list stand for the first ones.
    pub(super) fn column_names(&self) -> impl Iterator<Item = String> + '_ {
        let aliases = self.alias.as_ref().map(|alias| alias.columns.as_slice()).unwrap_or_default();
        self.own_names().enumerate().map(move |(n, own)| aliases.get(n).map_or(own, |alias| names::folded(alias)))
    }

    /// What the query calls a column of the table.
    pub(in crate::sql) fn called(&self, column: &str) -> Option<String> {
        let at = |is: &dyn Fn(&String) -> bool| {
            self.own_names().zip(self.column_names()).find_map(|(own, called)| is(&own).then_some(called))
        };
        at(&|own| own == column).or_else(|| at(&|own| own.eq_ignore_ascii_case(column)))
    }

    /// What is known of a column, by the name that PostgreSQL has for it.
    pub(super) fn column(&self, own: &str) -> Option<&ColumnFacts> {
        self.own_names().zip(&self.facts.columns).find_map(|(name, facts)| (name == own).then_some(facts))
    }

    /// Only some of its rows are asked for, by chance.
    pub(in crate::sql) fn is_sampled(&self) -> bool {
        self.sample.is_some()
    }

    /// Its columns have names that IRIS does not know them by.
    pub(in crate::sql) fn is_renamed(&self) -> bool {
        self.alias.as_ref().is_some_and(|alias| !alias.columns.is_empty())
    }

    pub(super) fn has_column(&self, folded: &str) -> bool {
        self.column_names().any(|name| name == folded)
    }

    /// Whether it can be named by a schema and its name.
    pub(super) fn is_named(&self, schema: &str, name: &str) -> bool {
        self.alias.is_none() && self.folded == name && self.schema == schema
    }
}

/// A join that compares columns by their names.
#[derive(Debug)]
pub(in crate::sql) struct Merge {
    /// JOIN.
    pub join: SyntaxNode,
    /// What is left of it in the same item of FROM, with the joins between.
    pub first: SyntaxNode,
    pub before: Vec<(SyntaxNode, SyntaxNode)>,
    pub right: SyntaxNode,
}

impl Merge {
    /// The names after USING, folded; `None` for NATURAL.
    pub(in crate::sql) fn names(join: &SyntaxNode) -> Option<Vec<String>> {
        let clause = nodes::child(join, SyntaxKind::JOIN_USING_CLAUSE)?;
        let names = clause.descendants().filter(|node| node.kind() == SyntaxKind::COLUMN_NAME_REF);
        Some(names.map(|node| names::folded(&nodes::plain_text(&node))).collect())
    }
}

/// The rows of an operand of a join that are needed: those of which all of these are true.
#[derive(Debug, Clone, Default)]
struct Needed {
    conjuncts: Vec<Conjunct>,
    merges: Vec<Rc<Merge>>,
    /// [`Base::is_hidden`].
    is_hidden: bool,
    /// [`Base::is_nullable`].
    is_nullable: bool,
}

impl Needed {
    fn and(&self, more: &Needed) -> Self {
        Self {
            conjuncts: self.conjuncts.iter().chain(&more.conjuncts).cloned().collect(),
            merges: self.merges.iter().chain(&more.merges).cloned().collect(),
            is_hidden: self.is_hidden,
            is_nullable: self.is_nullable,
        }
    }

    /// The same place, where no row may be left out.
    fn all(&self) -> Self {
        Self { is_hidden: self.is_hidden, is_nullable: self.is_nullable, ..Self::default() }
    }

    fn nullable(self) -> Self {
        Self { is_nullable: true, ..self }
    }
}

/// The tables of a query; `None` where something stands in its FROM that is not understood.
pub(in crate::sql) fn bases(cx: &Cx<'_>, query: &SyntaxNode) -> Option<Vec<Base>> {
    let mut all = Vec::new();
    let mut named = 0;
    for node in query.descendants() {
        match node.kind() {
            SyntaxKind::SELECT => {
                let Some(from) = nodes::child(&node, SyntaxKind::FROM_CLAUSE) else { continue };
                let condition = nodes::child(&node, SyntaxKind::WHERE_CLAUSE).and_then(|clause| clause.first_child());
                let conjuncts = condition.iter().flat_map(conjuncts).collect();
                let needed = Needed { conjuncts, ..Needed::default() };
                for item in from.children() {
                    walk(cx, &node, &item, &needed, &mut all)?;
                }
            }
            SyntaxKind::TABLE => {
                let name = nodes::child(&node, SyntaxKind::RELATION_NAME)?;
                walk(cx, &node, &name, &Needed::default(), &mut all)?;
            }
            SyntaxKind::RELATION_NAME_REF if !is_with_table(&node) && !is_catalog(cx, &node) => named += 1,
            _ => {}
        }
    }
    let is_twin = |base: &Base| {
        let is_other = |other: &&Base| other.select == base.select && other.schema != base.schema;
        all.iter().filter(is_other).any(|other| other.alias.is_none() && other.folded == base.folded)
    };
    let twins: Vec<bool> = all.iter().map(|base| base.alias.is_none() && is_twin(base)).collect();
    for (n, base) in all.iter_mut().enumerate().filter(|(n, _)| twins.get(*n) == Some(&true)) {
        base.shown = format!("pgw_t{n}");
    }
    // Those that stand in other places are not served.
    (named == all.len()).then_some(all)
}

fn walk(cx: &Cx<'_>, select: &SyntaxNode, item: &SyntaxNode, needed: &Needed, all: &mut Vec<Base>) -> Option<()> {
    match item.kind() {
        SyntaxKind::RELATION_FROM_ITEM | SyntaxKind::RELATION_NAME => {
            let sample = match nodes::child(item, SyntaxKind::TABLESAMPLE_CLAUSE) {
                Some(clause) => Some(Sample::of(&clause)?),
                None => None,
            };
            let name = item.descendants().find(|node| node.kind() == SyntaxKind::RELATION_NAME_REF)?;
            if is_with_table(&name) || is_catalog(cx, &name) {
                return Some(());
            }
            all.push(Base { sample, ..base(cx, select, item, &name, needed)? });
            Some(())
        }
        SyntaxKind::JOIN_EXPR => {
            let (first, steps) = nodes::joins(item)?;
            join(cx, select, &first, &steps, needed, all)
        }
        SyntaxKind::PAREN_FROM_ITEM | SyntaxKind::PAREN_EXPR => {
            // Where the names outside mean other tables, nothing outside is about those inside.
            let needed = &match alias(item) {
                Some(_) => Needed { is_hidden: true, is_nullable: needed.is_nullable, ..Needed::default() },
                None => needed.clone(),
            };
            for inner in item.children() {
                match inner.kind() {
                    SyntaxKind::RELATION_FROM_ITEM
                    | SyntaxKind::RELATION_NAME
                    | SyntaxKind::JOIN_EXPR
                    | SyntaxKind::PAREN_EXPR => {
                        walk(cx, select, &inner, needed, all)?;
                    }
                    SyntaxKind::PAREN_FROM_ITEM if nodes::child(&inner, SyntaxKind::PAREN_SELECT).is_none() => {
                        walk(cx, select, &inner, needed, all)?;
                    }
                    // A sub-query is a query of its own; what else there is names no table.
                    _ => {}
                }
            }
            Some(())
        }
        _ => Some(()),
    }
}

/// The joins of an item, of which the last is the outermost.
fn join(
    cx: &Cx<'_>,
    select: &SyntaxNode,
    first: &SyntaxNode,
    steps: &[(SyntaxNode, SyntaxNode)],
    needed: &Needed,
    all: &mut Vec<Base>,
) -> Option<()> {
    let Some(((join_node, right), before)) = steps.split_last() else {
        return walk(cx, select, first, needed, all);
    };
    let has = |kind| nodes::child(join_node, kind).is_some();
    let on = nodes::child(join_node, SyntaxKind::ON_CLAUSE).and_then(|clause| clause.first_child());
    let compares = has(SyntaxKind::JOIN_USING_CLAUSE) || nodes::has_token(join_node, SyntaxKind::NATURAL_KW);
    let merge = compares.then(|| {
        let (join, right) = (join_node.clone(), right.clone());
        Rc::new(Merge { join, first: first.clone(), before: before.to_vec(), right })
    });
    let on = Needed {
        conjuncts: on.iter().flat_map(conjuncts).collect(),
        merges: merge.into_iter().collect(),
        ..Needed::default()
    };
    let nothing = needed.all();
    let (of_left, of_right) = if has(SyntaxKind::JOIN_FULL) {
        (nothing.clone().nullable(), nothing.nullable())
    } else if has(SyntaxKind::JOIN_LEFT) {
        (needed.clone(), nothing.and(&on).nullable())
    } else if has(SyntaxKind::JOIN_RIGHT) {
        (nothing.and(&on).nullable(), needed.clone())
    } else {
        (needed.and(&on), needed.and(&on))
    };
    join(cx, select, first, before, &of_left, all)?;
    walk(cx, select, right, &of_right, all)
}

fn base(cx: &Cx<'_>, select: &SyntaxNode, item: &SyntaxNode, name: &SyntaxNode, needed: &Needed) -> Option<Base> {
    let typed = names::parts(name);
    let (_, lookup) = cx.relation(&typed).ok()?;
    let facts = cx.known(&lookup)?;
    let alias = alias(item);
    let start = usize::from(item.text_range().start());
    let end = match item.children().find(|child| {
        matches!(
            child.kind(),
            SyntaxKind::FROM_ALIAS
                | SyntaxKind::OPTIONAL_AS_ALIAS
                | SyntaxKind::REQUIRED_AS_ALIAS
                | SyntaxKind::TABLESAMPLE_CLAUSE
        )
    }) {
        Some(behind) => usize::from(behind.text_range().start()),
        None => usize::from(item.text_range().end()),
    };
    // Blanks and a comment in front of the alias stay.
    let end = start.checked_add(cx.sql.get(start..end)?.trim_end().len())?;
    let visible = alias.as_ref().map_or_else(|| typed.last().cloned(), |alias| Some(alias.name.clone()))?;
    Some(Base {
        select: select.clone(),
        range: start..end,
        folded: names::folded(&visible),
        shown: visible.clone(),
        visible,
        schema: lookup.schema.unwrap_or_else(|| "public".to_owned()),
        typed,
        alias,
        facts,
        conjuncts: needed.conjuncts.clone(),
        merges: needed.merges.clone(),
        is_hidden: needed.is_hidden,
        is_nullable: needed.is_nullable,
        shows_own_oid: false,
        shows_places: false,
        sample: None,
    })
}

pub(super) fn is_catalog(cx: &Cx<'_>, name: &SyntaxNode) -> bool {
    let parts = names::folded_parts(name);
    cx.is_catalog_relation(&parts)
}

/// The tables that a query needs before it can be looked at.
pub(super) fn ask(cx: &Cx<'_>, query: &SyntaxNode) {
    for node in query.descendants().filter(|node| node.kind() == SyntaxKind::RELATION_NAME_REF) {
        if !is_with_table(&node)
            && !is_catalog(cx, &node)
            && let Ok((_, lookup)) = cx.relation(&names::parts(&node))
        {
            let _ = cx.facts(&lookup);
        }
    }
}
