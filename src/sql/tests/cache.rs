//! The translation cache.

use super::{Tables, Template, try_translate};
use crate::sql::TranslationCache;

fn template(sql: &str) -> Template {
    let mut template = Template::default();
    template.scan(sql).unwrap();
    template
}

fn insert(cache: &mut TranslationCache, sql: &str) {
    cache.insert(&template(sql), 1, try_translate(sql, &Tables::default()).unwrap());
}

#[test]
fn other_literals_find_the_same_translation() {
    let mut cache: TranslationCache = TranslationCache::new(10);
    insert(&mut cache, "SELECT a FROM t WHERE id = 1 AND b = 'x' LIMIT 5");
    let first = cache.get(&template("SELECT a FROM t WHERE id = 1 AND b = 'x' LIMIT 5"), 1).unwrap();
    let second = cache.get(&template("SELECT a FROM t WHERE id = 42 AND b = 'it''s' LIMIT 7"), 1).unwrap();
    assert!(std::rc::Rc::ptr_eq(&first, &second));
    assert!(cache.get(&template("SELECT a FROM t WHERE id = 3000000000 AND b = 'x' LIMIT 5"), 1).is_none());
}

#[test]
fn literals_a_rule_read_are_part_of_the_key() {
    let mut cache: TranslationCache = TranslationCache::new(10);
    let cases = [
        ("SELECT now() - interval '1 day'", "SELECT now() - interval '2 days'"),
        ("SELECT a FROM t ORDER BY 1", "SELECT a FROM t ORDER BY 2"),
        ("SELECT a::numeric(10,2) FROM t", "SELECT a::numeric(10,3) FROM t"),
        ("SELECT date_trunc('day', a) FROM t", "SELECT date_trunc('week', a) FROM t"),
        ("SELECT a FROM t WHERE a ~ '^x'", "SELECT a FROM t WHERE a ~ 'x'"),
        ("SELECT a FROM t WHERE a = ANY('{1,2}')", "SELECT a FROM t WHERE a = ANY('{1,3}')"),
        ("SELECT current_setting('a')", "SELECT current_setting('b')"),
        ("SELECT a + 1 FROM t GROUP BY a + 1", "SELECT a + 2 FROM t GROUP BY a + 2"),
        ("SELECT %ID FROM t WHERE a = 1", "SELECT %ID FROM t WHERE a = 2"),
        ("SELECT extract('year' FROM a) FROM t", "SELECT extract('month' FROM a) FROM t"),
    ];
    for (kept, other) in cases {
        insert(&mut cache, kept);
        assert!(cache.get(&template(kept), 1).is_some(), "{kept}");
        assert!(cache.get(&template(other), 1).is_none(), "{other}");
    }
}

#[test]
fn a_new_epoch_empties_it() {
    let mut cache: TranslationCache = TranslationCache::new(10);
    insert(&mut cache, "SELECT a FROM t");
    assert!(cache.get(&template("SELECT a FROM t"), 2).is_none());
    assert!(cache.is_empty());
}

#[test]
fn what_is_forgotten_is_not_found() {
    let mut cache: TranslationCache = TranslationCache::new(10);
    insert(&mut cache, "SELECT date_trunc('day', a) FROM t");
    insert(&mut cache, "SELECT date_trunc('week', a) FROM t");
    cache.forget(&template("SELECT date_trunc('day', a) FROM t"));
    assert!(cache.get(&template("SELECT date_trunc('day', a) FROM t"), 1).is_none());
    assert!(cache.get(&template("SELECT date_trunc('week', a) FROM t"), 1).is_some());
}

#[test]
fn the_bound_holds_and_the_used_stay() {
    let mut cache: TranslationCache = TranslationCache::new(8);
    insert(&mut cache, "SELECT used FROM t");
    for n in 0..100 {
        insert(&mut cache, &format!("SELECT a{n} FROM t"));
        assert!(cache.len() <= 8);
        assert!(cache.get(&template("SELECT used FROM t"), 1).is_some(), "after {n}");
    }
    assert!(cache.get(&template("SELECT a0 FROM t"), 1).is_none());
}

#[test]
fn variants_of_a_template_are_bounded() {
    let mut cache: TranslationCache = TranslationCache::new(8);
    for n in 1..100 {
        insert(&mut cache, &format!("SELECT now() - interval '{n} days'"));
    }
    assert!(cache.get(&template("SELECT now() - interval '99 days'"), 1).is_some());
    assert!(cache.get(&template("SELECT now() - interval '1 days'"), 1).is_none());
    assert_eq!(cache.len(), 1);
}

#[test]
fn literals_that_a_text_cannot_hold_are_told_apart_from_those_it_can() {
    for sql in [
        "SELECT name || 'x' FROM known GROUP BY name || 'x'",
        "SELECT name || E'\\n' FROM known GROUP BY name || E'\\n'",
    ] {
        assert_eq!(try_translate(sql, &super::tables()).unwrap().pinned, [0, 1], "{sql}");
    }
}
