//! CREATE TABLE.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::constraint::{Keys, NamedCheck, check_names};
use super::default::{default_text, drawn, is_of_the_row};
use super::definition::{
    Ddl, accepted, at, ddl, defined, first_name, has_child, need, notice, tolerant_step, unsupported, warn_not_kept,
};
use super::like::like;
use super::sequence;
use super::table::Table;
use super::temporary::NewTable;
use super::types::{ColumnType, column_type, description, stream_type, type_node};
use crate::sql::description::{
    ColumnNote, DeclaredType, NOTE_BYTES_MAX, column_note, drawing_clause, parse_column_note, table_note,
};
use crate::sql::iris_text;
use crate::sql::plan::OwnedChange;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::expr::casts::type_name;
use crate::types::{Oid, PgType, quoted_name};
use crate::wire::{PgError, Severity, SqlState};

const TAG: &str = "CREATE TABLE";

/// "Table or view already exists".
const EXISTS_SQLCODE: i32 = 201;

/// Explicit values for identity columns, as PostgreSQL allows for serial ones.
const IDENTITY_INSERT: &str = " WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1";

/// PostgreSQL's bound: the mirror cannot show a table with more.
const COLUMNS_MAX: usize = 1600;

pub(super) fn create_table(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    refuse_clauses(stmt)?;
    let made = NewTable::of(cx, stmt, stmt, &need(stmt, SyntaxKind::TABLE_NAME)?)?;
    let table = &made.table;
    let if_not_exists = has_child(stmt, SyntaxKind::IF_NOT_EXISTS);
    table.refuse_other_schema(cx, &need(stmt, SyntaxKind::TABLE_NAME)?)?;
    if if_not_exists {
        table.refuse_taken(cx)?;
    }
    if if_not_exists && made.is_there(cx) {
        notice(cx, SqlState(*b"42P07"), format!("relation \"{}\" already exists, skipping", table.name()));
        return Ok(accepted(TAG));
    }
    made.refuse_taken()?;
    made.is_meant(cx);
    let list = nodes::child(stmt, SyntaxKind::TABLE_ARG_LIST);
    let elements: Vec<SyntaxNode> = list.iter().flat_map(SyntaxNode::children).collect();
    let mut keys = Keys::new(table);
    let (mut columns, mut liked_keys) = (Vec::new(), Vec::new());
    for element in &elements {
        match element.kind() {
            SyntaxKind::COLUMN => columns.push(Column::read(cx, element)?),
            SyntaxKind::LIKE_CLAUSE => {
                let liked = like(cx, element)?;
                columns.extend(liked.columns);
                liked_keys.extend(liked.keys);
            }
            SyntaxKind::NOT_NULL_CONSTRAINT => {
                let name = names::folded(&first_name(&need(element, SyntaxKind::COLUMN_NAME_REF)?)?);
                match columns.iter_mut().find(|column: &&mut Column| names::folded(&column.name) == name) {
                    Some(column) => column.not_null = true,
                    None => {
                        let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name());
                        return Err(PgError::error(SqlState::UNDEFINED_COLUMN, message));
                    }
                }
            }
            _ => {}
        }
    }
    if columns.is_empty() {
        return Err(unsupported(stmt, "a table without columns is not supported by IRIS"));
    }
    if columns.len() > COLUMNS_MAX {
        let message = format!("tables can have at most {COLUMNS_MAX} columns");
        return Err(PgError::error(SqlState(*b"54011"), message));
    }
    keys.has_streams(columns.iter().filter(|column| column.is_stream).map(|column| names::folded(&column.name)));
    let names: Vec<String> = columns.iter().map(|column| names::folded(&column.name)).collect();
    for constraint in elements.iter().flat_map(|element| element.descendants()) {
        check_names(&constraint, table, names.iter().map(String::as_str))?;
    }
    let of_enum = |column: &&Column| column.column_type.enum_type.is_none();
    keys.has_types(
        columns.iter().filter(of_enum).map(|column| (names::folded(&column.name), column.column_type.pg_type.oid)),
    );
    // A primary key first: a foreign key of the table to itself may mean it without naming its columns.
    for primary in [true, false] {
        read_keys(cx, &mut keys, liked_keys.iter().cloned(), None, primary)?;
        for element in &elements {
            if element.kind() == SyntaxKind::COLUMN {
                let name = first_name(&need(element, SyntaxKind::COLUMN_NAME)?)?;
                read_keys(cx, &mut keys, element.children(), Some(&name), primary)?;
            } else {
                read_keys(cx, &mut keys, std::iter::once(element.clone()), None, primary)?;
            }
        }
    }
    let mut checks = Vec::new();
    let mut columns_done = columns.iter_mut();
    for element in &elements {
        match element.kind() {
            SyntaxKind::CHECK_CONSTRAINT => checks.push(keys.check(cx, element)?.clause),
            SyntaxKind::COLUMN => {
                if let Some(column) = columns_done.next() {
                    column.name_checks(cx, &mut keys, element)?;
                }
            }
            _ => {}
        }
    }
    let owned = take_sequences(cx, table, &mut columns)?;
    let tries = columns.iter().any(Column::has_rules) || !checks.is_empty();
    let hidden = std::mem::take(&mut keys.alike.columns);
    let identity = columns.iter().any(|column| column.identity);
    let mut parts = columns.iter().map(|column| column.text(cx)).collect::<Result<Vec<_>>>()?;
    parts.extend(hidden);
    parts.extend(keys.into_clauses());
    // It tells that the names are meant as they are spelled, these and what ALTER TABLE makes of them.
    let note = bounded(cx, table.name(), table_note(&checks), || table_note(&[]));
    parts.push(format!("%DESCRIPTION {}", iris_text::quoted(&note)));
    let options = if identity { IDENTITY_INSERT } else { "" };
    let text = format!("CREATE TABLE {} ({}){options}", table.text, parts.join(", "));
    let ignored: &[i32] = if if_not_exists { &[EXISTS_SQLCODE] } else { &[] };
    let mut defined = ddl(TAG, vec![tolerant_step(cx, text, ignored)]).mirrored_as_written(cx, stmt, &[table]);
    defined.owned = owned;
    if tries {
        defined = defined.tried();
    }
    Ok(made.made(defined))
}

/// IRIS counts one column of a table, from 1 in steps of 1. Others, and those that count otherwise, take values of sequences,
/// which PostgreSQL makes with the table.
fn take_sequences(cx: &Cx<'_>, table: &Table, columns: &mut [Column]) -> Result<Vec<OwnedChange>> {
    let mut owned = Vec::new();
    let mut taken = Vec::new();
    let mut has_identity = false;
    for column in columns.iter_mut().filter(|column| column.identity) {
        let (schema, name) = sequence::pg_name(cx, table);
        let sequence = sequence::name_for(cx, &schema, &name, &names::folded(&column.name), &taken);
        taken.push(sequence.clone());
        let is_of_iris = !has_identity && column.counts_plainly;
        if is_of_iris {
            has_identity = true;
            continue;
        }
        if table.is_temporary() {
            return Err(PgError::unsupported("a temporary table counts one column, from 1 in steps of 1"));
        }
        if !cx.options.has_sequences {
            return Err(PgError::unsupported("IRIS counts one column of a table, from 1 in steps of 1")
                .detail("The gateway keeps sequences for others only where it has catalogs."));
        }
        let sequence = format!("{}.{}", quoted_name(&schema), quoted_name(&sequence));
        column.draw_from(&sequence);
        owned.push(OwnedChange::Made(sequence));
    }
    Ok(owned)
}

/// Names that a client has to write in quotes: the description tells that they are meant as they are spelled.
pub(super) fn has_capitals(name: &str) -> bool {
    name.chars().any(char::is_uppercase)
}

/// The description, or a shorter one with a notice.
fn bounded(cx: &Cx<'_>, name: &str, note: String, shorter: impl FnOnce() -> String) -> String {
    if note.len() <= NOTE_BYTES_MAX {
        return note;
    }
    let message =
        format!("defaults and checks of \"{name}\" are not kept in IRIS: they are too long for a description");
    warn_not_kept(cx, Severity::Notice, &message);
    shorter()
}

fn read_keys(
    cx: &Cx<'_>,
    keys: &mut Keys<'_>,
    constraints: impl Iterator<Item = SyntaxNode>,
    column: Option<&str>,
    primary: bool,
) -> Result<()> {
    for constraint in constraints {
        if (constraint.kind() == SyntaxKind::PRIMARY_KEY_CONSTRAINT) == primary {
            keys.read(cx, &constraint, column)?;
        }
    }
    Ok(())
}

fn refuse_clauses(stmt: &SyntaxNode) -> Result<()> {
    for clause in stmt.children() {
        let (message, hint) = match clause.kind() {
            SyntaxKind::PARTITION_BY | SyntaxKind::PARTITION_OF => {
                ("partitioned tables are not supported by IRIS", "Make one table and leave PARTITION out.")
            }
            SyntaxKind::INHERITS => {
                ("table inheritance is not supported by IRIS", "Repeat the columns of the parent table.")
            }
            SyntaxKind::OF_TYPE => ("typed tables (OF) are not supported by IRIS", "Write the columns out."),
            _ => continue,
        };
        return Err(unsupported(&clause, message).hint(hint));
    }
    Ok(())
}

/// A column without its keys.
pub(super) struct Column {
    /// As typed.
    pub name: String,
    pub column_type: ColumnType,
    pub identity: bool,
    pub not_null: bool,
    default: Option<String>,
    /// Its default takes the next value of a sequence.
    pub draws: Option<String>,
    /// By default from 1 in steps of 1, as IRIS does.
    counts_plainly: bool,
    /// Kept as a stream of IRIS.
    pub is_stream: bool,
    /// PostgreSQL computes it.
    pub is_generated: bool,
    has_checks: bool,
    /// What else PostgreSQL has to be told when the table is read back from IRIS.
    clauses: Vec<String>,
}

impl Column {
    /// One that has a type and nothing else.
    pub(super) fn plain(name: String, column_type: ColumnType) -> Self {
        Self {
            name,
            identity: column_type.is_serial,
            column_type,
            not_null: false,
            default: None,
            draws: None,
            counts_plainly: true,
            is_stream: false,
            is_generated: false,
            has_checks: false,
            clauses: Vec::new(),
        }
    }

    /// Of a `COLUMN` or an `ADD_COLUMN`.
    pub(super) fn read(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Self> {
        let name = first_name(&need(node, SyntaxKind::COLUMN_NAME)?)?;
        let shown = names::folded(&name);
        let Some(type_node) = type_node(node) else {
            return Err(PgError::error(SqlState::SYNTAX_ERROR, format!("column \"{shown}\" has no type"))
                .position(nodes::offset(at(node))));
        };
        let column_type = column_type(cx, &type_node)?;
        let mut column = Self::plain(name, column_type);
        for clause in node.children() {
            let is_told = match clause.kind() {
                SyntaxKind::DEFAULT_CONSTRAINT => is_told_default(cx, &column.column_type, &clause),
                // GENERATED BY DEFAULT AS IDENTITY, and nothing more.
                SyntaxKind::GENERATED_CONSTRAINT => {
                    nodes::plain_text(&clause).eq_ignore_ascii_case("GENERATED BY DEFAULT AS IDENTITY")
                }
                kind => !matches!(kind, SyntaxKind::COLLATE | SyntaxKind::STORAGE),
            };
            if !is_told {
                column.clauses.push(nodes::plain_text(&clause));
            }
            match clause.kind() {
                SyntaxKind::NOT_NULL_CONSTRAINT => column.not_null = true,
                SyntaxKind::STORAGE if is_external(&clause) => {
                    if let Some(stream) = stream_type(column.column_type.pg_type)
                        && column.column_type.enum_type.is_none()
                    {
                        stream.clone_into(&mut column.column_type.iris);
                        column.column_type.collation = "";
                        column.is_stream = true;
                    }
                }
                SyntaxKind::DEFAULT_CONSTRAINT => {
                    if column.identity {
                        let message = format!("multiple default values specified for column \"{shown}\"");
                        return Err(
                            PgError::error(SqlState::SYNTAX_ERROR, message).position(nodes::offset(at(&clause)))
                        );
                    }
                    if let Some(sequence) = clause.children().last().and_then(|value| drawn(cx, &value)) {
                        let sequence = sequence?;
                        column.clauses.pop();
                        column.clauses.push(drawing_clause(&sequence));
                        column.draws = Some(sequence);
                    } else if let Some(value) = clause.children().last() {
                        if let Some(declared) = &column.column_type.enum_type
                            && let Some((_, label)) = cx.constant(&value)
                        {
                            declared.check(label).map_err(|error| error.position(nodes::offset(at(&value))))?;
                        }
                        column.default = Some(default_text(cx, &shown, Some(column.column_type.pg_type), &value)?);
                    }
                }
                SyntaxKind::GENERATED_CONSTRAINT => {
                    if let Some(stored) = nodes::child(&clause, SyntaxKind::GENERATED_STORED) {
                        column.is_generated = true;
                        if !has_child(&stored, SyntaxKind::STORED) {
                            return Err(unsupported(&clause, "virtual generated columns are not supported")
                                .hint("Write STORED behind the expression."));
                        }
                        continue;
                    }
                    column.counts_plainly = counts_plainly(cx, &clause);
                    let is_integer = matches!(column.column_type.pg_type.oid, Oid::INT2 | Oid::INT4 | Oid::INT8);
                    if !is_integer || column.column_type.named.is_some() {
                        let message = "identity column type must be smallint, integer, or bigint";
                        return Err(PgError::error(SqlState::INVALID_PARAMETER_VALUE, message)
                            .position(nodes::offset(at(&clause))));
                    }
                    column.identity = true;
                }
                _ => {}
            }
        }
        if column.is_stream && column.default.is_some() {
            return Err(unsupported(
                node,
                format!("the column \"{shown}\" with STORAGE EXTERNAL cannot have a default"),
            )
            .hint("IRIS keeps it as a stream. Leave STORAGE EXTERNAL or DEFAULT out."));
        }
        Ok(column)
    }

    /// A serial or identity column takes the values of a sequence.
    pub(super) fn draw_from(&mut self, sequence: &str) {
        self.identity = false;
        self.not_null = true;
        self.draws = Some(sequence.to_owned());
        if std::mem::take(&mut self.column_type.is_serial) {
            self.clauses.push(drawing_clause(sequence));
            return;
        }
        for clause in &mut self.clauses {
            let words = clause.to_ascii_uppercase();
            if let Some(end) = words.find("AS IDENTITY").filter(|_| words.starts_with("GENERATED")) {
                *clause = named_sequence(clause, end.saturating_add("AS IDENTITY".len()), sequence);
            }
        }
    }

    /// A default as IRIS takes it.
    pub(super) fn set_default(&mut self, text: String) {
        self.default = Some(text);
    }

    /// Its CHECKs, which go by their names in its description.
    pub(super) fn name_checks(
        &mut self,
        cx: &Cx<'_>,
        keys: &mut Keys<'_>,
        node: &SyntaxNode,
    ) -> Result<Vec<NamedCheck>> {
        let checks = nodes::children(node, SyntaxKind::CHECK_CONSTRAINT).map(|check| keys.check(cx, &check));
        let checks = checks.collect::<Result<Vec<NamedCheck>>>()?;
        self.has_checks = !checks.is_empty();
        self.clauses.extend(checks.iter().map(|check| check.clause.clone()));
        Ok(checks)
    }

    /// Something of it PostgreSQL has to look at when rows are written.
    pub(super) fn has_rules(&self) -> bool {
        self.is_generated || self.has_checks
    }

    /// The default is another one for each row.
    pub(super) fn has_default_of_the_row(&self) -> bool {
        self.default.as_deref().is_some_and(is_of_the_row)
    }

    /// `name type [%EXACT] [NOT NULL] [DEFAULT v] [%DESCRIPTION 'pg:..']`.
    pub(super) fn text(&self, cx: &Cx<'_>) -> Result<String> {
        let ColumnType { iris, collation, .. } = &self.column_type;
        let mut text = format!("{} {iris}{collation}", defined(&self.name)?);
        if self.identity {
            text.push_str(" IDENTITY");
        } else if self.not_null {
            text.push_str(" NOT NULL");
        }
        if let Some(default) = &self.default {
            text.push_str(" DEFAULT ");
            text.push_str(default);
        }
        if let Some(note) = self.note(cx) {
            text.push_str(&format!(" %DESCRIPTION {}", iris_text::quoted(&note)));
        }
        Ok(text)
    }

    /// What the column's description has to say; `None` when IRIS gives everything back by itself.
    fn note(&self, cx: &Cx<'_>) -> Option<String> {
        let shown = names::folded(&self.name);
        let pg_type = self.column_type.pg_type;
        let is_enum = self.column_type.enum_type.is_some() || self.column_type.named.is_some();
        if !is_enum && !self.column_type.is_serial && self.clauses.is_empty() && !has_capitals(&shown) {
            return description(pg_type);
        }
        let declared = match (&self.column_type.enum_type, &self.column_type.named) {
            (Some(declared), _) => DeclaredType::Enum(declared.clone()),
            (None, Some(named)) => DeclaredType::Named(named.clone()),
            (None, None) if self.column_type.is_serial => DeclaredType::Serial(pg_type),
            (None, None) => DeclaredType::Plain(pg_type),
        };
        let note = |clauses: String| column_note(&ColumnNote { declared: declared.clone(), clauses });
        let full = note(self.clauses.join(" "))?;
        // Clauses that would not be read back are better left out than the type with them.
        if parse_column_note(&full).is_none() {
            return note(String::new());
        }
        Some(bounded(cx, &shown, full, || note(String::new()).unwrap_or_default()))
    }
}

/// `STORAGE EXTERNAL`, or SET STORAGE with it.
pub(super) fn is_external(clause: &SyntaxNode) -> bool {
    let mode = names::parts(clause).pop().unwrap_or_default();
    names::folded(&mode) == "external"
}

/// A default that IRIS shows in a way that gives the client's own words back: a constant of the column's own kind.
fn is_told_default(cx: &Cx<'_>, column: &ColumnType, clause: &SyntaxNode) -> bool {
    let Some(mut value) = clause.children().last().map(|value| nodes::unwrapped(&value)) else { return true };
    // `'new'::character varying`, as pg_dump writes it.
    if value.kind() == SyntaxKind::CAST_EXPR
        && let (Some(operand), Some(node)) = (value.first_child(), type_node(&value))
        && type_name(cx, &node).resolve().is_ok_and(|to| to == PgType::new(column.pg_type.oid))
    {
        value = nodes::unwrapped(&operand);
    }
    let word = nodes::plain_text(&value).to_ascii_lowercase();
    match column.pg_type.oid {
        // IRIS shows the label, but not as one.
        _ if column.enum_type.is_some() || column.named.is_some() => false,
        Oid::BOOL => matches!(word.as_str(), "true" | "false"),
        Oid::TEXT | Oid::VARCHAR => {
            matches!(cx.constant(&value), Some((LiteralKind::String, text)) if !text.chars().any(char::is_control))
        }
        Oid::INT2 | Oid::INT4 | Oid::INT8 => word.parse::<i32>().is_ok_and(|n| n.to_string() == word),
        _ => false,
    }
}

/// Whether an identity column counts as IRIS does; limits and caches are left out there.
fn counts_plainly(cx: &Cx<'_>, node: &SyntaxNode) -> bool {
    node.descendants().all(|option| match option.kind() {
        SyntaxKind::OPTION_START | SyntaxKind::OPTION_INCREMENT => {
            let value = option.children().last().and_then(|value| cx.constant_integer(&value));
            value == Some(1)
        }
        SyntaxKind::OPTION_MAX_VALUE
        | SyntaxKind::OPTION_MIN_VALUE
        | SyntaxKind::OPTION_SEQUENCE_NAME
        | SyntaxKind::OPTION_CYCLE => false,
        _ => true,
    })
}

/// `GENERATED .. AS IDENTITY (SEQUENCE NAME s ..)`; `end`: of IDENTITY.
fn named_sequence(clause: &str, end: usize, sequence: &str) -> String {
    let (head, rest) = clause.split_at_checked(end).unwrap_or((clause, ""));
    let options = rest.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or_default().trim();
    format!("{head} (SEQUENCE NAME {sequence} {options})").replace(" )", ")")
}
