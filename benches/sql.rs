//! What translation costs per statement: the scan and the cache hit that every execution pays, and the parse and the
//! rules that only the first of a template pays.

use std::cell::Cell;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use iris_pgwire::parts::sql::{NoSchema, Template, TranslateOptions, TranslationCache, split, translate};

const STATEMENTS: &[(&str, &str)] = &[
    ("pgbench_select", "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;"),
    ("pgbench_update", "UPDATE pgbench_accounts SET abalance = abalance + -1234 WHERE aid = 4711;"),
    (
        "pgbench_insert",
        "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (7, 1, 4711, -1234, CURRENT_TIMESTAMP);",
    ),
    (
        "vector_search",
        "SELECT id, title FROM docs WHERE tenant = 'acme' ORDER BY embedding <=> '[0.1,0.2,0.3,0.4]' LIMIT 5",
    ),
    (
        "orm_join",
        "SELECT \"t0\".\"id\", \"t0\".\"name\", count(*) AS \"orders\" FROM \"public\".\"customers\" AS \"t0\" LEFT JOIN \
         \"public\".\"orders\" AS \"t1\" ON \"t1\".\"customer_id\" = \"t0\".\"id\" WHERE \"t0\".\"active\" = true AND \
         \"t1\".\"placed_at\" >= now() - interval '7 days' GROUP BY \"t0\".\"id\", \"t0\".\"name\" ORDER BY \"orders\" DESC \
         LIMIT 20 OFFSET 40",
    ),
];

fn scan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scan");
    for (name, sql) in STATEMENTS {
        let mut template = Template::default();
        group.bench_function(*name, |bench| bench.iter(|| template.scan(black_box(sql)).is_ok()));
    }
    group.finish();
}

fn split_and_scan_and_hit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cache_hit");
    for (name, sql) in STATEMENTS {
        let mut template = Template::default();
        let mut cache: TranslationCache = TranslationCache::new(1024);
        if let (Ok(()), Ok(translated)) = (template.scan(sql), translate_one(sql, &template)) {
            cache.insert(&template, 1, translated);
        }
        group.bench_function(*name, |bench| {
            bench.iter(|| {
                let mut hits = 0;
                for statement in split(black_box(sql)) {
                    hits += usize::from(template.scan(statement).is_ok() && cache.get(&template, 1).is_some());
                }
                assert_eq!(hits, 1);
            });
        });
    }
    group.finish();
}

fn cold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("translate");
    for (name, sql) in STATEMENTS {
        let mut template = Template::default();
        let _ = template.scan(sql);
        group.bench_function(*name, |bench| bench.iter(|| translate_one(black_box(sql), &template).is_ok()));
    }
    group.finish();
}

fn translate_one(
    sql: &str,
    template: &Template,
) -> Result<iris_pgwire::parts::sql::Translated, iris_pgwire::parts::sql::TranslateError> {
    let keys = Cell::new(0);
    translate(sql, template, &NoSchema, &TranslateOptions::new("SQLUser", &keys))
}

criterion_group!(benches, scan, split_and_scan_and_hit, cold);
criterion_main!(benches);
