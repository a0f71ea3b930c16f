"""wait_ready.py PORT PID SECONDS: exit 0 once the PostgreSQL server on loopback answers an SSLRequest."""

import os
import socket
import struct
import sys
import time


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as s:
            s.settimeout(2)
            s.sendall(struct.pack("!ii", 8, 80877103))
            return s.recv(1) in (b"N", b"S")
    except OSError:
        return False


def main():
    port, pid, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not os.path.exists(f"/proc/{pid}"):
            sys.exit(f"process {pid} ended before port {port} answered")
        if answers(port):
            return
        time.sleep(0.05)
    sys.exit(f"port {port} did not answer within {seconds:g} s")


main()
