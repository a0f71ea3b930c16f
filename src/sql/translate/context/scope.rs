//! What names mean: the relations of a query and their columns.

use std::ops::Range;
use std::rc::Rc;

use squawk_syntax::SyntaxNode;

use super::frag::Ty;
use super::kept::is_text;
use crate::sql::description::EnumType;
use crate::sql::named_type::NamedType;
use crate::sql::schema::{ColumnFacts, VectorElement};
use crate::sql::syntax::names;

/// A column of a relation in FROM.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Folded.
    pub name: String,
    /// What IRIS calls it, where that is not the name: a name IRIS cannot hold, or a column that a join merges.
    pub iris_text: Option<String>,
    pub ty: Ty,
    pub nullable: bool,
    /// A table's own column of such a type.
    pub enum_type: Option<Rc<EnumType>>,
    /// [`ColumnFacts::named`].
    pub named: Option<Rc<NamedType>>,
    /// See [`ColumnFacts::is_stream`].
    pub is_stream: bool,
    /// [`Frag::is_exact`](super::frag::Frag::is_exact).
    pub is_exact: bool,
    /// [`ColumnFacts::folds_case`].
    pub folds_case: bool,
    pub vector_element: VectorElement,
}

/// A relation in FROM, as expressions see it.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    /// Alias, else table name; folded.
    pub name: String,
    /// How the text must call it.
    pub iris_name: String,
    /// `None` when only IRIS knows its columns.
    pub columns: Option<Vec<Column>>,
    /// On the optional side of an outer join: its columns may be NULL whatever the table says.
    pub optional: bool,
    /// A table of WITH: IRIS sorts by the columns of it that are selected, and by no other (SQLCODE -23).
    pub is_cte: bool,
    /// The columns that joins by USING or NATURAL make of those of several relations; its name is empty, and it stands
    /// in front of them.
    pub is_merged: bool,
    /// Names of columns that `*` does not show: a merged one stands for them, or no client sees them.
    pub hidden: Vec<String>,
    /// Columns of which no two rows have the same values; an empty list for a relation of one row.
    pub keys: Vec<Vec<String>>,
}

/// A column, and where it was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub column: Column,
    /// [`Relation::iris_name`] of its relation.
    pub iris_name: String,
    /// How many queries are around the one it is a column of.
    pub depth: usize,
    /// Of a query further out than the one that names it.
    pub is_outer: bool,
    /// Of the first relation of the outermost scope: the table that a statement changes.
    pub is_first: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Cte {
    /// Folded.
    pub name: String,
    pub iris_name: String,
    pub columns: Option<Vec<Column>>,
}

pub(crate) fn column_of(facts: &ColumnFacts) -> Column {
    Column {
        name: facts.name.clone(),
        ty: Ty::Known(facts.pg_type),
        nullable: facts.nullable,
        enum_type: facts.enum_type.clone(),
        named: facts.named.clone(),
        is_stream: facts.is_stream,
        is_exact: is_text(facts.pg_type.oid) && !facts.folds_case,
        iris_text: None,
        folds_case: facts.folds_case,
        vector_element: facts.vector_element,
    }
}

impl Column {
    pub(crate) fn new(name: impl Into<String>, ty: Ty, nullable: bool) -> Self {
        Self {
            name: name.into(),
            iris_text: None,
            ty,
            nullable,
            enum_type: None,
            named: None,
            is_stream: false,
            is_exact: false,
            folds_case: false,
            vector_element: VectorElement::Double,
        }
    }

    /// How the text names it, behind the name of its relation.
    pub(crate) fn iris_name(&self) -> String {
        self.iris_text.clone().unwrap_or_else(|| names::iris_name_of(&self.name))
    }
}

impl Relation {
    pub(crate) fn new(name: impl Into<String>, iris_name: impl Into<String>, columns: Option<Vec<Column>>) -> Self {
        let (name, iris_name) = (name.into(), iris_name.into());
        Self {
            name,
            iris_name,
            columns,
            optional: false,
            is_cte: false,
            is_merged: false,
            hidden: Vec::new(),
            keys: Vec::new(),
        }
    }
}

/// What stands in FROM and WHERE of the query being read, for what they say of its rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    /// How many queries are around it.
    pub depth: usize,
    pub of_joins: Vec<(SyntaxNode, Option<Range<usize>>)>,
    pub has_full_join: bool,
    pub group_by: Option<SyntaxNode>,
}
