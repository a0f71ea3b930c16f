//! Who answers a query: IRIS, which has the rows, or the oracle, which knows everything else about PostgreSQL. Decided
//! by the relations and functions the query names, never by its text.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::beyond_mirror;
use super::context::Result;
use crate::sql::plan::{CatalogQuery, SetConfig};
use crate::sql::schema::RelationName;
use crate::sql::syntax::equalities::named_values;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, arguments};
use crate::sql::syntax::with::is_with_table;
use crate::sql::translate::context::cx::Cx;
use crate::types::Oid;

/// Functions whose effect or knowledge is the session's: the oracle would answer for itself, and forget.
const SESSION_FUNCTIONS: &[&str] = &["pg_notify", "nextval", "currval", "setval", "lastval"];

/// Functions of IRIS's own that PostgreSQL has not, or has with another meaning.
#[rustfmt::skip]
const IRIS_FUNCTIONS: &[&str] = &[
    "to_vector", "vector_cosine", "vector_dot_product", "dateadd", "datediff", "datepart", "datename", "datetrunc",
    "convert", "getdate", "getutcdate", "sysdate", "ifnull", "nvl", "isnull", "iif", "instr", "charindex", "stuff",
    "sqlupper", "exact", "string", "stringget", "tochar", "todate", "embedding", "listbuild", "listtostring",
];

/// Functions that read the session's settings by name, whatever settings there are.
const SETTING_READERS: &[&str] = &["current_setting", "pg_show_all_settings"];

/// Tables and views of the schema pg_catalog (PostgreSQL manual, "System Catalogs" and "System Views"; 17 and 18), and
/// the gateway's own view of its counters. Any other `pg_..` may be a table of the user's. Sorted.
#[rustfmt::skip]
const CATALOG_RELATIONS: &[&str] = &[
    "pg_aggregate", "pg_aios", "pg_am", "pg_amop", "pg_amproc", "pg_attrdef", "pg_attribute", "pg_auth_members",
    "pg_authid", "pg_available_extension_versions", "pg_available_extensions", "pg_backend_memory_contexts",
    "pg_cast", "pg_class", "pg_collation", "pg_config", "pg_constraint", "pg_conversion", "pg_cursors",
    "pg_database", "pg_db_role_setting", "pg_default_acl", "pg_depend", "pg_description", "pg_enum",
    "pg_event_trigger", "pg_extension", "pg_file_settings", "pg_foreign_data_wrapper", "pg_foreign_server",
    "pg_foreign_table", "pg_group", "pg_hba_file_rules", "pg_ident_file_mappings", "pg_index", "pg_indexes",
    "pg_inherits", "pg_init_privs", "pg_language", "pg_largeobject", "pg_largeobject_metadata", "pg_locks",
    "pg_matviews", "pg_namespace", "pg_opclass", "pg_operator", "pg_opfamily", "pg_parameter_acl",
    "pg_partitioned_table", "pg_policies", "pg_policy", "pg_prepared_statements", "pg_prepared_xacts", "pg_proc",
    "pg_publication", "pg_publication_namespace", "pg_publication_rel", "pg_publication_tables", "pg_range",
    "pg_replication_origin", "pg_replication_origin_status", "pg_replication_slots", "pg_rewrite", "pg_roles",
    "pg_rules", "pg_seclabel", "pg_seclabels", "pg_sequence", "pg_sequences", "pg_settings", "pg_shadow",
    "pg_shdepend", "pg_shdescription", "pg_shmem_allocations", "pg_shmem_allocations_numa", "pg_shseclabel",
    "pg_stat_activity", "pg_stat_all_indexes", "pg_stat_all_tables", "pg_stat_archiver", "pg_stat_bgwriter",
    "pg_stat_checkpointer", "pg_stat_database", "pg_stat_database_conflicts", "pg_stat_gssapi", "pg_stat_io",
    "pg_stat_progress_analyze", "pg_stat_progress_basebackup", "pg_stat_progress_cluster", "pg_stat_progress_copy",
    "pg_stat_progress_create_index", "pg_stat_progress_vacuum", "pg_stat_recovery_prefetch", "pg_stat_replication",
    "pg_stat_replication_slots", "pg_stat_slru", "pg_stat_ssl", "pg_stat_subscription",
    "pg_stat_subscription_stats", "pg_stat_sys_indexes", "pg_stat_sys_tables", "pg_stat_user_functions",
    "pg_stat_user_indexes", "pg_stat_user_tables", "pg_stat_wal", "pg_stat_wal_receiver", "pg_stat_xact_all_tables",
    "pg_stat_xact_sys_tables", "pg_stat_xact_user_functions", "pg_stat_xact_user_tables", "pg_statio_all_indexes",
    "pg_statio_all_sequences", "pg_statio_all_tables", "pg_statio_sys_indexes", "pg_statio_sys_sequences",
    "pg_statio_sys_tables", "pg_statio_user_indexes", "pg_statio_user_sequences", "pg_statio_user_tables",
    "pg_statistic", "pg_statistic_ext", "pg_statistic_ext_data", "pg_stats", "pg_stats_ext", "pg_stats_ext_exprs",
    "pg_subscription", "pg_subscription_rel", "pg_tables", "pg_tablespace", "pg_timezone_abbrevs",
    "pg_timezone_names", "pg_transform", "pg_trigger", "pg_ts_config", "pg_ts_config_map", "pg_ts_dict",
    "pg_ts_parser", "pg_ts_template", "pg_type", "pg_user", "pg_user_mapping", "pg_user_mappings", "pg_views",
    "pg_wait_events", "pgwire_counters",
];

/// What a query reads and calls.
#[derive(Debug, Default)]
struct Seen {
    asks: CatalogQuery,
    reads_catalogs: bool,
    /// Others than catalogs and tables of its own WITH.
    reads_tables: bool,
    sets_settings: bool,
    calls_alone: bool,
}

impl Cx<'_> {
    /// What the oracle has to know of a query that it is to answer; `None`: IRIS is asked.
    ///
    /// # Errors
    /// 0A000 for a function that the oracle has and cannot answer for.
    pub(super) fn catalog_query(&self, query: &SyntaxNode) -> Result<Option<CatalogQuery>> {
        if !self.options.has_oracle {
            return Ok(None);
        }
        let Some(seen) = self.seen_by_oracle(query)? else { return Ok(None) };
        if seen.reads_tables {
            return Ok(None);
        }
        // By itself set_config is carried out here; among the rows of a catalog PostgreSQL does it for the length of the
        // question, and the session does it again.
        let reads_rows =
            seen.reads_catalogs || seen.calls_alone && query.children().any(|c| c.kind() == SyntaxKind::FROM_CLAUSE);
        Ok((reads_rows || !(seen.sets_settings || is_plain_constants(query))).then_some(seen.asks))
    }

    /// What the oracle has to know of a query that it is to finish; `None`: it is not for the oracle.
    pub(in crate::sql) fn asks_of_oracle(&self, query: &SyntaxNode) -> Option<CatalogQuery> {
        let seen = self.seen_by_oracle(query).ok().flatten()?;
        // Where sequences stand is asked for a question of its own.
        (self.options.has_oracle && !seen.sets_settings && !seen.asks.reads_sequences).then_some(seen.asks)
    }

    /// What a query reads and calls; `None` where it does what is not for the oracle.
    fn seen_by_oracle(&self, query: &SyntaxNode) -> Result<Option<Seen>> {
        let mut seen = Seen::default();
        for node in query.descendants() {
            match node.kind() {
                SyntaxKind::RELATION_NAME_REF => {
                    let parts = names::folded_parts(&node);
                    match parts.as_slice() {
                        _ if is_with_table(&node) => {}
                        parts if self.is_catalog_relation(parts) => {
                            seen.reads_catalogs = true;
                            match parts.last().map(String::as_str) {
                                Some("pg_sequences") => seen.asks.reads_sequences = true,
                                Some("pg_class") => seen.asks.reads_relations = true,
                                Some("pg_stat_activity") => seen.asks.reads_activity = true,
                                Some("pg_settings") => seen.asks.reads_settings = true,
                                Some("pgwire_counters") => seen.asks.reads_counters = true,
                                Some("pg_cursors" | "pg_prepared_statements") => seen.asks.reads_session = true,
                                _ => {}
                            }
                        }
                        parts if self.is_sequence(parts) => {
                            seen.reads_catalogs = true;
                            seen.asks.reads_sequences = true;
                        }
                        _ => seen.reads_tables = true,
                    }
                }
                SyntaxKind::CALL_EXPR => {
                    // EXISTS, EXTRACT and the like are no names.
                    let called =
                        |name: &SyntaxNode| matches!(name.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
                    let name = node.first_child().filter(called);
                    let parts = name.map(|name| names::parts(&name)).unwrap_or_default();
                    let parts: Vec<String> = parts.iter().map(|part| names::folded(part)).collect();
                    let name = match parts.as_slice() {
                        [name] => name.as_str(),
                        [schema, name] if matches!(schema.as_str(), "pg_catalog" | "information_schema") => name,
                        [] => continue,
                        _ => return Ok(None),
                    };
                    if let Some(error) = beyond_mirror::refusal(name, arguments(&node).len()) {
                        let at = usize::from(node.text_range().start());
                        return Err(Box::new(error).position(nodes::offset(at)));
                    }
                    if name.starts_with("pg_advisory_")
                        || name.starts_with("pg_try_advisory_")
                        || SESSION_FUNCTIONS.contains(&name)
                        || IRIS_FUNCTIONS.contains(&name)
                    {
                        return Ok(None);
                    }
                    seen.asks.reads_settings |= SETTING_READERS.contains(&name);
                    seen.asks.reads_session |= name == "pg_listening_channels";
                    seen.asks.reads_sequences |= name == "pg_sequence_last_value";
                    seen.sets_settings |= name == "set_config";
                    // `FROM pg_show_all_settings()`.
                    seen.calls_alone |= name != "set_config";
                }
                SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE => {
                    return Ok(None);
                }
                _ => {}
            }
        }
        Ok(Some(seen))
    }

    /// The calls of `set_config` of a query that the oracle answers.
    ///
    /// # Errors
    /// 0A000 for one that is not done exactly once for each row of the result, or whose arguments are not known.
    pub(super) fn set_configs(&self, query: &SyntaxNode) -> Result<Vec<SetConfig>> {
        let is_set_config = |node: &SyntaxNode| {
            node.kind() == SyntaxKind::CALL_EXPR
                && node
                    .first_child()
                    .and_then(|name| names::parts(&name).pop())
                    .is_some_and(|name| names::folded(&name) == "set_config")
        };
        let all = query.descendants().filter(|node| is_set_config(node)).count();
        if all == 0 {
            return Ok(Vec::new());
        }
        let targets = nodes::child(query, SyntaxKind::SELECT_CLAUSE)
            .map(|clause| nodes::grandchildren(&clause, SyntaxKind::TARGET_LIST, SyntaxKind::TARGET))
            .unwrap_or_default();
        let calls: Vec<SyntaxNode> =
            targets.iter().filter_map(|target| target.first_child().filter(is_set_config)).collect();
        let is_plain = query.kind() == SyntaxKind::SELECT
            && query.children().all(|part| {
                matches!(part.kind(), SyntaxKind::SELECT_CLAUSE | SyntaxKind::FROM_CLAUSE | SyntaxKind::WHERE_CLAUSE)
            })
            && calls.len() == all;
        let at = query.text_range().start().into();
        let unknown = || {
            self.unsupported(
                "set_config() is carried out for the session where it stands by itself in a select list only",
                at,
            )
            .hint("Use SET, or SELECT set_config(..) without FROM.")
        };
        if !is_plain {
            return Err(unknown());
        }
        let condition = nodes::child(query, SyntaxKind::WHERE_CLAUSE).and_then(|clause| clause.first_child());
        let held = condition.map(|condition| named_values(&condition)).unwrap_or_default();
        calls
            .iter()
            .map(|call| {
                let arguments = arguments(call);
                let [name, value, local] = arguments.as_slice() else { return Err(unknown()) };
                // `SELECT set_config(name, ..) FROM pg_settings WHERE name = '..'`.
                let is_column = matches!(name.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
                let same = |column: &SyntaxNode| nodes::plain_text(column) == nodes::plain_text(name);
                let held = held.iter().find(|(column, _)| is_column && same(column)).map(|(_, value)| value);
                let name = self.given(held.unwrap_or(name), Oid::TEXT)?.ok_or_else(unknown)?;
                let value = self.given(value, Oid::TEXT)?.ok_or_else(unknown)?;
                let local = self.given(local, Oid::BOOL)?.ok_or_else(unknown)?;
                Ok(SetConfig { name, value, local })
            })
            .collect()
    }

    /// Folded name parts of a sequence that is kept.
    fn is_sequence(&self, parts: &[String]) -> bool {
        match parts {
            [name] if self.options.search_path.is_empty() => self.schema.has_sequence("public", name),
            [name] => self.options.search_path.iter().any(|schema| self.schema.has_sequence(schema, name)),
            [schema, name] | [_, schema, name] => self.schema.has_sequence(schema, name),
            _ => false,
        }
    }

    /// Folded name parts: relations of the system schemas, and those that PostgreSQL finds there without a schema.
    pub(in crate::sql) fn is_catalog_relation(&self, parts: &[String]) -> bool {
        match parts {
            [name] if CATALOG_RELATIONS.binary_search(&name.as_str()).is_ok() => true,
            [name] => {
                let lookup = RelationName { schema: None, name: name.clone() };
                name.starts_with("pg_") && self.known(&lookup).is_none()
            }
            [schema, _] | [_, schema, _] => {
                matches!(schema.as_str(), "pg_catalog" | "information_schema" | "pg_toast")
            }
            _ => false,
        }
    }
}

/// `SELECT 1`, `SELECT 'x' AS y`, `SELECT NULL`: what health checks and benchmarks send. IRIS answers them, so that
/// they say something about IRIS, and cost the oracle nothing.
pub(super) fn is_plain_constants(query: &SyntaxNode) -> bool {
    if query.kind() != SyntaxKind::SELECT {
        return false;
    }
    let plain = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::SELECT_CLAUSE | SyntaxKind::LIMIT_CLAUSE);
    let Some(clause) = nodes::child(query, SyntaxKind::SELECT_CLAUSE) else { return false };
    let Some(list) = nodes::child(&clause, SyntaxKind::TARGET_LIST) else { return false };
    query.children().all(|node| plain(&node))
        && nodes::children(&list, SyntaxKind::TARGET).all(|target| {
            target.children().all(|part| match part.kind() {
                SyntaxKind::LITERAL | SyntaxKind::AS_NAME => true,
                SyntaxKind::PREFIX_EXPR => part.children().all(|inner| inner.kind() == SyntaxKind::LITERAL),
                _ => false,
            })
        })
}
