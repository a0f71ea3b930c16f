# Sourced by the test scripts: where caches lie, how packages are installed, how ports are found.
# Nothing here writes into the clone.

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

# The PostgreSQL that the tests compare with runs as an unprivileged user, which cannot read root's home.
if [ -n "${IRIS_PGWIRE_TEST_CACHE:-}" ]; then
    CACHE="$IRIS_PGWIRE_TEST_CACHE"
elif [ "$(id -u)" = 0 ]; then
    CACHE=/var/cache/iris-pgwire-tests
else
    CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/iris-pgwire-tests"
fi
mkdir -p "$CACHE"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE/target}"
export PATH="$PATH:$HOME/.cargo/bin:/usr/local/go/bin"
export PYTHONDONTWRITEBYTECODE=1
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# A port nobody listens on, below the range from which the kernel takes ports of outgoing connections.
free_port() {
    python3 - <<'PY'
import random, socket
while True:
    port = random.randint(10000, 19999)
    try:
        with socket.socket() as s:
            s.bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break
PY
}

# venv NAME REQUIREMENT...: prints the folder of a virtual environment that holds exactly these packages.
venv() {
    local name="$1" stamp dir
    shift
    stamp="$(python3 -V) $*"
    dir="$CACHE/venv-$name"
    if [ "$(cat "$dir/.stamp" 2>/dev/null || true)" != "$stamp" ]; then
        rm -rf "$dir"
        python3 -m venv "$dir" >&2
        "$dir/bin/pip" install --quiet "$@" >&2
        printf '%s' "$stamp" >"$dir/.stamp"
    fi
    printf '%s\n' "$dir"
}

# In front of a command: a PostgreSQL server refuses to run as root.
if [ "$(id -u)" = 0 ]; then
    AS_SERVER_USER=(setpriv --reuid=nobody "--regid=$(id -g nobody)" --clear-groups env HOME=/tmp)
else
    AS_SERVER_USER=(env)
fi

# Waits until the server on 127.0.0.1:PORT answers an SSLRequest: wait_ready PORT PID SECONDS
wait_ready() {
    python3 "$ROOT/tests/lib/wait_ready.py" "$1" "$2" "$3"
}

# Waits until something listens on 127.0.0.1:PORT: wait_listening PORT PID SECONDS
wait_listening() {
    local rest=$(($3 * 20))
    while kill -0 "$2" 2>/dev/null && [ "$rest" -gt 0 ]; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
            return 0
        fi
        sleep 0.05
        rest=$((rest - 1))
    done
    return 1
}

# Waits until a process that need not be a child of this shell is gone: wait_gone PID SECONDS
wait_gone() {
    local rest=$(($2 * 10))
    while kill -0 "$1" 2>/dev/null && [ "$rest" -gt 0 ]; do
        sleep 0.1
        rest=$((rest - 1))
    done
    ! kill -0 "$1" 2>/dev/null
}
