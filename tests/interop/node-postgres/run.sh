#!/usr/bin/env bash
# node-postgres against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
here="$ROOT/tests/interop/node-postgres"
work="$CACHE/node-postgres"
if ! cmp -s "$here/package-lock.json" "$work/package-lock.json" || [ ! -d "$work/node_modules" ]; then
    rm -rf "$work"
    mkdir -p "$work"
    cp "$here/package.json" "$work/"
    cp "$here/package-lock.json" "$work/"
    (cd "$work" && npm ci --silent --no-audit --no-fund --ignore-scripts) >&2
fi
# Modules are resolved beside the script.
cp "$here/check.js" "$work/check.js"
exec node "$work/check.js"
