"""Binary values of PostgreSQL as the text that the server itself would send; None for types not known here."""

import datetime
import struct
import uuid

EPOCH = datetime.datetime(2000, 1, 1)
ARRAYS = {1000: 16, 1001: 17, 1002: 18, 1003: 19, 1005: 21, 1007: 23, 1016: 20, 1028: 26, 1009: 25, 1014: 1042, 1015: 1043, 1021: 700, 1022: 701, 1231: 1700, 2951: 2950}
TEXT = {18, 19, 25, 114, 142, 705, 1042, 1043, 2275, 194}
INTEGERS = {20: "!q", 21: "!h", 23: "!i", 26: "!I", 28: "!I", 29: "!I", 2202: "!I", 2205: "!I", 2206: "!I", 24: "!I"}


def decode(oid, data):
    if oid in TEXT:
        return data.decode("utf-8", "replace")
    if oid in INTEGERS:
        return str(struct.unpack(INTEGERS[oid], data)[0])
    if oid == 16:
        return "t" if data == b"\1" else "f"
    if oid == 17:
        return "\\x" + data.hex()
    if oid in (700, 701):
        value = struct.unpack("!f" if oid == 700 else "!d", data)[0]
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if oid == 1700:
        return numeric(data)
    if oid == 2950:
        return str(uuid.UUID(bytes=data))
    if oid == 3802:
        return data[1:].decode()
    if oid == 1082:
        return (EPOCH + datetime.timedelta(days=struct.unpack("!i", data)[0])).strftime("%Y-%m-%d")
    if oid in (1114, 1184):
        when = EPOCH + datetime.timedelta(microseconds=struct.unpack("!q", data)[0])
        text = when.strftime("%Y-%m-%d %H:%M:%S") + (f".{when.microsecond:06}".rstrip("0") if when.microsecond else "")
        return text + ("+00" if oid == 1184 else "")
    if oid in (22, 30):
        return array(21 if oid == 22 else 26, data, vector=True)
    if oid in ARRAYS:
        return array(ARRAYS[oid], data)
    return None


def numeric(data):
    digits, weight, sign, scale = struct.unpack("!hhHh", data[:8])
    groups = struct.unpack(f"!{digits}h", data[8:])
    if sign == 0xC000:
        return "NaN"
    whole = "".join(f"{groups[i] if i < digits else 0:04}" for i in range(weight + 1)).lstrip("0") or "0"
    rest = "".join(f"{groups[i] if 0 <= i < digits else 0:04}" for i in range(weight + 1, weight + 1 + (scale + 3) // 4))[:scale]
    return ("-" if sign == 0x4000 else "") + whole + ("." + rest if scale else "")


def array(element, data, vector=False):
    dimensions, _, _ = struct.unpack("!iiI", data[:12])
    if dimensions == 0:
        return "" if vector else "{}"
    if dimensions != 1:
        return None
    (count,) = struct.unpack("!i", data[12:16])
    at, out = 20, []
    for _ in range(count):
        (length,) = struct.unpack("!i", data[at : at + 4])
        at += 4
        if length < 0:
            out.append("NULL")
            continue
        text = decode(element, data[at : at + length])
        if text is None:
            return None
        at += length
        out.append(text if vector else quoted(text))
    return " ".join(out) if vector else "{" + ",".join(out) + "}"


def quoted(text):
    if text == "" or text.upper() == "NULL" or any(c in '{},"\\' or c.isspace() for c in text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text
