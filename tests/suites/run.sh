#!/usr/bin/env bash
# A driver's own test suite, from its source archive, against a PostgreSQL 18 with pgvector that this script starts and
# against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE. What passes on the first has to pass on the
# second, or to stand in tests/suites/NAME/listed.toml with a reason.
#   run.sh NAME                 the whole suite
#   run.sh NAME --update        and writes listed.toml anew: what passes leaves it, what fails is filed by its message
#   run.sh NAME --only WORD     tests whose names contain WORD, with the messages of both servers; compares no list
# NAME/suite.sh says which versions are taken (`prepare`), and how the tests run (`run_suite`).
. "$(dirname "${BASH_SOURCE[0]}")/../lib/env.sh"

here="$ROOT/tests/suites"
name="${1:?usage: run.sh NAME [--update | --only WORD]}"
shift
case "${1:-}" in
--only) export SUITE_ONLY="${2:?--only WORD}" ;;
--update | "") ;;
*) die "usage: run.sh NAME [--update | --only WORD]" ;;
esac
[ -f "$here/$name/suite.sh" ] || die "no such suite: $name"
# shellcheck source=/dev/null
. "$here/$name/suite.sh"
export PYTHONPATH="$here/lib"

work="$(mktemp -d)"
chmod 711 "$work"
cleanup() {
    "$ROOT/tests/lib/postgres.sh" stop "$work/pg" || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

prepare
reference="$("$ROOT/tests/lib/postgres.sh" start "$work/pg")"
say "$name on PostgreSQL"
(export PGHOST=127.0.0.1 PGPORT="$reference"; run_suite "$work/postgresql")
say "$name on the gateway"
run_suite "$work/gateway"
python3 "$here/lib/compare.py" "$name" "$work/postgresql" "$work/gateway" "$here/$name/listed.toml" "${@:1:1}"
