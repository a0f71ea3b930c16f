# pgx's own tests, of the version that tests/interop/pgx/go.mod pins: the packages that talk to a server.
PACKAGES=(. ./pgconn ./pgtype ./pgtype/zeronull ./pgxpool ./stdlib ./tracelog ./multitracer)
folder="$CACHE/suite-pgx"

prepare() {
    command -v go >/dev/null || die "go is not installed"
    (cd "$ROOT/tests/interop/pgx" && go mod download github.com/jackc/pgx/v5)
    source="$(cd "$ROOT/tests/interop/pgx" && go list -mod=readonly -m -f '{{.Dir}}' github.com/jackc/pgx/v5)"
    mkdir -p "$folder"
    (cd "$source" && go test -mod=readonly -c -o "$folder/" "${PACKAGES[@]}")
}

run_suite() {
    # What CONTRIBUTING.md asks for, as far as the server has it.
    for statement in 'create domain uint64 as numeric(20,0)' 'create extension hstore' 'create extension ltree'; do
        psql -X -q -c "$statement" >/dev/null 2>&1 || true
    done
    PGX_TEST_DATABASE="host=$PGHOST port=$PGPORT user=$PGUSER password=$PGPASSWORD dbname=$PGDATABASE" \
        python3 "$here/pgx/run.py" "$1" "$folder" "$source" "${PACKAGES[@]}"
}
