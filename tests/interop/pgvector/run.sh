#!/usr/bin/env bash
# pgvector-python's register_vector and types for psycopg, asyncpg and psycopg2 against the server in PGHOST, PGPORT,
# PGUSER, PGPASSWORD, PGDATABASE.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
venv="$(venv pgvector psycopg==3.3.9 psycopg-binary==3.3.9 psycopg2-binary==2.9.13 asyncpg==0.32.0 pgvector==0.5.1 numpy==2.4.6)"
PYTHONPATH="$ROOT/tests/lib" exec "$venv/bin/python" "$ROOT/tests/interop/pgvector/check.py"
