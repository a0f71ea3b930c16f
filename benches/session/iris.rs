//! IRIS as far as the cases need it: replies made beforehand, found by the statement's text once and by its key then.

use std::collections::HashMap;
use std::rc::Rc;

use iris_pgwire::iris::{
    ColumnDescription, IrisStatement, IrisType, ParameterDescription, Reply, Request, StatementMetadata, put_int,
    put_null, put_text,
};

/// Elements of the vectors.
pub const DIMENSIONS: usize = 1_536;
/// Rows of one batch of COPY.
pub const BATCH_ROWS: usize = 1_000;

#[derive(Default)]
pub struct CannedIris {
    replies: HashMap<u64, Rc<Canned>>,
    /// Lent with the reply.
    lent: Option<Rc<Canned>>,
    /// The statement of a case that was asked for last.
    latest: Option<(u64, Rc<Canned>)>,
}

struct Canned {
    metadata: Rc<StatementMetadata>,
    rows: Vec<u8>,
    is_query: bool,
}

impl CannedIris {
    pub fn reply(&mut self, request: &Request) -> Reply<'_> {
        match request {
            Request::Prepare { statement, .. } => Reply::Prepared(Rc::clone(&self.canned(statement, &[]).metadata)),
            Request::Execute { statement, values, sets, .. } => {
                let canned = self.canned(statement, values);
                let metadata = Rc::clone(&canned.metadata);
                if canned.is_query {
                    Reply::Page { metadata, rows: &self.lent.insert(canned).rows, end: true }
                } else {
                    Reply::Updated { metadata, counts: vec![1; *sets] }
                }
            }
            Request::Commit | Request::Rollback => Reply::Done,
            request => panic!("not foreseen here: {request:?}"),
        }
    }

    fn canned(&mut self, statement: &IrisStatement, values: &[u8]) -> Rc<Canned> {
        if let Some((_, canned)) = self.latest.as_ref().filter(|(key, _)| *key == statement.key) {
            return Rc::clone(canned);
        }
        if is_of_catalog(statement) {
            return Rc::new(Canned::new(statement, values));
        }
        let canned = self.replies.entry(statement.key).or_insert_with(|| Rc::new(Canned::new(statement, values)));
        self.latest = Some((statement.key, Rc::clone(canned)));
        Rc::clone(canned)
    }
}

/// What its values are decides what the answer is.
fn is_of_catalog(statement: &IrisStatement) -> bool {
    statement.text.contains("INFORMATION_SCHEMA")
}

impl Canned {
    fn new(statement: &IrisStatement, values: &[u8]) -> Self {
        let text = statement.text.as_str();
        let values = String::from_utf8_lossy(values);
        let mut rows = Vec::new();
        let columns = if text.contains("INFORMATION_SCHEMA.COLUMNS") {
            let columns: &[_] = if values.contains("accounts") {
                &[("aid", "integer", "pg:int4"), ("bid", "integer", "pg:int4"), ("abalance", "integer", "pg:int4")]
            } else {
                &[("id", "integer", "pg:int4"), ("embedding", "vector", "pg:vector(1536)")]
            };
            columns.iter().for_each(|column| put_column(&mut rows, column));
            vec![varchar("x"); 9]
        } else if text.contains("INFORMATION_SCHEMA.INDEXES") {
            put_text(&mut rows, "PKEY");
            put_text(&mut rows, if values.contains("accounts") { "aid" } else { "id" });
            put_int(&mut rows, 1);
            vec![varchar("x"); 3]
        } else if text.starts_with("SELECT TABLE_NAME, DESCRIPTION, TABLE_SCHEMA") {
            let table = if values.contains("accounts") { "pgbench_accounts" } else { "items" };
            [table, "pg:", "SQLUser"].iter().for_each(|cell| put_text(&mut rows, cell));
            vec![varchar("x"); 3]
        } else if is_of_catalog(statement) {
            vec![varchar("x"); 3]
        } else if statement.is_query {
            put_int(&mut rows, 4_711);
            let (name, table) =
                if text.contains("abalance") { ("abalance", "pgbench_accounts") } else { ("id", "items") };
            vec![ColumnDescription {
                name: name.to_owned(),
                iris_type: IrisType::INTEGER,
                label: name.to_owned(),
                table: table.to_owned(),
                schema: "SQLUser".to_owned(),
                ..varchar(name)
            }]
        } else {
            Vec::new()
        };
        let is_vector = text.contains("VECTOR");
        let of = |index: usize| match index {
            0 if is_vector => IrisType::VARCHAR,
            _ => IrisType::INTEGER,
        };
        let parameter = |index| ParameterDescription { iris_type: of(index), precision: 0, scale: 0, nullable: 1 };
        let parameters = (0..statement.kinds.len()).map(parameter).collect();
        let metadata = StatementMetadata { columns, parameters, cacheable: true };
        Self { metadata: Rc::new(metadata), rows, is_query: statement.is_query }
    }
}

fn varchar(name: &str) -> ColumnDescription {
    ColumnDescription {
        name: name.to_owned(),
        iris_type: IrisType::VARCHAR,
        precision: 0,
        scale: 0,
        nullable: 1,
        label: name.to_owned(),
        table: String::new(),
        schema: String::new(),
        auto_increment: false,
        row_id: false,
    }
}

/// A row of INFORMATION_SCHEMA.COLUMNS.
fn put_column(rows: &mut Vec<u8>, (name, data_type, description): &(&str, &str, &str)) {
    put_text(rows, name);
    put_text(rows, data_type);
    for _ in 0..3 {
        put_null(rows);
    }
    put_text(rows, "YES");
    put_text(rows, "NO");
    put_null(rows);
    put_text(rows, description);
}
