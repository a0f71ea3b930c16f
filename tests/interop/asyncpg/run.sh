#!/usr/bin/env bash
# asyncpg against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
venv="$(venv asyncpg asyncpg==0.32.0)"
PYTHONPATH="$ROOT/tests/lib" exec "$venv/bin/python" "$ROOT/tests/interop/asyncpg/check.py"
