# SQLAlchemy's dialect suite (sqlalchemy.testing.suite of the wheel) with psycopg, under the requirements that SQLAlchemy's own
# tests have for PostgreSQL: they are in the source archive of the same version.
VERSION=2.1.9
tests="$CACHE/suite-sqlalchemy/sqlalchemy-$VERSION"

prepare() {
    python="$(venv suite-sqlalchemy "sqlalchemy[asyncio]==$VERSION" psycopg==3.3.9 psycopg-binary==3.3.9 pytest==9.2.0 \
        pytest-timeout==2.4.0)/bin/python"
    [ ! -f "$tests/.whole" ] || return 0
    rm -rf "$CACHE/suite-sqlalchemy"
    mkdir -p "$CACHE/suite-sqlalchemy"
    # pip looks at what an archive says of itself; without extensions that compiles nothing.
    DISABLE_SQLALCHEMY_CEXT=1 "$python" -m pip download --quiet --no-deps --no-binary :all: --dest "$CACHE/suite-sqlalchemy" \
        "sqlalchemy==$VERSION" >&2
    tar -xzf "$tests.tar.gz" -C "$CACHE/suite-sqlalchemy"
    # Neither server has these extensions, and what is tested of them skips without.
    printf '\nimport sqlalchemy.dialects.postgresql.provision as provision\n\nprovision._extensions = []\n' >>"$tests/test/conftest.py"
    touch "$tests/.whole"
}

# -s: test/conftest.py leaves the sources beside it alone.
run_suite() {
    cd "$tests"
    for schema in test_schema test_schema_2; do
        psql -X -q -c "create schema $schema" >/dev/null 2>&1 || true
    done
    SUITE_RESULTS="$1" "$python" -s -m pytest -q --maxfail 0 -p pytest_results -p no:cacheprovider --timeout 30 --timeout-method signal \
        --dburi "postgresql+psycopg://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE" test/dialect/test_suite.py >"$1.log" 2>&1 || true
}
