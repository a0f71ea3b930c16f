//! COPY .. FROM STDIN: an INSERT of one row, run in batches.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode, SyntaxToken};

use super::command::{Utility, utility};
use super::{copy_options, copy_out};
use crate::copy::RowFormat;
use crate::iris::ParameterKind;
use crate::sql::plan::{Action, Bind, CopyByQuery, CopyCondition, CopyFormat, CopyFromStdin};
use crate::sql::rule_text::whole;
use crate::sql::schema::{ColumnFacts, Named, RelationName, TableFacts, TableLookup, ViewFacts};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::dml::insert::draws_beside;
use crate::sql::translate::value::assign::assigned;
use crate::sql::writes::{Writes, Written};
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

/// `Ok(None)`: another family's statement.
pub(crate) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    let syntax = |message: &str| PgError::error(SqlState::SYNTAX_ERROR, message);
    if nodes::child(stmt, SyntaxKind::COPY_FROM).is_none() {
        return copy_out::translate(cx, stmt);
    }
    let table = nodes::child(stmt, SyntaxKind::COPY_TABLE).ok_or_else(|| syntax("COPY of a query goes TO STDOUT"))?;
    is_client(stmt, SyntaxKind::COPY_FROM)?;
    let name = nodes::child(&table, SyntaxKind::TABLE_NAME_REF).ok_or_else(|| syntax("COPY without a table"))?;
    let hint = "To enable copying to a view, provide an INSTEAD OF INSERT trigger.";
    let Copied { text, relation, facts, views } = copied(cx, &names::parts(&name), "to", hint)?;
    if facts.is_materialized {
        let message = format!("cannot copy to materialized view \"{}\"", relation.name);
        return Err(PgError::error(SqlState(*b"42809"), message));
    }
    let condition = nodes::child(stmt, SyntaxKind::WHERE_CLAUSE);
    let options = copy_options::options(cx, stmt, true)?;
    let listed = nodes::child(&table, SyntaxKind::COLUMN_REF_LIST);
    let columns = columns_listed(listed.as_ref(), &facts, views.as_deref(), &relation)?;
    let names: Vec<&str> = columns.iter().map(|(_, column)| column.name.as_str()).collect();
    let draws = draws_beside(&facts, &names);
    let has_default = |column: &ColumnFacts| {
        column.has_default || column.identity || column.draws.is_some() || column.constant_default.is_some()
    };
    let reads_default = match &options.format {
        CopyFormat::Rows(RowFormat::Text(format)) => format.default.is_some(),
        CopyFormat::Rows(RowFormat::Csv(format)) => format.default.is_some(),
        CopyFormat::Binary => false,
    };
    let quoted = |column: &ColumnFacts| quoted_name(&spelled(column, &facts));
    let is_by_query = !facts.rules.is_empty() || condition.is_some() || reads_default || draws;
    let by_query = match is_by_query {
        false => None,
        true => Some(CopyByQuery {
            table: names::parts(&name).join("."),
            columns: columns.iter().map(|(_, column)| (quoted(column), whole(column))).collect(),
            condition: condition.map(|clause| where_clause(cx, &clause, &facts, &names, &relation)).transpose()?,
        }),
    };
    let mut values = Vec::with_capacity(columns.len());
    for (n, (_, column)) in (1_u16..).zip(&columns) {
        // Declared for `$n`, so that the text of a row is read by the type of its column.
        cx.parameter(&format!("${n}"), 0)?;
        let mark = Frag::mark(Bind::Parameter(n), ParameterKind::User, Ty::Parameter(n));
        values.push(assigned(cx, mark, Some(column))?);
    }
    let names = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let insert = Frag::cat(&[&format!("INSERT INTO {text} ({names}) VALUES ("), &list(&values), &")"], Ty::Any);
    let columns_count = columns.len();
    let mut insert = cx.plan(insert, Vec::new(), false);
    insert.writes = Some(Box::new(Writes {
        columns: columns.iter().map(|(_, column)| column.name.clone()).collect(),
        rows: vec![(0..columns_count).map(Written::Value).collect()],
        is_insert: true,
        held: Vec::new(),
        arbiter: None,
        table: Rc::clone(&facts),
    }));
    let columns = columns.iter().map(|(_, column)| (spelled(column, &facts), has_default(column))).collect();
    utility(Action::CopyFromStdin(CopyFromStdin { insert, columns, options, by_query }), "COPY")
}

/// The table whose rows are copied.
pub(super) struct Copied {
    /// As IRIS calls it.
    pub text: String,
    pub relation: RelationName,
    pub facts: Rc<TableFacts>,
    pub views: Option<Rc<ViewFacts>>,
}

/// # Errors
/// 42P01, and 42809 for what is no table; `hint`: of a view.
pub(super) fn copied(cx: &Cx<'_>, parts: &[String], direction: &str, hint: &'static str) -> Result<Copied> {
    let (text, relation) = cx.relation(parts)?;
    let views = cx.views(&relation);
    let facts = match cx.facts(&relation) {
        TableLookup::Known(facts) if !cx.is_another(&relation) => facts,
        // Asked again once the table is loaded, if it is there.
        TableLookup::Known(_) | TableLookup::Missing | TableLookup::NotLoaded => {
            return Err(no_relation(cx, &relation, direction));
        }
    };
    if views.as_ref().is_some_and(|views| views.definition.is_some()) {
        let message = format!("cannot copy {direction} view \"{}\"", relation.name);
        return Err(PgError::error(SqlState(*b"42809"), message).hint(hint));
    }
    Ok(Copied { text, relation, facts, views })
}

/// The condition, over a row that is to be stored.
///
/// # Errors
/// 0A000 for what it may not have.
fn where_clause(
    cx: &Cx<'_>,
    clause: &SyntaxNode,
    facts: &TableFacts,
    listed: &[&str],
    relation: &RelationName,
) -> Result<CopyCondition> {
    let condition =
        clause.children().next().ok_or_else(|| PgError::error(SqlState::SYNTAX_ERROR, "WHERE without a condition"))?;
    if let Some(query) = condition.descendants().find(|node| nodes::is_query(node.kind())) {
        // The word in front says what it is for, if there is one.
        let opens = query.first_token().filter(|token| token.kind() == SyntaxKind::L_PAREN);
        let opens = opens.or_else(|| query.first_token().and_then(|token| previous(&token)));
        let word = opens.as_ref().and_then(previous);
        let word = word.filter(|word| matches!(word.kind(), SyntaxKind::IN_KW | SyntaxKind::EXISTS_KW)).or(opens);
        let at = word.map_or(nodes::range(&query).start, |word| word.text_range().start().into());
        return Err(
            PgError::unsupported("cannot use subquery in COPY FROM WHERE condition").position(nodes::offset(at))
        );
    }
    for n in 0..u16::try_from(cx.template.literals.len()).unwrap_or(u16::MAX) {
        cx.pin(n);
    }
    // A column that is not among the data has its default, which PostgreSQL would have to compute first.
    let others = facts
        .columns
        .iter()
        .filter(|column| !listed.iter().any(|name| *name == column.name))
        .filter(|column| !column.has_default && !column.identity && column.draws.is_none())
        .filter(|column| facts.rules.generated(&column.name).is_none());
    Ok(CopyCondition {
        table: quoted_name(&relation.name),
        others: others.map(|column| (quoted_name(&spelled(column, facts)), whole(column))).collect(),
        sql: cx.sql.get(nodes::range(&condition)).unwrap_or_default().to_owned(),
        offset: characters(cx.sql.get(..nodes::range(&condition).start).unwrap_or_default()),
    })
}

fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// The token in front, blanks aside.
fn previous(token: &SyntaxToken) -> Option<SyntaxToken> {
    let mut before = token.prev_token();
    while let Some(token) = before.take_if(|token| token.kind().is_trivia()) {
        before = token.prev_token();
    }
    before
}

/// Data come from the client and go to it.
///
/// # Errors
/// 42501 for files and programs of the server.
pub(super) fn is_client(stmt: &SyntaxNode, direction: SyntaxKind) -> Result<()> {
    let source = nodes::child(stmt, direction).and_then(|direction| direction.children().next());
    let Some(source) = source.filter(|source| source.kind() == SyntaxKind::COPY_PROGRAM) else { return Ok(()) };
    let (what, role, act) = match (nodes::has_token(&source, SyntaxKind::PROGRAM_KW), direction) {
        (true, _) => ("to or from an external program", "pg_execute_server_program", "to or from an external program"),
        (false, SyntaxKind::COPY_FROM) => ("from a file", "pg_read_server_files", "from a file"),
        (false, _) => ("to a file", "pg_write_server_files", "to a file"),
    };
    Err(PgError::error(SqlState(*b"42501"), format!("permission denied to COPY {what}"))
        .detail(format!("Only roles with privileges of the \"{role}\" role may COPY {act}."))
        .hint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone."))
}

fn no_relation(cx: &Cx<'_>, relation: &RelationName, direction: &str) -> Box<PgError> {
    let schema = relation.schema.as_deref().unwrap_or("public");
    let is_missing = schema != "public" && !cx.named(Named::Schema, schema).iter().any(|known| known.is_called(schema));
    if is_missing {
        return PgError::error(SqlState(*b"3F000"), format!("schema \"{schema}\" does not exist"));
    }
    if cx.schema.has_sequence(schema, &relation.name) {
        let message = format!("cannot copy {direction} sequence \"{}\"", relation.name);
        return PgError::error(SqlState(*b"42809"), message);
    }
    let message = match &relation.schema {
        Some(schema) if schema != "public" => format!("relation \"{schema}.{}\" does not exist", relation.name),
        _ => format!("relation \"{}\" does not exist", relation.name),
    };
    PgError::error(SqlState::UNDEFINED_TABLE, message)
}

/// As PostgreSQL calls a column.
pub(super) fn spelled(column: &ColumnFacts, facts: &TableFacts) -> String {
    let is_own = column.is_spelled || facts.spelled.is_none();
    if is_own { column.name.clone() } else { column.name.to_lowercase() }
}

/// The columns of the data, with their names for IRIS (`CopyGetAttnums`).
///
/// # Errors
/// 42703, 42701, and 42P10 for one that the table computes.
pub(super) fn columns_listed<'f>(
    list: Option<&SyntaxNode>,
    facts: &'f TableFacts,
    views: Option<&ViewFacts>,
    relation: &RelationName,
) -> Result<Vec<(String, &'f ColumnFacts)>> {
    let Some(list) = list else {
        let columns = facts.columns.iter().filter(|column| facts.rules.generated(&column.name).is_none());
        return Ok(columns.map(|column| (names::iris_name_of(&column.name), column)).collect());
    };
    let all_spelled = views.is_some_and(|views| views.is_spelled);
    let mut columns: Vec<(String, &ColumnFacts)> = Vec::new();
    for column in list.children() {
        let typed = names::first(&column).unwrap_or_default();
        let folded = names::folded(&typed);
        let known = facts.columns.iter().find(|known| known.is_called(&folded, all_spelled)).ok_or_else(|| {
            let message = format!("column \"{folded}\" of relation \"{}\" does not exist", relation.name);
            PgError::error(SqlState::UNDEFINED_COLUMN, message)
        })?;
        if facts.rules.generated(&known.name).is_some() {
            let message = format!("column \"{folded}\" is a generated column");
            return Err(
                PgError::error(SqlState(*b"42P10"), message).detail("Generated columns cannot be used in COPY.")
            );
        }
        if columns.iter().any(|(_, column)| column.name == known.name) {
            let message = format!("column \"{folded}\" specified more than once");
            return Err(PgError::error(SqlState(*b"42701"), message));
        }
        columns.push((names::iris_name(&typed)?, known));
    }
    Ok(columns)
}
