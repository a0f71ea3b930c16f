#!/usr/bin/env bash
# psycopg2 against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
venv="$(venv psycopg2 psycopg2-binary==2.9.13)"
PYTHONPATH="$ROOT/tests/lib" exec "$venv/bin/python" "$ROOT/tests/interop/psycopg2/check.py"
