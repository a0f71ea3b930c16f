//! What a mirror has that a reading of IRIS does not tell of.

/// Asks for the statements that make the schemas, extensions and enum types of a mirror: one row each, in an order in which
/// they can be run. Those that are there already do no harm, but for types: these come in front of all relations.
pub(crate) const GET_REST: &str = "SELECT made.sql FROM (\
     SELECT 1 AS place, pg_catalog.format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname) AS sql \
     FROM pg_catalog.pg_namespace n WHERE n.oid >= 16384 AND n.nspname !~ '^pg_' \
     UNION ALL SELECT 2, pg_catalog.format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I', e.extname, n.nspname) \
     FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.oid >= 16384 \
     UNION ALL SELECT 3, pg_catalog.format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname, \
     (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder) \
     FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid)) \
     FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
     WHERE t.typtype = 'e' AND t.oid >= 16384) made ORDER BY made.place, made.sql";
