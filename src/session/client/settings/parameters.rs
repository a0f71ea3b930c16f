//! The parameters the gateway keeps rules for: names, ranges and defaults of PostgreSQL 17's `pg_settings`, and of
//! pgvector 0.8.

/// What a parameter accepts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Bool,
    /// Inclusive bounds, in the unit.
    Int(i64, i64, Unit),
    /// Inclusive bounds.
    Real(f64, f64),
    Enum(&'static [&'static str]),
    /// Cannot be changed (55P02).
    ReadOnly,
    /// Belongs to the server's start (55P02).
    Restart,
    /// Belongs to the server's configuration file (55P02).
    Reload,
    ApplicationName,
    ClientEncoding,
    DateStyle,
    /// The mirror has the C locale only.
    Locale,
    SearchPath,
    /// `off` would change how statements are read.
    StandardStrings,
    Tablespace,
    TimeZone,
}

/// The unit a number without one is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    Milliseconds,
    Seconds,
    Bytes,
    Kilobytes,
    /// Pages of 8 kB.
    Blocks,
}

pub(super) struct Parameter {
    /// The spelling SHOW and ParameterStatus use.
    pub name: &'static str,
    /// As SHOW prints it, but for numbers with a unit, which stand in the unit.
    pub default: &'static str,
    pub kind: Kind,
    /// GUC_REPORT: clients are told of changes.
    pub is_reported: bool,
    /// Changes what PostgreSQL computes or prints, so the oracle has to know it.
    pub is_evaluated: bool,
}

impl Parameter {
    const fn reported(self) -> Self {
        Self { is_reported: true, ..self }
    }
}

const fn p(name: &'static str, default: &'static str, kind: Kind) -> Parameter {
    Parameter { name, default, kind, is_reported: false, is_evaluated: false }
}

const fn reported(name: &'static str, default: &'static str, kind: Kind) -> Parameter {
    p(name, default, kind).reported()
}

const fn evaluated(name: &'static str, default: &'static str, kind: Kind) -> Parameter {
    Parameter { is_evaluated: true, ..p(name, default, kind) }
}

const ISOLATION: &[&str] = &["serializable", "repeatable read", "read committed", "read uncommitted"];
const LEVELS: &[&str] = &["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"];

/// In alphabetical order, without case. The version and the user are announced by `Settings::new`.
pub(super) const PARAMETERS: &[Parameter] = &[
    reported("application_name", "", Kind::ApplicationName),
    evaluated("array_nulls", "on", Kind::Bool),
    p("backend_flush_after", "0", Kind::Int(0, 256, Unit::Blocks)),
    p("backslash_quote", "safe_encoding", Kind::Enum(&["safe_encoding", "on", "off"])),
    p("block_size", "8192", Kind::ReadOnly),
    evaluated("bytea_output", "hex", Kind::Enum(&["escape", "hex"])),
    p("check_function_bodies", "on", Kind::Bool),
    p("client_connection_check_interval", "0", Kind::Int(0, 2_147_483_647, Unit::Milliseconds)),
    reported("client_encoding", "UTF8", Kind::ClientEncoding),
    p("client_min_messages", "notice", Kind::Enum(LEVELS)),
    p("commit_siblings", "5", Kind::Int(0, 1000, Unit::None)),
    p("cpu_index_tuple_cost", "0.005", Kind::Real(0.0, f64::MAX)),
    p("cpu_operator_cost", "0.0025", Kind::Real(0.0, f64::MAX)),
    p("cpu_tuple_cost", "0.01", Kind::Real(0.0, f64::MAX)),
    p("cursor_tuple_fraction", "0.1", Kind::Real(0.0, 1.0)),
    p("data_checksums", "off", Kind::ReadOnly),
    evaluated("DateStyle", "ISO, MDY", Kind::DateStyle).reported(),
    p("default_statistics_target", "100", Kind::Int(1, 10_000, Unit::None)),
    p("default_table_access_method", "heap", Kind::Enum(&["heap"])),
    p("default_tablespace", "", Kind::Tablespace),
    p("default_transaction_deferrable", "off", Kind::Bool),
    p("default_transaction_isolation", "read committed", Kind::Enum(ISOLATION)),
    reported("default_transaction_read_only", "off", Kind::Bool),
    p("effective_cache_size", "524288", Kind::Int(1, 2_147_483_647, Unit::Blocks)),
    p("effective_io_concurrency", "1", Kind::Int(0, 1000, Unit::None)),
    p("enable_async_append", "on", Kind::Bool),
    p("enable_bitmapscan", "on", Kind::Bool),
    p("enable_gathermerge", "on", Kind::Bool),
    p("enable_group_by_reordering", "on", Kind::Bool),
    p("enable_hashagg", "on", Kind::Bool),
    p("enable_hashjoin", "on", Kind::Bool),
    p("enable_incremental_sort", "on", Kind::Bool),
    p("enable_indexonlyscan", "on", Kind::Bool),
    p("enable_indexscan", "on", Kind::Bool),
    p("enable_material", "on", Kind::Bool),
    p("enable_memoize", "on", Kind::Bool),
    p("enable_mergejoin", "on", Kind::Bool),
    p("enable_nestloop", "on", Kind::Bool),
    p("enable_parallel_append", "on", Kind::Bool),
    p("enable_parallel_hash", "on", Kind::Bool),
    p("enable_partition_pruning", "on", Kind::Bool),
    p("enable_partitionwise_aggregate", "off", Kind::Bool),
    p("enable_partitionwise_join", "off", Kind::Bool),
    p("enable_presorted_aggregate", "on", Kind::Bool),
    p("enable_seqscan", "on", Kind::Bool),
    p("enable_sort", "on", Kind::Bool),
    p("enable_tidscan", "on", Kind::Bool),
    p("escape_string_warning", "on", Kind::Bool),
    evaluated("extra_float_digits", "1", Kind::Int(-15, 3, Unit::None)),
    p("from_collapse_limit", "8", Kind::Int(1, 2_147_483_647, Unit::None)),
    p("geqo", "on", Kind::Bool),
    p("geqo_effort", "5", Kind::Int(1, 10, Unit::None)),
    p("geqo_generations", "0", Kind::Int(0, 2_147_483_647, Unit::None)),
    p("geqo_pool_size", "0", Kind::Int(0, 2_147_483_647, Unit::None)),
    p("geqo_seed", "0", Kind::Real(0.0, 1.0)),
    p("geqo_selection_bias", "2", Kind::Real(1.5, 2.0)),
    p("geqo_threshold", "12", Kind::Int(2, 2_147_483_647, Unit::None)),
    p("gin_fuzzy_search_limit", "0", Kind::Int(0, 2_147_483_647, Unit::None)),
    p("gin_pending_list_limit", "4096", Kind::Int(64, 2_147_483_647, Unit::Kilobytes)),
    p("hash_mem_multiplier", "2", Kind::Real(1.0, 1000.0)),
    p("hnsw.ef_search", "40", Kind::Int(1, 1000, Unit::None)),
    p("hnsw.iterative_scan", "off", Kind::Enum(&["off", "relaxed_order", "strict_order"])),
    p("hnsw.max_scan_tuples", "20000", Kind::Int(1, 2_147_483_647, Unit::None)),
    p("hnsw.scan_mem_multiplier", "1", Kind::Real(1.0, 1000.0)),
    p("idle_in_transaction_session_timeout", "0", Kind::Int(0, 2_147_483_647, Unit::Milliseconds)),
    p("idle_session_timeout", "0", Kind::Int(0, 2_147_483_647, Unit::Milliseconds)),
    reported("in_hot_standby", "off", Kind::ReadOnly),
    reported("integer_datetimes", "on", Kind::ReadOnly),
    evaluated("IntervalStyle", "postgres", Kind::Enum(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]))
        .reported(),
    p("io_combine_limit", "16", Kind::Int(1, 128, Unit::Blocks)),
    reported("is_superuser", "on", Kind::ReadOnly),
    p("ivfflat.iterative_scan", "off", Kind::Enum(&["off", "relaxed_order"])),
    p("ivfflat.max_probes", "32768", Kind::Int(1, 32_768, Unit::None)),
    p("ivfflat.probes", "1", Kind::Int(1, 32_768, Unit::None)),
    p("jit", "on", Kind::Bool),
    p("jit_above_cost", "100000", Kind::Real(-1.0, f64::MAX)),
    p("jit_expressions", "on", Kind::Bool),
    p("jit_inline_above_cost", "500000", Kind::Real(-1.0, f64::MAX)),
    p("jit_optimize_above_cost", "500000", Kind::Real(-1.0, f64::MAX)),
    p("jit_tuple_deforming", "on", Kind::Bool),
    p("join_collapse_limit", "8", Kind::Int(1, 2_147_483_647, Unit::None)),
    p("lc_collate", "C", Kind::ReadOnly),
    p("lc_ctype", "C", Kind::ReadOnly),
    p("lc_messages", "C", Kind::Locale),
    p("lc_monetary", "C", Kind::Locale),
    p("lc_numeric", "C", Kind::Locale),
    p("lc_time", "C", Kind::Locale),
    p("listen_addresses", "*", Kind::Restart),
    p("lock_timeout", "0", Kind::Int(0, 2_147_483_647, Unit::Milliseconds)),
    p("log_min_duration_statement", "-1", Kind::Int(-1, 2_147_483_647, Unit::Milliseconds)),
    p("log_min_messages", "warning", Kind::Enum(LEVELS)),
    p("log_parameter_max_length_on_error", "0", Kind::Int(-1, 1_073_741_823, Unit::Bytes)),
    p("log_statement", "none", Kind::Enum(&["none", "ddl", "mod", "all"])),
    p("logical_decoding_work_mem", "65536", Kind::Int(64, 2_147_483_647, Unit::Kilobytes)),
    p("maintenance_io_concurrency", "10", Kind::Int(0, 1000, Unit::None)),
    p("maintenance_work_mem", "65536", Kind::Int(64, 2_147_483_647, Unit::Kilobytes)),
    p("max_connections", "10000", Kind::Restart),
    p("max_function_args", "100", Kind::ReadOnly),
    p("max_identifier_length", "63", Kind::ReadOnly),
    p("max_index_keys", "32", Kind::ReadOnly),
    p("max_locks_per_transaction", "64", Kind::Restart),
    p("max_parallel_maintenance_workers", "2", Kind::Int(0, 1024, Unit::None)),
    p("max_parallel_workers", "8", Kind::Int(0, 1024, Unit::None)),
    p("max_parallel_workers_per_gather", "2", Kind::Int(0, 1024, Unit::None)),
    p("max_prepared_transactions", "0", Kind::Restart),
    p("max_worker_processes", "8", Kind::Restart),
    p("min_parallel_index_scan_size", "64", Kind::Int(0, 715_827_882, Unit::Blocks)),
    p("min_parallel_table_scan_size", "1024", Kind::Int(0, 715_827_882, Unit::Blocks)),
    p("parallel_leader_participation", "on", Kind::Bool),
    p("parallel_setup_cost", "1000", Kind::Real(0.0, f64::MAX)),
    p("parallel_tuple_cost", "0.1", Kind::Real(0.0, f64::MAX)),
    p("password_encryption", "scram-sha-256", Kind::Enum(&["scram-sha-256"])),
    p("plan_cache_mode", "auto", Kind::Enum(&["auto", "force_generic_plan", "force_custom_plan"])),
    p("plpgsql.check_asserts", "on", Kind::Bool),
    p("plpgsql.print_strict_params", "off", Kind::Bool),
    p("plpgsql.variable_conflict", "error", Kind::Enum(&["error", "use_variable", "use_column"])),
    evaluated("quote_all_identifiers", "off", Kind::Bool),
    p("random_page_cost", "4", Kind::Real(0.0, f64::MAX)),
    p("recursive_worktable_factor", "10", Kind::Real(0.001, 1000000.0)),
    p("row_security", "on", Kind::Bool),
    reported("scram_iterations", "4096", Kind::Int(1, 2_147_483_647, Unit::None)),
    evaluated("search_path", "\"$user\", public", Kind::SearchPath),
    p("segment_size", "1GB", Kind::ReadOnly),
    p("seq_page_cost", "1", Kind::Real(0.0, f64::MAX)),
    reported("server_encoding", "UTF8", Kind::ReadOnly),
    reported("server_version", "", Kind::ReadOnly),
    p("server_version_num", "", Kind::ReadOnly),
    reported("session_authorization", "", Kind::ReadOnly),
    p("session_replication_role", "origin", Kind::Enum(&["origin", "replica", "local"])),
    p("shared_buffers", "128MB", Kind::Restart),
    p("shared_preload_libraries", "", Kind::Restart),
    p("ssl", "off", Kind::Reload),
    reported("standard_conforming_strings", "on", Kind::StandardStrings),
    p("statement_timeout", "0", Kind::Int(0, 2_147_483_647, Unit::Milliseconds)),
    p("stats_fetch_consistency", "cache", Kind::Enum(&["none", "cache", "snapshot"])),
    p("superuser_reserved_connections", "3", Kind::Restart),
    p("synchronize_seqscans", "on", Kind::Bool),
    p("synchronous_commit", "on", Kind::Enum(&["local", "remote_write", "remote_apply", "on", "off"])),
    p("tcp_keepalives_count", "0", Kind::Int(0, 2_147_483_647, Unit::None)),
    p("tcp_keepalives_idle", "0", Kind::Int(0, 2_147_483_647, Unit::Seconds)),
    p("tcp_keepalives_interval", "0", Kind::Int(0, 2_147_483_647, Unit::Seconds)),
    p("tcp_user_timeout", "0", Kind::Int(0, 2_147_483_647, Unit::Milliseconds)),
    p("temp_buffers", "1024", Kind::Int(100, 1_073_741_823, Unit::Blocks)),
    evaluated("TimeZone", "UTC", Kind::TimeZone).reported(),
    p("track_commit_timestamp", "off", Kind::Restart),
    p("transaction_deferrable", "off", Kind::Bool),
    p("transaction_isolation", "read committed", Kind::Enum(ISOLATION)),
    p("transaction_read_only", "off", Kind::Bool),
    p("transaction_timeout", "0", Kind::Int(0, 2_147_483_647, Unit::Milliseconds)),
    evaluated("transform_null_equals", "off", Kind::Bool),
    p("vacuum_buffer_usage_limit", "2048", Kind::Int(0, 16_777_216, Unit::Kilobytes)),
    p("vacuum_cost_limit", "200", Kind::Int(1, 10_000, Unit::None)),
    p("vacuum_cost_page_dirty", "20", Kind::Int(0, 10_000, Unit::None)),
    p("vacuum_cost_page_hit", "1", Kind::Int(0, 10_000, Unit::None)),
    p("vacuum_cost_page_miss", "2", Kind::Int(0, 10_000, Unit::None)),
    p("vacuum_failsafe_age", "1600000000", Kind::Int(0, 2_100_000_000, Unit::None)),
    p("vacuum_freeze_min_age", "50000000", Kind::Int(0, 1_000_000_000, Unit::None)),
    p("vacuum_freeze_table_age", "150000000", Kind::Int(0, 2_000_000_000, Unit::None)),
    p("vacuum_multixact_failsafe_age", "1600000000", Kind::Int(0, 2_100_000_000, Unit::None)),
    p("vacuum_multixact_freeze_min_age", "5000000", Kind::Int(0, 1_000_000_000, Unit::None)),
    p("vacuum_multixact_freeze_table_age", "150000000", Kind::Int(0, 2_000_000_000, Unit::None)),
    p("wal_block_size", "8192", Kind::ReadOnly),
    p("wal_level", "replica", Kind::Restart),
    p("wal_skip_threshold", "2048", Kind::Int(0, 2_147_483_647, Unit::Kilobytes)),
    p("work_mem", "4096", Kind::Int(64, 2_147_483_647, Unit::Kilobytes)),
    evaluated("xmlbinary", "base64", Kind::Enum(&["base64", "hex"])),
    evaluated("xmloption", "content", Kind::Enum(&["content", "document"])),
];

/// The first parts of names that belong to an extension: what it has not defined does not exist
/// (`MarkGUCPrefixReserved`). `pgwire` is the gateway's own.
pub(super) const RESERVED_PREFIXES: &[&str] = &["hnsw", "ivfflat", "pgwire", "plpgsql"];

pub(super) fn find(key: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_unique() {
        for pair in PARAMETERS.windows(2) {
            assert!(pair[0].name.to_lowercase() < pair[1].name.to_lowercase(), "{}", pair[1].name);
        }
    }
}
