#!/usr/bin/env bash
# pgx v5 against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
export PATH="$PATH:/usr/local/go/bin"
command -v go >/dev/null || die "go is not installed"
(cd "$ROOT/tests/interop/pgx" && go build -mod=readonly -o "$CACHE/pgx-check" .)
exec "$CACHE/pgx-check"
