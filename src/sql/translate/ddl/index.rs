//! CREATE INDEX.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::constraint::{defined_list, object_name};
use super::definition::{
    Ddl, accepted, at, ddl, defined, first_name, has_child, mirror_only, need, notice, tolerant_step, unsupported,
    warn_not_kept,
};
use super::table::{RELATION, Table};
use super::types::type_node;
use super::unique_index::unique_index;
use crate::sql::schema::Named;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::kept::check_key;
use crate::sql::translate::expr::casts::type_name;
use crate::wire::{PgError, Severity, SqlState};

const TAG: &str = "CREATE INDEX";

/// "Index already defined".
const EXISTS_SQLCODE: i32 = 324;

pub(super) fn create_index(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let table = Table::existing(cx, &need(stmt, SyntaxKind::TABLE_RELATION_NAME)?, RELATION)?;
    let unique = nodes::has_token(stmt, SyntaxKind::UNIQUE_KW);
    let items: Vec<SyntaxNode> = match nodes::child(stmt, SyntaxKind::PARTITION_ITEM_LIST) {
        Some(list) => nodes::children(&list, SyntaxKind::PARTITION_ITEM).collect(),
        None => Vec::new(),
    };
    let method = match nodes::child(stmt, SyntaxKind::USING_METHOD) {
        Some(using) => names::folded(&first_name(&need(&using, SyntaxKind::ACCESS_METHOD_REF)?)?),
        None => "btree".to_owned(),
    };
    let columns: Option<Vec<String>> = items.iter().map(column).collect();
    let name = index_name(stmt, &table, &items)?;
    let if_not_exists = has_child(stmt, SyntaxKind::IF_NOT_EXISTS);
    if if_not_exists {
        refuse_taken(cx, &table, &name)?;
    }
    let ignored: &[i32] = if if_not_exists { &[EXISTS_SQLCODE] } else { &[] };
    if unique && method != "btree" {
        let message = format!("access method \"{method}\" does not support unique indexes");
        return Err(PgError::error(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    let made = |text: String| ddl(TAG, vec![tolerant_step(cx, text, ignored)]).mirrored_as_written(cx, stmt, &[&table]);
    // Such an index makes queries fast and nothing else, so they work without it.
    let not_made = |why: &str| {
        let message = format!("index {name} is not made in IRIS: {why}; queries work without it");
        warn_not_kept(cx, Severity::Warning, &message);
        Ok(mirror_only(TAG).mirrored_as_written(cx, stmt, &[&table]))
    };
    match method.as_str() {
        "btree" | "hash" => {}
        "gin" | "gist" | "brin" | "spgist" | "ivfflat" => {
            return not_made(&format!("IRIS has no {method} indexes"));
        }
        "hnsw" if is_l2(&items) => return not_made("its hnsw indexes do not know the L2 distance"),
        "hnsw" => {
            let columns = columns
                .or_else(|| items.iter().map(|item| column(item).or_else(|| idle_cast(cx, &table, item))).collect());
            if columns.is_none() && items.len() == 1 {
                return not_made("IRIS has no indexes on expressions");
            }
            return Ok(made(hnsw(cx, stmt, &table, &name, &items, columns.as_deref())?));
        }
        _ => {
            let message = format!("access method \"{method}\" does not exist");
            return Err(PgError::error(SqlState::UNDEFINED_OBJECT, message));
        }
    }
    let is_of_rules = columns.is_none()
        || has_child(stmt, SyntaxKind::NULLS_NOT_DISTINCT)
        || has_child(stmt, SyntaxKind::WHERE_CLAUSE);
    if unique && is_of_rules {
        if if_not_exists
            && cx
                .named(Named::Index, &names::folded(&name))
                .iter()
                .any(|index| index.table.as_ref().is_some_and(|of| table.is(&Table::of_iris(cx, of))))
        {
            let message = format!("relation \"{}\" already exists, skipping", names::folded(&name));
            notice(cx, SqlState(*b"42P07"), message);
            return Ok(accepted(TAG));
        }
        return unique_index(cx, stmt, &table, &name, TAG);
    }
    let Some(columns) = columns else {
        return not_made("IRIS has no indexes on expressions");
    };
    if let Some(stream) = streams(cx, &table).into_iter().find(|stream| is_among(stream, &columns)) {
        if unique {
            return Err(stream_in_key(stmt, &stream));
        }
        return not_made(&format!("the column \"{stream}\" is kept as a stream"));
    }
    if unique && let Some(facts) = cx.known(&table.lookup) {
        for column in facts.columns.iter().filter(|column| is_among(&column.name, &columns)) {
            check_key(column.pg_type.oid).map_err(|error| error.position(nodes::offset(at(stmt))))?;
        }
    }
    let kind = if unique { "UNIQUE INDEX" } else { "INDEX" };
    let mut text = format!("CREATE {kind} {name} ON {} ({})", table.text, defined_list(&columns)?);
    if let Some(include) = nodes::child(stmt, SyntaxKind::INDEX_INCLUDE_CLAUSE) {
        let items = nodes::child(&include, SyntaxKind::PARTITION_ITEM_LIST);
        let data: Option<Vec<String>> = items
            .iter()
            .flat_map(|list| nodes::children(list, SyntaxKind::PARTITION_ITEM))
            .map(|item| column(&item))
            .collect();
        let Some(data) = data else {
            return Err(unsupported(&include, "expressions are not supported in included columns"));
        };
        text.push_str(&format!(" WITH DATA ({})", defined_list(&data)?));
    }
    Ok(made(text))
}

/// 42P07 where the index's name is free to PostgreSQL and taken to IRIS.
fn refuse_taken(cx: &Cx<'_>, table: &Table, name: &str) -> Result<()> {
    let folded = names::folded(name);
    let found = cx.named(Named::Index, &folded);
    let mut here =
        found.iter().filter(|index| index.table.as_ref().is_some_and(|of| table.is(&Table::of_iris(cx, of))));
    if !here.clone().any(|index| index.is_called(&folded)) && here.next().is_some() {
        return Err(PgError::error(SqlState(*b"42P07"), format!("relation \"{folded}\" already exists"))
            .detail("IRIS has one whose name differs in case alone, and compares names without case."));
    }
    Ok(())
}

/// The columns of a table that IRIS keeps as streams; folded.
pub(super) fn streams(cx: &Cx<'_>, table: &Table) -> Vec<String> {
    let facts = cx.known(&table.lookup);
    let columns = facts.iter().flat_map(|facts| &facts.columns);
    columns.filter(|column| column.is_stream).map(|column| column.name.clone()).collect()
}

/// Whether a folded name is one of those typed.
pub(super) fn is_among(folded: &str, typed: &[String]) -> bool {
    typed.iter().any(|typed| names::folded(typed).eq_ignore_ascii_case(folded))
}

pub(super) fn stream_in_key(node: &SyntaxNode, column: &str) -> Box<PgError> {
    unsupported(node, format!("the column \"{column}\" with STORAGE EXTERNAL cannot be part of a key"))
        .hint("IRIS keeps it as a stream, which it cannot compare. Leave STORAGE EXTERNAL out.")
}

fn operator_class(item: &SyntaxNode) -> Option<String> {
    nodes::child(item, SyntaxKind::OP_CLASS_REF)
        .and_then(|class| names::parts(&class).pop())
        .map(|class| names::folded(&class))
}

fn is_l2(items: &[SyntaxNode]) -> bool {
    matches!(items, [item] if operator_class(item).as_deref() == Some("vector_l2_ops"))
}

pub(super) fn index_name(stmt: &SyntaxNode, table: &Table, items: &[SyntaxNode]) -> Result<String> {
    if let Some(index) = nodes::child(stmt, SyntaxKind::INDEX) {
        return match names::parts(&index).last() {
            Some(name) => defined(name),
            None => defined(&first_name(&index)?),
        };
    }
    // An expression is called by its function, or `expr` (`FigureIndexColname`).
    let parts: Vec<String> = items
        .iter()
        .map(|item| match (column(item).or_else(|| cast_column(item).map(|(name, _)| name)), item.first_child()) {
            (Some(name), _) => names::folded(&name),
            (None, Some(node)) if node.kind() == SyntaxKind::CALL_EXPR => {
                names::first(&node).map(|name| names::folded(&name)).unwrap_or_default()
            }
            _ => "expr".to_owned(),
        })
        .collect();
    Ok(names::iris_name_of(&object_name(table.name(), &parts.join("_"), "idx")))
}

/// The column an item is; `None` for an expression.
fn column(item: &SyntaxNode) -> Option<String> {
    let mut node = nodes::unwrapped(&item.first_child()?);
    if node.kind() == SyntaxKind::COLLATE {
        node = nodes::unwrapped(&node.first_child()?);
    }
    (node.kind() == SyntaxKind::NAME_REF).then(|| names::first(&node)).flatten()
}

/// The column in `column::type`, and the type.
fn cast_column(item: &SyntaxNode) -> Option<(String, SyntaxNode)> {
    let node = nodes::unwrapped(&item.first_child()?);
    let operand = nodes::unwrapped(&node.first_child()?);
    let is_cast = node.kind() == SyntaxKind::CAST_EXPR && operand.kind() == SyntaxKind::NAME_REF;
    is_cast.then(|| names::first(&operand).zip(type_node(&node))).flatten()
}

/// The column in a cast to its own type, as pgvector's clients write it for whatever the column was declared as.
fn idle_cast(cx: &Cx<'_>, table: &Table, item: &SyntaxNode) -> Option<String> {
    let (typed, to) = cast_column(item)?;
    let name = names::folded(&typed);
    let facts = cx.known(&table.lookup)?;
    let column = facts.columns.iter().find(|column| column.name.eq_ignore_ascii_case(&name))?;
    let to = type_name(cx, &to).resolve().ok()?;
    (to == column.pg_type).then_some(typed)
}

fn hnsw(
    cx: &Cx<'_>,
    stmt: &SyntaxNode,
    table: &Table,
    name: &str,
    items: &[SyntaxNode],
    columns: Option<&[String]>,
) -> Result<String> {
    let ([item], Some([column])) = (items, columns) else {
        return Err(unsupported(stmt, "an hnsw index of IRIS is on one column"));
    };
    if let Some(clause) = nodes::child(stmt, SyntaxKind::WHERE_CLAUSE) {
        return Err(unsupported(&clause, "hnsw indexes on some rows only are not supported by IRIS"));
    }
    let distance = match operator_class(item).as_deref() {
        Some("vector_cosine_ops") => "Cosine",
        Some("vector_ip_ops") => "DotProduct",
        Some(class) => {
            return Err(unsupported(
                item,
                format!("operator class \"{class}\" is not supported by hnsw indexes of IRIS"),
            )
            .hint("Use vector_cosine_ops or vector_ip_ops."));
        }
        None => {
            let message = "data type vector has no default operator class for access method \"hnsw\"";
            return Err(PgError::error(SqlState::UNDEFINED_OBJECT, message)
                .position(nodes::offset(at(item)))
                .hint("You must specify an operator class for the index: vector_cosine_ops or vector_ip_ops."));
        }
    };
    let mut text =
        format!("CREATE INDEX {name} ON {} ({}) AS HNSW(Distance='{distance}'", table.text, defined(column)?);
    if let Some(options) = nodes::child(stmt, SyntaxKind::WITH_PARAMS) {
        for option in options.descendants().filter(|node| node.kind() == SyntaxKind::ATTRIBUTE_OPTION) {
            text.push_str(&hnsw_option(cx, &option)?);
        }
    }
    text.push(')');
    Ok(text)
}

/// `, M=16`; bounds as pgvector has them.
fn hnsw_option(cx: &Cx<'_>, option: &SyntaxNode) -> Result<String> {
    let name = names::folded(&first_name(option)?);
    let (iris, bounds) = match name.as_str() {
        "m" => ("M", 2..=100),
        "ef_construction" => ("efConstruction", 4..=1000),
        _ => {
            let message = format!("unrecognized parameter \"{name}\"");
            return Err(PgError::error(SqlState::INVALID_PARAMETER_VALUE, message).position(nodes::offset(at(option))));
        }
    };
    let value = option
        .descendants()
        .find(|node| node.kind() == SyntaxKind::LITERAL)
        .and_then(|literal| read_number(cx, &literal));
    match value {
        Some(value) if bounds.contains(&value) => Ok(format!(", {iris}={value}")),
        _ => {
            let (low, high) = (bounds.start(), bounds.end());
            Err(PgError::error(SqlState::INVALID_PARAMETER_VALUE, format!("value out of bounds for option \"{name}\""))
                .detail(format!("Valid values are between \"{low}\" and \"{high}\"."))
                .position(nodes::offset(at(option))))
        }
    }
}

/// Options may be written as strings: `m = '16'`.
fn read_number(cx: &Cx<'_>, literal: &SyntaxNode) -> Option<i64> {
    cx.constant(literal).and_then(|(_, value)| value.trim().parse().ok())
}
