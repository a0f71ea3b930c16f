# psycopg2's own tests. The archive holds them; what they test is the wheel of the same version.
VERSION=2.9.13
tests="$CACHE/suite-psycopg2/psycopg2-$VERSION"

prepare() {
    python="$(venv psycopg2 "psycopg2-binary==$VERSION")/bin/python"
    [ ! -f "$tests/.whole" ] || return 0
    rm -rf "$CACHE/suite-psycopg2"
    mkdir -p "$CACHE/suite-psycopg2"
    # pip looks at what an archive says of itself; for that psycopg2 asks pg_config.
    PATH="$PATH:$("$ROOT/tests/lib/postgres.sh" binaries)" "$python" -m pip download --quiet --no-deps --no-binary :all: \
        --dest "$CACHE/suite-psycopg2" "psycopg2==$VERSION" >&2
    tar -xzf "$tests.tar.gz" -C "$CACHE/suite-psycopg2"
    # `tests` finds the wheel, not the package's sources without their compiled part.
    rm -rf "$tests/lib"
    touch "$tests/.whole"
}

run_suite() {
    cd "$tests"
    PSYCOPG2_TESTDB="$PGDATABASE" PSYCOPG2_TEST_FAST=1 PYTHONPATH="$PYTHONPATH:$tests" \
        "$python" "$here/psycopg2/run.py" "$1"
}
