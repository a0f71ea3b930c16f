mod told;

use std::cell::Cell;
use std::rc::Rc;

use super::{Cx, constraint, translate};
use crate::sql::options::{SideTable, TranslateOptions};
use crate::sql::plan::{Action, RunIf, StepRole};
use crate::sql::schema::{ColumnFacts, Named, NamedFacts, RelationName, Schema, TableFacts, TableLookup};
use crate::sql::template::Template;
use crate::types::{Oid, PgType};

/// Knows `known (id int4 primary key, a text, at timestamp)`, with the constraint `Known_A_key`.
struct OneTable;

impl Schema for OneTable {
    fn named(&self, what: Named, name: &str) -> Option<Rc<Vec<NamedFacts>>> {
        let table = RelationName { schema: Some("SQLUser".to_owned()), name: "known".to_owned() };
        let found = NamedFacts { name: name.to_owned(), is_spelled: true, table: Some(table) };
        Some(Rc::new(if what == Named::Index { vec![found] } else { Vec::new() }))
    }

    fn table(&self, name: &RelationName) -> TableLookup {
        let column = |name: &str, oid: Oid| ColumnFacts {
            name: name.to_owned(),
            pg_type: PgType::new(oid),
            nullable: true,
            identity: false,
            has_default: false,
            folds_case: false,
            vector_element: Default::default(),
            draws: None,
            constant_default: None,
            enum_type: None,
            named: None,
            is_stream: false,
            is_spelled: false,
        };
        match name.name.as_str() {
            "known" => TableLookup::Known(Rc::new(TableFacts {
                is_materialized: false,
                spelled: None,
                schema: "SQLUser".to_owned(),
                name: "known".to_owned(),
                columns: vec![
                    column("id", Oid::INT4),
                    column("a", Oid::TEXT),
                    column("at", Oid::TIMESTAMP),
                    ColumnFacts { pg_type: PgType { oid: Oid::VECTOR, typmod: 3 }, ..column("e", Oid::VECTOR) },
                ],
                primary_key: vec!["id".to_owned()],
                unique_keys: vec![("Known_A_key".to_owned(), vec!["a".to_owned()])],
                own_references: Vec::new(),
                rules: Default::default(),
            })),
            "later" => TableLookup::NotLoaded,
            _ => TableLookup::Missing,
        }
    }
}

/// `TAG: text; text | notice | notice`, or `SQLSTATE message`; ` ~n` behind a text: SQLCODEs that do not count.
fn ddl_of(sql: &str) -> String {
    ddl_beside(sql, None)
}

pub(super) fn ddl_beside(sql: &str, side_table: Option<&SideTable>) -> String {
    let mut template = Template::default();
    template.scan(sql).unwrap();
    let keys = Cell::new(1);
    let options = TranslateOptions { side_table, ..TranslateOptions::new("SQLUser", &keys) };
    let cx = Cx::new(sql, &template, &OneTable, &options, crate::sql::translate::RULES);
    let parse = squawk_syntax::SourceFile::parse(sql);
    assert!(parse.errors().is_empty(), "{sql}: {:?}", parse.errors());
    let stmt = parse.syntax_node().first_child().unwrap();
    let ddl = match translate(&cx, &stmt) {
        Ok(Some(ddl)) => ddl,
        Ok(None) => return "none".to_owned(),
        Err(error) => return format!("{} {}", error.code, error.message),
    };
    let mut text = match ddl.action {
        Action::Accepted => format!("{}:", ddl.tag),
        Action::Script(steps) => {
            let steps: Vec<String> = steps
                .iter()
                .map(|step| {
                    assert_eq!((step.role, step.run_if), (StepRole::Silent, RunIf::Always), "{sql}");
                    assert!(step.plan.binds.is_empty() && step.plan.columns.is_empty(), "{sql}");
                    assert!(!step.plan.statement.is_query, "{sql}");
                    let ignored: String = step.ignored_sqlcodes.iter().map(|code| format!(" ~{code}")).collect();
                    format!("{}{ignored}", step.plan.statement.text)
                })
                .collect();
            format!("{}: {}", ddl.tag, steps.join("; "))
        }
        Action::MirrorOnly => format!("{}: mirror", ddl.tag),
        action => panic!("{sql}: {action:?}"),
    };
    for notice in cx.take_notices() {
        text.push_str(&format!(" | {} {}", notice.code, notice.message));
    }
    text
}

/// Without the description that every table has.
fn without_note(text: &str) -> String {
    text.replace(", %DESCRIPTION 'pg:')", ")")
}

fn check(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        assert_eq!(without_note(&ddl_of(sql)), without_note(expected), "{sql}");
    }
}

/// For refusals: the SQLSTATE and a piece of the sentence.
fn check_refused(cases: &[(&str, &str, &str)]) {
    for (sql, code, piece) in cases {
        let text = ddl_of(sql);
        assert!(text.starts_with(code) && text.contains(piece), "{sql}: {text}");
    }
}

fn column(sql_type: &str) -> String {
    let text = without_note(&ddl_of(&format!("CREATE TABLE t (c {sql_type})")));
    match text.strip_prefix("CREATE TABLE: CREATE TABLE SQLUser.t (c ").and_then(|text| text.strip_suffix(')')) {
        Some(column) => column.to_owned(),
        None => text,
    }
}

#[test]
fn column_types() {
    for (sql_type, expected) in [
        ("boolean", "BIT"),
        ("smallint", "SMALLINT"),
        ("int4", "INTEGER"),
        ("bigint", "BIGINT"),
        ("real", "DOUBLE %DESCRIPTION 'pg:float4'"),
        ("double precision", "DOUBLE"),
        ("numeric(10,2)", "NUMERIC(10,2) %DESCRIPTION 'pg:numeric(10,2)'"),
        ("numeric(5)", "NUMERIC(5,0) %DESCRIPTION 'pg:numeric(5,0)'"),
        ("decimal", "NUMERIC(38,19) %DESCRIPTION 'pg:numeric'"),
        ("text", "VARCHAR(3641144) %EXACT %DESCRIPTION 'pg:text'"),
        ("varchar", "VARCHAR(3641144) %EXACT %DESCRIPTION 'pg:varchar'"),
        ("character varying(20)", "VARCHAR(20) %EXACT %DESCRIPTION 'pg:varchar(20)'"),
        ("char(10)", "CHAR(10) %EXACT %DESCRIPTION 'pg:bpchar(10)'"),
        ("char", "CHAR(1) %EXACT %DESCRIPTION 'pg:bpchar(1)'"),
        ("date", "DATE"),
        ("time", "TIME(6)"),
        ("timestamp", "TIMESTAMP"),
        ("timestamp(3) without time zone", "TIMESTAMP %DESCRIPTION 'pg:timestamp(3)'"),
        ("timestamptz", "TIMESTAMP %DESCRIPTION 'pg:timestamptz'"),
        ("timestamp with time zone", "TIMESTAMP %DESCRIPTION 'pg:timestamptz'"),
        ("interval", "VARCHAR(64) %EXACT %DESCRIPTION 'pg:interval'"),
        ("bytea", "VARBINARY(3641144)"),
        ("uuid", "VARCHAR(36) %EXACT %DESCRIPTION 'pg:uuid'"),
        ("jsonb", "VARCHAR(3641144) %EXACT %DESCRIPTION 'pg:jsonb'"),
        ("int[]", "VARCHAR(3641144) %EXACT %DESCRIPTION 'pg:int4[]'"),
        ("money", "NUMERIC(19,2) %DESCRIPTION 'pg:money'"),
        ("inet", "VARCHAR(43) %EXACT %DESCRIPTION 'pg:inet'"),
        ("name", "VARCHAR(64) %EXACT %DESCRIPTION 'pg:name'"),
        ("bit(3)", "VARCHAR(3) %EXACT %DESCRIPTION 'pg:bit(3)'"),
        ("bit varying(8)", "VARCHAR(8) %EXACT %DESCRIPTION 'pg:varbit(8)'"),
        ("oid", "BIGINT %DESCRIPTION 'pg:oid'"),
        ("vector(3)", "VECTOR(DOUBLE, 3) %DESCRIPTION 'pg:vector(3)'"),
        ("vector", "VECTOR(DOUBLE) %DESCRIPTION 'pg:vector'"),
        ("vector(float, 128)", "VECTOR(FLOAT, 128) %DESCRIPTION 'pg:vector(128)'"),
        ("text STORAGE EXTERNAL", "LONGVARCHAR %DESCRIPTION 'pg:text STORAGE EXTERNAL'"),
        ("jsonb STORAGE external", "LONGVARCHAR %DESCRIPTION 'pg:jsonb STORAGE external'"),
        ("bytea STORAGE EXTERNAL", "LONGVARBINARY %DESCRIPTION 'pg:bytea STORAGE EXTERNAL'"),
        ("varchar(9) STORAGE EXTERNAL", "VARCHAR(9) %EXACT %DESCRIPTION 'pg:varchar(9) STORAGE EXTERNAL'"),
        ("text STORAGE MAIN", "VARCHAR(3641144) %EXACT %DESCRIPTION 'pg:text STORAGE MAIN'"),
        ("text COLLATE \"C\"", "VARCHAR(3641144) %EXACT %DESCRIPTION 'pg:text COLLATE \"C\"'"),
    ] {
        assert_eq!(column(sql_type), expected, "{sql_type}");
    }
    check(&[(
        "CREATE TABLE t (c numeric(65,30))",
        "CREATE TABLE: CREATE TABLE SQLUser.t (c NUMERIC(38,19) %DESCRIPTION 'pg:numeric(65,30)') \
         | 01000 numeric(65,30) becomes NUMERIC(38,19): IRIS keeps no more digits than that",
    )]);
    check_refused(&[
        ("CREATE TABLE t (c halfvec(3))", "0A000", "halfvec"),
        ("CREATE TABLE t (c mood)", "42704", "type \"mood\" does not exist"),
        ("CREATE TABLE t (c time with time zone)", "0A000", "timetz"),
        ("CREATE TABLE t (c point)", "0A000", "point"),
        ("CREATE TABLE t (c vector[])", "0A000", "arrays of vector"),
    ]);
}

#[test]
fn defaults() {
    for (definition, expected) in [
        ("varchar(9) DEFAULT 'new'::character varying", "VARCHAR(9) %EXACT DEFAULT 'new' %DESCRIPTION 'pg:varchar(9)'"),
        ("varchar(9) DEFAULT 'it''s'", "VARCHAR(9) %EXACT DEFAULT 'it''s' %DESCRIPTION 'pg:varchar(9)'"),
        (
            "varchar(9) DEFAULT NULL::character varying",
            "VARCHAR(9) %EXACT DEFAULT NULL %DESCRIPTION 'pg:varchar(9) DEFAULT NULL::character varying'",
        ),
        (
            "varchar(9) NOT NULL DEFAULT 5",
            "VARCHAR(9) %EXACT NOT NULL DEFAULT '5' %DESCRIPTION 'pg:varchar(9) DEFAULT 5'",
        ),
        ("int DEFAULT -5", "INTEGER DEFAULT -5"),
        ("int DEFAULT (0)", "INTEGER DEFAULT 0"),
        ("int DEFAULT '-1'::integer", "INTEGER DEFAULT -1 %DESCRIPTION 'pg:int4 DEFAULT ''-1''::integer'"),
        ("int DEFAULT NULL", "INTEGER DEFAULT NULL %DESCRIPTION 'pg:int4 DEFAULT NULL'"),
        ("boolean DEFAULT true", "BIT DEFAULT 1"),
        ("boolean DEFAULT 'off'", "BIT DEFAULT 0 %DESCRIPTION 'pg:bool DEFAULT ''off'''"),
        ("timestamp DEFAULT now()", "TIMESTAMP DEFAULT CURRENT_TIMESTAMP(6) %DESCRIPTION 'pg:timestamp DEFAULT now()'"),
        (
            "timestamp DEFAULT CURRENT_TIMESTAMP",
            "TIMESTAMP DEFAULT CURRENT_TIMESTAMP(6) %DESCRIPTION 'pg:timestamp DEFAULT CURRENT_TIMESTAMP'",
        ),
        ("date DEFAULT CURRENT_DATE", "DATE DEFAULT CURRENT_DATE %DESCRIPTION 'pg:date DEFAULT CURRENT_DATE'"),
        ("date DEFAULT now()", "DATE DEFAULT CURRENT_DATE %DESCRIPTION 'pg:date DEFAULT now()'"),
        (
            "timestamp DEFAULT timezone('utc'::text, now())",
            "TIMESTAMP DEFAULT CURRENT_TIMESTAMP(6) %DESCRIPTION 'pg:timestamp DEFAULT timezone(''utc''::text, now())'",
        ),
        (
            "timestamp DEFAULT (now() AT TIME ZONE 'utc'::text)",
            "TIMESTAMP DEFAULT CURRENT_TIMESTAMP(6) %DESCRIPTION 'pg:timestamp DEFAULT (now() AT TIME ZONE ''utc''::text)'",
        ),
        ("date DEFAULT 'epoch'", "DATE DEFAULT '1970-01-01' %DESCRIPTION 'pg:date DEFAULT ''epoch'''"),
        (
            "uuid DEFAULT gen_random_uuid()",
            "VARCHAR(36) %EXACT DEFAULT OBJECTSCRIPT '$ZCONVERT($SYSTEM.Util.CreateGUID(),\"L\")' \
             %DESCRIPTION 'pg:uuid DEFAULT gen_random_uuid()'",
        ),
        (
            "text DEFAULT (public.uuid_generate_v4()::text)",
            "VARCHAR(3641144) %EXACT DEFAULT OBJECTSCRIPT '$ZCONVERT($SYSTEM.Util.CreateGUID(),\"L\")' \
             %DESCRIPTION 'pg:text DEFAULT (public.uuid_generate_v4()::text)'",
        ),
        (
            "jsonb DEFAULT '{}'::jsonb",
            "VARCHAR(3641144) %EXACT DEFAULT '{}' %DESCRIPTION 'pg:jsonb DEFAULT ''{}''::jsonb'",
        ),
        (
            "text[] DEFAULT '{}'::text[]",
            "VARCHAR(3641144) %EXACT DEFAULT '{}' %DESCRIPTION 'pg:text[] DEFAULT ''{}''::text[]'",
        ),
        (
            "text[] DEFAULT ARRAY[]::text[]",
            "VARCHAR(3641144) %EXACT DEFAULT '{}' %DESCRIPTION 'pg:text[] DEFAULT ARRAY[]::text[]'",
        ),
    ] {
        assert_eq!(column(definition), expected, "{definition}");
    }
    check_refused(&[
        ("CREATE TABLE t (c date DEFAULT '-infinity')", "0A000", "the default of column \"c\""),
        ("CREATE TABLE t (c timestamptz DEFAULT 'now')", "0A000", "the default of column \"c\""),
        ("CREATE TABLE t (c uuid DEFAULT uuidv7())", "0A000", "uuidv7()"),
        ("CREATE TABLE t (c uuid DEFAULT gen_random_uuid(1))", "0A000", "the default of column \"c\""),
        ("CREATE TABLE t (c int DEFAULT gen_random_uuid())", "42804", "of type integer but default expression"),
        ("ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()", "0A000", "a uuid of its own"),
        ("CREATE TABLE t (c int DEFAULT 1 + 1)", "0A000", "the default of column \"c\""),
        ("CREATE TABLE t (c timestamp DEFAULT now() + interval '1 day')", "0A000", "the default of column \"c\""),
        ("CREATE TABLE t (c boolean DEFAULT 1)", "42804", "is of type boolean"),
        ("CREATE TABLE t (c int DEFAULT 'x')", "22P02", "\"x\""),
        ("CREATE TABLE t (c bytea DEFAULT '\\xdead')", "0A000", "binary constants"),
    ]);
}

#[test]
fn create_table() {
    let text = ddl_of("CREATE TABLE t (a int, CONSTRAINT \"Pk\" PRIMARY KEY (a))");
    assert!(text.ends_with("CONSTRAINT \"Pk\" PRIMARY KEY (a), %DESCRIPTION 'pg:')"), "{text}");
    check(&[
        (
            "CREATE TABLE t (id SERIAL PRIMARY KEY, Email text UNIQUE NOT NULL)",
            "CREATE TABLE: CREATE TABLE SQLUser.t (id INTEGER IDENTITY %DESCRIPTION 'pg:serial', \
             email VARCHAR(3641144) %EXACT NOT NULL %DESCRIPTION 'pg:text', CONSTRAINT t_pkey PRIMARY KEY (id), \
             CONSTRAINT t_email_key UNIQUE (email)) WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1",
        ),
        (
            "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1) NOT NULL)",
            "CREATE TABLE: CREATE TABLE SQLUser.t (id BIGINT IDENTITY %DESCRIPTION 'pg:int8 \
             GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1)') WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1",
        ),
        (
            "CREATE TABLE \"public\".\"User\" (\"id\" SERIAL NOT NULL, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"))",
            "CREATE TABLE: CREATE TABLE SQLUser.\"User\" (\"id\" INTEGER IDENTITY %DESCRIPTION 'pg:serial', \
             CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"), %DESCRIPTION 'pg:') WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1",
        ),
        (
            "CREATE UNLOGGED TABLE s.T (level varchar(10), date date, a int, UNIQUE (a, date)) \
             WITH (fillfactor=70) TABLESPACE x",
            "CREATE TABLE: CREATE TABLE s.t (\"level\" VARCHAR(10) %EXACT %DESCRIPTION 'pg:varchar(10)', \"date\" DATE, a INTEGER, \
             CONSTRAINT t_a_date_key UNIQUE (a, \"date\"))",
        ),
        (
            "CREATE TABLE t (a int REFERENCES u(id) ON DELETE CASCADE, b int REFERENCES known ON UPDATE SET NULL, \
             c int REFERENCES nobody ON DELETE RESTRICT, FOREIGN KEY (a, b) REFERENCES s.u (x, y))",
            "CREATE TABLE: CREATE TABLE SQLUser.t (a INTEGER, b INTEGER, c INTEGER, \
             CONSTRAINT t_a_fkey FOREIGN KEY (a) REFERENCES SQLUser.u (id) ON DELETE CASCADE, \
             CONSTRAINT t_b_fkey FOREIGN KEY (b) REFERENCES SQLUser.known (id) ON UPDATE SET NULL, \
             CONSTRAINT t_c_fkey FOREIGN KEY (c) REFERENCES SQLUser.nobody ON DELETE NO ACTION, \
             CONSTRAINT t_a_b_fkey FOREIGN KEY (a, b) REFERENCES s.u (x, y))",
        ),
        (
            "CREATE TABLE node (parent int REFERENCES node, id int UNIQUE UNIQUE, PRIMARY KEY (id), NOT NULL parent)",
            "CREATE TABLE: CREATE TABLE SQLUser.node (parent INTEGER NOT NULL, id INTEGER, \
             CONSTRAINT node_pkey PRIMARY KEY (id), CONSTRAINT node_id_key UNIQUE (id), \
             CONSTRAINT node_id_key1 UNIQUE (id), \
             CONSTRAINT node_parent_fkey FOREIGN KEY (parent) REFERENCES SQLUser.node (id))",
        ),
        (
            "CREATE TABLE IF NOT EXISTS known (id int)",
            "CREATE TABLE: | 42P07 relation \"known\" already exists, skipping",
        ),
        ("CREATE TABLE IF NOT EXISTS t (id int)", "CREATE TABLE: CREATE TABLE SQLUser.t (id INTEGER) ~201"),
        ("CREATE TABLE known (id int)", "CREATE TABLE: CREATE TABLE SQLUser.known (id INTEGER)"),
    ]);
    check_refused(&[
        ("CREATE TEMP TABLE t (a int)", "0A000", "temporary tables"),
        ("CREATE TABLE t (a int, EXCLUDE USING gist (a WITH =))", "0A000", "EXCLUDE"),
        ("CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2))", "0A000", "virtual generated columns"),
        ("CREATE TABLE t (a int) PARTITION BY RANGE (a)", "0A000", "partitioned"),
        ("CREATE TABLE t PARTITION OF u FOR VALUES IN (1)", "0A000", "partitioned"),
        ("CREATE TABLE t (a int) INHERITS (u)", "0A000", "inheritance"),
        ("CREATE TABLE t (a int REFERENCES u MATCH FULL)", "0A000", "MATCH FULL"),
        ("CREATE TABLE t (a int PRIMARY KEY, PRIMARY KEY (a))", "42P16", "multiple primary keys"),
        ("CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY (START WITH 10))", "0A000", "in steps of 1"),
        ("CREATE TABLE t (a text GENERATED ALWAYS AS IDENTITY)", "22023", "identity column type"),
    ]);
}

#[test]
fn constraint_names_are_cut_as_postgresql_cuts_them() {
    let long = "a".repeat(60);
    assert_eq!(constraint::object_name(&long, "b", "key"), format!("{}_b_key", "a".repeat(57)));
    assert_eq!(constraint::object_name(&long, &"b".repeat(60), "idx").len(), 63);
    assert_eq!(constraint::object_name("t", "", "pkey"), "t_pkey");
    // Whole characters only.
    assert_eq!(constraint::object_name(&"ü".repeat(40), "", "pkey"), format!("{}_pkey", "ü".repeat(29)));
}

#[test]
fn alter_table() {
    check(&[
        (
            "ALTER TABLE t ADD COLUMN b int NOT NULL DEFAULT 0, ADD c text UNIQUE REFERENCES known",
            "ALTER TABLE: ALTER TABLE SQLUser.t ADD COLUMN b INTEGER NOT NULL DEFAULT 0; \
             ALTER TABLE SQLUser.t ADD COLUMN c VARCHAR(3641144) %EXACT %DESCRIPTION 'pg:text'; \
             ALTER TABLE SQLUser.t ADD CONSTRAINT t_c_key UNIQUE (c); \
             ALTER TABLE SQLUser.t ADD CONSTRAINT t_c_fkey FOREIGN KEY (c) REFERENCES SQLUser.known (id)",
        ),
        (
            "ALTER TABLE known ADD COLUMN IF NOT EXISTS a int, ADD COLUMN IF NOT EXISTS z int",
            "ALTER TABLE: ALTER TABLE SQLUser.known ADD COLUMN z INTEGER ~306 \
             | 42701 column \"a\" of relation \"known\" already exists, skipping",
        ),
        (
            "ALTER TABLE known DROP COLUMN IF EXISTS z, DROP a CASCADE",
            "ALTER TABLE: ALTER TABLE SQLUser.known DROP COLUMN a CASCADE \
             | 00000 column \"z\" of relation \"known\" does not exist, skipping",
        ),
        ("ALTER TABLE IF EXISTS gone DROP COLUMN a", "ALTER TABLE: | 00000 relation \"gone\" does not exist, skipping"),
        ("ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE: ALTER TABLE SQLUser.t ALTER COLUMN a RENAME \"b\""),
        ("ALTER TABLE t RENAME TO U", "ALTER TABLE: ALTER TABLE SQLUser.t RENAME \"u\""),
        ("ALTER TABLE t ALTER COLUMN a TYPE bigint", "ALTER TABLE: ALTER TABLE SQLUser.t ALTER COLUMN a BIGINT"),
        (
            "ALTER TABLE t ALTER a SET DATA TYPE varchar(100) USING a::varchar(100)",
            "ALTER TABLE: ALTER TABLE SQLUser.t ALTER COLUMN a VARCHAR(100); \
             ALTER TABLE SQLUser.t ALTER COLUMN a COLLATE %EXACT",
        ),
        (
            "ALTER TABLE known ALTER a SET NOT NULL, ALTER a DROP NOT NULL, ALTER a SET DEFAULT 5, ALTER a DROP DEFAULT",
            "ALTER TABLE: ALTER TABLE SQLUser.known ALTER COLUMN a NOT NULL; \
             ALTER TABLE SQLUser.known ALTER COLUMN a NULL; \
             ALTER TABLE SQLUser.known ALTER COLUMN a SET DEFAULT '5'; \
             ALTER TABLE SQLUser.known ALTER COLUMN a DROP DEFAULT",
        ),
        (
            "ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id), ADD UNIQUE (a)",
            "ALTER TABLE: ALTER TABLE SQLUser.t ADD CONSTRAINT t_pkey PRIMARY KEY (id); \
             ALTER TABLE SQLUser.t ADD CONSTRAINT t_a_key UNIQUE (a)",
        ),
        ("ALTER TABLE known ADD PRIMARY KEY (a)", "42P16 multiple primary keys for table \"known\" are not allowed"),
        (
            "ALTER TABLE known DROP CONSTRAINT known_pkey, ADD PRIMARY KEY (a)",
            "ALTER TABLE: ALTER TABLE SQLUser.known DROP CONSTRAINT known_pkey ~315; \
             ALTER TABLE SQLUser.known ADD CONSTRAINT known_pkey PRIMARY KEY (a)",
        ),
        (
            "ALTER TABLE known ADD UNIQUE (a)",
            "ALTER TABLE: ALTER TABLE SQLUser.known ADD CONSTRAINT known_a_key1 UNIQUE (a)",
        ),
        (
            "ALTER TABLE t DROP CONSTRAINT uq, DROP CONSTRAINT IF EXISTS fk CASCADE",
            "ALTER TABLE: ALTER TABLE SQLUser.t DROP CONSTRAINT uq ~315; ALTER TABLE SQLUser.t DROP CONSTRAINT fk ~315",
        ),
        ("ALTER TABLE t OWNER TO bob", "ALTER TABLE:"),
        ("ALTER TABLE t SET (fillfactor = 70), REPLICA IDENTITY FULL, VALIDATE CONSTRAINT c", "ALTER TABLE: mirror"),
        ("ALTER TABLE t ALTER a SET STATISTICS 100, ALTER a SET STORAGE external", "ALTER TABLE: mirror"),
    ]);
    check_refused(&[
        ("ALTER TABLE t ADD id serial", "0A000", "identity column"),
        ("ALTER TABLE t ALTER a TYPE int USING length(a)", "0A000", "plain cast"),
        ("ALTER TABLE known ALTER at TYPE timestamptz", "0A000", "otherwise than PostgreSQL"),
        ("ALTER TABLE known ALTER at TYPE text", "0A000", "otherwise than PostgreSQL"),
        ("ALTER TABLE known ALTER a TYPE int USING a::int", "0A000", "otherwise than PostgreSQL"),
        ("ALTER TABLE known ALTER a TYPE jsonb USING a::jsonb", "0A000", "otherwise than PostgreSQL"),
        ("ALTER TABLE known ALTER e TYPE text", "0A000", "otherwise than PostgreSQL"),
        ("ALTER TABLE known ADD UNIQUE (e)", "0A000", "a key of type vector"),
        ("CREATE UNIQUE INDEX ON known (e)", "0A000", "a key of type vector"),
        ("CREATE TABLE n (v interval PRIMARY KEY)", "0A000", "a key of type interval"),
        ("CREATE TABLE n (id int, b jsonb, UNIQUE (id, b))", "0A000", "a key of type jsonb"),
        ("CREATE TABLE n (j json UNIQUE)", "42704", "no default operator class"),
        ("CREATE TABLE n (b bpchar)", "0A000", "bpchar without a length"),
        ("CREATE TABLE n (e vector(0))", "22023", "at least 1"),
        ("CREATE TABLE n (b jsonb DEFAULT '{bad')", "22P02", "json"),
        ("ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY", "0A000", "IDENTITY"),
        ("ALTER TABLE t ADD PRIMARY KEY USING INDEX i", "0A000", "existing index"),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "0A000", "row level security"),
        ("ALTER TABLE t SET SCHEMA s", "0A000", "another schema"),
        ("ALTER TABLE t INHERIT u", "0A000", "inheritance"),
        ("ALTER TABLE t DISABLE TRIGGER ALL", "0A000", "DISABLE TRIGGER ALL"),
        ("ALTER TABLE t RENAME CONSTRAINT a TO b", "0A000", "rename a constraint"),
        ("ALTER TABLE t DETACH PARTITION p", "0A000", "partitioned"),
    ]);
}

#[test]
fn create_index() {
    check(&[
        ("CREATE INDEX idx ON t (a)", "CREATE INDEX: CREATE INDEX idx ON SQLUser.t (a)"),
        (
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS Idx ON public.t USING btree \
             (a text_pattern_ops DESC NULLS LAST, b COLLATE \"C\") INCLUDE (c, d) WITH (fillfactor = 70)",
            "CREATE INDEX: CREATE UNIQUE INDEX idx ON SQLUser.t (a, b) WITH DATA (c, d) ~324",
        ),
        ("CREATE INDEX ON t (a, b)", "CREATE INDEX: CREATE INDEX t_a_b_idx ON SQLUser.t (a, b)"),
        ("CREATE INDEX i ON t USING hash (a) WHERE a > 0", "CREATE INDEX: CREATE INDEX i ON SQLUser.t (a)"),
        (
            "CREATE INDEX ON t (lower(a), (b + 1))",
            "CREATE INDEX: mirror | 01000 index t_lower_expr_idx is not made in IRIS: IRIS has no indexes on expressions; \
             queries work without it",
        ),
        (
            "CREATE INDEX i ON t USING gin (a)",
            "CREATE INDEX: mirror | 01000 index i is not made in IRIS: IRIS has no gin indexes; queries work without it",
        ),
        (
            "CREATE INDEX ON items USING hnsw (embedding vector_cosine_ops)",
            "CREATE INDEX: CREATE INDEX items_embedding_idx ON SQLUser.items (embedding) AS HNSW(Distance='Cosine')",
        ),
        (
            "CREATE INDEX i ON items USING hnsw (e vector_ip_ops) WITH (m = 16, ef_construction = '64')",
            "CREATE INDEX: CREATE INDEX i ON SQLUser.items (e) AS HNSW(Distance='DotProduct', M=16, efConstruction=64)",
        ),
        (
            "CREATE INDEX ON known USING hnsw ((e::vector(3)) vector_ip_ops)",
            "CREATE INDEX: CREATE INDEX known_e_idx ON SQLUser.known (e) AS HNSW(Distance='DotProduct')",
        ),
        (
            "CREATE INDEX i ON known USING hnsw ((e::vector(4)) vector_ip_ops)",
            "CREATE INDEX: mirror | 01000 index i is not made in IRIS: IRIS has no indexes on expressions; \
             queries work without it",
        ),
    ]);
    check_refused(&[
        ("CREATE UNIQUE INDEX i ON t (lower(a))", "42P01", "does not exist"),
        ("CREATE UNIQUE INDEX i ON t (a) WHERE b IS NULL", "42P01", "does not exist"),
        ("CREATE UNIQUE INDEX i ON t (a) NULLS NOT DISTINCT", "42P01", "does not exist"),
        ("CREATE UNIQUE INDEX i ON t USING hnsw (a vector_ip_ops)", "0A000", "unique indexes"),
        ("CREATE INDEX i ON t USING hnsw (a vector_l2_ops)", "CREATE INDEX: mirror", "L2"),
        ("CREATE INDEX i ON t USING hnsw (a)", "42704", "no default operator class"),
        ("CREATE INDEX i ON t USING hnsw (a vector_ip_ops) WITH (m = 1)", "22023", "\"m\""),
        ("CREATE INDEX i ON t USING hnsw (a vector_ip_ops) WITH (lists = 1)", "22023", "unrecognized"),
        ("CREATE INDEX i ON t USING ivfflat (a vector_l2_ops) WITH (lists = 100)", "CREATE INDEX: mirror", "ivfflat"),
        ("CREATE INDEX i ON t USING rum (a)", "42704", "access method"),
    ]);
}

#[test]
fn drops() {
    check(&[
        ("DROP TABLE t, s.u", "DROP TABLE: DROP TABLE SQLUser.t; DROP TABLE s.u"),
        (
            "DROP TABLE IF EXISTS gone, known CASCADE",
            "DROP TABLE: DROP TABLE SQLUser.known CASCADE ~30 | 00000 table \"gone\" does not exist, skipping",
        ),
        ("DROP TABLE IF EXISTS gone", "DROP TABLE: | 00000 table \"gone\" does not exist, skipping"),
        ("DROP VIEW v RESTRICT", "DROP VIEW: DROP VIEW SQLUser.v"),
        ("DROP VIEW IF EXISTS v", "DROP VIEW: | 00000 view \"v\" does not exist, skipping"),
        ("DROP INDEX i", "DROP INDEX: DROP INDEX i ON SQLUser.\"known\" ~333"),
        (
            "DROP INDEX CONCURRENTLY IF EXISTS public.i, j",
            "DROP INDEX: DROP INDEX i ON SQLUser.\"known\" ~333; DROP INDEX j ON SQLUser.\"known\" ~333",
        ),
        (
            "TRUNCATE a, ONLY s.b RESTART IDENTITY CASCADE",
            "TRUNCATE TABLE: TRUNCATE TABLE SQLUser.a; TRUNCATE TABLE s.b",
        ),
        ("TRUNCATE a", "TRUNCATE TABLE: DELETE %NOTRIGGER FROM SQLUser.a"),
        ("CREATE SCHEMA IF NOT EXISTS \"drizzle\"", "CREATE SCHEMA: CREATE SCHEMA IF NOT EXISTS \"drizzle\""),
        ("CREATE SCHEMA s AUTHORIZATION bob", "CREATE SCHEMA: CREATE SCHEMA s ~476"),
        ("CREATE SCHEMA IF NOT EXISTS public", "CREATE SCHEMA: | 42P06 schema \"public\" already exists, skipping"),
        (
            "DROP SCHEMA IF EXISTS s, public CASCADE",
            concat!("DROP SCHEMA: DROP SCHEMA IF EXISTS s CASCADE; ", "DROP SCHEMA IF EXISTS SQLUser CASCADE"),
        ),
        (
            "CREATE EXTENSION IF NOT EXISTS vector",
            "CREATE EXTENSION: | 42710 extension \"vector\" already exists, skipping",
        ),
        ("CREATE EXTENSION pgcrypto", "CREATE EXTENSION: mirror"),
        ("DROP EXTENSION vector", "DROP EXTENSION:"),
        ("DROP EXTENSION IF EXISTS postgis", "DROP EXTENSION: mirror"),
        ("DROP TYPE IF EXISTS mood CASCADE", "DROP TYPE: mirror"),
        ("CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE TYPE: mirror"),
        ("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'happy' AFTER 'ok'", "ALTER TYPE: mirror"),
        ("COMMENT ON TABLE t IS 'x'", "COMMENT: mirror | 00000 the comment is not kept in IRIS"),
        (
            "DROP SEQUENCE IF EXISTS s.a, b",
            "DROP SEQUENCE: | 00000 sequence \"a\" does not exist, skipping \
             | 00000 sequence \"b\" does not exist, skipping",
        ),
        ("ALTER VIEW v OWNER TO bob", "ALTER VIEW:"),
        ("SELECT 1", "none"),
    ]);
    check_refused(&[
        ("CREATE SCHEMA pg_x", "42939", "unacceptable"),
        ("CREATE EXTENSION vector", "42710", "already exists"),
        ("DROP FUNCTION IF EXISTS f(int), g", "DROP FUNCTION:", "function \"f\" does not exist"),
        ("DROP TRIGGER IF EXISTS tr ON t", "DROP TRIGGER:", "trigger \"tr\" does not exist"),
        ("CREATE TYPE pair AS (a int, b int)", "0A000", "CREATE TYPE"),
        ("CREATE DOMAIN d AS int", "0A000", "CREATE DOMAIN"),
        ("CREATE SEQUENCE s", "0A000", "no sequences"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1 AS a WITH NO DATA", "0A000", "materialized"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "0A000", "PL/pgSQL"),
        ("CREATE POLICY p ON t", "0A000", "row level security"),
        ("CREATE DATABASE foo", "0A000", "namespace"),
        ("CREATE ROLE bob", "0A000", "user file"),
        ("ALTER SEQUENCE s OWNED BY t.id", "0A000", "no sequences"),
        ("CREATE PUBLICATION p", "0A000", "CREATE PUBLICATION is not supported by IRIS"),
    ]);
}
