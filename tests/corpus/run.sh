#!/usr/bin/env bash
# Replays recorded clients against gateways that it starts (IRIS_PGWIRE_BINARY, or the debug build). Needs no client.
#   tests/corpus/run.sh                  the test
#   tests/corpus/run.sh --report         writes tests/corpus/REPORT.md too
#   tests/corpus/run.sh --only psql ...  arguments of replay.py
#
# What it compares with lies here: recordings.jsonl.xz (pack.py, from ../shared/corpus), oids.json and baseline.json.xz.
# The last two are made by PostgreSQL 18 and by the PostgreSQL 17.5 that the gateway embeds, alone:
#   PYTHONPATH=tests/lib python3 tests/corpus/replay.py --server tests/lib/postgres.sh --learn      (twice)
#   PYTHONPATH=tests/lib python3 tests/corpus/replay.py --server tests/corpus/pglite.sh --single --learn --save-baseline
. "$(dirname "${BASH_SOURCE[0]}")/../lib/env.sh"
here="$ROOT/tests/corpus"
arguments=()
for argument in "$@"; do
    if [ "$argument" = --report ]; then arguments+=(--report "$here/REPORT.md"); else arguments+=("$argument"); fi
done
binary="${IRIS_PGWIRE_BINARY:-$CARGO_TARGET_DIR/debug/iris-pgwire}"
PYTHONPATH="$ROOT/tests/lib" exec python3 "$here/replay.py" --server "$ROOT/tests/lib/gateway.sh" "${arguments[@]}" -- "$binary"
