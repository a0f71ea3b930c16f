//! What PostgreSQL is asked about objects that a transaction drops: what depends on them, and what takes that away and brings
//! it back.

use crate::catalog::type_columns_query;
use crate::sql::{Deferral, DroppedKind, DroppedOthers, DroppedTable, VIEW_DEFINITION};
use crate::types::{quoted_name, quoted_text};

/// Between the parts of a row. No name has it.
pub(super) const SEPARATOR: char = '\u{1}';

/// What takes a view, `class` in `space`, away and brings it back.
fn view_step() -> String {
    format!(
        "pg_catalog.concat_ws(pg_catalog.chr(1), 'step', pg_catalog.format('DROP VIEW %I.%I', nspname, relname), \
         {VIEW_DEFINITION})"
    )
}

/// The same of a constraint, `keys`, of the table `class` in `space`.
const KEY_STEP: &str = "pg_catalog.concat_ws(pg_catalog.chr(1), 'step', \
    pg_catalog.format('ALTER TABLE %I.%I DROP CONSTRAINT %I', nspname, relname, conname), \
    pg_catalog.format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', nspname, relname, conname, \
    pg_catalog.pg_get_constraintdef(keys.oid)))";

const CLASS_AND_SPACE: &str =
    "pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace";

fn texts(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted_text(name)).collect();
    format!("ARRAY[{}]::pg_catalog.text[]", names.join(", "))
}

/// A query for what depends on the tables: what of it stands in the way, and the statements that take it away and bring it
/// back. Another row tells of a table that is not there.
pub(super) fn of_tables(dropped: &[DroppedTable]) -> String {
    let view_step = view_step();
    let names: Vec<String> =
        dropped.iter().map(|table| format!("{}.{}", table.schema, quoted_name(&table.name))).collect();
    let names = texts(&names);
    format!(
        "WITH RECURSIVE dropped (oid, name) AS (SELECT pg_catalog.to_regclass(name)::pg_catalog.oid, name \
         FROM pg_catalog.unnest({names}) AS name), \
         readers (oid, of) AS (SELECT oid, NULL::pg_catalog.oid FROM dropped WHERE oid IS NOT NULL UNION \
         SELECT rule.ev_class, use.refobjid FROM readers JOIN pg_catalog.pg_depend AS use ON use.refobjid = readers.oid \
         AND use.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
         JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = use.objid AND rule.ev_class <> use.refobjid), \
         keys AS (SELECT * FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conparentid = 0 \
         AND (conrelid IN (SELECT oid FROM dropped) OR confrelid IN (SELECT oid FROM dropped))) \
         SELECT text FROM (\
         SELECT 1 AS stage, 0::pg_catalog.oid AS place, 'missing' || pg_catalog.chr(1) || name AS text FROM dropped \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS class WHERE class.oid = dropped.oid AND relkind = 'r') \
         UNION ALL SELECT 2, oid, pg_catalog.concat_ws(pg_catalog.chr(1), 'other', pg_catalog.format(\
         'constraint %I on table %s depends on table %s', conname, conrelid::pg_catalog.regclass, \
         confrelid::pg_catalog.regclass)) FROM keys WHERE conrelid NOT IN (SELECT oid FROM dropped WHERE oid IS NOT NULL) \
         UNION ALL SELECT 3, oid, pg_catalog.concat_ws(pg_catalog.chr(1), 'other', pg_catalog.format(\
         'view %s depends on %s %s', oid::pg_catalog.regclass, \
         CASE WHEN of IN (SELECT oid FROM dropped) THEN 'table' ELSE 'view' END, of::pg_catalog.regclass)) \
         FROM readers WHERE of IS NOT NULL \
         UNION ALL SELECT 4, (4294967295 - class.oid::pg_catalog.int8)::pg_catalog.oid, {view_step} \
         FROM {CLASS_AND_SPACE} WHERE class.oid IN (SELECT oid FROM readers WHERE of IS NOT NULL) \
         UNION ALL SELECT 5, keys.oid, {KEY_STEP} FROM keys JOIN {CLASS_AND_SPACE} ON class.oid = conrelid\
         ) AS found ORDER BY stage, place"
    )
}

/// The same of columns that go. The last rows are the columns' own.
pub(super) fn of_columns(deferral: &Deferral) -> String {
    let view_step = view_step();
    let table = quoted_text(&deferral.relation);
    let (columns, demanded) = (texts(&deferral.dropped), texts(&deferral.demanded));
    let waiting = texts(&deferral.columns);
    format!(
        "WITH RECURSIVE own AS (SELECT * FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass({table}) \
         AND attnum > 0 AND NOT attisdropped AND attname = ANY ({columns})), \
         readers (oid) AS (SELECT rule.ev_class FROM own JOIN pg_catalog.pg_depend AS use ON use.refobjid = own.attrelid \
         AND use.refobjsubid = own.attnum AND use.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
         JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = use.objid AND rule.ev_class <> use.refobjid UNION \
         SELECT rule.ev_class FROM readers JOIN pg_catalog.pg_depend AS use ON use.refobjid = readers.oid \
         AND use.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
         JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = use.objid AND rule.ev_class <> use.refobjid), \
         keys AS (SELECT * FROM pg_catalog.pg_constraint AS con WHERE contype IN ('c', 'f', 'p', 'u') AND EXISTS (SELECT FROM own \
         WHERE (attrelid = conrelid AND attnum = ANY (conkey)) OR (attrelid = confrelid AND attnum = ANY (confkey)))), \
         indexes AS (SELECT index.* FROM pg_catalog.pg_index AS index WHERE indrelid = pg_catalog.to_regclass({table}) \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')) \
         AND EXISTS (SELECT FROM own WHERE attnum = ANY (indkey) OR EXISTS (SELECT FROM pg_catalog.pg_depend AS use \
         WHERE use.refobjid = own.attrelid AND use.refobjsubid = own.attnum AND use.objid = indexrelid \
         AND use.classid = 'pg_catalog.pg_class'::pg_catalog.regclass))) \
         SELECT text FROM (\
         SELECT 1 AS stage, (4294967295 - class.oid::pg_catalog.int8)::pg_catalog.oid AS place, {view_step} AS text \
         FROM {CLASS_AND_SPACE} WHERE class.oid IN (SELECT oid FROM readers) \
         UNION ALL SELECT CASE contype WHEN 'f' THEN 2 ELSE 3 END, keys.oid, {KEY_STEP} \
         FROM keys JOIN {CLASS_AND_SPACE} ON class.oid = conrelid \
         UNION ALL SELECT 4, indexrelid, pg_catalog.concat_ws(pg_catalog.chr(1), 'step', \
         pg_catalog.format('DROP INDEX %I.%I', nspname, relname), pg_catalog.pg_get_indexdef(indexrelid)) \
         FROM indexes JOIN {CLASS_AND_SPACE} ON class.oid = indexrelid \
         UNION ALL SELECT 5, class.oid, pg_catalog.concat_ws(pg_catalog.chr(1), 'sequence', nspname, relname, \
         CASE use.deptype WHEN 'i' THEN 'identity' ELSE pg_catalog.format('%s.%I', {table}, attname) END) FROM own \
         JOIN pg_catalog.pg_depend AS use ON use.refobjid = own.attrelid AND use.refobjsubid = own.attnum \
         AND use.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND use.deptype IN ('a', 'i') \
         JOIN {CLASS_AND_SPACE} ON class.oid = use.objid AND relkind = 'S' \
         UNION ALL SELECT 6, 0, CASE WHEN attidentity <> '' THEN 'identity' || pg_catalog.chr(1) || attname \
         ELSE pg_catalog.concat_ws(pg_catalog.chr(1), 'step', \
         pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', {table}, attname), \
         pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', {table}, attname)) END \
         FROM own WHERE attname = ANY ({demanded}) AND attgenerated = '' \
         UNION ALL SELECT 0, 0, pg_catalog.concat_ws(pg_catalog.chr(1), 'waits', attrelid::pg_catalog.oid, attnum, attname) \
         FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass({table}) AND NOT attisdropped \
         AND attname = ANY ({waiting}) \
         UNION ALL SELECT 7, attnum::pg_catalog.int4::pg_catalog.oid, pg_catalog.concat_ws(pg_catalog.chr(1), 'column', attname) \
         FROM own) AS found ORDER BY stage, place"
    )
}

/// The same of what else is dropped.
pub(super) fn of_others(dropped: &DroppedOthers) -> String {
    let names = texts(&dropped.names);
    match dropped.kind {
        DroppedKind::Type => format!(
            "WITH dropped AS (SELECT t.* FROM pg_catalog.unnest({names}) AS name JOIN pg_catalog.pg_type AS t \
             ON t.oid = pg_catalog.to_regtype(name)) \
             SELECT pg_catalog.concat_ws(pg_catalog.chr(1), 'own', pg_catalog.format('ALTER TABLE %I.%I DROP COLUMN %I CASCADE', \
             nspname, relname, attname)) FROM dropped JOIN pg_catalog.pg_attribute ON atttypid IN (dropped.oid, typarray) \
             AND NOT attisdropped JOIN {CLASS_AND_SPACE} ON class.oid = attrelid AND relkind = 'r' \
             UNION ALL SELECT pg_catalog.concat_ws(pg_catalog.chr(1), 'part', of_table, of_column) \
             FROM ({uses}) AS used (of_schema, of_table, of_column, is_part, is_temporary, checked) WHERE is_part OR is_temporary \
             UNION ALL SELECT pg_catalog.concat_ws(pg_catalog.chr(1), 'type', nspname, typname) FROM dropped \
             JOIN pg_catalog.pg_namespace AS space ON space.oid = typnamespace",
            uses = type_columns_query(&dropped.names, None)
        ),
        DroppedKind::Sequence => format!(
            "SELECT pg_catalog.concat_ws(pg_catalog.chr(1), 'sequence', nspname, relname, CASE WHEN EXISTS (SELECT \
             FROM pg_catalog.pg_depend AS use WHERE use.refobjid = class.oid \
             AND use.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass) THEN 'default' ELSE (SELECT pg_catalog.format(\
             '%I.%I.%I', of_space.nspname, of.relname, attname) FROM pg_catalog.pg_depend AS use \
             JOIN pg_catalog.pg_class AS of ON of.oid = use.refobjid \
             JOIN pg_catalog.pg_namespace AS of_space ON of_space.oid = of.relnamespace \
             JOIN pg_catalog.pg_attribute ON attrelid = of.oid AND attnum = use.refobjsubid WHERE use.objid = class.oid \
             AND use.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND use.deptype = 'a') END) \
             FROM pg_catalog.unnest({names}) AS name JOIN {CLASS_AND_SPACE} ON class.oid = pg_catalog.to_regclass(name) \
             AND relkind = 'S'"
        ),
        DroppedKind::Schema => format!(
            "WITH dropped AS (SELECT space.* FROM pg_catalog.unnest({names}) AS name JOIN pg_catalog.pg_namespace AS space \
             ON space.oid = pg_catalog.to_regnamespace(name)), \
             inside AS (SELECT class.oid, nspname, relname, relkind FROM dropped JOIN pg_catalog.pg_class AS class \
             ON relnamespace = dropped.oid WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS use WHERE use.objid = class.oid \
             AND use.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND use.deptype IN ('a', 'e', 'i'))) \
             SELECT text FROM (SELECT 1 AS stage, 'own' || pg_catalog.chr(1) || 'DROP VIEW ' || pg_catalog.string_agg(\
             pg_catalog.format('%I.%I', nspname, relname), ', ') || ' CASCADE' AS text FROM inside WHERE relkind = 'v' \
             UNION ALL SELECT 2, 'own' || pg_catalog.chr(1) || 'DROP MATERIALIZED VIEW ' || pg_catalog.string_agg(\
             pg_catalog.format('%I.%I', nspname, relname), ', ') || ' CASCADE' FROM inside WHERE relkind = 'm' \
             UNION ALL SELECT 3, 'own' || pg_catalog.chr(1) || 'DROP TABLE ' || pg_catalog.string_agg(\
             pg_catalog.format('%I.%I', nspname, relname), ', ') || ' CASCADE' FROM inside WHERE relkind = 'r' \
             UNION ALL SELECT 4, 'own' || pg_catalog.chr(1) || 'DROP SEQUENCE ' || pg_catalog.string_agg(\
             pg_catalog.format('%I.%I', nspname, relname), ', ') || ' CASCADE' FROM inside WHERE relkind = 'S' \
             UNION ALL SELECT 5, 'own' || pg_catalog.chr(1) || 'DROP TYPE ' || pg_catalog.string_agg(\
             pg_catalog.format('%I.%I', nspname, typname), ', ') || ' CASCADE' FROM dropped \
             JOIN pg_catalog.pg_type AS t ON typnamespace = dropped.oid WHERE (typtype IN ('d', 'e', 'r') OR EXISTS (SELECT \
             FROM pg_catalog.pg_class AS row WHERE row.oid = typrelid AND relkind = 'c')) AND NOT EXISTS (SELECT \
             FROM pg_catalog.pg_depend AS use WHERE use.objid = t.oid AND use.deptype = 'e') \
             UNION ALL SELECT 6, pg_catalog.concat_ws(pg_catalog.chr(1), 'schema', nspname) FROM dropped \
             WHERE nspname <> 'public') AS found WHERE text IS NOT NULL ORDER BY stage"
        ),
    }
}

/// What carries out in the mirror the statements that a query gives.
pub(super) fn carried_out(query: &str) -> String {
    let body = format!("DECLARE found record; BEGIN FOR found IN {query} LOOP EXECUTE found.sql; END LOOP; END");
    format!("DO {}", quoted_text(&body))
}

/// A query for the statement that changes the column of these numbers, if it is still there; `change` stands behind its name.
pub(super) fn change_column(table: &str, column: &str, change: &str) -> String {
    format!(
        "SELECT pg_catalog.format('ALTER TABLE %I.%I ALTER COLUMN %I ', nspname, relname, attname) || {} AS sql \
         FROM pg_catalog.pg_attribute JOIN {CLASS_AND_SPACE} ON class.oid = attrelid WHERE attrelid = {table} \
         AND attnum = {column} AND NOT attisdropped AND NOT pg_catalog.starts_with(attname, 'pgwire_dropped_') \
         AND NOT pg_catalog.starts_with(nspname, 'pgwire_dropped_')",
        quoted_text(change)
    )
}

/// A query for the statement that drops it, wherever its table is by now.
pub(super) fn drop_column(aside: &str) -> String {
    format!(
        "SELECT pg_catalog.format('ALTER TABLE %I.%I DROP COLUMN %I CASCADE', nspname, relname, attname) AS sql \
         FROM pg_catalog.pg_attribute JOIN {CLASS_AND_SPACE} ON class.oid = attrelid AND relkind = 'r' \
         WHERE attname = {} AND NOT attisdropped AND NOT pg_catalog.starts_with(nspname, 'pgwire_dropped_')",
        quoted_text(aside)
    )
}
