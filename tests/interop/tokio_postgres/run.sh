#!/usr/bin/env bash
# tokio-postgres against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
export PATH="$PATH:$HOME/.cargo/bin"
target="$CACHE/tokio_postgres"
cargo build --quiet --locked --manifest-path "$ROOT/tests/interop/tokio_postgres/Cargo.toml" --target-dir "$target" >&2
exec "$target/debug/interop-tokio-postgres"
