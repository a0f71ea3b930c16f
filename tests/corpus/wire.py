"""The wire of the replay: messages sent as they were recorded, answers gathered statement by statement."""

import socket
import struct

import pgraw
from pgraw import cells, error_fields, message


class Result:
    """One statement's answer: columns (name, type OID, format, table OID, attribute, typmod), rows of bytes, tag."""

    def __init__(self):
        self.columns, self.rows, self.tag, self.parameters = None, [], None, None


class Answer:
    def __init__(self):
        self.results, self.error, self.status = [], None, None


class Connection(pgraw.Connection):
    def __init__(self, host, port, parameters, password="SYS", timeout=60):
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.parameters, self.key, self.status = b"", {}, None, None
        self.prepared = {}
        self.startup = parameters
        self._login(parameters["user"], password, parameters["database"])

    def send(self, data):
        # The first message of a login is the startup packet; the recorded one takes its place.
        startup, self.startup = self.startup, None
        if startup is not None:
            body = struct.pack("!i", 196608) + b"".join(f"{k}\0{v}\0".encode() for k, v in startup.items()) + b"\0"
            data = struct.pack("!i", len(body) + 4) + body
        super().send(data)

    def query(self, sql):
        self.send(message(b"Q", sql.encode() + b"\0"))
        return self._answer()

    def prepare(self, name, sql, oids, describe):
        self.prepared[name] = sql
        self.send(parse(name, sql, oids) + (message(b"D", b"S" + name.encode() + b"\0") if describe else b"") + message(b"S"))
        return self._answer()

    def execute(self, record, sql, parameters):
        """The record's messages; a portal that the client did not describe is described, to know the columns."""
        name, portal = record["stmt_name"], record["portal"].encode() + b"\0"
        data = b""
        if record["parsed_in_batch"] or self.prepared.get(name) != sql:
            if name and name in self.prepared:
                data += message(b"C", b"S" + name.encode() + b"\0")
            data += parse(name, sql, record["param_oids"])
            self.prepared[name] = sql
        if "Ds" in record.get("flow", ""):
            data += message(b"D", b"S" + name.encode() + b"\0")
        bind = portal + name.encode() + b"\0" + formats(record["param_formats"]) + struct.pack("!h", len(parameters))
        for value in parameters:
            bind += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
        data += message(b"B", bind + formats(record["result_formats"])) + message(b"D", b"P" + portal)
        data += message(b"E", portal + struct.pack("!i", record["max_rows"]))
        self.send(data + message(b"S"))
        answer = self._answer()
        if answer.error:
            self.prepared.pop(name, None)
        return answer

    def _answer(self):
        answer, result = Answer(), Result()
        for tag, body in self.until_ready():
            if tag == b"t":
                (count,) = struct.unpack("!h", body[:2])
                result.parameters = list(struct.unpack(f"!{count}I", body[2:]))
            elif tag == b"T":
                result.columns = described(body)
            elif tag == b"D":
                result.rows.append(cells(body))
            elif tag in (b"C", b"I", b"s"):
                result.tag = {b"I": "<empty query>", b"s": "<portal suspended>"}.get(tag) or body[:-1].decode()
                answer.results.append(result)
                result = Result()
            elif tag == b"E":
                answer.error = error_fields(body)
        if result.columns is not None or result.parameters is not None:
            answer.results.append(result)
        answer.status = self.status
        return answer


def parse(name, sql, oids):
    body = f"{name}\0{sql}\0".encode() + struct.pack("!h", len(oids)) + b"".join(struct.pack("!I", oid) for oid in oids)
    return message(b"P", body)


def formats(codes):
    return struct.pack("!h", len(codes)) + b"".join(struct.pack("!h", code) for code in codes)


def described(body):
    (count,) = struct.unpack("!h", body[:2])
    out, at = [], 2
    for _ in range(count):
        end = body.index(b"\0", at)
        table, attribute, oid, _, typmod, form = struct.unpack("!IhIhih", body[end + 1 : end + 19])
        out.append((body[at:end].decode(), oid, form, table, attribute, typmod))
        at = end + 19
    return out
