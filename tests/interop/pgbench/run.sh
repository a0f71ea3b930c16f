#!/usr/bin/env bash
# pgbench, unchanged, against the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE: initialisation, then the
# built-in scripts in every mode at 1, 16 and 128 clients, no transaction failed, and the books agree afterwards.
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/env.sh"
command -v pgbench >/dev/null || die "pgbench is not installed"
passed=0
failed=0

ok() { printf 'ok   %s\n' "$1"; passed=$((passed + 1)); }
fail() { printf 'FAIL %s: %s\n' "$1" "$2"; failed=$((failed + 1)); }
close() {
    printf '%s passed, %s failed\n' "$passed" "$failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
query() { timeout 60 psql -X -At -v ON_ERROR_STOP=1 -c "$1" 2>&1; }

# Transactions per client, so that a run is short at every number of clients.
transactions() { case "$1" in 1) echo 100 ;; 16) echo 20 ;; *) echo 5 ;; esac }

started=$SECONDS
if out="$(timeout 300 pgbench -i -s 1 2>&1)"; then
    ok "pgbench -i -s 1 ($((SECONDS - started)) s)"
else
    fail "pgbench -i -s 1" "$(printf '%s' "$out" | tail -3 | tr '\n' ' ')"
    close
    exit
fi
counts="$(query "select (select count(*) from pgbench_accounts), (select count(*) from pgbench_tellers), (select count(*) from pgbench_branches), (select count(*) from pgbench_history)")" || true
if [ "$counts" = "100000|10|1|0" ]; then ok "rows"; else fail "rows" "$counts"; fi

run() {
    local script="$1" mode="$2" clients="$3" name out count expected
    shift 3
    name="$script -M $mode -c $clients $*"
    count="$(transactions "$clients")"
    expected=$((count * clients))
    out="$(timeout 300 pgbench "$@" -b "$script" -M "$mode" -c "$clients" -j 2 -t "$count" 2>&1)" || {
        fail "$name" "$(printf '%s' "$out" | grep -iE 'error|fatal|abort' | sort | uniq -c | head -3 | tr '\n' ' ')"
        return
    }
    if ! grep -q "transactions actually processed: $expected/$expected" <<<"$out"; then
        fail "$name" "$(grep 'actually processed' <<<"$out")"
    elif ! grep -q "number of failed transactions: 0 " <<<"$out"; then
        fail "$name" "$(grep 'failed transactions' <<<"$out")"
    else
        ok "$name ($(sed -n 's/^tps = \([0-9]*\).*/\1/p' <<<"$out") tps)"
    fi
}

# The sums of tpcb-like: every delta went to one account, one teller, one branch and the history.
books() {
    local sums
    sums="$(query "select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from pgbench_tellers), (select sum(bbalance) from pgbench_branches), (select sum(delta) from pgbench_history), (select count(*) from pgbench_history)")" || true
    local a t b h n
    IFS='|' read -r a t b h n <<<"$sums"
    if [ "$1" = all ] && [ -n "$a" ] && [ "$a" = "$t" ] && [ "$a" = "$b" ] && [ "$a" = "$h" ] && [ "$n" = "$2" ]; then
        ok "sums after tpcb-like agree ($sums)"
    elif [ "$1" = accounts ] && [ -n "$a" ] && [ "$a" = "$h" ] && [ "$t" = "$b" ] && [ "$n" = "$2" ]; then
        ok "sums after simple-update agree ($sums)"
    else
        fail "sums" "$sums, expected rows of history: $2"
    fi
}

history=0
for mode in simple extended prepared; do
    for clients in 1 16 128; do
        # The first run vacuums and truncates the history first, as pgbench does by itself.
        if [ "$history" = 0 ]; then run tpcb-like "$mode" "$clients"; else run tpcb-like "$mode" "$clients" -n; fi
        history=$((history + clients * $(transactions "$clients")))
    done
done
books all "$history"
for mode in simple extended prepared; do
    for clients in 1 16 128; do
        run simple-update "$mode" "$clients" -n
        history=$((history + clients * $(transactions "$clients")))
        run select-only "$mode" "$clients" -n
    done
done
books accounts "$history"
if out="$(query "drop table pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers")"; then
    ok "drop tables"
else
    fail "drop tables" "$out"
fi
close
