//! IRIS's refusal of a row in PostgreSQL's words: which constraint, table and column, and which values were at fault. IRIS
//! says little of that; the statement's own values and the table's definition say the rest.

use std::sync::Arc;

use crate::bridge::{CellDecoder, Culprit, folded, last_part};
use crate::iris::{IrisError, IrisType, Item, ItemReader, StatementMetadata};
use crate::sql::{ColumnFacts, Plan, TableFacts, Writes, Written};
use crate::types::{Datum, Encoder, IsNull, Oid, PgType, Style, quoted_name};
use crate::wire::{Format, PgError, SqlState};

use crate::session::understand::context::ShardContext;
use crate::session::understand::rules::refused;

/// Bytes of a value in "Failing row contains" (`maxfieldlen` of `ExecBuildSlotValueDescription`).
const FIELD_BYTES_MAX: usize = 64;

/// One execution of a plan that IRIS has refused.
pub(crate) struct Attempt<'a> {
    pub plan: &'a Plan,
    pub metadata: Option<&'a StatementMetadata>,
    /// The values that were sent, `$LIST` items; empty when they were not kept.
    pub values: &'a [u8],
    /// The set of values that was at fault, where the plan was run with several.
    pub set: Option<usize>,
    pub style: &'a Arc<Style>,
}

/// As PostgreSQL would put it; what IRIS said stands behind PostgreSQL's DETAIL.
pub(crate) fn violated(error: &IrisError, attempt: &Attempt<'_>, context: &ShardContext) -> Box<PgError> {
    let plain = refused(error, context);
    let culprit = Culprit::of(error);
    let writes = attempt.plan.writes.as_deref();
    let named = culprit.field.filter(|_| matches!(error.sqlcode, 104 | 105)).and_then(|field| field.rsplit_once('.'));
    let table = culprit.table.or(named.map(|(table, _)| table));
    if attempt.plan.statement.is_query && matches!(error.sqlcode, 104 | 105) {
        return unfit_operand(plain);
    }
    let facts = table.and_then(|table| facts_of(table, context)).or_else(|| writes.map(|writes| writes.table.clone()));
    let Some(facts) = facts else { return plain };
    let case = Case { culprit, facts: &facts, writes, attempt, context };
    let explained = match error.sqlcode {
        104 | 105 => case.conversion(),
        108 => case.not_null(),
        119 | 120 => case.unique(),
        121 | 122 => case.missing_parent(),
        123 | 124 => case.remaining_child(),
        _ => None,
    };
    match explained {
        None => plain,
        Some(mut explained) => {
            explained.detail = match (explained.detail.take(), plain.detail) {
                (Some(own), Some(iris)) => Some(format!("{own}\n{iris}")),
                (own, iris) => own.or(iris),
            };
            explained
        }
    }
}

/// IRIS words it as of an INSERT, whatever the statement is.
fn unfit_operand(mut plain: Box<PgError>) -> Box<PgError> {
    let message = match plain.code {
        SqlState::NUMERIC_OUT_OF_RANGE => "a value of the query is out of the range of the type it is used as",
        SqlState::STRING_TOO_LONG => "a value of the query is too long for the type it is used as",
        SqlState::INVALID_DATETIME => "a value of the query is no valid date or time",
        _ => "a value of the query is not of the type it is used as",
    };
    message.clone_into(&mut plain.message);
    plain
}

fn facts_of(table: &str, context: &ShardContext) -> Option<std::rc::Rc<TableFacts>> {
    let (schema, name) = table.rsplit_once('.').unwrap_or((&context.options.default_schema, table));
    context.tables.borrow().table_facts(schema, name)
}

/// What a foreign key ties together, by PostgreSQL's names.
#[derive(Debug)]
pub(crate) struct ForeignKey {
    pub parent: String,
    pub columns: Vec<String>,
    pub parent_columns: Vec<String>,
}

/// `plain`, a violated foreign key, with the key that is at fault.
pub(crate) fn referred(
    error: &IrisError,
    mut plain: Box<PgError>,
    key: &ForeignKey,
    attempt: &Attempt<'_>,
    context: &ShardContext,
) -> Box<PgError> {
    let culprit = Culprit::of(error);
    let (Some(writes), Some(child)) = (attempt.plan.writes.as_deref(), culprit.table) else { return plain };
    let case = Case { culprit, facts: &writes.table, writes: Some(writes), attempt, context };
    let is_child = matches!(error.sqlcode, 121 | 122);
    let columns = if is_child { &key.columns } else { &key.parent_columns };
    let values = match writes.rows.len() {
        // With several rows it is not known which one is at fault.
        2.. if attempt.set.is_none() => None,
        _ if is_child => case.key_values(columns, |column| writes.of(0, column)),
        _ => case.key_values(columns, |column| writes.before(column)),
    };
    let Some(values) = values else { return plain };
    let columns = columns.join(", ");
    let own = if is_child {
        format!("Key ({columns})=({values}) is not present in table \"{}\".", key.parent)
    } else {
        format!("Key ({columns})=({values}) is still referenced from table \"{}\".", folded(last_part(child)))
    };
    plain.detail = Some(plain.detail.map_or_else(|| own.clone(), |iris| format!("{own}\n{iris}")));
    plain
}

struct Case<'a> {
    culprit: Culprit<'a>,
    facts: &'a TableFacts,
    writes: Option<&'a Writes>,
    attempt: &'a Attempt<'a>,
    context: &'a ShardContext,
}

impl Case<'_> {
    /// The statement's own part in it; `None` where another table is at fault than the one it names.
    fn own_writes(&self) -> Option<&Writes> {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        self.writes.filter(|w| same(&w.table.schema, &self.facts.schema) && same(&w.table.name, &self.facts.name))
    }

    fn schema(&self, facts: &TableFacts) -> String {
        if facts.schema.eq_ignore_ascii_case(&self.context.options.default_schema) {
            "public".to_owned()
        } else {
            facts.schema.clone()
        }
    }

    fn about(&self, code: SqlState, message: String, routine: &str) -> Box<PgError> {
        let mut error = PgError::error(code, message).routine(routine);
        let fields = error.fields_mut();
        fields.schema = Some(self.schema(self.facts));
        fields.table = Some(self.facts.name.clone());
        error
    }

    fn column(&self, name: &str) -> Option<&ColumnFacts> {
        self.facts.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// A value did not fit its column.
    fn conversion(&self) -> Option<Box<PgError>> {
        let column = self.column(last_part(self.culprit.field?))?;
        let value = self.culprit.value?;
        // IRIS cuts what it shows.
        let is_whole = !value.ends_with("...");
        misfit(column.pg_type, value, is_whole)
    }

    fn not_null(&self) -> Option<Box<PgError>> {
        let column = self.column(last_part(self.culprit.field?))?;
        let message = format!(
            "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
            column.name, self.facts.name
        );
        let mut error = self.about(SqlState::NOT_NULL_VIOLATION, message, "ReportNotNullViolationError");
        error.fields_mut().column = Some(column.name.clone());
        let failing = self.own_writes().and_then(|writes| {
            let is_null = |row: &usize| self.shown(writes.of(*row, &column.name), column) == Some(None);
            let row = (0..writes.rows.len()).find(is_null)?;
            let values: Option<Vec<String>> = self
                .facts
                .columns
                .iter()
                .map(|column| {
                    let shown = self.shown(writes.of(row, &column.name), column)?;
                    Some(shown.map_or_else(|| "null".to_owned(), |text| cut(&text)))
                })
                .collect();
            values.map(|values| format!("Failing row contains ({}).", values.join(", ")))
        });
        error.detail = failing;
        Some(error)
    }

    fn unique(&self) -> Option<Box<PgError>> {
        let name = folded(last_part(self.culprit.constraint?));
        let message = format!("duplicate key value violates unique constraint \"{name}\"");
        let mut error = self.about(SqlState::UNIQUE_VIOLATION, message, "_bt_check_unique");
        let keys = &self.facts.unique_keys;
        let key = keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(&name)).map(|(_, columns)| columns);
        error.fields_mut().constraint = Some(name);
        let key = key.unwrap_or(&self.facts.primary_key);
        error.detail = self.own_writes().and_then(|writes| {
            // With several rows it is not known which one was there already.
            let [_] = writes.rows.as_slice() else { return None };
            let values = self.key_values(key, |column| writes.of(0, column))?;
            let columns: Vec<String> = key.iter().map(|column| identifier(column)).collect();
            Some(format!("Key ({})=({values}) already exists.", columns.join(", ")))
        });
        Some(error)
    }

    /// -121 and -122: the row refers to one that is not there.
    fn missing_parent(&self) -> Option<Box<PgError>> {
        let name = folded(last_part(self.culprit.constraint?));
        let message =
            format!("insert or update on table \"{}\" violates foreign key constraint \"{name}\"", self.facts.name);
        let mut error = self.about(SqlState::FOREIGN_KEY_VIOLATION, message, "ri_ReportViolation");
        error.fields_mut().constraint = Some(name);
        Some(error)
    }

    /// -123 and -124: rows of another table refer to the one that was changed.
    fn remaining_child(&self) -> Option<Box<PgError>> {
        let name = folded(last_part(self.culprit.constraint?));
        let parent = &self.writes?.table.name;
        let child = &self.facts.name;
        let message = format!(
            "update or delete on table \"{parent}\" violates foreign key constraint \"{name}\" on table \"{child}\""
        );
        let mut error = self.about(SqlState::FOREIGN_KEY_VIOLATION, message, "ri_ReportViolation");
        error.fields_mut().constraint = Some(name);
        Some(error)
    }

    /// The values of a key, as DETAIL lists them; `None` where one is not known.
    fn key_values(&self, columns: &[String], written: impl Fn(&str) -> Written) -> Option<String> {
        if columns.is_empty() {
            return None;
        }
        let values: Option<Vec<String>> = columns
            .iter()
            .map(|name| {
                let shown = self.shown(written(name), self.column(name)?)?;
                Some(shown.unwrap_or_else(|| "null".to_owned()))
            })
            .collect();
        values.map(|values| values.join(", "))
    }

    /// A value as PostgreSQL prints it, `Some(None)` for NULL; `None` when it is not known.
    fn shown(&self, written: Written, column: &ColumnFacts) -> Option<Option<String>> {
        let at = match written {
            Written::Null => return Some(None),
            Written::Bool(value) => return Some(Some(if value { "t" } else { "f" }.to_owned())),
            Written::Unknown => return None,
            Written::Value(at) => at,
        };
        let before = self.attempt.set.unwrap_or(0).saturating_mul(self.attempt.plan.binds.len());
        let mut reader = ItemReader::new(self.attempt.values);
        for _ in 0..before.saturating_add(at) {
            reader.raw().ok()??;
        }
        let item = reader.item().ok()??;
        if item == Item::Null {
            return Some(None);
        }
        let declared = self.attempt.metadata.and_then(|metadata| metadata.parameters.get(at));
        let iris_type = declared.map_or(IrisType::VARCHAR, |declared| declared.iris_type);
        let datum = CellDecoder::select(iris_type).decode(&item).ok()?;
        if datum == Datum::Null {
            return Some(None);
        }
        let mut text = Vec::new();
        let encoder = Encoder::select_styled(column.pg_type, Format::Text, self.attempt.style).ok()?;
        let is_null = encoder.encode(&datum, &mut text).ok()?;
        if is_null == IsNull::Yes { Some(None) } else { String::from_utf8(text).ok().map(Some) }
    }
}

/// What PostgreSQL says of a text that is no value of a column's type; `None` where it is one, or this cannot tell.
fn misfit(pg_type: PgType, value: &str, is_whole: bool) -> Option<Box<PgError>> {
    // Of a text IRIS checks nothing but its length, which it counts in units of UTF-16.
    if pg_type.characters().is_some() {
        let message = format!("value too long for type {}", pg_type.name());
        let routine = if pg_type.oid == Oid::BPCHAR { "bpchar" } else { "varchar" };
        return Some(PgError::error(SqlState::STRING_TOO_LONG, message).routine(routine));
    }
    let number: Option<f64> = value.trim().parse().ok();
    let bound = match pg_type.oid {
        Oid::INT2 => 32_768.0,
        Oid::INT4 => 2_147_483_648.0,
        Oid::INT8 => 9_223_372_036_854_775_808.0,
        Oid::NUMERIC => return numeric_misfit(pg_type, value, number?),
        _ => return other_misfit(pg_type, value, number, is_whole),
    };
    let name = pg_type.name();
    match number {
        Some(number) if number.round() >= -bound && number.round() < bound => None,
        Some(_) => Some(PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, format!("{name} out of range"))),
        None if is_whole => {
            let message = format!("invalid input syntax for type {name}: \"{value}\"");
            Some(PgError::error(SqlState::INVALID_TEXT, message))
        }
        None => None,
    }
}

/// Types without a length or a range of their own: IRIS's limits are what was passed.
fn other_misfit(pg_type: PgType, value: &str, number: Option<f64>, is_whole: bool) -> Option<Box<PgError>> {
    let name = pg_type.name();
    Some(match pg_type.oid {
        Oid::VECTOR if pg_type.typmod > 0 && is_whole => {
            let message = format!("expected {} dimensions, not {}", pg_type.typmod, value.split(',').count());
            PgError::error(SqlState::DATA_EXCEPTION, message)
        }
        Oid::VECTOR => return None,
        Oid::FLOAT4 | Oid::FLOAT8 if number.is_some() => {
            let message = format!("\"{value}\" is out of range for type {name}");
            PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, message)
        }
        Oid::FLOAT4 | Oid::FLOAT8 | Oid::BOOL | Oid::UUID => {
            PgError::error(SqlState::INVALID_TEXT, format!("invalid input syntax for type {name}: \"{value}\""))
        }
        Oid::DATE | Oid::TIME | Oid::TIMESTAMP | Oid::TIMESTAMPTZ => {
            let message = format!("date/time field value out of range: \"{value}\"");
            PgError::error(SqlState(*b"22008"), message)
        }
        _ => PgError::error(SqlState::STRING_TOO_LONG, format!("value too long for type {name}"))
            .hint("IRIS holds 32767 characters of it."),
    })
}

fn numeric_misfit(pg_type: PgType, value: &str, number: f64) -> Option<Box<PgError>> {
    let scale = pg_type.numeric_scale()?;
    let precision = (pg_type.typmod.checked_sub(4)? >> 16) & 0xFFFF;
    let digits = precision.checked_sub(scale)?;
    let error = PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, "numeric field overflow").routine("apply_typmod");
    if number.is_infinite() || value.trim().eq_ignore_ascii_case("nan") {
        let detail = format!("A field with precision {precision}, scale {scale} cannot hold an infinite value.");
        return number.is_infinite().then(|| error.detail(detail));
    }
    let rounded = (number * 10_f64.powi(scale)).round() / 10_f64.powi(scale);
    if rounded.abs() < 10_f64.powi(digits) {
        return None;
    }
    let limit = if digits == 0 { "1".to_owned() } else { format!("10^{digits}") };
    Some(error.detail(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than {limit}."
    )))
}

pub(super) fn cut(text: &str) -> String {
    if text.len() <= FIELD_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=FIELD_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}

/// Keywords that are no name without quotes (manual, appendix "SQL Key Words": all but the non-reserved ones). Sorted.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between", "bigint",
    "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce", "collate", "collation",
    "column", "concurrently", "constraint", "create", "cross", "current_catalog", "current_date", "current_role",
    "current_schema", "current_time", "current_timestamp", "current_user", "dec", "decimal", "default", "deferrable",
    "desc", "distinct", "do", "else", "end", "except", "exists", "extract", "false", "fetch", "float", "for", "foreign",
    "freeze", "from", "full", "grant", "greatest", "group", "grouping", "having", "ilike", "in", "initially", "inner",
    "inout", "int", "integer", "intersect", "interval", "into", "is", "isnull", "join", "json", "json_array",
    "json_arrayagg", "json_exists", "json_object", "json_objectagg", "json_query", "json_scalar", "json_serialize",
    "json_table", "json_value", "lateral", "leading", "least", "left", "like", "limit", "localtime", "localtimestamp",
    "merge_action", "national", "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric",
    "offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay", "placing", "position", "precision",
    "primary", "real", "references", "returning", "right", "row", "select", "session_user", "setof", "similar",
    "smallint", "some", "substring", "symmetric", "system_user", "table", "tablesample", "then", "time", "timestamp",
    "to", "trailing", "treat", "trim", "true", "union", "unique", "user", "using", "values", "varchar", "variadic",
    "verbose", "when", "where", "window", "with", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest",
    "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable",
];

/// As `quote_identifier` prints a name.
fn identifier(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
    let starts_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let is_keyword = KEYWORDS.binary_search(&name).is_ok();
    if starts_plain && !is_keyword && name.chars().all(is_plain) { name.to_owned() } else { quoted_name(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pg_type: PgType, value: &str) -> Option<String> {
        misfit(pg_type, value, true)
            .map(|error| format!("{} {} {}", error.code, error.message, error.detail.unwrap_or_default()))
    }

    #[test]
    fn values_that_do_not_fit_their_column() {
        let varchar = PgType::varchar(3);
        assert_eq!(told(varchar, "abcd").unwrap(), "22001 value too long for type character varying(3) ");
        assert_eq!(told(PgType::new(Oid::INT2), "32768").unwrap(), "22003 smallint out of range ");
        assert_eq!(told(PgType::new(Oid::INT4), "-2147483648"), None);
        assert_eq!(told(PgType::new(Oid::INT8), "1e19").unwrap(), "22003 bigint out of range ");
        assert_eq!(told(PgType::new(Oid::INT4), "x").unwrap(), "22P02 invalid input syntax for type integer: \"x\" ");
        let numeric = PgType::numeric(5, 2);
        let overflow = "22003 numeric field overflow A field with precision 5, scale 2 must round to an absolute value \
            less than 10^3.";
        assert_eq!(told(numeric, "999.995").unwrap(), overflow);
        assert_eq!(told(numeric, "999.99"), None);
        assert!(told(PgType::numeric(2, 2), "1").unwrap().ends_with("less than 1."));
    }

    #[test]
    fn names_are_quoted_where_postgresql_would() {
        let names = ["plain", "_a1", "order", "two words", "Upper", "a\"b", "1a", "name"];
        let expected = ["plain", "_a1", "\"order\"", "\"two words\"", "\"Upper\"", "\"a\"\"b\"", "\"1a\"", "name"];
        assert_eq!(names.map(identifier), expected);
        assert!(KEYWORDS.is_sorted());
    }
}
