//! Types of users' making: what PostgreSQL knows of them, and the rows of a table of the gateway's in IRIS that keep them for
//! all gateways and all times.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::{PoisonError, RwLock};

use super::mirror::MirrorBatch;
use crate::iris::{IrisStatement, ParameterKind, Request, put_text};
use crate::sql::{MirrorStatement, NamedType, PUT_ASIDE_PREFIX, RelationName, SideTable, TEMPORARY_PREFIX};
use crate::types::{Oid, PgType, quoted_name, quoted_text};
use crate::wire::PgError;

/// Keys of the statements: far from those of sequences.
const KEY_FIRST: u64 = (1 << 63) | (1 << 34);

/// What stands for nothing: IRIS may take an empty text for NULL.
const NONE: &str = "-";

/// Characters of a definition that a row has room for.
const DEFINITION_CHARACTERS_MAX: usize = 30_000;

/// Types without a number of their own in PostgreSQL begin here (`FirstNormalObjectId`).
const FIRST_NORMAL_OID: u32 = 16_384;

/// A domain, composite type, range or enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserType {
    pub schema: String,
    pub name: String,
    /// `pg_type.typtype`.
    pub kind: String,
    /// They are made in this order.
    pub place: u64,
    /// What values of a domain are in the end, where that is a type of PostgreSQL's own.
    pub base: Option<PgType>,
    /// Of a domain, as an expression.
    pub default: Option<String>,
    /// A statement that makes it, or changes one of the name into it.
    pub definition: String,
}

impl UserType {
    pub(crate) fn quoted(&self) -> String {
        format!("{}.{}", quoted_name(&self.schema), quoted_name(&self.name))
    }

    /// The statement that drops it.
    pub(crate) fn drop_statement(&self) -> String {
        format!("DROP TYPE IF EXISTS {} CASCADE", self.quoted())
    }

    /// The same but for its place.
    fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.base == other.base
            && self.default == other.default
            && self.definition == other.definition
    }

    fn key(&self) -> (String, String) {
        (self.schema.clone(), self.name.clone())
    }
}

/// What becomes of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeChange {
    Put(UserType),
    Gone { schema: String, name: String },
}

/// What the mirror has to do for the types that are kept.
#[derive(Debug, Default)]
pub(crate) struct KeptTypes {
    /// Makes all of them.
    pub all: Vec<MirrorBatch>,
    /// Makes those that are new, and changes others.
    pub changed: Vec<MirrorBatch>,
    pub gone: Vec<MirrorBatch>,
}

/// The types that are known, shared by all shards.
#[derive(Debug, Default)]
pub(crate) struct UserTypes {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    types: BTreeMap<(String, String), UserType>,
    /// What sessions changed while a reading was under way, of which it may not know.
    since: HashSet<(String, String)>,
}

impl UserTypes {
    /// What a column's type means; `public` and no schema are the same to the gateway.
    pub(crate) fn named(&self, name: &RelationName) -> Option<NamedType> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let schema = name.schema.as_deref().unwrap_or("public");
        let found = inner.types.get(&(schema.to_owned(), name.name.clone()))?;
        Some(NamedType {
            schema: (schema != "public").then(|| schema.to_owned()),
            name: found.name.clone(),
            base: found.base,
            is_array: false,
        })
    }

    /// Its row.
    pub(crate) fn definition(&self, name: &RelationName) -> Option<UserType> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let schema = name.schema.as_deref().unwrap_or("public");
        inner.types.get(&(schema.to_owned(), name.name.clone())).cloned()
    }

    /// The default of a domain.
    pub(crate) fn default_of(&self, named: &NamedType) -> Option<String> {
        if named.is_array {
            return None;
        }
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let schema = named.schema.clone().unwrap_or_else(|| "public".to_owned());
        inner.types.get(&(schema, named.name.clone()))?.default.clone()
    }

    /// What has changed in PostgreSQL, which has these now.
    pub(crate) fn changes(&self, now: &[UserType]) -> Vec<TypeChange> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let put = now.iter().filter(|found| !inner.types.get(&found.key()).is_some_and(|known| known.is_like(found)));
        let put = put.cloned().map(TypeChange::Put);
        let keys: HashSet<_> = now.iter().map(UserType::key).collect();
        let gone = inner.types.keys().filter(|key| !keys.contains(key));
        let gone = gone.map(|(schema, name)| TypeChange::Gone { schema: schema.clone(), name: name.clone() });
        gone.chain(put).collect()
    }

    /// These have been kept.
    pub(crate) fn apply(&self, changes: &[TypeChange]) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            let key = match change {
                TypeChange::Put(made) => {
                    inner.types.insert(made.key(), made.clone());
                    made.key()
                }
                TypeChange::Gone { schema, name } => {
                    let key = (schema.clone(), name.clone());
                    inner.types.remove(&key);
                    key
                }
            };
            inner.since.insert(key);
        }
    }

    /// The rows are about to be read.
    pub(crate) fn begin_reading(&self) {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).since.clear();
    }

    /// What the rows say is known from now on.
    pub(crate) fn follow(&self, found: Vec<UserType>) -> KeptTypes {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let since = std::mem::take(&mut inner.since);
        let mut found: Vec<UserType> = found.into_iter().filter(|found| !since.contains(&found.key())).collect();
        found.sort_by_key(|found| found.place);
        let keys: HashSet<_> = found.iter().map(UserType::key).collect();
        let is_gone = |known: &&UserType| !keys.contains(&known.key()) && !since.contains(&known.key());
        let gone: Vec<UserType> = inner.types.values().filter(is_gone).cloned().collect();
        let all = making(found.iter());
        let is_known = |found: &&UserType| inner.types.get(&found.key()).is_some_and(|known| known.is_like(found));
        let changed = making(found.iter().filter(|found| !is_known(found)));
        let drops: Vec<String> = gone.iter().map(UserType::drop_statement).collect();
        gone.iter().for_each(|gone| drop(inner.types.remove(&gone.key())));
        for made in found {
            inner.types.insert(made.key(), made);
        }
        KeptTypes { all, changed, gone: batches(drops) }
    }
}

fn making<'a>(types: impl Iterator<Item = &'a UserType>) -> Vec<MirrorBatch> {
    let mut statements = Vec::new();
    for made in types {
        if made.schema != "public" {
            statements.push(format!("CREATE SCHEMA IF NOT EXISTS {}", quoted_name(&made.schema)));
        }
        statements.push(made.definition.clone());
    }
    batches(statements)
}

fn batches(statements: Vec<String>) -> Vec<MirrorBatch> {
    let statement = |sql| MirrorStatement { sql, otherwise: None, relations: Vec::new() };
    match statements.is_empty() {
        true => Vec::new(),
        false => vec![MirrorBatch { statements: statements.into_iter().map(statement).collect() }],
    }
}

/// Asks PostgreSQL for all types of users' making, for [`read_user_types`]. Names in it are qualified: the search path has to be
/// empty.
pub(crate) fn types_query() -> String {
    let made = [domain(), composite(), range(), labels()].join(" ");
    format!(
        "WITH RECURSIVE own AS (SELECT t.*, n.nspname, pg_catalog.format('%I.%I', n.nspname, t.typname) AS quoted, \
         pg_catalog.quote_literal(pg_catalog.format('%I.%I', n.nspname, t.typname)) AS literal \
         FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
         LEFT JOIN pg_catalog.pg_class r ON r.oid = t.typrelid \
         WHERE t.oid >= {FIRST_NORMAL_OID} AND t.typtype IN ('d', 'c', 'r', 'e') AND (t.typtype <> 'c' OR r.relkind = 'c') \
         AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
         AND NOT pg_catalog.starts_with(n.nspname, {temporary}) AND NOT pg_catalog.starts_with(n.nspname, {aside}) \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass \
         AND e.objid = t.oid AND e.deptype = 'e')), \
         bases (own, oid, typmod) AS (SELECT o.oid, o.typbasetype, o.typtypmod FROM own o WHERE o.typtype = 'd' \
         UNION ALL SELECT b.own, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.typmod END \
         FROM bases b JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype = 'd') \
         SELECT o.nspname, o.typname, o.typtype, o.oid, b.oid, b.typmod, b.typname, \
         pg_catalog.pg_get_expr(o.typdefaultbin, 0), CASE o.typtype {made} END \
         FROM own o LEFT JOIN (SELECT bases.*, t.typname FROM bases JOIN pg_catalog.pg_type t ON t.oid = bases.oid \
         WHERE t.typtype <> 'd') b ON b.own = o.oid ORDER BY o.oid",
        temporary = quoted_text(TEMPORARY_PREFIX),
        aside = quoted_text(PUT_ASIDE_PREFIX),
    )
}

/// Asks PostgreSQL which columns of tables have one of the types: schema, table, column, whether it stands inside of a type of theirs, whether
/// the table is temporary, and the expression of a constraint that has not been validated.
pub(crate) fn type_columns_query(names: &[String], constraint: Option<&str>) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted_text(name)).collect();
    let expression = constraint.map_or("NULL".to_owned(), |name| {
        format!(
            "(SELECT pg_catalog.pg_get_expr(k.conbin, 0) FROM pg_catalog.pg_constraint k JOIN named ON k.contypid = named.oid \
             WHERE k.conname = {} AND NOT k.convalidated)",
            quoted_text(name)
        )
    });
    format!(
        "WITH RECURSIVE named AS (SELECT pg_catalog.to_regtype(n)::pg_catalog.oid AS oid FROM unnest(ARRAY[{}]::pg_catalog.text[]) AS n), \
         uses (oid, is_part) AS (SELECT oid, false FROM named WHERE oid IS NOT NULL UNION \
         SELECT t.oid, u.is_part OR t.typtype <> 'd' AND NOT (t.typcategory = 'A' AND {}) FROM uses u, pg_catalog.pg_type t \
         WHERE t.typtype = 'd' AND t.typbasetype = u.oid OR t.typcategory = 'A' AND t.typelem = u.oid \
         OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_catalog.pg_class r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid \
         WHERE r.oid = t.typrelid AND r.relkind = 'c' AND a.atttypid = u.oid AND a.attnum > 0 AND NOT a.attisdropped) \
         OR t.typtype IN ('r', 'm') AND EXISTS (SELECT FROM pg_catalog.pg_range g \
         WHERE (g.rngtypid = t.oid OR g.rngmultitypid = t.oid) AND (g.rngsubtype = u.oid OR g.rngtypid = u.oid))) \
         SELECT n.nspname, c.relname, a.attname, pg_catalog.bool_or(u.is_part), pg_catalog.starts_with(n.nspname, {}), {expression} \
         FROM uses u JOIN pg_catalog.pg_attribute a ON a.atttypid = u.oid JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped \
         GROUP BY n.nspname, c.relname, a.attname ORDER BY 1, 2, 3",
        names.join(", "),
        constraint.is_none(),
        quoted_text(TEMPORARY_PREFIX),
    )
}

/// The body is one constant. `declare`: in front of it.
fn block(parts: &[&str]) -> String {
    format!("'DO ' || pg_catalog.quote_literal({})", parts.join(" || "))
}

fn domain() -> String {
    let is_other = "'IF EXISTS (SELECT FROM pg_catalog.pg_type WHERE oid = pg_catalog.to_regtype(' || o.literal || ') AND (typtype <> ''d'' \
         OR typbasetype IS DISTINCT FROM pg_catalog.to_regtype(' || \
         pg_catalog.quote_literal(pg_catalog.format_type(o.typbasetype, NULL)) || ')::pg_catalog.oid OR typtypmod <> ' || o.typtypmod || ')) \
         THEN DROP TYPE ' || o.quoted || ' CASCADE; END IF; '";
    let create = "'IF pg_catalog.to_regtype(' || o.literal || ') IS NULL THEN CREATE DOMAIN ' || o.quoted || ' AS ' || \
         pg_catalog.format_type(o.typbasetype, o.typtypmod) || \
         coalesce((SELECT pg_catalog.format(' COLLATE %I.%I', cn.nspname, c.collname) FROM pg_catalog.pg_collation c \
         JOIN pg_catalog.pg_namespace cn ON cn.oid = c.collnamespace JOIN pg_catalog.pg_type bt ON bt.oid = o.typbasetype \
         WHERE c.oid = o.typcollation AND o.typcollation <> bt.typcollation), '') || '; END IF; '";
    let default = "'ALTER DOMAIN ' || o.quoted || coalesce(' SET DEFAULT ' || pg_catalog.pg_get_expr(o.typdefaultbin, 0), \
         ' DROP DEFAULT') || '; '";
    let clear = "'FOR c IN SELECT conname FROM pg_catalog.pg_constraint WHERE contypid = pg_catalog.to_regtype(' || o.literal || ') \
         AND contype = ''c'' LOOP EXECUTE pg_catalog.format(''ALTER DOMAIN %s DROP CONSTRAINT %I'', ' || o.literal || ', c.conname); \
         END LOOP; ALTER DOMAIN ' || o.quoted || ' DROP NOT NULL; '";
    let not_null = "CASE WHEN o.typnotnull THEN coalesce((SELECT pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I NOT NULL; ', \
         o.quoted, k.conname) FROM pg_catalog.pg_constraint k WHERE k.contypid = o.oid AND k.contype = 'n' LIMIT 1), \
         'ALTER DOMAIN ' || o.quoted || ' SET NOT NULL; ') ELSE '' END";
    let checks = "coalesce((SELECT pg_catalog.string_agg(pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I CHECK (%s)%s; ', o.quoted, \
         k.conname, pg_catalog.pg_get_expr(k.conbin, 0), CASE WHEN k.convalidated THEN '' ELSE ' NOT VALID' END), '' ORDER BY k.oid) \
         FROM pg_catalog.pg_constraint k WHERE k.contypid = o.oid AND k.contype = 'c'), '')";
    let text = block(&["'DECLARE c record; BEGIN '", is_other, create, default, clear, not_null, checks, "'END'"]);
    format!("WHEN 'd' THEN {text}")
}

fn composite() -> String {
    let attributes =
        "FROM pg_catalog.pg_attribute a WHERE a.attrelid = o.typrelid AND a.attnum > 0 AND NOT a.attisdropped";
    let listed = |what: &str, kind: &str| {
        format!(
            "pg_catalog.quote_literal(ARRAY(SELECT {what} {attributes} ORDER BY a.attnum)::pg_catalog.text) || '::{kind}'"
        )
    };
    let told = format!(
        "'(SELECT t.n, t.name, pg_catalog.to_regtype(t.type)::pg_catalog.oid AS type, t.mod FROM unnest(' || {} || ', ' || {} || ', ' || {} || ') \
         WITH ORDINALITY AS t(name, type, mod, n))'",
        listed("a.attname::pg_catalog.text", "pg_catalog.text[]"),
        listed("pg_catalog.format_type(a.atttypid, NULL)", "pg_catalog.text[]"),
        listed("a.atttypmod", "pg_catalog.int4[]"),
    );
    let have = "'(SELECT row_number() OVER (ORDER BY a.attnum) AS n, a.attname, a.atttypid, a.atttypmod FROM pg_catalog.pg_attribute a \
         JOIN pg_catalog.pg_type p ON p.typrelid = a.attrelid WHERE p.oid = pg_catalog.to_regtype(' || o.literal || ') AND a.attnum > 0 \
         AND NOT a.attisdropped)'";
    let is_other = format!(
        "'IF pg_catalog.to_regtype(' || o.literal || ') IS NOT NULL AND EXISTS (SELECT FROM ' || {have} || ' a FULL JOIN ' || {told} || ' v USING (n) \
         WHERE a.atttypid IS DISTINCT FROM v.type OR a.atttypmod IS DISTINCT FROM v.mod) THEN DROP TYPE ' || o.quoted || ' CASCADE; END IF; '"
    );
    let rename = format!(
        "'FOR c IN SELECT a.attname, v.name FROM ' || {have} || ' a JOIN ' || {told} || ' v USING (n) WHERE a.attname <> v.name LOOP \
         EXECUTE pg_catalog.format(''ALTER TYPE %s RENAME ATTRIBUTE %I TO %I'', ' || o.literal || ', c.attname, c.name); END LOOP; '"
    );
    let create = format!(
        "'IF pg_catalog.to_regtype(' || o.literal || ') IS NULL THEN CREATE TYPE ' || o.quoted || ' AS (' || \
         coalesce((SELECT pg_catalog.string_agg(pg_catalog.format('%I %s%s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), \
         (SELECT pg_catalog.format(' COLLATE %I.%I', cn.nspname, c.collname) FROM pg_catalog.pg_collation c \
         JOIN pg_catalog.pg_namespace cn ON cn.oid = c.collnamespace JOIN pg_catalog.pg_type bt ON bt.oid = a.atttypid \
         WHERE c.oid = a.attcollation AND a.attcollation <> bt.typcollation)), ', ' ORDER BY a.attnum) {attributes}), '') \
         || '); END IF; '"
    );
    let text = block(&["'DECLARE c record; BEGIN '", &is_other, &rename, &create, "'END'"]);
    format!("WHEN 'c' THEN {text}")
}

fn range() -> String {
    let create = "(SELECT 'IF pg_catalog.to_regtype(' || o.literal || ') IS NULL THEN CREATE TYPE ' || o.quoted || ' AS RANGE (SUBTYPE = ' || \
         pg_catalog.format_type(r.rngsubtype, NULL) || ', SUBTYPE_OPCLASS = ' || \
         (SELECT pg_catalog.format('%I.%I', cn.nspname, c.opcname) FROM pg_catalog.pg_opclass c \
         JOIN pg_catalog.pg_namespace cn ON cn.oid = c.opcnamespace WHERE c.oid = r.rngsubopc) || \
         coalesce((SELECT pg_catalog.format(', COLLATION = %I.%I', cn.nspname, c.collname) FROM pg_catalog.pg_collation c \
         JOIN pg_catalog.pg_namespace cn ON cn.oid = c.collnamespace WHERE c.oid = r.rngcollation), '') || \
         CASE WHEN r.rngsubdiff::pg_catalog.oid = 0 THEN '' ELSE ', SUBTYPE_DIFF = ' || r.rngsubdiff::pg_catalog.regproc END || \
         (SELECT pg_catalog.format(', MULTIRANGE_TYPE_NAME = %I.%I', mn.nspname, m.typname) FROM pg_catalog.pg_type m \
         JOIN pg_catalog.pg_namespace mn ON mn.oid = m.typnamespace WHERE m.oid = r.rngmultitypid) || '); END IF; ' \
         FROM pg_catalog.pg_range r WHERE r.rngtypid = o.oid)";
    format!("WHEN 'r' THEN {}", block(&["'BEGIN '", create, "'END'"]))
}

fn labels() -> String {
    let create = "'IF pg_catalog.to_regtype(' || o.literal || ') IS NULL THEN CREATE TYPE ' || o.quoted || ' AS ENUM (' || \
         coalesce((SELECT pg_catalog.string_agg(pg_catalog.quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder) \
         FROM pg_catalog.pg_enum l WHERE l.enumtypid = o.oid), '') || '); END IF; '";
    format!("WHEN 'e' THEN {}", block(&["'BEGIN '", create, "'END'"]))
}

/// What [`types_query`] gives.
///
/// # Errors
/// 0A000 for a definition that a row of IRIS has no room for.
pub(crate) fn read_user_types(rows: Vec<Vec<Option<String>>>) -> Result<Vec<UserType>, Box<PgError>> {
    let mut types = Vec::new();
    for row in rows {
        let mut cells = row.into_iter();
        let mut text = || cells.next().flatten();
        let (Some(schema), Some(name), Some(kind), place) = (text(), text(), text(), text()) else { continue };
        let base =
            match (text().and_then(|oid| oid.parse().ok()), text().and_then(|typmod| typmod.parse().ok()), text()) {
                (_, Some(typmod), Some(name)) if name == "vector" => Some(PgType { oid: Oid::VECTOR, typmod }),
                (Some(oid), Some(typmod), _) => Some(PgType { oid: Oid(oid), typmod }),
                _ => None,
            };
        let base = base.filter(|base| base.oid == Oid::VECTOR || base.oid.0 < FIRST_NORMAL_OID);
        let (default, Some(definition)) = (text(), text()) else { continue };
        if definition.chars().count() > DEFINITION_CHARACTERS_MAX {
            let message = format!("the definition of type \"{name}\" is too long");
            return Err(PgError::unsupported(message)
                .detail(format!("IRIS keeps at most {DEFINITION_CHARACTERS_MAX} characters of it.")));
        }
        let place = place.and_then(|place| place.parse().ok()).unwrap_or(0);
        types.push(UserType { schema, name, kind, place, base, default, definition });
    }
    Ok(types)
}

/// The statements on the table.
#[derive(Debug)]
pub(crate) struct TypeStatements {
    create: Rc<IrisStatement>,
    select: Rc<IrisStatement>,
    insert: Rc<IrisStatement>,
    delete: Rc<IrisStatement>,
    delete_schema: Rc<IrisStatement>,
}

impl TypeStatements {
    /// `sequences`: the table of sequences, beside which this one lies.
    pub(crate) fn new(sequences: &SideTable) -> Self {
        let table = sequences.beside("types");
        let name = format!("{}.{}", quoted_name(&table.schema), quoted_name(&table.name));
        let statement = |number: u64, text: String, parameters_count: usize, is_query| {
            let kinds = vec![ParameterKind::User; parameters_count];
            Rc::new(IrisStatement { key: KEY_FIRST | number, text, kinds, is_query })
        };
        let columns = "type_schema, type_name, type_kind, type_place, base_type, default_text, definition";
        let create = format!(
            "CREATE TABLE {name} (type_schema VARCHAR(128) %EXACT NOT NULL, type_name VARCHAR(128) %EXACT NOT NULL, \
             type_kind VARCHAR(1) %EXACT NOT NULL, type_place VARCHAR(20) %EXACT NOT NULL, base_type VARCHAR(40) %EXACT NOT NULL, \
             default_text VARCHAR(32000) %EXACT NOT NULL, definition VARCHAR(32000) %EXACT NOT NULL, \
             CONSTRAINT types_pkey PRIMARY KEY (type_schema, type_name))"
        );
        let marks: Vec<String> = (1..=7).map(|n| format!(":%qpar({n})")).collect();
        Self {
            create: statement(0, create, 0, false),
            select: statement(1, format!("SELECT {columns} FROM {name}"), 0, true),
            insert: statement(2, format!("INSERT INTO {name} ({columns}) VALUES ({})", marks.join(", ")), 7, false),
            delete: statement(
                3,
                format!("DELETE FROM {name} WHERE type_schema = :%qpar(1) AND type_name = :%qpar(2)"),
                2,
                false,
            ),
            delete_schema: statement(4, format!("DELETE FROM {name} WHERE type_schema = :%qpar(1)"), 1, false),
        }
    }

    pub(crate) fn create(&self) -> Request {
        execute(&self.create, &[], false)
    }

    /// The rows are for [`read_kept_types`].
    pub(crate) fn select(&self) -> Request {
        execute(&self.select, &[], false)
    }

    pub(crate) fn delete_schema(&self, schema: &str) -> Request {
        execute(&self.delete_schema, &[schema], true)
    }

    pub(crate) fn change(&self, change: &TypeChange) -> Vec<Request> {
        match change {
            TypeChange::Gone { schema, name } => vec![execute(&self.delete, &[schema, name], true)],
            TypeChange::Put(made) => {
                let base = made.base.map_or(NONE.to_owned(), |base| format!("{}:{}", base.oid.0, base.typmod));
                let default = made.default.as_ref().map_or(NONE.to_owned(), |default| format!("={default}"));
                let place = made.place.to_string();
                let values = [&made.schema, &made.name, &made.kind, &place, &base, &default, &made.definition];
                let values: Vec<&str> = values.into_iter().map(String::as_str).collect();
                vec![execute(&self.delete, &[&made.schema, &made.name], true), execute(&self.insert, &values, true)]
            }
        }
    }
}

fn execute(statement: &Rc<IrisStatement>, texts: &[&str], in_transaction: bool) -> Request {
    let mut values = Vec::new();
    for text in texts {
        put_text(&mut values, text);
    }
    let values_per_set = texts.len();
    Request::Execute { statement: Rc::clone(statement), values, values_per_set, sets: 1, rows_max: 0, in_transaction }
}

/// The rows of the table; those that are no types are skipped.
pub(crate) fn read_kept_types(rows: impl IntoIterator<Item = Vec<Option<String>>>) -> Vec<UserType> {
    let read = |row: Vec<Option<String>>| {
        let mut cells = row.into_iter();
        let mut text = || cells.next().flatten();
        let (schema, name, kind) = (text()?, text()?, text()?);
        let place = text()?.trim().parse().ok()?;
        let base = text()?
            .split_once(':')
            .and_then(|(oid, typmod)| Some(PgType { oid: Oid(oid.parse().ok()?), typmod: typmod.parse().ok()? }));
        let default = text()?.strip_prefix('=').map(str::to_owned);
        let definition = text()?;
        Some(UserType { schema, name, kind, place, base, default, definition })
    };
    rows.into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posint(definition: &str) -> UserType {
        UserType {
            schema: "public".to_owned(),
            name: "posint".to_owned(),
            kind: "d".to_owned(),
            place: 7,
            base: Some(PgType { oid: Oid::INT4, typmod: -1 }),
            default: Some("5".to_owned()),
            definition: definition.to_owned(),
        }
    }

    #[test]
    fn what_sessions_do_while_the_rows_are_read_stays() {
        let types = UserTypes::default();
        let name = RelationName { schema: None, name: "posint".to_owned() };
        types.begin_reading();
        types.apply(&[TypeChange::Put(posint("new"))]);
        let KeptTypes { changed, gone, .. } = types.follow(vec![posint("old")]);
        assert!(changed.is_empty() && gone.is_empty());
        let named = types.named(&name).unwrap();
        assert_eq!(types.default_of(&named).as_deref(), Some("5"));
        assert!(types.changes(&[posint("new")]).is_empty());

        types.begin_reading();
        let KeptTypes { all, changed, gone } = types.follow(vec![posint("newer")]);
        assert_eq!(all, changed);
        assert_eq!(changed.first().unwrap().statements.first().unwrap().sql, "newer");
        assert!(gone.is_empty());
        types.begin_reading();
        let KeptTypes { all, changed, gone } = types.follow(Vec::new());
        assert!(all.is_empty() && changed.is_empty());
        let sql = &gone.first().unwrap().statements.first().unwrap().sql;
        assert_eq!(sql, "DROP TYPE IF EXISTS \"public\".\"posint\" CASCADE");
        assert_eq!(types.named(&name), None);
    }

    #[test]
    fn changes_are_what_differs() {
        let types = UserTypes::default();
        types.apply(&[TypeChange::Put(posint("a"))]);
        let other = UserType { name: "other".to_owned(), ..posint("b") };
        let gone = TypeChange::Gone { schema: "public".to_owned(), name: "posint".to_owned() };
        assert_eq!(types.changes(std::slice::from_ref(&other)), [gone, TypeChange::Put(other)]);
    }
}
