//! Functions by what they do to a cut: those that a cut must not move, and those that it cannot serve.

/// Aggregates, window functions and functions that return sets (`pg_proc.prokind`, `proretset` of PostgreSQL 18 and
/// pgvector): with one of these in its select list, a query has not one row for each row of its table. Sorted.
#[rustfmt::skip]
const MANY_ROWS: &[&str] = &[
    "any_value", "array_agg", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "corr", "count",
    "covar_pop", "covar_samp", "cume_dist", "dense_rank", "every", "first_value", "generate_series",
    "generate_subscripts", "json_agg", "json_agg_strict", "json_array_elements", "json_array_elements_text",
    "json_arrayagg", "json_each", "json_each_text", "json_object_agg", "json_object_agg_strict",
    "json_object_agg_unique", "json_object_agg_unique_strict", "json_object_keys", "json_objectagg",
    "json_populate_recordset", "json_to_recordset", "jsonb_agg", "jsonb_agg_strict", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_each", "jsonb_each_text", "jsonb_object_agg", "jsonb_object_agg_strict",
    "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict", "jsonb_object_keys", "jsonb_path_query",
    "jsonb_path_query_tz", "jsonb_populate_recordset", "jsonb_to_recordset", "lag", "last_value", "lead", "max", "min",
    "mode", "nth_value", "ntile", "percent_rank", "percentile_cont", "percentile_disc", "range_agg",
    "range_intersect_agg", "rank", "regexp_matches", "regexp_split_to_table", "regr_avgx", "regr_avgy", "regr_count",
    "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "row_number", "stddev",
    "stddev_pop", "stddev_samp", "string_agg", "string_to_table", "sum", "ts_debug", "ts_parse", "ts_stat",
    "ts_token_type", "txid_snapshot_xip", "unnest", "var_pop", "var_samp", "variance", "xmlagg",
];

/// Functions that run a query or read a table that their arguments name: they would see the tables of the oracle, which
/// have no rows. Sorted.
#[rustfmt::skip]
const READERS: &[&str] = &[
    "cursor_to_xml", "cursor_to_xmlschema", "database_to_xml", "database_to_xml_and_xmlschema", "database_to_xmlschema",
    "query_to_xml", "query_to_xml_and_xmlschema", "query_to_xmlschema", "schema_to_xml", "schema_to_xml_and_xmlschema",
    "schema_to_xmlschema", "table_to_xml", "table_to_xml_and_xmlschema", "table_to_xmlschema", "ts_rewrite", "ts_stat",
];

/// Whether a call of it makes more or fewer rows of those of a table, or may.
pub(super) fn changes_rows(name: &str) -> bool {
    MANY_ROWS.binary_search(&name).is_ok() || name.starts_with("pg_")
}

pub(super) fn reads_tables(name: &str, arguments_count: usize) -> bool {
    // `ts_rewrite(query, target, substitute)` is given what `ts_rewrite(query, 'select ..')` reads.
    let is_given = name == "ts_rewrite" && arguments_count == 3;
    !is_given && READERS.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_is_rewritten_by_what_it_is_given_reads_nothing() {
        assert!(reads_tables("ts_rewrite", 2) && !reads_tables("ts_rewrite", 3) && reads_tables("ts_stat", 1));
    }

    #[test]
    fn lists_are_sorted() {
        for list in [MANY_ROWS, READERS] {
            assert!(list.is_sorted());
        }
    }
}
