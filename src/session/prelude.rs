//! What the oracle must know of a session before it can answer for it.

use std::fmt::Write as _;

use crate::catalog::{quoted, quoted_name};
use crate::sql::CatalogQuery;

use super::client::Client;
use super::context::ShardContext;

/// Settings that change how PostgreSQL evaluates and prints.
const EVALUATION: &[&str] =
    &["search_path", "datestyle", "timezone", "intervalstyle", "bytea_output", "extra_float_digits"];

pub fn write(client: &Client, query: CatalogQuery, context: &ShardContext) -> String {
    let mut prelude = String::from("BEGIN READ ONLY; SET LOCAL SESSION AUTHORIZATION ");
    prelude.push_str(&quoted_name(&client.user));
    let mut settings = String::new();
    for name in EVALUATION {
        if let Ok(value) = client.settings.show(name) {
            set(&mut settings, name, value);
        }
    }
    let _ = (query, context);
    prelude.push_str(&settings);
    prelude
}

fn set(settings: &mut String, name: &str, value: &str) {
    settings.push_str(if settings.is_empty() { "; SELECT " } else { ", " });
    // Writing into a String does not fail.
    let _ = write!(settings, "pg_catalog.set_config({}, {}, true)", quoted(name), quoted(value));
}
