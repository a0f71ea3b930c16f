//! COPY .. FROM STDIN: an INSERT of one row, run in batches.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::command::{Utility, utility};
use crate::iris::ParameterKind;
use crate::sql::plan::{Action, Bind, CopyFormat, CopyFromStdin, CopyHeader};
use crate::sql::rule_text::whole;
use crate::sql::schema::{ColumnFacts, TableLookup};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, plain_text};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::dml::insert::draws_beside;
use crate::sql::translate::value::assign::assigned;
use crate::sql::writes::{Writes, Written};
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

fn out(message: &str) -> Box<PgError> {
    PgError::unsupported(message).hint("Select the rows; psql writes them to a file by \\g FILE, and as CSV by --csv.")
}

pub(crate) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    let table =
        nodes::child(stmt, SyntaxKind::COPY_TABLE).ok_or_else(|| out("COPY of a query is not supported yet"))?;
    let from = nodes::child(stmt, SyntaxKind::COPY_FROM).ok_or_else(|| out("COPY TO is not supported yet"))?;
    if !from.children().any(|node| node.kind() == SyntaxKind::COPY_STDIN) {
        return Err(PgError::unsupported("COPY reads from STDIN only: the gateway opens no files of its host"));
    }
    if stmt.children().any(|node| node.kind() == SyntaxKind::WHERE_CLAUSE) {
        return Err(PgError::unsupported("COPY FROM with WHERE is not supported"));
    }
    let format = format(cx, stmt)?;
    let name = nodes::child(&table, SyntaxKind::TABLE_NAME_REF)
        .ok_or_else(|| PgError::error(SqlState::SYNTAX_ERROR, "COPY without a table"))?;
    let (text, relation) = cx.relation(&names::parts(&name))?;
    let views = cx.views(&relation);
    let facts = match cx.facts(&relation) {
        TableLookup::Known(facts) if !cx.is_another(&relation) => facts,
        // Asked again once the table is loaded, if it is there.
        TableLookup::Known(_) | TableLookup::Missing | TableLookup::NotLoaded => {
            return Err(PgError::error(
                SqlState::UNDEFINED_TABLE,
                format!("relation \"{}\" does not exist", relation.name),
            ));
        }
    };
    if views.as_ref().is_some_and(|views| views.definition.is_some()) {
        let message = format!("cannot copy to view \"{}\"", relation.name);
        return Err(PgError::error(SqlState(*b"42809"), message)
            .hint("To enable copying to a view, provide an INSTEAD OF INSERT trigger."));
    }
    if facts.is_materialized {
        let message = format!("cannot copy to materialized view \"{}\"", relation.name);
        return Err(PgError::error(SqlState(*b"42809"), message));
    }
    let columns: Vec<(String, &ColumnFacts)> = match nodes::child(&table, SyntaxKind::COLUMN_REF_LIST) {
        Some(list) => {
            let mut columns = Vec::new();
            for column in list.children() {
                let typed = names::first(&column).unwrap_or_default();
                let folded = names::folded(&typed);
                let all_spelled = views.as_ref().is_some_and(|views| views.is_spelled);
                let known =
                    facts.columns.iter().find(|known| known.is_called(&folded, all_spelled)).ok_or_else(|| {
                        PgError::error(
                            SqlState::UNDEFINED_COLUMN,
                            format!("column \"{folded}\" of relation \"{}\" does not exist", relation.name),
                        )
                    })?;
                columns.push((names::iris_name(&typed)?, known));
            }
            columns
        }
        None => {
            let columns = facts.columns.iter().filter(|column| facts.rules.generated(&column.name).is_none());
            columns.map(|column| (names::iris_name_of(&column.name), column)).collect()
        }
    };
    let names: Vec<&str> = columns.iter().map(|(_, column)| column.name.as_str()).collect();
    if draws_beside(&facts, &names) {
        return Err(PgError::unsupported("COPY into a table that takes values of a sequence needs all its columns")
            .hint("Name the column in COPY and send its values, or use INSERT."));
    }
    if let Some((_, column)) = columns.iter().find(|(_, column)| facts.rules.generated(&column.name).is_some()) {
        let message = format!("column \"{}\" is a generated column", column.name);
        return Err(PgError::error(SqlState(*b"42P10"), message).detail("Generated columns cannot be used in COPY."));
    }
    let ruled = (!facts.rules.is_empty()).then(|| {
        let spelled = |column: &ColumnFacts| {
            let is_own = column.is_spelled || facts.spelled.is_none();
            if is_own { quoted_name(&column.name) } else { quoted_name(&column.name.to_lowercase()) }
        };
        let listed: Vec<String> = columns.iter().map(|(_, column)| spelled(column)).collect();
        let values: Vec<String> =
            columns.iter().enumerate().map(|(n, (_, column))| format!("pgw_r.c{n}::{}", whole(column))).collect();
        let arrays: Vec<String> = (1..=columns.len()).map(|n| format!("${n}::pg_catalog.text[]")).collect();
        let cells: Vec<String> = (0..columns.len()).map(|n| format!("c{n}")).collect();
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM unnest({}) AS pgw_r({})",
            names::parts(&name).join("."),
            listed.join(", "),
            values.join(", "),
            arrays.join(", "),
            cells.join(", ")
        )
    });
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
    utility(Action::CopyFromStdin(CopyFromStdin { insert, columns_count, format, ruled }), "COPY")
}

fn format(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<CopyFormat> {
    let mut delimiter = b'\t';
    let mut null = b"\\N".to_vec();
    let mut header = CopyHeader::None;
    let mut options: Vec<(String, Option<String>)> = Vec::new();
    if let Some(list) = nodes::child(stmt, SyntaxKind::COPY_OPTION_LIST) {
        for option in nodes::children(&list, SyntaxKind::COPY_OPTION) {
            let key =
                nodes::child(&option, SyntaxKind::COPY_OPTION_KEY).map(|key| plain_text(&key)).unwrap_or_default();
            let value = nodes::child(&option, SyntaxKind::COPY_OPTION_VALUE).map(|value| option_value(cx, &value));
            options.push((key.to_ascii_lowercase(), value));
        }
    }
    for option in nodes::children(stmt, SyntaxKind::COPY_LEGACY_OPTION) {
        let text = plain_text(&option).to_ascii_lowercase();
        let key = text.split_whitespace().next().unwrap_or_default().to_owned();
        let value = nodes::child(&option, SyntaxKind::LITERAL).and_then(|node| cx.constant(&node));
        let value = value.map(|(_, text)| text.to_owned());
        match key.as_str() {
            "csv" | "binary" | "json" => options.push(("format".to_owned(), Some(key))),
            _ => options.push((key, value)),
        }
    }
    for (key, value) in &options {
        let value = value.as_deref();
        match key.as_str() {
            "format" if value.is_some_and(|value| value.eq_ignore_ascii_case("text")) => {}
            "format" => {
                return Err(PgError::unsupported(format!(
                    "COPY format \"{}\" is not supported yet",
                    value.unwrap_or_default().to_ascii_lowercase()
                ))
                .hint("Use the text format."));
            }
            "delimiter" => match value.map(str::as_bytes) {
                Some([byte]) if !b"\r\n\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(byte) => delimiter = *byte,
                _ => {
                    return Err(PgError::error(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        "COPY delimiter must be a single one-byte character",
                    ));
                }
            },
            "null" => null = value.unwrap_or_default().as_bytes().to_vec(),
            "header" => header = copy_header(value)?,
            // Hints that change nothing here.
            "freeze" => {}
            "encoding" if value.is_some_and(|name| matches!(name.to_ascii_uppercase().as_str(), "UTF8" | "UTF-8")) => {}
            "oids" => {
                return Err(PgError::unsupported("COPY WITH OIDS is not supported"));
            }
            _ => {
                return Err(PgError::unsupported(format!("COPY option \"{key}\" is not supported yet")));
            }
        }
    }
    Ok(CopyFormat::Text { delimiter, null, header })
}

fn copy_header(value: Option<&str>) -> Result<CopyHeader> {
    let Some(value) = value else { return Ok(CopyHeader::Ignored) };
    match value.to_ascii_lowercase().as_str() {
        "match" => Ok(CopyHeader::Matching),
        "true" | "on" | "1" => Ok(CopyHeader::Ignored),
        "false" | "off" | "0" => Ok(CopyHeader::None),
        _ => Err(PgError::error(SqlState::SYNTAX_ERROR, "header requires a Boolean value or \"match\"")),
    }
}

fn option_value(cx: &Cx<'_>, node: &SyntaxNode) -> String {
    let literal = node.descendants().find(|node| node.kind() == SyntaxKind::LITERAL);
    match literal.and_then(|node| cx.constant(&node)) {
        Some((_, text)) => text.to_owned(),
        None => plain_text(node).to_ascii_lowercase(),
    }
}
