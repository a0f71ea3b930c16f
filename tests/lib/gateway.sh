#!/usr/bin/env bash
# The gateway (or the superserver alone) in the background, on a free port of loopback, with temporary data.
#   gateway.sh start DIR [BINARY [ARGUMENT...]]        starts it, prints its port
#   gateway.sh superserver DIR [BINARY [ARGUMENT...]]  the same for `superserver`
#   gateway.sh standin DIR BINARY [ARGUMENT...]        the same for the program `iris-standin`
#   gateway.sh stop DIR                                stops it and removes DIR
#   gateway.sh log DIR                                 what it wrote so far
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

verb="${1:-}"
dir="${2:?usage: gateway.sh start|superserver|standin|stop|log DIR}"
case "$verb" in
start | superserver | standin)
    shift 2
    binary="${1:-$CARGO_TARGET_DIR/debug/iris-pgwire}"
    [ $# -eq 0 ] || shift
    mkdir -p "$dir/data"
    port="$(free_port)"
    words=("$verb")
    [ "$verb" != start ] || words=(serve)
    [ "$verb" != standin ] || words=()
    # The data are the embedded engine's; in front of another server there are none. `--data` keeps them.
    [[ " $* " == *" --iris "* || " $* " == *" --data "* ]] || set -- --data "$dir/data" "$@"
    # A session of its own: an interrupt at the terminal reaches the runner, which stops the server in order.
    setsid "$binary" "${words[@]}" --listen "127.0.0.1:$port" "$@" >"$dir/log" 2>&1 </dev/null &
    pid=$!
    printf '%s %s\n' "$pid" "$port" >"$dir/server"
    if [ "$verb" = start ]; then
        wait_ready "$port" "$pid" 30 || { cat "$dir/log" >&2; exit 1; }
    else
        wait_listening "$port" "$pid" 30 || { cat "$dir/log" >&2; exit 1; }
    fi
    printf '%s\n' "$port"
    ;;
stop)
    [ -f "$dir/server" ] || exit 0
    read -r pid port <"$dir/server"
    kill -TERM "$pid" 2>/dev/null || true
    if ! wait_gone "$pid" 20; then
        printf 'error: process %s did not end within 20 s of SIGTERM\n' "$pid" >&2
        kill -KILL "$pid" 2>/dev/null || true
        wait_gone "$pid" 10 || true
        rm -rf "$dir"
        exit 1
    fi
    rm -rf "$dir"
    ;;
log)
    cat "$dir/log"
    ;;
*)
    die "usage: gateway.sh start|superserver|standin|stop|log DIR"
    ;;
esac
