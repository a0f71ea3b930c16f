#!/usr/bin/env bash
# The gateway without default features: what it is built of, what it says when something is missing, and a short
# conversation in front of the program `iris-standin`, with a PostgreSQL elsewhere behind its catalogs, and with one that it
# runs itself.
#   tests/slim/run.sh GATEWAY STANDIN REFERENCE_PORT
. "$(dirname "${BASH_SOURCE[0]}")/../lib/env.sh"
cd "$ROOT"

gateway="${1:?usage: run.sh GATEWAY STANDIN REFERENCE_PORT}"
standin="${2:?}"
reference="${3:?}"
work="$(mktemp -d)"
passed=0
failed=0

cleanup() {
    tests/lib/gateway.sh stop "$work/gateway" || true
    tests/lib/gateway.sh stop "$work/standin" || true
    psql -X -q -h 127.0.0.1 -p "$reference" -U postgres -d postgres -c 'drop database if exists slim' || true
    rm -rf "$work"
}
trap cleanup EXIT

# check WHAT EXPECTED GOT
check() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
        printf 'ok %s\n' "$1"
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n  expected %s\n  got      %s\n' "$1" "$2" "$3"
    fi
}

# refused WHAT SENTENCE ARGUMENT...: the gateway ends at once, with a code that is not 0 and this in its one line.
refused() {
    local what="$1" sentence="$2" said status=0
    shift 2
    said="$(timeout 10 "$gateway" "$@" 2>&1 </dev/null)" || status=$?
    case "$status $said" in
    "0 "* | "124 "*) check "$what" "a refusal" "status $status: $said" ;;
    *"$sentence"*) check "$what" 1 "$(printf '%s\n' "$said" | wc -l | tr -d ' ')" ;;
    *) check "$what" "$sentence" "$said" ;;
    esac
}

# tree FLAG...: which of the heavy parts the program is built of.
tree() {
    cargo tree --quiet --offline --package iris-pgwire --edges normal,build --prefix none "$@" |
        grep -oE '^(libsqlite3-sys|rusqlite|iris-standin|pglite-oxide|wasmer[a-z-]*|virtual-fs) ' | sort -u | tr -d '\n'
}

check 'neither SQLite nor WebAssembly within' '' "$(tree --no-default-features || true)"
check 'both within by default' 1 "$(tree | grep -c 'libsqlite3-sys .*pglite-oxide .*wasmer ')"

iris=iris://tester:secret@127.0.0.1:1/USER
refused 'without --iris' 'set iris = iris://user:password@host:1972/NAMESPACE' --listen 127.0.0.1:1
refused 'with --data' 'is not built into this program (feature standin): remove it' --data "$work/data"
refused 'without --catalog-url' 'set catalog = native to run the PostgreSQL of this machine, catalog_url =' --iris "$iris"
refused 'no PostgreSQL to run' 'name the folder of the programs of PostgreSQL 17 or 18' --iris "$iris" \
    --catalog native --catalog-bin-dir "$work"
refused 'superserver' 'use the program iris-standin' superserver --listen 127.0.0.1:1

export IRIS_STANDIN_PASSWORD=secret
iris_port="$(tests/lib/gateway.sh standin "$work/standin" "$standin" --user tester)"
psql -X -q -h 127.0.0.1 -p "$reference" -U postgres -d postgres -c 'create database slim'
export PGHOST=127.0.0.1 PGUSER=tester PGDATABASE=USER
ask() { timeout 60 psql -X -A -t -q -v ON_ERROR_STOP=1 -c "$1" 2>&1 || true; }
stops() {
    check "$1: the $2 says nothing of errors" '' "$(grep -iE 'panicked|ERROR' "$work/$2/log" || true)"
    check "$1: the $2 stops" 0 "$(tests/lib/gateway.sh stop "$work/$2" >/dev/null 2>&1 && printf 0 || printf 1)"
}

# conversation WHAT ARGUMENT...: with a gateway that has these arguments.
conversation() {
    local what="$1"
    shift
    PGPORT="$(tests/lib/gateway.sh start "$work/gateway" "$gateway" --cores 1 \
        --iris "iris://tester:secret@127.0.0.1:$iris_port/USER" "$@")"
    export PGPORT
    check "$what: CREATE TABLE" '' "$(ask 'create table slim (id int primary key, name varchar(40) not null, v vector(3))')"
    check "$what: INSERT" '' "$(ask "insert into slim values (1, 'one', '[1,0,0]'), (2, 'two', '[0,1,0.5]')")"
    check "$what: SELECT" '2|two|[0,1,0.5]' "$(ask "select * from slim where name like 't%'")"
    check "$what: nearest" '1' "$(ask "select id from slim order by v <-> '[1,0.1,0]' limit 1")"
    check "$what: an expression" '2026-02-28' "$(ask "select (date '2026-01-31' + interval '1 month')::date")"
    check "$what: a catalog query" 'id:integer,name:character varying(40),v:vector(3)' "$(ask "
        select string_agg(attname || ':' || format_type(atttypid, atttypmod), ',' order by attnum)
        from pg_attribute where attrelid = 'slim'::regclass and attnum > 0")"
    check "$what: \\d" 1 "$(timeout 60 psql -X -c '\d slim' 2>&1 | grep -c '"slim_pkey" PRIMARY KEY')"
    check "$what: the version of that PostgreSQL" 18 "$(ask 'show server_version_num' | cut -c1-2)"
    check "$what: DROP TABLE" '' "$(ask 'drop table slim')"
    check "$what: no table" 'ERROR:  relation "slim" does not exist' "$(ask 'select 1 from slim' | head -n 1)"
    stops "$what" gateway
}

conversation 'a PostgreSQL elsewhere' --catalog-url "postgres://postgres@127.0.0.1:$reference/slim"
conversation 'a native PostgreSQL' --catalog native --catalog-bin-dir "$(tests/lib/postgres.sh binaries)"
stops 'at the end' standin

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
