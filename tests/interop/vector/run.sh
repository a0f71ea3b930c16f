#!/usr/bin/env bash
# Vector search: the server in PGHOST, PGPORT, ... gives the order that PostgreSQL with pgvector gives. The second
# server is REFERENCE_PORT when set, else one started here.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
if [ -z "${REFERENCE_PORT:-}" ]; then
    run="$(mktemp -d)"
    trap '"$ROOT/tests/lib/postgres.sh" stop "$run/pg"; rm -rf "$run"' EXIT
    chmod 711 "$run"
    REFERENCE_PORT="$("$ROOT/tests/lib/postgres.sh" start "$run/pg")"
    export REFERENCE_PORT
fi
venv="$(venv psycopg3 psycopg==3.3.9 psycopg-binary==3.3.9)"
PYTHONPATH="$ROOT/tests/lib" "$venv/bin/python" "$ROOT/tests/interop/vector/check.py"
