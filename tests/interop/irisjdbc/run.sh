#!/usr/bin/env bash
# The official IRIS JDBC driver against the superserver on 127.0.0.1:IRIS_PORT (`iris-pgwire superserver`).
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
command -v mvn >/dev/null || die "mvn is not installed"
here="$ROOT/tests/interop/irisjdbc"
outside="$CACHE/irisjdbc"
stamp="$(cat "$here/pom.xml" "$here"/src/main/java/*.java | sha256sum)"
if [ "$(cat "$outside/.stamp" 2>/dev/null || true)" != "$stamp" ]; then
    mvn -q -B -f "$here/pom.xml" -Doutside="$outside" compile >&2
    printf '%s' "$stamp" >"$outside/.stamp"
fi
exec java -cp "$outside/classes:$outside/lib/*" Check
