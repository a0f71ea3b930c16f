#!/usr/bin/env bash
# psycopg 3 against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
venv="$(venv psycopg3 psycopg==3.3.9 psycopg-binary==3.3.9)"
PYTHONPATH="$ROOT/tests/lib" exec "$venv/bin/python" "$ROOT/tests/interop/psycopg3/check.py"
