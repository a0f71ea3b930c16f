//! What is known while one statement is translated, and the way to what stands within.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::alike;
use super::frag::{Frag, MARK, Mark, Ty};
use super::query::{Place, Query};
use super::scope::{Column, Conditions, Cte, Found, Relation};
use super::vectors::to_vector;
use crate::iris::{IrisStatement, ParameterKind};
use crate::sql::iris_text;
use crate::sql::options::TranslateOptions;
use crate::sql::plan::{Bind, Draw, OutputColumn, Plan, ReadByView, SessionValue};
use crate::sql::schema::{Need, Schema};
use crate::sql::syntax::nodes::{self, offset, unwrapped};
use crate::sql::syntax::tree::Expr;
use crate::sql::template::{LiteralKind, Template};
use crate::sql::translate::context::Result;
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

/// Translates a query: where it stands, and what its columns are to be called.
type QueryRule = fn(&Cx<'_>, &SyntaxNode, Place, Option<&[String]>) -> Result<Query>;

/// The two ways in which SQL holds itself: an expression stands within an expression or a query, a query within either.
/// A rule has what is within translated by [`Cx::emit`] and [`Cx::query`], which come here, and knows only the floors
/// below it.
pub(crate) struct Rules {
    pub expression: fn(&Cx<'_>, &Expr) -> Result<Frag>,
    pub query: QueryRule,
}

/// Bytes of one expression's text, beyond eight times the statement's own.
const TEXT_BYTES_MAX: usize = 64 * 1024;

pub(crate) struct Cx<'a> {
    pub sql: &'a str,
    pub template: &'a Template,
    pub options: &'a TranslateOptions<'a>,
    pub schema: &'a dyn Schema,
    pub rules: &'static Rules,
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
    /// The next column may be of a type that IRIS keeps as text it cannot read: that text is meant.
    pub allows_named: Cell<bool>,
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
    /// What is drawn from sequences, and where in the text that is said; [`Translation::draws`](crate::sql::plan::Translation::draws).
    draws: RefCell<Vec<(Option<usize>, Draw)>>,
    /// The expression being read is evaluated once and in any case.
    pub may_draw: Cell<bool>,
    /// `*` is written as its columns wherever they are known.
    pub expands: Cell<bool>,
    /// [`Translation::is_of_session`](crate::sql::plan::Translation::is_of_session).
    pub is_of_session: Cell<bool>,
    /// The folded name of the temporary table that is being made.
    pub made_temporary: RefCell<Option<String>>,
    /// The relations that the query of a view reads, while one is made: IRIS schemas and names.
    pub read_by_view: RefCell<Option<Vec<ReadByView>>>,
    statements: RefCell<HashMap<String, Vec<Rc<IrisStatement>>>>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(
        sql: &'a str,
        template: &'a Template,
        schema: &'a dyn Schema,
        options: &'a TranslateOptions<'a>,
        rules: &'static Rules,
    ) -> Self {
        Self {
            sql,
            template,
            options,
            schema,
            rules,
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
            allows_named: Cell::new(false),
            is_limited: Cell::new(false),
            inline: Cell::new(false),
            excluded: RefCell::default(),
            substituted: RefCell::default(),
            upsert_keys: RefCell::default(),
            draws: RefCell::default(),
            may_draw: Cell::default(),
            expands: Cell::new(false),
            is_of_session: Cell::new(false),
            made_temporary: RefCell::default(),
            read_by_view: RefCell::default(),
            statements: RefCell::default(),
        }
    }

    /// A value of a sequence, a bigint. What stands at one place of the text is drawn once, however often it is read.
    pub(crate) fn drawn(&self, at: Option<usize>, draw: Draw) -> Frag {
        let mut draws = self.draws.borrow_mut();
        let known = draws.iter().position(|(place, _)| place.is_some() && *place == at);
        let number = known.unwrap_or(draws.len());
        if known.is_none() {
            draws.push((at, draw));
        }
        let bind = Bind::Session(SessionValue::Drawn(u16::try_from(number).unwrap_or(u16::MAX)));
        Frag::mark(bind, ParameterKind::IntegerLiteral, Ty::INT8)
    }

    pub(crate) fn take_draws(&self) -> Vec<Draw> {
        self.draws.take().into_iter().map(|(_, draw)| draw).collect()
    }

    pub(crate) fn take_needed(&self) -> Vec<Need> {
        self.needed.take()
    }

    pub(crate) fn take_notices(&self) -> Vec<PgError> {
        self.notices.take()
    }

    pub(crate) fn notice(&self, notice: PgError) {
        self.notices.borrow_mut().push(notice);
    }

    pub(crate) fn pinned(&self) -> Vec<u16> {
        self.pinned.borrow().iter().copied().collect()
    }

    // What stands within.

    /// An expression, whole.
    ///
    /// # Errors
    /// What its rule says; 54000 where its text becomes longer than IRIS takes.
    pub(crate) fn emit(&self, expr: &Expr) -> Result<Frag> {
        let frag = (self.rules.expression)(self, expr)?;
        // Some rules write an operand more than once, which doubles with every level of nesting.
        if frag.text.len() > TEXT_BYTES_MAX.saturating_add(self.sql.len().saturating_mul(8)) {
            return Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, "the statement becomes too long for IRIS")
                .hint("Name nested conditions in a subquery."));
        }
        Ok(frag)
    }

    /// A query, whole. `names`: what the columns are to be called, from an alias list.
    ///
    /// # Errors
    /// What its rule says.
    pub(crate) fn query(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
        (self.rules.query)(self, node, place, names)
    }

    // Literals and parameters.

    /// Everything `body` makes has its literals in the text when `inline`.
    pub(crate) fn inlined<T>(&self, inline: bool, body: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.inline.replace(inline || self.inline.get());
        let result = body();
        self.inline.set(before);
        result
    }

    pub(crate) fn pin(&self, literal: u16) {
        self.pinned.borrow_mut().insert(literal);
    }

    /// The template literal a LITERAL node is.
    pub(crate) fn literal_of(&self, node: &SyntaxNode) -> Option<u16> {
        self.template.literal_at(node.text_range().start().into())
    }

    /// The value of a literal; from now on the translation holds for this value only.
    pub(crate) fn read_literal(&self, literal: u16) -> Option<(LiteralKind, &'a str)> {
        let found = self.template.literal(literal)?;
        self.pin(literal);
        Some(found)
    }

    /// The value of a node that is one string or number literal, in parentheses or not; pins it.
    pub(crate) fn constant(&self, node: &SyntaxNode) -> Option<(LiteralKind, &'a str)> {
        let node = unwrapped(node);
        (node.kind() == SyntaxKind::LITERAL)
            .then(|| self.literal_of(&node))
            .flatten()
            .and_then(|n| self.read_literal(n))
    }

    /// As [`constant`](Self::constant), with a leading minus, as a whole number.
    pub(crate) fn constant_integer(&self, node: &SyntaxNode) -> Option<i64> {
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
    pub(crate) fn declare_parameter(&self, n: u16, oid: Oid) {
        let mut parameters = self.parameters.borrow_mut();
        if let Some(slot) = usize::from(n).checked_sub(1).and_then(|n| parameters.get_mut(n))
            && *slot == Oid::UNSPECIFIED
        {
            *slot = oid;
        }
    }

    pub(crate) fn parameter_types(&self) -> Vec<Oid> {
        self.parameters.borrow().clone()
    }

    /// `$n` as typed.
    pub(crate) fn parameter(&self, text: &str, at: usize) -> Result<Frag> {
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
    pub(crate) fn literal(&self, n: u16) -> Option<Frag> {
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
    pub(crate) fn text_constant(&self, value: &str) -> Frag {
        match inline_text(LiteralKind::String, value) {
            Some(text) if self.inline.get() => Frag::atom(text, Ty::TEXT).sure(),
            _ => Frag::mark(Bind::Constant(value.to_owned()), ParameterKind::StringLiteral, Ty::TEXT).sure(),
        }
    }

    /// The statement is translated again when this is known.
    pub(crate) fn need(&self, need: Need) {
        let mut needed = self.needed.borrow_mut();
        if !needed.contains(&need) {
            needed.push(need);
        }
    }

    pub(crate) fn cte(&self, name: &str) -> Option<Cte> {
        self.ctes.borrow().iter().rev().find(|cte| cte.name == name).cloned()
    }

    /// The column a name means, if the tables tell. `qualifier` and `name` folded.
    pub(crate) fn column(&self, qualifier: Option<&str>, name: &str) -> Option<Column> {
        self.find(qualifier, name).map(|found| found.column)
    }

    /// The column a name means and where it is, if the tables tell. `qualifier` and `name` folded.
    pub(crate) fn find(&self, qualifier: Option<&str>, name: &str) -> Option<Found> {
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
    pub(crate) fn relation_named(&self, qualifier: &str) -> Option<Relation> {
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
    pub(crate) fn scoped<T>(&self, scope: Vec<Relation>, body: impl FnOnce() -> Result<T>) -> Result<T> {
        alike::check_relations(self.scopes.borrow().iter().flatten(), &scope)?;
        self.scopes.borrow_mut().push(scope);
        let result = body();
        self.scopes.borrow_mut().pop();
        result
    }

    // Statements.

    /// Numbers the marks and gives the statement its key.
    pub(crate) fn plan(&self, frag: Frag, columns: Vec<OutputColumn>, is_query: bool) -> Plan {
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

    pub(crate) fn unsupported(&self, message: impl Into<String>, at: usize) -> Box<PgError> {
        PgError::unsupported(message).position(nodes::offset(at))
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
pub(crate) fn inline_text(kind: LiteralKind, value: &str) -> Option<String> {
    match kind {
        LiteralKind::String if value.chars().any(char::is_control) => None,
        LiteralKind::String => Some(iris_text::quoted(value)),
        _ => Some(value.to_owned()),
    }
}

/// A stream where IRIS cannot have one.
pub(crate) fn stream_refused(column: &str, at: usize) -> Box<PgError> {
    PgError::unsupported(format!("the column \"{column}\" can only be shown, written and tested for NULL"))
        .detail(
            "It is kept outside of its row (STORAGE EXTERNAL), as a stream of IRIS, with which IRIS cannot compute.",
        )
        .position(nodes::offset(at))
}
