//! IRIS SQL as a tree. The tree can only hold what the dialect has; translation matches it exhaustively.

/// An identifier as written; equal without regard to case, delimited or not (IRIS rule).
#[derive(Debug, Clone)]
pub(crate) struct Name(pub String);

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        same_name(&self.0, &other.0)
    }
}

/// Identifiers compare without case.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!(a.is_ascii() && b.is_ascii()) && a.to_uppercase() == b.to_uppercase())
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObjectName {
    pub schema: Option<Name>,
    pub name: Name,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    Query(Query),
    Explain(Query),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    Transaction(Transaction),
    /// `%CHECKPRIV`, `SET OPTION`: legal, nothing to do here.
    Accepted,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Transaction {
    Start(Option<Isolation>),
    Commit,
    Rollback,
    Savepoint(Name),
    RollbackTo(Name),
    SetIsolation(Option<Isolation>),
    /// `%INTRANSACTION`.
    IsOpen,
}

/// Levels of isolation, by IRIS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Sees what others have not committed.
    ReadUncommitted,
    /// Sees what is committed.
    ReadCommitted,
    /// As read committed, and rows are looked at again.
    ReadVerified,
}

impl Isolation {
    /// IRIS's number of it: the option IsolationMode.
    pub fn mode(self) -> &'static str {
        match self {
            Isolation::ReadUncommitted => "0",
            Isolation::ReadCommitted => "1",
            Isolation::ReadVerified => "3",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub with: Vec<CommonTable>,
    pub body: QueryBody,
    pub order_by: Vec<OrderItem>,
    pub limit: Limit,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CommonTable {
    pub name: Name,
    pub columns: Vec<Name>,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum QueryBody {
    Select(Box<Select>),
    /// A parenthesised leg with its own limits.
    Nested(Box<Query>),
    /// From left to right. Flat, since programs build chains of hundreds.
    Set {
        first: Box<QueryBody>,
        rest: Vec<SetLeg>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SetLeg {
    pub operator: SetOperator,
    pub all: bool,
    pub body: QueryBody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOperator {
    Union,
    Intersect,
    Except,
}

/// LIMIT/OFFSET and FETCH forms; `None` = no bound.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Limit {
    pub count: Option<Expr>,
    pub offset: Option<Expr>,
}

impl Limit {
    pub(crate) fn is_none(&self) -> bool {
        self.count.is_none() && self.offset.is_none()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OrderItem {
    pub expr: Expr,
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Select {
    pub distinct: bool,
    /// `DISTINCT BY (a, b)`.
    pub distinct_by: Vec<Expr>,
    pub top: Top,
    pub items: Vec<SelectItem>,
    pub from: Vec<TableRef>,
    pub selection: Option<Expr>,
    pub group_by: Vec<Expr>,
    pub having: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Top {
    None,
    All,
    Count(Expr),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SelectItem {
    Star,
    QualifiedStar(ObjectName),
    Expr { expr: Expr, alias: Option<Name> },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TableRef {
    Table { name: ObjectName, alias: Option<Name> },
    Derived { query: Box<Query>, alias: Option<Name>, columns: Vec<Name> },
    JsonTable { source: Expr, path: String, columns: Vec<JsonColumn>, alias: Option<Name> },
    Join { left: Box<TableRef>, right: Box<TableRef>, kind: JoinKind, on: JoinOn },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonColumn {
    pub name: Name,
    pub data_type: TypeName,
    pub path: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JoinOn {
    Condition(Expr),
    Using(Vec<Name>),
    Natural,
    None,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    /// Digits.
    Integer(String),
    /// With point or exponent.
    Number(String),
    String(String),
}

/// A type name with its arguments as written: `VARCHAR('')`, `NUMERIC(10,2)`, `DOUBLE PRECISION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeName {
    /// Upper-cased words, one blank between.
    pub name: String,
    pub arguments: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// `\`
    IntegerDivide,
    /// `#`
    Modulo,
    Concat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl CompareOp {
    pub(crate) fn sqlite(self) -> &'static str {
        match self {
            CompareOp::Equal => "=",
            CompareOp::NotEqual => "<>",
            CompareOp::Less => "<",
            CompareOp::LessEqual => "<=",
            CompareOp::Greater => ">",
            CompareOp::GreaterEqual => ">=",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Literal(Literal),
    Null,
    /// Zero-based number of the mark.
    Mark(u32),
    /// `column`, `table.column`, `schema.table.column`; `%ID` is a column name too.
    Column(Vec<Name>),
    /// `reference->column`.
    Arrow(Box<Expr>, Name),
    /// `$HOROLOG`, `CURRENT_USER`, `SYSDATE`...: upper-cased.
    Variable(String),
    Negate(Box<Expr>),
    /// From left to right, operators of one precedence. Flat, as AND and OR are: programs build chains of any length.
    Binary(Box<Expr>, Vec<(BinaryOp, Expr)>),
    Function(Function),
    Cast(Box<Expr>, TypeName),
    Convert {
        data_type: TypeName,
        expr: Box<Expr>,
        style: Option<Box<Expr>>,
    },
    Case {
        operand: Option<Box<Expr>>,
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Subquery(Box<Query>),
    /// `{d ..}`, `{t ..}`, `{ts ..}`.
    OdbcLiteral(OdbcKind, Box<Expr>),
    JsonObject {
        pairs: Vec<(Expr, Expr)>,
        absent_on_null: bool,
    },
    JsonArray {
        items: Vec<Expr>,
        absent_on_null: bool,
    },
    /// The keyword DEFAULT as a value of INSERT or UPDATE.
    Default,

    /// Legal only where a condition stands.
    Condition(Condition),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Compare(CompareOp, Box<Expr>, Box<Expr>),
    CompareQuery {
        op: CompareOp,
        all: bool,
        expr: Box<Expr>,
        query: Box<Query>,
    },
    /// Two terms at least.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    IsNull {
        expr: Box<Expr>,
        not: bool,
    },
    IsJson {
        expr: Box<Expr>,
        kind: JsonKind,
        not: bool,
    },
    Like {
        expr: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<Box<Expr>>,
        not: bool,
    },
    StartsWith {
        expr: Box<Expr>,
        prefix: Box<Expr>,
        not: bool,
    },
    /// `[`: contains.
    Contains {
        expr: Box<Expr>,
        part: Box<Expr>,
        not: bool,
    },
    Matches {
        expr: Box<Expr>,
        pattern: Box<Expr>,
        not: bool,
    },
    Pattern {
        expr: Box<Expr>,
        pattern: Box<Expr>,
        not: bool,
    },
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        not: bool,
    },
    InValues {
        expr: Box<Expr>,
        values: Vec<Expr>,
        not: bool,
    },
    InQuery {
        expr: Box<Expr>,
        query: Box<Query>,
        not: bool,
    },
    InList {
        expr: Box<Expr>,
        list: Box<Expr>,
        not: bool,
    },
    Exists(Box<Query>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OdbcKind {
    Date,
    Time,
    Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonKind {
    Value,
    Scalar,
    Array,
    Object,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function {
    /// As written, parts joined by points.
    pub name: String,
    pub arguments: Vec<Expr>,
    /// `COUNT(*)`.
    pub star: bool,
    pub distinct: bool,
    pub over: Option<Window>,
    /// Written inside `{fn ..}`.
    pub braced: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<OrderItem>,
    pub frame: Option<Frame>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub start: FrameBound,
    pub end: Option<FrameBound>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FrameBound {
    UnboundedPreceding,
    Preceding(u64),
    CurrentRow,
    Following(u64),
    UnboundedFollowing,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Insert {
    pub or_update: bool,
    pub no_check: bool,
    pub table: ObjectName,
    pub columns: Vec<Name>,
    pub source: InsertSource,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum InsertSource {
    Values(Vec<Vec<Expr>>),
    DefaultValues,
    Query(Box<Query>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub no_check: bool,
    pub table: ObjectName,
    pub alias: Option<Name>,
    pub assignments: Vec<(Name, Expr)>,
    pub from: Vec<TableRef>,
    pub selection: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delete {
    pub no_check: bool,
    pub table: ObjectName,
    pub alias: Option<Name>,
    pub from: Vec<TableRef>,
    pub selection: Option<Expr>,
}
