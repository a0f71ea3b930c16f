#!/usr/bin/env bash
# pgjdbc against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE. What its DatabaseMetaData finds must be
# what it finds in a PostgreSQL 16 (on REFERENCE16_PORT, or started here).
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
. "$ROOT/tests/lib/sample.sh"
command -v mvn >/dev/null || die "mvn is not installed"
here="$ROOT/tests/interop/pgjdbc"
outside="$CACHE/pgjdbc"
stamp="$(cat "$here/pom.xml" "$here"/src/main/java/*.java | sha256sum)"
if [ "$(cat "$outside/.stamp" 2>/dev/null || true)" != "$stamp" ]; then
    mvn -q -B -f "$here/pom.xml" -Doutside="$outside" compile >&2
    printf '%s' "$stamp" >"$outside/.stamp"
fi
reference_16
load_sample "$REFERENCE16_PORT"
load_sample "$PGPORT" || { printf 'FAIL the sample schema\n0 passed, 1 failed\n'; exit 1; }
status=0
java -cp "$outside/classes:$outside/lib/*" Check || status=1
drop_sample "$PGPORT" || status=1
drop_sample "$REFERENCE16_PORT" || true
exit "$status"
