# Sourced after env.sh by scripts that compare two servers over the sample schema of tests/corpus.

# Sets REFERENCE16_PORT to a PostgreSQL 16 with pgvector, started here unless it is set. The gateway is a PostgreSQL
# 17.5: closer to 16 than to 18, which made constraints of NOT NULL.
reference_16() {
    [ -z "${REFERENCE16_PORT:-}" ] || return 0
    REFERENCE_RUN="$(mktemp -d)"
    chmod 711 "$REFERENCE_RUN"
    trap stop_reference_16 EXIT
    REFERENCE16_PORT="$(REFERENCE_MAJOR=16 "$ROOT/tests/lib/postgres.sh" start "$REFERENCE_RUN/pg")"
    export REFERENCE16_PORT
}

# For the trap of a script that sets one of its own.
stop_reference_16() {
    [ -z "${REFERENCE_RUN:-}" ] || { "$ROOT/tests/lib/postgres.sh" stop "$REFERENCE_RUN/pg"; rm -rf "$REFERENCE_RUN"; }
}

# The sample schema without its function: IRIS runs no SQL functions of PostgreSQL. CREATE EXTENSION comes first.
sample_schema() {
    printf 'SET client_min_messages = warning;\n'
    sed -e '/^CREATE FUNCTION/,/\$\$;$/d' "$ROOT/tests/corpus/schema.sql"
}

drop_sample_schema() {
    cat <<'SQL'
SET client_min_messages = warning;
DROP VIEW IF EXISTS public.active_customers;
DROP TABLE IF EXISTS sales.invoices;
DROP SCHEMA IF EXISTS sales;
DROP TABLE IF EXISTS public.docs;
DROP TABLE IF EXISTS public.orders;
DROP TABLE IF EXISTS public.customers;
SQL
}

# load_sample PORT: makes the sample schema new on the server at PORT, as user PGUSER of database PGDATABASE.
load_sample() {
    { drop_sample_schema; sample_schema; } | timeout 120 psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$1" >&2
}

drop_sample() {
    drop_sample_schema | timeout 60 psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$1" >&2
}
