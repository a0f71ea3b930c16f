#!/usr/bin/env bash
# The statements of *.test to PostgreSQL 18 and to the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, compared.
# The reference is on REFERENCE_PORT when set, else one is started here. Arguments go to oracle.py (--help).
. "$(dirname "${BASH_SOURCE[0]}")/../lib/env.sh"
if [ -z "${REFERENCE_PORT:-}" ]; then
    run="$(mktemp -d)"
    trap '"$ROOT/tests/lib/postgres.sh" stop "$run/pg"; rm -rf "$run"' EXIT
    chmod 711 "$run"
    REFERENCE_PORT="$("$ROOT/tests/lib/postgres.sh" start "$run/pg")"
    export REFERENCE_PORT
fi
PYTHONPATH="$ROOT/tests/lib" python3 "$ROOT/tests/oracle/oracle.py" "$@"
