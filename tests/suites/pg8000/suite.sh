# pg8000's own tests. The archive holds them; what they test is the wheel of the same version.
VERSION=1.31.6
tests="$CACHE/suite-pg8000/pg8000-$VERSION"

prepare() {
    python="$(venv suite-pg8000 "pg8000==$VERSION" pytest==9.2.0 pytest-timeout==2.4.0 pytest-mock==3.17.0 \
        pytest-benchmark==5.3.1 pytz==2026.6)/bin/python"
    [ ! -f "$tests/.whole" ] || return 0
    rm -rf "$CACHE/suite-pg8000"
    mkdir -p "$CACHE/suite-pg8000"
    "$python" -m pip download --quiet --no-deps --no-binary :all: --dest "$CACHE/suite-pg8000" "pg8000==$VERSION" >&2
    tar -xzf "$tests.tar.gz" -C "$CACHE/suite-pg8000"
    # The connection that the tests are written for.
    sed -i 's/"user": "postgres"/"user": "_SYSTEM", "database": "USER"/' "$tests"/test/*/conftest.py
    touch "$tests/.whole"
}

# Left out: the benchmarks, the logins of servers that have been prepared for them, and a test of which the client takes more
# than 30 s.
run_suite() {
    cd "$tests"
    SUITE_RESULTS="$1" "$python" -m pytest -q -p pytest_results -p no:cacheprovider --timeout 30 --timeout-method signal \
        --ignore-glob '*/test_benchmarks.py' --ignore-glob '*/auth' \
        --deselect test/native/test_query.py::test_max_parameters test >"$1.log" 2>&1 || true
}
