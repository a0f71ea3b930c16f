# tokio-postgres' own tests, of the crate that the manifest beside this file pins.
folder="$CACHE/suite-tokio_postgres"

prepare() {
    local stamp source
    stamp="$(cat "$here/tokio_postgres/"Cargo.{toml,lock} "$here/tokio_postgres/suite.sh" | sha256sum)"
    [ "$(cat "$folder/.stamp" 2>/dev/null || true)" != "$stamp" ] || return 0
    rm -rf "$folder/tests" "$folder"/target/debug/deps/test-*
    mkdir -p "$folder"
    cp "$here/tokio_postgres/"Cargo.{toml,lock} "$folder"
    : >"$folder/empty.rs"
    mkdir -p "$folder/tests/test"
    : >"$folder/tests/test/main.rs"
    source="$(cargo metadata --locked --format-version 1 --manifest-path "$folder/Cargo.toml" | python3 -c '
import json, pathlib, sys
print(next(pathlib.Path(p["manifest_path"]).parent for p in json.load(sys.stdin)["packages"] if p["name"] == "tokio-postgres"))')"
    rm -rf "$folder/tests"
    cp -r "$source/tests" "$folder/tests"
    # The tests are written for port 5433 and the database postgres; these here are where PGPORT and PGDATABASE say.
    sed -i 's/TcpStream::connect("127.0.0.1:5433")/TcpStream::connect(format!("127.0.0.1:{}", std::env::var("PGPORT").unwrap()))/
        s/s.parse::<Config>()/at(s).parse::<Config>()/' "$folder/tests/test/main.rs"
    sed -Ezi 's/tokio_postgres::connect\((\s*)("[^"]*"|s),/tokio_postgres::connect(\1\&crate::at(\2),/g' "$folder/tests/test/runtime.rs"
    cat >>"$folder/tests/test/main.rs" <<'RUST'

fn at(s: &str) -> String {
    let (port, database) = (std::env::var("PGPORT").unwrap(), std::env::var("PGDATABASE").unwrap());
    format!("{} dbname={database}", s.replace("5433", &port).replace("dbname=postgres", ""))
}
RUST
    RUSTFLAGS=-Awarnings cargo test --quiet --locked --no-run --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" >&2
    printf '%s' "$stamp" >"$folder/.stamp"
}

run_suite() {
    # Who the tests log in as; no server here asks for passwords.
    for role in pass_user md5_user scram_user; do
        psql -X -q -c "create role $role login superuser" >/dev/null 2>&1 || true
    done
    python3 "$here/tokio_postgres/run.py" "$1" "$(find "$folder/target/debug/deps" -maxdepth 1 -name 'test-*' -executable -type f)"
}
