#!/usr/bin/env bash
# All tests: formatting, lints, Rust tests, then every client of tests/interop and the oracle against a gateway that
# this script starts and stops. Installs what is missing (Debian packages when root; clients from their registries).
#
#   tests/run.sh             everything but the drivers' own suites, which are run by name (suite-pgx, suite-psycopg2 ..)
#   tests/run.sh NAME...     only these parts: fmt clippy slim deny cargo instructions oracle oracle-native
#                            oracle-finish precedence constructs forms definitions audit grammar tpch copies corpus, a folder of tests/interop,
#                            or suite- and a folder of tests/suites
#   tests/run.sh fuzz        the checks of the fuzz targets in 100,000 rounds each; what `cargo` has of them is 3,000
#
# Caches: ${IRIS_PGWIRE_TEST_CACHE:-/var/cache/iris-pgwire-tests as root, ~/.cache/iris-pgwire-tests else}; the build
# lies there too unless CARGO_TARGET_DIR says otherwise.
. "$(dirname "${BASH_SOURCE[0]}")/lib/env.sh"
cd "$ROOT"

PARTS=(fmt clippy slim deny cargo instructions oracle oracle-native oracle-finish precedence constructs forms definitions audit grammar tpch copies corpus)
for folder in tests/interop/*/; do
    PARTS+=("$(basename "$folder")")
done
[ $# -eq 0 ] || PARTS=("$@")

WORK="$(mktemp -d)"
chmod 711 "$WORK"
passed=0
failed=0
skipped=0
failures=()

cleanup() {
    tests/lib/gateway.sh stop "$WORK/gateway" || true
    tests/lib/postgres.sh stop "$WORK/reference" || true
    tests/lib/postgres.sh stop "$WORK/reference16" || true
    rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

install_packages() {
    local missing=()
    command -v setsid >/dev/null || missing+=(util-linux)
    command -v cc >/dev/null || missing+=(build-essential)
    command -v valgrind >/dev/null || missing+=(valgrind)
    command -v xz >/dev/null || missing+=(xz-utils)
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3 python3-venv)
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || die "missing Debian packages: ${missing[*]}"
    say "installing ${missing[*]}"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
}

# count NAME: adds the counts on standard input's lines `N passed, N failed` or `test result: .. N passed; N failed`.
add_counts() {
    local name="$1" log="$2" status="$3" line p=0 f=0 s=0
    while IFS= read -r line; do
        if [[ "$line" =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
            p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]}
        elif [[ "$line" =~ ^test\ result:.*\ ([0-9]+)\ passed\;\ ([0-9]+)\ failed\;\ ([0-9]+)\ ignored ]]; then
            p=$((p + BASH_REMATCH[1])) f=$((f + BASH_REMATCH[2])) s=$((s + BASH_REMATCH[3]))
        fi
    done <"$log"
    # A part that fails without counting a failure, or counts nothing, has failed.
    if { [ "$status" -ne 0 ] && [ "$f" = 0 ]; } || [ $((p + f)) = 0 ]; then
        f=$((f + 1))
    fi
    passed=$((passed + p))
    failed=$((failed + f))
    skipped=$((skipped + s))
    [ "$f" = 0 ] || failures+=("$name")
    printf '%s: %s passed, %s failed (%s s)\n' "$name" "$p" "$f" "$SECONDS_TAKEN"
}

# part NAME LIMIT COMMAND...: runs it, shows it all when it fails and its closing line when not.
part() {
    local name="$1" limit="$2" log="$WORK/$1.log" status=0 started=$SECONDS
    shift 2
    say "$name"
    timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1 </dev/null || status=$?
    SECONDS_TAKEN=$((SECONDS - started))
    [ "$status" != 124 ] || printf 'not done within %s s\n' "$limit" >>"$log"
    if [ "$status" -ne 0 ]; then
        grep -av '^ok ' "$log" | tail -n 400
    else
        grep -aE '^test result:|^[0-9]+ (passed|of [0-9]+)' "$log" || true
    fi
    add_counts "$name" "$log" "$status"
}

# A check without counts of its own: one passed or one failed.
one() { "$@" && echo '1 passed, 0 failed'; }

reference() {
    if [ ! -f "$WORK/reference.server" ]; then
        say "starting PostgreSQL 18"
        REFERENCE_PORT="$(tests/lib/postgres.sh start "$WORK/reference")"
        export REFERENCE_PORT
    fi
}

# What PostgreSQL 18 shows otherwise than the gateway's 17 is compared with 16.
reference_16() {
    if [ ! -f "$WORK/reference16.server" ]; then
        say "starting PostgreSQL 16"
        REFERENCE16_PORT="$(REFERENCE_MAJOR=16 tests/lib/postgres.sh start "$WORK/reference16")"
        export REFERENCE16_PORT
    fi
}

# IRIS_PGWIRE_BINARY tests a binary that was built elsewhere, a release build for example.
binary() {
    [ -z "${BINARY:-}" ] || return 0
    if [ -n "${IRIS_PGWIRE_BINARY:-}" ]; then
        BINARY="$IRIS_PGWIRE_BINARY"
    else
        cargo build --quiet --bin iris-pgwire
        BINARY="$CARGO_TARGET_DIR/debug/iris-pgwire"
    fi
}

# over_gateway NAME LIMIT COMMAND...: the part runs over a gateway of its own, which has GATEWAY_ARGUMENTS.
GATEWAY_ARGUMENTS=()
over_gateway() {
    local name="$1" port
    if ! port="$(tests/lib/gateway.sh start "$WORK/gateway" "$BINARY" "${GATEWAY_ARGUMENTS[@]}")"; then
        printf 'FAIL %s: the gateway did not start\n' "$name"
        failed=$((failed + 1))
        failures+=("$name")
        return
    fi
    export PGHOST=127.0.0.1 PGPORT="$port" PGUSER=_SYSTEM PGPASSWORD=SYS PGDATABASE=USER
    part "$@"
    if grep -qiE 'panicked|ERROR' "$WORK/gateway/log"; then
        printf 'the gateway wrote:\n'
        grep -iE 'panicked|ERROR' "$WORK/gateway/log" | tail -n 20
    fi
    if ! tests/lib/gateway.sh stop "$WORK/gateway"; then
        printf 'FAIL %s: the gateway did not stop\n' "$name"
        failed=$((failed + 1))
        failures+=("$name")
    fi
}

export -f one
install_packages
# psql and pgbench of the machine; where there are none, those that come with the reference server.
if ! command -v psql >/dev/null || ! command -v pgbench >/dev/null; then
    PATH="$PATH:$(tests/lib/postgres.sh binaries)"
    export PATH
fi
for name in "${PARTS[@]}"; do
    case "$name" in
    fmt) part fmt 60 bash -c 'one cargo fmt --all --check' ;;
    clippy) part clippy 1800 bash -c 'one cargo clippy --quiet --workspace --all-targets -- -D warnings' ;;
    # The gateway without default features. It takes the place of the other one, which is built again when needed.
    slim)
        reference
        part image 60 tests/slim/image.sh
        part slim-clippy 1800 bash -c 'one cargo clippy --quiet --package iris-pgwire --no-default-features -- -D warnings'
        if cargo build --quiet --package iris-pgwire --no-default-features --bin iris-pgwire &&
            cp "$CARGO_TARGET_DIR/debug/iris-pgwire" "$WORK/slim" &&
            cargo build --quiet --package iris-standin --bin iris-standin; then
            part slim 300 tests/slim/run.sh "$WORK/slim" "$CARGO_TARGET_DIR/debug/iris-standin" "$REFERENCE_PORT"
        else
            printf 'FAIL slim: it cannot be built\n'
            failed=$((failed + 1))
            failures+=(slim)
        fi
        BINARY=
        ;;
    deny)
        if cargo deny --version >/dev/null 2>&1; then
            part deny 300 bash -c 'one cargo deny --offline check licenses bans sources'
        fi
        ;;
    cargo)
        reference
        part cargo 2400 cargo test --quiet --workspace --no-fail-fast
        ;;
    instructions) part instructions 900 perf/instructions.sh ;;
    fuzz)
        export FUZZ_SMOKE_ROUNDS="${FUZZ_SMOKE_ROUNDS:-100000}"
        part fuzz 7200 bash -c 'cargo test --quiet --test fuzz_smoke && cargo test --quiet --lib differential'
        ;;
    oracle)
        reference
        binary
        over_gateway oracle 900 tests/oracle/run.sh
        ;;
    # The same with a PostgreSQL that the gateway runs of those of this machine.
    oracle-native)
        reference
        binary
        GATEWAY_ARGUMENTS=(--catalog native --catalog-bin-dir "$(tests/lib/postgres.sh binaries)")
        over_gateway oracle-native 900 tests/oracle/run.sh --catalog native
        GATEWAY_ARGUMENTS=()
        ;;
    # Every query that can be cut is finished by PostgreSQL.
    oracle-finish)
        reference
        binary
        GATEWAY_ARGUMENTS=(--finish always)
        over_gateway oracle-finish 900 tests/oracle/run.sh --finish always
        GATEWAY_ARGUMENTS=()
        ;;
    precedence)
        reference
        binary
        over_gateway precedence 300 env PYTHONPATH=tests/lib python3 tests/oracle/precedence.py
        ;;
    constructs)
        reference
        binary
        over_gateway constructs 300 env PYTHONPATH=tests/lib python3 tests/oracle/constructs.py
        ;;
    audit)
        reference
        binary
        over_gateway audit 900 env PYTHONPATH=tests/lib python3 tests/oracle/audit.py --full
        ;;
    # docs/DDL.md.
    forms)
        reference
        binary
        over_gateway forms 300 env PYTHONPATH=tests/lib python3 tests/oracle/forms.py
        ;;
    definitions)
        reference
        binary
        over_gateway definitions 600 env PYTHONPATH=tests/lib python3 tests/oracle/definitions.py --runs 10
        ;;
    grammar)
        reference
        binary
        over_gateway grammar 600 env PYTHONPATH=tests/lib python3 tests/oracle/grammar.py --refused-max 0.5
        ;;
    tpch)
        reference
        binary
        over_gateway tpch 300 env PYTHONPATH=tests/lib python3 tests/oracle/tpch.py --orders 600
        ;;
    copies)
        reference
        binary
        over_gateway copies 300 env PYTHONPATH=tests/lib python3 tests/oracle/copies.py
        ;;
    # These start gateways of their own.
    corpus)
        binary
        part corpus 900 env IRIS_PGWIRE_BINARY="$BINARY" tests/corpus/run.sh
        ;;
    catalog)
        reference_16
        binary
        part catalog 900 env IRIS_PGWIRE_BINARY="$BINARY" tests/interop/catalog/run.sh
        ;;
    # Clients of IRIS talk to the superserver alone.
    irispython | irisjdbc)
        binary
        if IRIS_PORT="$(tests/lib/gateway.sh superserver "$WORK/gateway" "$BINARY")"; then
            export IRIS_PORT
            part "$name" 900 "tests/interop/$name/run.sh"
        else
            printf 'FAIL %s: the superserver did not start\n' "$name"
            failed=$((failed + 1))
            failures+=("$name")
        fi
        tests/lib/gateway.sh stop "$WORK/gateway" || failures+=("$name")
        ;;
    # A driver's own tests, first against a PostgreSQL that the script starts.
    suite-*)
        [ -f "tests/suites/${name#suite-}/suite.sh" ] || die "no such part: $name"
        binary
        over_gateway "$name" 1200 tests/suites/run.sh "${name#suite-}"
        ;;
    *)
        [ -x "tests/interop/$name/run.sh" ] || die "no such part: $name"
        case "$name" in
        vector | pg_dump) reference ;;
        psql | pgjdbc | sqlalchemy | django) reference_16 ;;
        esac
        binary
        over_gateway "$name" 900 "tests/interop/$name/run.sh"
        ;;
    esac
done

[ ${#failures[@]} -eq 0 ] || printf 'failed: %s\n' "${failures[*]}"
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ] && [ ${#failures[@]} -eq 0 ] && [ "$passed" -gt 0 ]
