//! What the rules share while one statement is translated.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::alike;
use super::frag::{Frag, MARK, Mark, Ty};
use crate::iris::{IrisStatement, ParameterKind};
use crate::sql::description::EnumType;
use crate::sql::options::TranslateOptions;
use crate::sql::plan::{Bind, OutputColumn, Plan};
use crate::sql::schema::{
    ColumnFacts, Need, RelationName, Schema, TableFacts, TableLookup, VectorElement, ViewFacts, ViewLookup,
};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{offset, unwrapped};
use crate::sql::template::{LiteralKind, Template};
use crate::sql::translate::expr::compare::is_text;
use crate::sql::translate::expr::vector::to_vector;
use crate::sql::translate::query::one_row::Conditions;
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

pub type Result<T> = std::result::Result<T, Box<PgError>>;

/// A column of a relation in FROM.
#[derive(Debug, Clone)]
pub struct Column {
    /// Folded.
    pub name: String,
    /// What IRIS calls it, where that is not the name: a name IRIS cannot hold, or a column that a join merges.
    pub iris_text: Option<String>,
    pub ty: Ty,
    pub nullable: bool,
    /// A table's own column of such a type.
    pub enum_type: Option<Rc<EnumType>>,
    /// See [`ColumnFacts::is_stream`].
    pub is_stream: bool,
    /// [`Frag::is_exact`](super::frag::Frag::is_exact).
    pub is_exact: bool,
    /// [`ColumnFacts::folds_case`].
    pub folds_case: bool,
    pub vector_element: VectorElement,
}

impl Column {
    pub fn new(name: impl Into<String>, ty: Ty, nullable: bool) -> Self {
        Self {
            name: name.into(),
            iris_text: None,
            ty,
            nullable,
            enum_type: None,
            is_stream: false,
            is_exact: false,
            folds_case: false,
            vector_element: VectorElement::Double,
        }
    }

    /// How the text names it, behind the name of its relation.
    pub fn iris_name(&self) -> String {
        self.iris_text.clone().unwrap_or_else(|| names::iris_name_of(&self.name))
    }
}

/// A relation in FROM, as expressions see it.
#[derive(Debug, Clone)]
pub struct Relation {
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
    /// Names of columns that `*` does not show, since a merged one stands for them.
    pub hidden: Vec<String>,
    /// Columns of which no two rows have the same values; an empty list for a relation of one row.
    pub keys: Vec<Vec<String>>,
}

impl Relation {
    pub fn new(name: impl Into<String>, iris_name: impl Into<String>, columns: Option<Vec<Column>>) -> Self {
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

/// A column, and where it was found.
#[derive(Debug, Clone)]
pub struct Found {
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
pub struct Cte {
    /// Folded.
    pub name: String,
    pub iris_name: String,
    pub columns: Option<Vec<Column>>,
}

pub struct Cx<'a> {
    pub sql: &'a str,
    pub template: &'a Template,
    pub options: &'a TranslateOptions<'a>,
    pub schema: &'a dyn Schema,
    pinned: RefCell<BTreeSet<u16>>,
    needed: RefCell<Vec<Need>>,
    parameters: RefCell<Vec<Oid>>,
    notices: RefCell<Vec<PgError>>,
    /// Innermost last.
    pub scopes: RefCell<Vec<Vec<Relation>>>,
    pub ctes: RefCell<Vec<Cte>>,
    /// The least depth of a column that was named, as in [`Found::depth`].
    pub outermost: Cell<usize>,
    /// Of the SELECTs being read, innermost last.
    pub conditions: RefCell<Vec<Conditions>>,
    /// Named windows of the SELECT being read: folded name and definition, none where `()` is all it says.
    pub windows: RefCell<Vec<(String, Option<SyntaxNode>)>>,
    /// In a condition where NULL and false come to the same (WHERE, ON, HAVING, and under AND and OR there).
    pub loose: Cell<bool>,
    /// The name read next may be that of a stream: it is shown as it is, or tested for NULL.
    pub allows_stream: Cell<bool>,
    /// The query being read takes a few of its rows only, which a vector index may find.
    pub is_limited: Cell<bool>,
    /// Literals stay in the text: GROUP BY and what must match it, DDL.
    inline: Cell<bool>,
    /// `EXCLUDED.column` of an upsert and what stands for it.
    pub excluded: RefCell<Vec<(String, Frag)>>,
    /// Columns of the changed table that stand for what SET makes of them.
    pub substituted: RefCell<Vec<(String, Frag)>>,
    /// [`Translation::upsert_keys`](crate::sql::plan::Translation::upsert_keys).
    pub upsert_keys: RefCell<Vec<Vec<Bind>>>,
    /// `*` is written as its columns wherever they are known.
    pub expands: Cell<bool>,
    statements: RefCell<HashMap<String, Vec<Rc<IrisStatement>>>>,
}

impl<'a> Cx<'a> {
    pub fn new(
        sql: &'a str,
        template: &'a Template,
        schema: &'a dyn Schema,
        options: &'a TranslateOptions<'a>,
    ) -> Self {
        Self {
            sql,
            template,
            options,
            schema,
            pinned: RefCell::default(),
            needed: RefCell::default(),
            parameters: RefCell::new(options.parameter_types.to_vec()),
            notices: RefCell::default(),
            scopes: RefCell::default(),
            ctes: RefCell::default(),
            windows: RefCell::default(),
            outermost: Cell::new(usize::MAX),
            conditions: RefCell::default(),
            loose: Cell::new(false),
            allows_stream: Cell::new(false),
            is_limited: Cell::new(false),
            inline: Cell::new(false),
            excluded: RefCell::default(),
            substituted: RefCell::default(),
            upsert_keys: RefCell::default(),
            expands: Cell::new(false),
            statements: RefCell::default(),
        }
    }

    pub fn take_needed(&self) -> Vec<Need> {
        self.needed.take()
    }

    pub fn take_notices(&self) -> Vec<PgError> {
        self.notices.take()
    }

    pub fn notice(&self, notice: PgError) {
        self.notices.borrow_mut().push(notice);
    }

    pub fn pinned(&self) -> Vec<u16> {
        self.pinned.borrow().iter().copied().collect()
    }

    /// Everything `body` makes has its literals in the text when `inline`.
    pub fn inlined<T>(&self, inline: bool, body: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.inline.replace(inline || self.inline.get());
        let result = body();
        self.inline.set(before);
        result
    }

    pub fn pin(&self, literal: u16) {
        self.pinned.borrow_mut().insert(literal);
    }

    /// The template literal a LITERAL node is.
    pub fn literal_of(&self, node: &SyntaxNode) -> Option<u16> {
        self.template.literal_at(node.text_range().start().into())
    }

    /// The value of a literal; from now on the translation holds for this value only.
    pub fn read_literal(&self, literal: u16) -> Option<(LiteralKind, &'a str)> {
        let found = self.template.literal(literal)?;
        self.pin(literal);
        Some(found)
    }

    /// The value of a node that is one string or number literal, in parentheses or not; pins it.
    pub fn constant(&self, node: &SyntaxNode) -> Option<(LiteralKind, &'a str)> {
        let node = unwrapped(node);
        (node.kind() == SyntaxKind::LITERAL)
            .then(|| self.literal_of(&node))
            .flatten()
            .and_then(|n| self.read_literal(n))
    }

    /// As [`constant`](Self::constant), with a leading minus, as a whole number.
    pub fn constant_integer(&self, node: &SyntaxNode) -> Option<i64> {
        let node = unwrapped(node);
        if node.kind() == SyntaxKind::PREFIX_EXPR {
            let minus = node.first_token()?.text() == "-";
            let value = self.constant_integer(&node.first_child()?)?;
            return if minus { value.checked_neg() } else { Some(value) };
        }
        match self.constant(&node)? {
            (LiteralKind::Int4 | LiteralKind::Int8, value) => value.parse().ok(),
            _ => None,
        }
    }

    /// Declares `$n`'s type, unless an earlier place did.
    pub fn declare_parameter(&self, n: u16, oid: Oid) {
        let mut parameters = self.parameters.borrow_mut();
        if let Some(slot) = usize::from(n).checked_sub(1).and_then(|n| parameters.get_mut(n))
            && *slot == Oid::UNSPECIFIED
        {
            *slot = oid;
        }
    }

    pub fn parameter_types(&self) -> Vec<Oid> {
        self.parameters.borrow().clone()
    }

    /// `$n` as typed.
    pub fn parameter(&self, text: &str, at: usize) -> Result<Frag> {
        let n: u16 = text.trim_start_matches('$').parse().ok().filter(|&n| n > 0).ok_or_else(|| {
            PgError::error(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter {text}")).position(offset(at))
        })?;
        let mut parameters = self.parameters.borrow_mut();
        if parameters.len() < usize::from(n) {
            parameters.resize(usize::from(n), Oid::UNSPECIFIED);
        }
        let declared = usize::from(n).checked_sub(1).and_then(|n| parameters.get(n)).copied();
        let ty = match declared {
            Some(oid) if oid != Oid::UNSPECIFIED => Ty::of(oid),
            _ => Ty::Parameter(n),
        };
        let frag = Frag::mark(Bind::Parameter(n), ParameterKind::User, ty);
        Ok(match ty {
            // Every use of a vector parameter makes the vector anew.
            Ty::Known(pg_type) if pg_type.oid == Oid::VECTOR => to_vector(frag, pg_type),
            _ => frag,
        })
    }

    /// A template literal as a mark, or in the text where literals stay.
    pub fn literal(&self, n: u16) -> Option<Frag> {
        let (kind, value) = self.template.literal(n)?;
        let ty = match kind {
            LiteralKind::Int4 => Ty::INT4,
            LiteralKind::Int8 => Ty::INT8,
            LiteralKind::Numeric => Ty::NUMERIC,
            LiteralKind::String => Ty::Untyped,
        };
        if self.inline.get() {
            // Whether the text can hold it depends on the value, too.
            self.pin(n);
            if let Some(text) = inline_text(kind, value) {
                return Some(Frag::atom(text, ty).sure());
            }
        }
        Some(Frag::mark(Bind::Literal(n), kind.parameter_kind(), ty).sure())
    }

    /// A constant of the gateway's making.
    pub fn text_constant(&self, value: &str) -> Frag {
        match inline_text(LiteralKind::String, value) {
            Some(text) if self.inline.get() => Frag::atom(text, Ty::TEXT).sure(),
            _ => Frag::mark(Bind::Constant(value.to_owned()), ParameterKind::StringLiteral, Ty::TEXT).sure(),
        }
    }

    /// Facts of a table, asking for them when they are not loaded yet.
    pub fn facts(&self, name: &RelationName) -> TableLookup {
        let found = self.schema.table(name);
        if matches!(found, TableLookup::NotLoaded) {
            self.need(Need::Table(name.clone()));
        }
        found
    }

    /// The statement is translated again when this is known.
    pub fn need(&self, need: Need) {
        let mut needed = self.needed.borrow_mut();
        if !needed.contains(&need) {
            needed.push(need);
        }
    }

    /// `None` when they have to be loaded first.
    pub fn views(&self, name: &RelationName) -> Option<Rc<ViewFacts>> {
        match self.schema.views(name) {
            ViewLookup::Known(facts) => Some(facts),
            ViewLookup::NotLoaded => {
                self.need(Need::Views(name.clone()));
                None
            }
        }
    }

    /// An enum type by its folded name.
    pub fn enum_type(&self, name: &RelationName) -> Option<EnumType> {
        self.schema.enum_type(name)
    }

    pub fn known(&self, name: &RelationName) -> Option<Rc<TableFacts>> {
        match self.facts(name) {
            TableLookup::Known(facts) => Some(facts),
            TableLookup::Missing | TableLookup::NotLoaded => None,
        }
    }

    /// The text for a relation's name and its name for lookups. Not for CTEs.
    pub fn relation(&self, parts: &[String]) -> Result<(String, RelationName)> {
        // `database.schema.table`: there is one database, the namespace the gateway is connected to.
        let parts = match parts {
            [_, schema, name] => &[schema.clone(), name.clone()],
            parts => parts,
        };
        match parts {
            [name] if !self.options.search_path.is_empty() => {
                let schema = self.schema_on_path(&names::folded(name));
                self.relation(&[names::quoted(&schema), name.clone()])
            }
            [name] => {
                let folded = names::folded(name);
                let lookup = RelationName { schema: None, name: folded.clone() };
                if folded.starts_with("pg_") && self.known(&lookup).is_none() {
                    return Err(names::catalog_later(&folded));
                }
                Ok((format!("{}.{}", self.options.default_schema, names::iris_name(name)?), lookup))
            }
            [schema, name] => {
                let (folded_schema, folded) = (names::folded(schema), names::folded(name));
                let text = match folded_schema.as_str() {
                    "public" => self.options.default_schema.to_owned(),
                    "pg_catalog" | "information_schema" => {
                        return Err(names::catalog_later(&format!("{folded_schema}.{folded}")));
                    }
                    "pg_temp" => {
                        return Err(PgError::unsupported("temporary tables are not supported"));
                    }
                    _ => names::iris_name(schema)?,
                };
                let lookup = RelationName { schema: Some(folded_schema), name: folded };
                Ok((format!("{text}.{}", names::iris_name(name)?), lookup))
            }
            _ => Err(PgError::unsupported(format!(
                "cross-database references are not implemented: \"{}\"",
                parts.iter().map(|part| names::folded(part)).collect::<Vec<_>>().join(".")
            ))),
        }
    }

    /// The schema of the search path that has the relation; the first where none has, which is where it would be made.
    fn schema_on_path(&self, folded: &str) -> String {
        let path = self.options.search_path;
        let has = |schema: &&String| {
            self.known(&RelationName { schema: Some((*schema).clone()), name: folded.to_owned() }).is_some()
        };
        path.iter().find(has).or(path.first()).cloned().unwrap_or_default()
    }

    pub fn cte(&self, name: &str) -> Option<Cte> {
        self.ctes.borrow().iter().rev().find(|cte| cte.name == name).cloned()
    }

    /// The column a name means, if the tables tell. `qualifier` and `name` folded.
    pub fn column(&self, qualifier: Option<&str>, name: &str) -> Option<Column> {
        self.find(qualifier, name).map(|found| found.column)
    }

    /// The column a name means and where it is, if the tables tell. `qualifier` and `name` folded.
    pub fn find(&self, qualifier: Option<&str>, name: &str) -> Option<Found> {
        let scopes = self.scopes.borrow();
        for (depth, scope) in scopes.iter().enumerate().rev() {
            let mut found = None;
            let mut unknown = false;
            for (n, relation) in scope.iter().enumerate() {
                if qualifier.is_some_and(|qualifier| !relation.name.eq_ignore_ascii_case(qualifier)) {
                    continue;
                }
                match &relation.columns {
                    None => unknown = true,
                    Some(columns) => {
                        if let Some(column) = alike::named(columns, name)
                            && found.is_none()
                        {
                            let nullable = column.nullable || relation.optional;
                            found = Some(Found {
                                column: Column { nullable, ..column.clone() },
                                iris_name: relation.iris_name.clone(),
                                depth,
                                is_outer: depth + 1 < scopes.len(),
                                is_first: depth == 0 && n == 0,
                            });
                        }
                    }
                }
            }
            if found.is_some() {
                return found;
            }
            if unknown
                || (qualifier.is_some()
                    && scope
                        .iter()
                        .any(|relation| qualifier.is_some_and(|name| relation.name.eq_ignore_ascii_case(name))))
            {
                return None;
            }
        }
        None
    }

    /// The relation a qualifier means.
    pub fn relation_named(&self, qualifier: &str) -> Option<Relation> {
        let scopes = self.scopes.borrow();
        scopes
            .iter()
            .rev()
            .find_map(|scope| scope.iter().find(|relation| relation.name.eq_ignore_ascii_case(qualifier)))
            .cloned()
    }

    /// With the relations of a query in scope.
    ///
    /// # Errors
    /// What `body` says; 0A000 where IRIS would take one of them for another.
    pub fn scoped<T>(&self, scope: Vec<Relation>, body: impl FnOnce() -> Result<T>) -> Result<T> {
        alike::check_relations(self.scopes.borrow().iter().flatten(), &scope)?;
        self.scopes.borrow_mut().push(scope);
        let result = body();
        self.scopes.borrow_mut().pop();
        result
    }

    /// Numbers the marks and gives the statement its key.
    pub fn plan(&self, frag: Frag, columns: Vec<OutputColumn>, is_query: bool) -> Plan {
        let (text, marks) = numbered(frag);
        let (binds, kinds): (Vec<Bind>, Vec<ParameterKind>) =
            marks.into_iter().map(|Mark { bind, kind }| (bind, kind)).unzip();
        // Equal texts of a script are one statement: a connection prepares it once.
        let mut statements = self.statements.borrow_mut();
        let known = statements.entry(text.clone()).or_default();
        let statement = match known.iter().find(|known: &&Rc<IrisStatement>| known.kinds == kinds) {
            Some(statement) => Rc::clone(statement),
            None => {
                let statement = Rc::new(IrisStatement { key: self.options.next_key(), text, kinds, is_query });
                known.push(Rc::clone(&statement));
                statement
            }
        };
        Plan { statement, binds, columns, writes: None }
    }
}

fn numbered(frag: Frag) -> (String, Vec<Mark>) {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(frag.text.len() + frag.marks.len() * 12);
    for (n, piece) in frag.text.split(MARK).enumerate() {
        if n > 0 {
            let _ = write!(text, ":%qpar({n})");
        }
        text.push_str(piece);
    }
    (text, frag.marks)
}

/// A literal for the text; `None` for what the text cannot hold.
pub fn inline_text(kind: LiteralKind, value: &str) -> Option<String> {
    match kind {
        LiteralKind::String if value.chars().any(char::is_control) => None,
        LiteralKind::String => Some(format!("'{}'", value.replace('\'', "''"))),
        _ => Some(value.to_owned()),
    }
}

pub fn column_of(facts: &ColumnFacts) -> Column {
    Column {
        name: facts.name.clone(),
        ty: Ty::Known(facts.pg_type),
        nullable: facts.nullable,
        enum_type: facts.enum_type.clone(),
        is_stream: facts.is_stream,
        is_exact: is_text(facts.pg_type.oid) && !facts.folds_case,
        iris_text: None,
        folds_case: facts.folds_case,
        vector_element: facts.vector_element,
    }
}
