#!/usr/bin/env bash
# PostgreSQL 17.5 with pgvector as the gateway embeds it, from npm: what the gateway's oracle is made of, alone. One
# session for all connections, so only for `replay.py --single`.
#   pglite.sh start DIR    prints its port
#   pglite.sh stop DIR
. "$(dirname "${BASH_SOURCE[0]}")/../lib/env.sh"
dir="${2:?usage: pglite.sh start|stop DIR}"
case "$1" in
start)
    command -v node >/dev/null || die "node is not installed"
    outside="$CACHE/pglite"
    stamp="$(cat "$ROOT/tests/corpus/pglite/package.json")"
    if [ "$(cat "$outside/.stamp" 2>/dev/null || true)" != "$stamp" ]; then
        mkdir -p "$outside"
        cp "$ROOT/tests/corpus/pglite/package.json" "$outside/"
        (cd "$outside" && npm install --silent --no-audit --no-fund >&2)
        printf '%s' "$stamp" >"$outside/.stamp"
    fi
    cp "$ROOT/tests/corpus/pglite/serve.mjs" "$outside/"
    mkdir -p "$dir"
    port="$(free_port)"
    setsid node "$outside/serve.mjs" "$port" "$dir/data" >"$dir/log" 2>&1 </dev/null &
    pid=$!
    printf '%s\n' "$pid" >"$dir/pid"
    for _ in $(seq 300); do
        ! grep -q ready "$dir/log" || { printf '%s\n' "$port"; exit 0; }
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    cat "$dir/log" >&2
    exit 1
    ;;
stop)
    pid="$(cat "$dir/pid")"
    kill "$pid" 2>/dev/null || true
    wait_gone "$pid" 10 || kill -KILL "$pid" 2>/dev/null || true
    rm -rf "$dir"
    ;;
esac
