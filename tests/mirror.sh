#!/usr/bin/env bash
# Feeds the mirror's definitions to a real PostgreSQL 18 with pgvector: those of the client's own words, and those read
# back from IRIS's INFORMATION_SCHEMA, as after a restart. No statement may fail, and for the table of every type (and
# of every clause a description keeps) `\d+` must say the same of both.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib/env.sh"
lib="$(cd "$(dirname "${BASH_SOURCE[0]}")/lib" && pwd)"
bin="$("$lib/postgres.sh" binaries)"
folder="$(mktemp -d)"
cluster="$(mktemp -u /tmp/mirror-cluster.XXXXXX)"
trap '"$lib/postgres.sh" stop "$cluster"; rm -rf "$folder"' EXIT

MIRROR_SCRIPTS="$folder" cargo test --quiet --test mirror -- --ignored write_scripts
port="$("$lib/postgres.sh" start "$cluster")"
psql() { "$bin/psql" -X -q -h 127.0.0.1 -p "$port" -U _SYSTEM "$@"; }
# A function the sample schema has no IRIS form of is not among the definitions.
for name in sample types; do
    for way in by_text read_back; do
        psql -d USER -c "create database ${name}_$way"
        psql -d "${name}_$way" -c 'create extension vector'
        psql -d "${name}_$way" -v ON_ERROR_STOP=1 -f "$folder/$name.$way.sql"
        psql -d "${name}_$way" -c '\d+ public.*' >"$folder/$name.$way.txt"
    done
done
diff -u "$folder/types.by_text.txt" "$folder/types.read_back.txt"
! grep -q 'NULL::' "$folder/sample.read_back.txt" || { echo "the sample's view fell back to its types" >&2; exit 1; }
echo "mirror: every statement taken, every type the same"
