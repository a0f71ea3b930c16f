#!/usr/bin/env bash
# The official IRIS Python client, two versions, against the superserver on 127.0.0.1:IRIS_PORT (`iris-pgwire superserver`).
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
passed=0
failed=0
for version in 5.4.1 5.1.0; do
    venv="$(venv "irispython-$version" "intersystems-irispython==$version")"
    out="$(PYTHONPATH="$ROOT/tests/lib" timeout 300 "$venv/bin/python" "$ROOT/tests/interop/irispython/check.py" 2>&1)" || true
    sed "s/^\(ok  \|FAIL\) /\1 $version: /" <<<"$out"
    if [[ "$(tail -1 <<<"$out")" =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
    else
        printf 'FAIL %s: ended early\n' "$version"
        failed=$((failed + 1))
    fi
done
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
