#!/usr/bin/env bash
# What the Dockerfile copies into its build stage is all that cargo reads before it compiles: the manifest, with every target
# and package that it names.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/env.sh"
cd "$ROOT"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
while read -r word paths; do
    [ "$word" = COPY ] || continue
    case "$paths" in
    --from=*) continue ;;
    esac
    read -ra paths <<<"$paths"
    for path in "${paths[@]:0:${#paths[@]}-1}"; do
        cp -r "$path" "$work/"
    done
done <Dockerfile
target="$(rustc -vV | sed -n "s/^host: //p")"
cargo fetch --quiet --locked --target "$target" --manifest-path "$work/Cargo.toml" ||
    die "the Dockerfile's build stage lacks what the manifest names"
printf '1 passed, 0 failed\n'
