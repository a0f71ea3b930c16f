#!/usr/bin/env bash
# What the gateway knows about its tables: types survive a restart; the PostgreSQL behind the catalogs is killed,
# blocked and asked by a thousand clients. Starts gateways of its own (IRIS_PGWIRE_BINARY, or the debug build).
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
. "$ROOT/tests/lib/sample.sh"
here="$ROOT/tests/interop/catalog"
binary="${IRIS_PGWIRE_BINARY:-$CARGO_TARGET_DIR/debug/iris-pgwire}"
venv="$(venv asyncpg asyncpg==0.32.0)"
work="$(mktemp -d)"
chmod 711 "$work"
cleanup() {
    "$ROOT/tests/lib/gateway.sh" stop "$work/gateway" || true
    stop_reference_16
    rm -rf "$work"
}
# Sets a trap of its own.
reference_16
trap cleanup EXIT
export PGHOST=127.0.0.1 PGUSER=_SYSTEM PGPASSWORD=SYS PGDATABASE=USER
passed=0
failed=0
ok() { printf 'ok   %s\n' "$1"; passed=$((passed + 1)); }
fail() { printf 'FAIL %s\n' "$1"; failed=$((failed + 1)); }

start() {
    PGPORT="$("$ROOT/tests/lib/gateway.sh" start "$work/gateway" "$binary" --data "$work/data" "$@")"
    export PGPORT
}

# What psql shows of the tables of types.sql, but for sizes and the owner's name, which are the server's own.
described() {
    local name owner
    owner="$(timeout 60 psql -X -At -h 127.0.0.1 -p "$1" -c "SELECT tableowner FROM pg_tables WHERE tablename = 'ty_all'" || true)"
    for name in ty_all ty_other.ty_child ty_view ty_all_near ty_all_lower ty_all_two ty_all_c_serial_seq; do
        timeout 60 psql -X -A -P pager=off -h 127.0.0.1 -p "$1" -c "\\d+ $name" || true
    done 2>&1
    { timeout 60 psql -X -A -P pager=off -h 127.0.0.1 -p "$1" -c '\dT+ ty_mood' -c '\sv ty_view' || true; } 2>&1 |
        sed -E -e 's/\b[0-9]+ (bytes|kB|MB)\b/SIZE/' -e "s/\\|${owner:-none}\\|/|OWNER|/"
}

# compare NAME FILE FILE
compare() {
    if diff -u "$2" "$3" >"$work/diff"; then
        ok "$1"
    else
        fail "$1"
        head -n 60 "$work/diff"
    fi
}

start
for port in "$REFERENCE16_PORT" "$PGPORT"; do
    if ! timeout 60 psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -f "$here/types.sql" >"$work/out" 2>&1; then
        fail "the statements of types.sql on port $port: $(tr '\n' ' ' <"$work/out")"
    fi
done
described "$REFERENCE16_PORT" >"$work/reference"
sed '/^CREATE/,$d' "$here/types.sql" | timeout 60 psql -X -q -h 127.0.0.1 -p "$REFERENCE16_PORT" || true
described "$PGPORT" >"$work/before"
compare 'every type: \d+ says what PostgreSQL 16 says' "$work/reference" "$work/before"
"$ROOT/tests/lib/gateway.sh" stop "$work/gateway"
start
described "$PGPORT" >"$work/after"
compare 'every type: \d+ is the same after a restart' "$work/before" "$work/after"
# The same data behind a second gateway would need a second IRIS; a killed catalog service is read anew from IRIS.
read -r pid _ <"$work/gateway/server"
service="$(pgrep -P "$pid" -f catalog-server || true)"
if [ -n "$service" ]; then
    kill -KILL "$service"
    described "$PGPORT" >"$work/after"
    compare 'every type: \d+ is the same after the catalog service was killed' "$work/before" "$work/after"
else
    fail 'no child process catalog-server'
fi
"$ROOT/tests/lib/gateway.sh" stop "$work/gateway"

start --catalog-statement-timeout-ms 2000 --catalog-memory-bytes-max 419430400
read -r pid _ <"$work/gateway/server"
GATEWAY_PID="$pid" PYTHONPATH="$ROOT/tests/lib" "$venv/bin/python" "$here/check.py" >"$work/checks" 2>&1 || true
if grep -q '^FAIL' "$work/checks"; then
    grep -E 'WARN|ERROR' "$work/gateway/log" | tail -n 40 || true
fi
grep -vE '^[0-9]+ passed, ' "$work/checks" || true
if read -r more _ less _ < <(grep -E '^[0-9]+ passed, ' "$work/checks"); then
    passed=$((passed + more))
    failed=$((failed + less))
else
    fail 'check.py ended early'
fi
if grep -q 'panicked' "$work/gateway/log"; then
    fail 'the gateway panicked'
    grep -A3 panicked "$work/gateway/log" | head -n 20
fi
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
