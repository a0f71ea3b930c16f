#!/usr/bin/env bash
# psql's scripts against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE. What it prints must be what it
# printed against PostgreSQL (scripts/*.out, made by `run.sh --record` there). Then its meta-commands and completion
# (meta.py), with the psql of the machine and that of PostgreSQL 18, beside a PostgreSQL 16.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
. "$ROOT/tests/lib/sample.sh"
command -v psql >/dev/null || die "psql is not installed"
here="$ROOT/tests/interop/psql/scripts"
url="postgresql://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE"
work="$(mktemp -d)"
reference_16
trap 'rm -rf "$work"; stop_reference_16' EXIT
passed=0
failed=0
for script in "$here"/*.sql; do
    name="$(basename "$script" .sql)"
    timeout 120 psql -X -q -a -P pager=off -v VERBOSITY=sqlstate -f "$script" "$url" >"$work/$name.out" 2>&1 </dev/null || true
    # The file and line that psql puts before an error are its own.
    sed -i "s|^psql:[^ ]*:[0-9]*: ||" "$work/$name.out"
    if [ "${1:-}" = --record ]; then
        cp "$work/$name.out" "$here/$name.out"
    fi
    if diff -u "$here/$name.out" "$work/$name.out"; then
        printf 'ok   %s\n' "$name"
        passed=$((passed + 1))
    else
        printf 'FAIL %s\n' "$name"
        failed=$((failed + 1))
    fi
done
# A connection URL, -c and -At as people type them.
if [ "$(timeout 30 psql "$url" -X -At -c 'select 40 + 2 as answer' 2>&1)" = 42 ]; then
    printf 'ok   psql -c\n'
    passed=$((passed + 1))
else
    printf 'FAIL psql -c\n'
    failed=$((failed + 1))
fi
if load_sample "$REFERENCE16_PORT" && load_sample "$PGPORT"; then
    export PSQLS
    PSQLS="$(command -v psql):$("$ROOT/tests/lib/postgres.sh" binaries)/psql"
    PYTHONPATH="$ROOT/tests/lib" python3 "$ROOT/tests/interop/psql/meta.py" >"$work/meta" || true
    grep -v ' passed, ' "$work/meta" || true
    read -r more _ less _ < <(tail -n 1 "$work/meta")
    passed=$((passed + more))
    failed=$((failed + less))
    drop_sample "$PGPORT" || true
    drop_sample "$REFERENCE16_PORT"
else
    printf 'FAIL the sample schema\n'
    failed=$((failed + 1))
fi
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
