#!/usr/bin/env bash
# The official IRIS Python client, two versions, and software over IRIS's clients (SQLAlchemy, Django), against the
# superserver on 127.0.0.1:IRIS_PORT (`iris-pgwire superserver`).
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
passed=0
failed=0
# run NAME VENV PROGRAM: the program's counts are added.
run() {
    local out
    out="$(PYTHONPATH="$ROOT/tests/lib" timeout 300 "$2/bin/python" "$ROOT/tests/interop/irispython/$3" 2>&1)" || true
    sed "s/^\(ok  \|FAIL\) /\1 $1: /" <<<"$out"
    if [[ "$(tail -1 <<<"$out")" =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
    else
        printf 'FAIL %s: ended early\n' "$1"
        failed=$((failed + 1))
    fi
}
for version in 5.4.1 5.1.0; do
    run "$version" "$(venv "irispython-$version" "intersystems-irispython==$version")" check.py
done
# The dialect asks for client 5.3, which ends the process at any FETCH FIRST; with another one pip resolves nothing.
dialect=(--no-deps "sqlalchemy==2.0.58" "typing-extensions>=4.6" "sqlalchemy-iris==0.20.0" "intersystems-irispython==5.4.1")
run sqlalchemy-iris "$(venv sqlalchemy-iris "${dialect[@]}")" alchemy.py
run django-iris "$(venv django-iris "django==5.1.15" "django-iris==0.3.0" "setuptools<80")" django_iris_check.py
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
