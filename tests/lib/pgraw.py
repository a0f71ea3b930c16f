"""A raw PostgreSQL client: what the server sent, message by message. For comparing servers, not for speed."""

import base64
import hashlib
import hmac
import os
import socket
import struct

OIDS = {
    "unknown": 0, "bool": 16, "bytea": 17, "int8": 20, "int2": 21, "int4": 23, "text": 25, "float4": 700, "float8": 701,
    "varchar": 1043, "date": 1082, "time": 1083, "timestamp": 1114, "bpchar": 1042, "timestamptz": 1184, "numeric": 1700, "uuid": 2950,
    "interval": 1186, "inet": 869, "cidr": 650, "json": 114, "jsonb": 3802, "text[]": 1009, "int4[]": 1007, "int8[]": 1016,
    "timestamptz[]": 1185, "float8[]": 1022, "uuid[]": 2951,
}


def both(timeout=30):
    """The server of PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE, and the reference on REFERENCE_PORT."""
    env = os.environ
    subject = Connection(env["PGHOST"], int(env["PGPORT"]), env["PGUSER"], env.get("PGPASSWORD", ""), env["PGDATABASE"], timeout)
    return subject, Connection("127.0.0.1", int(env["REFERENCE_PORT"]), "_SYSTEM", "", "USER", timeout)


class Closed(Exception):
    """The server closed the connection."""


class Connection:
    # Else they are left out of the replies.
    keeps_notices = False

    def __init__(self, host, port, user, password, database, timeout=30):
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.parameters = {}
        self.key = None
        self.status = None
        self._login(user, password, database)

    def close(self):
        try:
            self.sock.sendall(message(b"X"))
        except OSError:
            pass
        self.sock.close()

    # Messages

    def send(self, data):
        self.sock.sendall(data)

    def receive(self):
        header = self._exactly(5)
        (length,) = struct.unpack("!i", header[1:])
        return header[:1], self._exactly(length - 4)

    def _exactly(self, count):
        while len(self.buffer) < count:
            data = self.sock.recv(65536)
            if not data:
                raise Closed("connection closed by the server")
            self.buffer += data
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def until_ready(self):
        """All messages up to ReadyForQuery; notices and parameter changes left out."""
        seen = []
        while True:
            tag, body = self.receive()
            if tag == b"Z":
                self.status = body.decode()
                return seen
            if tag == b"S":
                name, value, _ = body.split(b"\0", 2)
                self.parameters[name.decode()] = value.decode()
            elif tag != b"N" or self.keeps_notices:
                seen.append((tag, body))

    # Login

    def _login(self, user, password, database):
        body = struct.pack("!i", 196608)
        for name, value in (("user", user), ("database", database), ("client_encoding", "UTF8"), ("DateStyle", "ISO"), ("TimeZone", "UTC")):
            body += name.encode() + b"\0" + value.encode() + b"\0"
        self.send(struct.pack("!i", len(body) + 5) + body + b"\0")
        scram = None
        while True:
            tag, body = self.receive()
            if tag == b"E":
                raise RuntimeError(f"login refused: {error_fields(body)}")
            if tag == b"K":
                self.key = body
            elif tag == b"S":
                name, value, _ = body.split(b"\0", 2)
                self.parameters[name.decode()] = value.decode()
            elif tag == b"Z":
                self.status = body.decode()
                return
            elif tag == b"R":
                (kind,) = struct.unpack("!i", body[:4])
                if kind == 3:
                    self.send(message(b"p", password.encode() + b"\0"))
                elif kind == 5:
                    inner = hashlib.md5(password.encode() + user.encode()).hexdigest()
                    self.send(message(b"p", b"md5" + hashlib.md5(inner.encode() + body[4:8]).hexdigest().encode() + b"\0"))
                elif kind == 10:
                    scram = Scram(password)
                    first = scram.first()
                    self.send(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
                elif kind == 11:
                    self.send(message(b"p", scram.final(body[4:])))
                elif kind == 12:
                    scram.verify(body[4:])
                elif kind != 0:
                    raise RuntimeError(f"login method {kind}")

    # Conversations

    def simple(self, sql, copy_data=None):
        self.send(message(b"Q", sql.encode() + b"\0"))
        if copy_data is not None:
            # The data follows at once: a server that refuses the COPY discards it.
            self.send(message(b"d", copy_data) + message(b"c"))
        return self.until_ready()

    def extended(self, sql, oids=(), values=(), binary_results=False, executes=(0,)):
        """`executes`: the row limit of each Execute, 0 for none. A value given as bytes is sent in binary, a str as text."""
        parse = b"\0" + sql.encode() + b"\0" + struct.pack("!H", len(oids)) + b"".join(struct.pack("!I", oid) for oid in oids)
        formats = [int(isinstance(value, bytes)) for value in values] if any(isinstance(value, bytes) for value in values) else []
        bind = b"\0\0" + struct.pack(f"!{len(formats) + 1}h", len(formats), *formats) + struct.pack("!H", len(values))
        for value in values:
            value = value.encode() if isinstance(value, str) else value
            bind += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
        bind += struct.pack("!hh", 1, 1) if binary_results else struct.pack("!h", 0)
        self.send(
            message(b"P", parse)
            + message(b"D", b"S\0")
            + message(b"B", bind)
            + message(b"D", b"P\0")
            + b"".join(message(b"E", b"\0" + struct.pack("!i", rows_max)) for rows_max in executes)
            + message(b"S")
        )
        return self.until_ready()

    def extended_copy(self, sql, data):
        self.send(
            message(b"P", b"\0" + sql.encode() + b"\0\0\0")
            + message(b"D", b"S\0")
            + message(b"B", bytes(8))
            + message(b"E", bytes(5))
            + message(b"d", data)
            + message(b"c")
            + message(b"S")
        )
        return self.until_ready()


class Scram:
    """RFC 5802 with SHA-256, without channel binding."""

    def __init__(self, password):
        self.password = password.encode()
        self.nonce = base64.b64encode(os.urandom(18)).decode()
        self.bare = f"n=,r={self.nonce}"

    def first(self):
        return b"n,," + self.bare.encode()

    def final(self, server_first):
        fields = dict(part.split("=", 1) for part in server_first.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={fields['r']}"
        auth = f"{self.bare},{server_first.decode()},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), auth, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), auth, "sha256")
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, server_final):
        if base64.b64decode(server_final[2:]) != self.expected:
            raise RuntimeError("the server does not know the password's verifier")


def message(tag, body=b""):
    return tag + struct.pack("!i", len(body) + 4) + body


def error_fields(body):
    fields = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode("utf-8", "replace")
    return fields


def columns(body):
    """RowDescription: (name, type OID) of each column."""
    (count,) = struct.unpack("!h", body[:2])
    out, at = [], 2
    for _ in range(count):
        end = body.index(b"\0", at)
        name = body[at:end].decode()
        _, _, oid, _, _, _ = struct.unpack("!ihIhih", body[end + 1 : end + 19])
        out.append((name, oid))
        at = end + 19
    return out


def cells(body):
    """DataRow: the bytes of each cell, None for NULL."""
    (count,) = struct.unpack("!h", body[:2])
    out, at = [], 2
    for _ in range(count):
        (length,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        out.append(None if length < 0 else body[at : at + length])
        at += max(length, 0)
    return out
