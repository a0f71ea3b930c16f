#!/usr/bin/env bash
# Django's inspectdb, migrate (auth, contenttypes, sessions, admin and an app of our own) and ORM against the server in
# PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE. inspectdb must print what it prints over a PostgreSQL 16 (on
# REFERENCE16_PORT, or started here).
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
. "$ROOT/tests/lib/sample.sh"
venv="$(venv django django==5.2.19 psycopg==3.3.9 psycopg-binary==3.3.9 psycopg2-binary==2.9.13)"
reference_16
load_sample "$REFERENCE16_PORT"
load_sample "$PGPORT" || { printf 'FAIL the sample schema\n0 passed, 1 failed\n'; exit 1; }
status=0
PYTHONPATH="$ROOT/tests/lib:$ROOT/tests/interop/django" "$venv/bin/python" "$ROOT/tests/interop/django/check.py" || status=1
drop_sample "$PGPORT" || status=1
drop_sample "$REFERENCE16_PORT" || true
exit "$status"
