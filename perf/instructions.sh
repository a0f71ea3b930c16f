#!/usr/bin/env bash
# What one statement costs in the session (benches/session): heap allocations, and instructions as callgrind counts them.
# Wall time varies on shared machines, instructions do not. Counted is the session from the frame to the reply, the
# canned IRIS of the bench and the allocator included; no kernel, no runtime, no IRIS connection.
#
#   perf/instructions.sh                 compares with perf/results/instructions.txt, fails above +3 %
#   perf/instructions.sh --record        writes that file
#   perf/instructions.sh --profile NAME  what the functions have of it, one case
#
# The own crates are built as for a release (opt-level 3, no overflow checks) in the dev profile, so that dependencies are
# those of the tests. Another compiler or processor architecture makes other code: then differences are named, and
# nothing fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

RESULT=perf/results/instructions.txt
ABOVE_MAX_PERCENT=3
OWN=(iris-pgwire iris-protocol)

command -v valgrind >/dev/null || { echo 'valgrind is missing' >&2; exit 1; }
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT

config=()
for package in "${OWN[@]}"; do
    for setting in opt-level=3 codegen-units=4 overflow-checks=false debug-assertions=false 'debug="line-tables-only"'; do
        config+=(--config "profile.dev.package.$package.$setting")
    done
done
BENCH="$(cargo build "${config[@]}" --workspace --bench session --message-format json 2>"$WORK/cargo.log" |
    sed -n 's/.*"name":"session".*"executable":"\([^"]*\)".*/\1/p')" || true
[ -x "$BENCH" ] || { cat "$WORK/cargo.log" >&2; exit 1; }

# rounds NAME: enough for a steady mean, few enough for callgrind.
rounds() {
    case "$1" in
    copy_* | vector_*) echo 32 ;;
    *) echo 1024 ;;
    esac
}

# callgrind NAME: instructions of one round.
callgrind() {
    local count
    count="$(rounds "$1")"
    valgrind --tool=callgrind --toggle-collect='*session::measured*' --callgrind-out-file="$WORK/$1.out" \
        "$BENCH" "$1" "$count" >"$WORK/valgrind.log" 2>&1 || { cat "$WORK/valgrind.log" >&2; return 1; }
    awk -v count="$count" '/^(summary|totals):/ { sum = $2 } END { if (sum < 1) exit 1; printf "%d\n", sum / count }' \
        "$WORK/$1.out"
}

if [ "${1:-}" = --profile ]; then
    callgrind "$2"
    callgrind_annotate --auto=no --threshold=90 "$WORK/$2.out"
    exit
fi

made_by="$(rustc --version), $(uname -m)"
passed=0
failed=0
verdict() { if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi; }

status=0
"$BENCH" --bench >"$WORK/allocations" || status=1
cat "$WORK/allocations"
verdict "$([ $status = 0 ] && echo ok)"

{
    echo "# perf/instructions.sh: instructions of one round of each case of benches/session, and heap allocations"
    echo "# $made_by, opt-level 3"
    for name in $("$BENCH" --list); do
        instructions="$(callgrind "$name")"
        allocations="$(awk -v name="$name" '$1 == name { print $2 }' "$WORK/allocations")"
        printf '%-20s %10s %8s\n' "$name" "$instructions" "$allocations"
    done
} >"$WORK/result"

if [ "${1:-}" = --record ]; then
    cp "$WORK/result" "$RESULT"
    cat "$RESULT"
    exit $status
fi

same_maker=$(grep -qF "# $made_by," "$RESULT" && echo yes || echo no)
[ $same_maker = yes ] || echo "recorded by $(sed -n 's/^# \(rustc.*\)/\1/p' "$RESULT"), this is $made_by: differences are named only"
while read -r name instructions _; do
    [[ "$name" != \#* ]] || continue
    known="$(awk -v name="$name" '$1 == name { print $2 }' "$RESULT")"
    if [ -z "$known" ]; then
        echo "FAIL $name: $instructions instructions, not in $RESULT (--record)"
        verdict no
        continue
    fi
    change="$(awk -v new="$instructions" -v old="$known" 'BEGIN { printf "%+.1f", (new / old - 1) * 100 }')"
    if [ $same_maker = yes ] && awk -v change="$change" -v max=$ABOVE_MAX_PERCENT 'BEGIN { exit !(change > max) }'; then
        echo "FAIL $name: $instructions instructions, $change % against $known"
        verdict no
    else
        echo "ok $name: $instructions instructions, $change %"
        verdict ok
    fi
done <"$WORK/result"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
