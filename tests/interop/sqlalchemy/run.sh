#!/usr/bin/env bash
# SQLAlchemy's Inspector, reflection, create_all and ORM with psycopg2, psycopg and asyncpg, and Alembic's upgrade,
# autogenerate and downgrade, against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE. What the Inspector
# finds must be what it finds in a PostgreSQL 16 (on REFERENCE16_PORT, or started here).
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
. "$ROOT/tests/lib/sample.sh"
venv="$(venv sqlalchemy "sqlalchemy[asyncio]==2.1.9" alembic==1.20.1 psycopg==3.3.9 psycopg-binary==3.3.9 psycopg2-binary==2.9.13 asyncpg==0.32.0 pgvector==0.5.1 numpy==2.4.6)"
reference_16
load_sample "$REFERENCE16_PORT"
load_sample "$PGPORT" || { printf 'FAIL the sample schema\n0 passed, 1 failed\n'; exit 1; }
status=0
PYTHONPATH="$ROOT/tests/lib" "$venv/bin/python" "$ROOT/tests/interop/sqlalchemy/check.py" || status=1
drop_sample "$PGPORT" || status=1
drop_sample "$REFERENCE16_PORT" || true
exit "$status"
