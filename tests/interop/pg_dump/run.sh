#!/usr/bin/env bash
# pg_dump of 15 (the machine's) and 18 (PostgreSQL 18's), --schema-only, of the sample schema on the server in PGHOST,
# PGPORT, PGUSER, PGPASSWORD, PGDATABASE: it loads into a PostgreSQL, and the dump of that is the same. The second
# server is a PostgreSQL 18 with pgvector on REFERENCE_PORT when set, else one started here.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
. "$ROOT/tests/lib/sample.sh"
work="$(mktemp -d)"
chmod 711 "$work"
trap '"$ROOT/tests/lib/postgres.sh" stop "$work/pg"; rm -rf "$work"' EXIT
if [ -z "${REFERENCE_PORT:-}" ]; then
    REFERENCE_PORT="$("$ROOT/tests/lib/postgres.sh" start "$work/pg")"
fi
newest="$("$ROOT/tests/lib/postgres.sh" binaries)"
passed=0
failed=0
ok() { printf 'ok   %s\n' "$1"; passed=$((passed + 1)); }
fail() { printf 'FAIL %s\n' "$1"; failed=$((failed + 1)); }
close() {
    printf '%s passed, %s failed\n' "$passed" "$failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}

# What two dumps of one schema may differ in:
# - comments, which name versions, owners and dates;
# - settings of the session that only some versions know;
# - \restrict, whose key is random;
# - owners: the gateway's mirror has one of its own naming;
# - the comment of the extension, which belongs to pgvector's version;
# - the casts of a CHECK's list, which PostgreSQL writes otherwise once it has read its own text.
normal() {
    sed -E -e '/^--/d' -e '/^SET (transaction_timeout|default_table_access_method)/d' -e '/^\\(un)?restrict /d' \
        -e '/^COMMENT ON EXTENSION/d' -e 's/ OWNER TO .*;/ OWNER TO OWNER;/' -e 's/^(CREATE SCHEMA sales).*/\1;/' -e '/^$/d' \
        -e '/orders_status_check/{s/::text(\[\])?//g; s/[()]//g}' "$1"
}

reference() { PGHOST=127.0.0.1 PGPORT="$REFERENCE_PORT" "$@"; }

# compare NAME FILE FILE
compare() {
    if diff -u <(normal "$2") <(normal "$3") >"$work/diff"; then
        ok "$1"
    else
        fail "$1"
        head -n 60 "$work/diff"
    fi
}

if ! load_sample "$PGPORT"; then
    fail "the sample schema"
    close
    exit
fi
# The schema as a PostgreSQL has it that was given the same statements.
reference psql -X -q -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS original' -c 'CREATE DATABASE original'
sample_schema | PGDATABASE=original reference psql -X -q -v ON_ERROR_STOP=1 >/dev/null

for program in "$(command -v pg_dump || true)" "$newest/pg_dump"; do
    [ -n "$program" ] || continue
    version="$("$program" --version | grep -oE '[0-9]+' | head -n 1)"
    name="pg_dump $version"
    if [ "$version" -lt 17 ]; then
        # An older pg_dump refuses a newer server: it is told by the version, before it asks for anything.
        server="$(timeout 30 psql -X -At -c 'SHOW server_version_num')"
        if timeout 60 "$program" --schema-only >"$work/out.sql" 2>"$work/error"; then
            ok "$name dumps"
        elif [ "$server" -ge $(((version + 1) * 10000)) ] && grep -q 'server version mismatch' "$work/error"; then
            ok "$name refuses a server of version $server, as it refuses every newer one"
            continue
        else
            fail "$name: $(head -n 3 "$work/error" | tr '\n' ' ')"
            continue
        fi
    elif timeout 60 "$program" --schema-only >"$work/out.sql" 2>"$work/error"; then
        ok "$name dumps"
    else
        fail "$name: $(head -n 3 "$work/error" | tr '\n' ' ')"
        continue
    fi
    if ! grep -q 'CREATE TABLE public.customers' "$work/out.sql" || ! grep -q 'USING hnsw' "$work/out.sql"; then
        fail "$name: the dump lacks the schema"
        continue
    fi
    reference psql -X -q -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS copy' -c 'CREATE DATABASE copy'
    # Roles are not part of a dump.
    for owner in $(sed -nE 's/.* OWNER TO "?([^";]+)"?;/\1/p' "$work/out.sql" | sort -u); do
        reference psql -X -q -d postgres -c "CREATE ROLE \"$owner\"" 2>/dev/null || true
    done
    if PGDATABASE=copy reference psql -X -q -v ON_ERROR_STOP=1 -f "$work/out.sql" >/dev/null 2>"$work/error"; then
        ok "$name: the dump loads"
    else
        fail "$name: the dump does not load: $(head -n 3 "$work/error" | tr '\n' ' ')"
        continue
    fi
    # The same program cannot dump the newer PostgreSQL when it is old.
    PGDATABASE=copy reference "$newest/pg_dump" --schema-only >"$work/copy.sql"
    PGDATABASE=original reference "$newest/pg_dump" --schema-only >"$work/original.sql"
    compare "$name: the loaded schema is that of a PostgreSQL given the same statements" "$work/original.sql" "$work/copy.sql"
    if [ "$version" -ge 17 ]; then
        compare "$name: the dump of the loaded dump is the dump" "$work/out.sql" "$work/copy.sql"
    fi
    # One schema, one table, without owners and privileges, as they are called.
    for options in "--schema=sales" "--table=public.customers" "--no-owner --no-privileges" "--section=pre-data" "-Fc"; do
        # shellcheck disable=SC2086
        if timeout 60 "$program" --schema-only $options >"$work/part.sql" 2>"$work/error" && [ -s "$work/part.sql" ]; then
            ok "$name $options"
        else
            fail "$name $options: $(head -n 3 "$work/error" | tr '\n' ' ')"
        fi
    done
done
reference psql -X -q -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS original' -c 'DROP DATABASE IF EXISTS copy'
drop_sample "$PGPORT" || fail "drop the sample schema"
close
