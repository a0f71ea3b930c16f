//! Statements in IRIS's own dialect, which PostgreSQL's grammar cannot read: they go as typed, literals and all.

use super::context::Result;
use crate::sql::lex::{self, Kind};
use crate::sql::plan::{OutputColumn, ScriptStep, StepRole, Translation};
use crate::sql::syntax::nodes;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{self, Frag, Ty};
use crate::wire::{PgError, SqlState};

#[derive(Debug, PartialEq, Eq)]
struct Word<'a> {
    text: &'a str,
    kind: Kind,
    /// Directly behind the token before it.
    joined: bool,
    at: usize,
}

/// As typed.
pub(crate) fn translate(cx: &Cx<'_>) -> Result<Translation> {
    let words = words(cx.sql);
    let mut frag = Frag::atom(String::new(), Ty::Any);
    let mut words = words.iter().peekable();
    let mut first = true;
    while let Some(word) = words.next() {
        if !first && !word.joined {
            frag.push(&" ");
        }
        first = false;
        match word.kind {
            Kind::Parameter => frag.push(&cx.parameter(word.text, word.at)?),
            Kind::Word
                if word.text.eq_ignore_ascii_case("public") && words.peek().is_some_and(|next| next.text == ".") =>
            {
                frag.push(&cx.options.default_schema);
            }
            Kind::EscapeString | Kind::DollarString | Kind::Other => {
                return Err(PgError::unsupported(
                    "strings with a prefix or dollar quotes cannot be mixed with IRIS's own syntax",
                )
                .position(nodes::offset(word.at)));
            }
            _ if word.text.contains(frag::MARK) => {
                return Err(PgError::error(SqlState::SYNTAX_ERROR, "control character in the statement"));
            }
            _ => frag.push(&word.text),
        }
    }
    let verbs = verbs(cx.sql);
    let (is_query, tag) = match verbs.first().map(String::as_str) {
        Some("SELECT" | "WITH") => (true, "SELECT".to_owned()),
        Some("INSERT") => (false, "INSERT 0".to_owned()),
        Some("UPDATE") => (false, "UPDATE".to_owned()),
        Some("DELETE") => (false, "DELETE".to_owned()),
        Some("CREATE" | "DROP" | "ALTER" | "TRAIN" | "VALIDATE" | "TUNE" | "BUILD" | "LOAD" | "PURGE" | "SET") => {
            (false, verbs.join(" "))
        }
        Some(verb) => (false, verb.to_owned()),
        None => return Err(PgError::error(SqlState::SYNTAX_ERROR, "syntax error")),
    };
    let role = match tag.as_str() {
        "SELECT" => StepRole::Rows,
        "INSERT 0" | "UPDATE" | "DELETE" => StepRole::Count,
        _ => StepRole::Silent,
    };
    let columns = if is_query { vec![OutputColumn::Star] } else { Vec::new() };
    let plan = cx.plan(frag, columns, is_query);
    Ok(Translation { is_iris_dialect: true, ..Translation::script(vec![ScriptStep::new(plan, role)], tag) })
}

/// The first two words, in capitals; `OR REPLACE` is left out.
fn verbs(sql: &str) -> Vec<String> {
    let words: Vec<String> =
        words(sql).iter().filter(|word| word.kind == Kind::Word).map(|word| word.text.to_ascii_uppercase()).collect();
    match words.as_slice() {
        [verb, or, replace, what, ..] if or == "OR" && replace == "REPLACE" => vec![verb.clone(), what.clone()],
        [verb, what, ..] => vec![verb.clone(), what.clone()],
        _ => words,
    }
}

fn words(sql: &str) -> Vec<Word<'_>> {
    let bytes = sql.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    let mut joined = false;
    while at < bytes.len() {
        let token = lex::token(bytes, at);
        if token.kind.is_trivia() {
            joined = false;
        } else {
            words.push(Word { text: sql.get(at..token.end).unwrap_or_default(), kind: token.kind, joined, at });
            joined = true;
        }
        at = token.end;
    }
    while words.last().is_some_and(|word| word.text == ";") {
        words.pop();
    }
    words
}

/// Whether a statement says something only IRIS knows. `refused`: PostgreSQL's grammar cannot read it, so what could be
/// either (`a %id` may be a remainder) is IRIS's. Both have JSON_TABLE: that of a query which PostgreSQL's grammar can read
/// is PostgreSQL's, that of a statement which writes is left to IRIS.
pub(crate) fn is_iris(sql: &str, refused: bool) -> bool {
    if !refused
        && memchr::memchr2(b'%', b'{', sql.as_bytes()).is_none()
        && !sql.to_ascii_lowercase().contains("json_table")
    {
        return false;
    }
    let words = words(sql);
    let is = |n: usize, text: &str| words.get(n).is_some_and(|word| word.text.eq_ignore_ascii_case(text));
    let joined = |n: usize| words.get(n + 1).filter(|next| next.joined && next.kind == Kind::Word);
    let writes = ["insert", "update", "delete", "create"].iter().any(|verb| is(0, verb));
    let certain = words.iter().enumerate().any(|(n, word)| match word.text {
        "%" => joined(n).is_some_and(|next| known(PREDICATES, next.text)),
        _ => (refused || writes) && word.text.eq_ignore_ascii_case("json_table") && is(n + 1, "("),
    });
    if certain || !refused {
        return certain;
    }
    if STATEMENTS.iter().any(|[first, second]| is(0, first) && is(1, second)) {
        return true;
    }
    words.iter().enumerate().any(|(n, word)| match word.text {
        // %ID, %EXACT(..), %SYSTEM.SQL.X(); a format's %s is none of them.
        "%" => joined(n).is_some_and(|next| known(PERCENT_WORDS, next.text)),
        // $HOROLOG, $PIECE(..)
        "$" => joined(n).is_some(),
        // {fn ..}, {d '..'}, {ts '..'}
        "{" => true,
        _ if word.text.eq_ignore_ascii_case("top") => {
            let after = words.get(n + 1).is_some_and(|next| {
                matches!(next.kind, Kind::Number | Kind::Parameter) || next.text == "(" || is(n + 1, "all")
            });
            n > 0 && after && (is(n - 1, "select") || is(n - 1, "distinct") || is(n - 1, "all"))
        }
        _ => false,
    })
}

fn known(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Pairs of words no PostgreSQL statement begins with.
#[rustfmt::skip]
const STATEMENTS: &[[&str; 2]] = &[
    ["TRAIN", "MODEL"], ["VALIDATE", "MODEL"], ["DROP", "MODEL"], ["CREATE", "MODEL"], ["ALTER", "MODEL"],
    ["TUNE", "TABLE"], ["BUILD", "INDEX"], ["PURGE", "CACHED"], ["LOAD", "DATA"], ["SET", "OPTION"], ["SET", "ML"],
    ["CANCEL", "QUERY"], ["FREEZE", "PLANS"], ["INSERT", "OR"], ["CREATE", "BITMAP"], ["CREATE", "BITMAPEXTENT"],
    ["CREATE", "BITSLICE"], ["CREATE", "COLUMNAR"],
];

/// `%` words that are operators, or so long that no remainder is meant.
#[rustfmt::skip]
const PREDICATES: &[&str] = &[
    "STARTSWITH", "INLIST", "MATCHES", "PATTERN", "CONTAINS", "CONTAINSTERM", "FIND", "CLASSPARAMETER", "CHECKPRIV",
    "NOCHECK", "NOLOCK", "NOINDEX", "NOTRIGGER", "NOFPLAN", "NOJOURN", "BEGTRANS", "INTRANSACTION", "PUBLICROWID",
];

#[rustfmt::skip]
const PERCENT_WORDS: &[&str] = &[
    "ID", "VID", "KEY", "VALUE", "CLASSNAME", "TABLENAME", "EXACT", "SQLUPPER", "SQLSTRING", "ALPHAUP", "STRING",
    "UPPER", "TRUNCATE", "MINUS", "PLUS", "SPACE", "MVR", "EXTERNAL", "INTERNAL", "ODBCIN", "ODBCOUT", "FOREACH",
    "AFTERHAVING", "DLIST", "OBJECT", "PARALLEL", "FIRSTTABLE", "STARTTABLE", "FULL", "INORDER", "IGNOREINDEX",
    "IGNOREINDICES", "ALLINDEX", "NOFLATTEN", "NOMERGE", "NOREDUCE", "NOSVSO", "NOTOPOPT", "NOUNIONOROPT",
    "NOPARALLEL", "NORUNTIME", "PROFILE", "PROFILE_ALL", "ROWCOUNT", "SYSTEM", "SYSTEM_SQL", "Library", "SQL",
    "DESCRIPTION", "FILE", "ROUTINE", "DELDATA", "NODELDATA", "COMMITMODE", "SQL_Manager", "TSQL", "Stream",
    "iFind", "Dictionary", "ELEMENT", "SIMILARITY", "VECTOR", "SQL_DIAG", "SYS",
];
