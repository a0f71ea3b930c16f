"""The statements of the audit: every operator, function, aggregate and cast that PostgreSQL's own catalog lists for the types a
column can have, and what SQL does with values (sort, group, compare, join)."""

import collections
import re
import sys

# Type as declared -> (name in pg_type, edge values). A value that the server under test refuses to store is left out
# of both tables and counted.
TYPES = {
    "int2": ("smallint", "int2", ["0", "1", "-1", "7", "32767", "-32768"]),
    "int4": ("integer", "int4", ["0", "1", "-1", "2", "3", "10", "2147483647", "-2147483648"]),
    "int8": ("bigint", "int8", ["0", "1", "-1", "5", "9007199254740993", "9223372036854775807", "-9223372036854775808"]),
    "num": ("numeric", "numeric", ["0", "1", "-1", "0.5", "-0.5", "1.1", "2.5", "-2.5", "3.5", "12345.678901", "0.0000001", "99999999999"]),
    "dec": ("numeric(10,4)", "numeric", ["0", "0.5", "-0.5", "1.1000", "2.5", "-2.5", "123456.7891", "-0.0001", "999999.9999"]),
    "f8": ("double precision", "float8", ["0", "1", "-1", "0.1", "0.5", "1.5", "2.5", "-2.5", "1e15", "1e20", "1e300", "-1e300", "1e-300", "NaN", "Infinity", "-Infinity"]),
    "f4": ("real", "float4", ["0", "1", "-1", "0.1", "0.3", "2.5", "16777217", "1e30", "NaN"]),
    "bool": ("boolean", "bool", ["true", "false"]),
    "text": ("text", "text", ["", " ", "a", "A", "abc", "ABC", "abc ", " abc", "é", "12", "1.5", "-7", "%", "a_c", "it''s", "a\\b", "2024-02-29", "true", "{1,2}", "[1,2,3]", "x,y,z"]),
    "vc": ("varchar(20)", "varchar", ["", " ", "a", "A", "abc", "abc ", "12", "10", "9"]),
    "ch": ("char(5)", "bpchar", ["", "a", "A", "abc", "abcde", " a"]),
    "date": ("date", "date", ["2024-02-29", "1970-01-01", "1969-12-31", "2023-12-31", "2024-12-30", "1900-03-01", "0001-01-01", "9999-12-31"]),
    "time": ("time", "time", ["00:00:00", "12:34:56.5", "23:59:59.999999", "12:00:00", "01:02:03.000004"]),
    "ts": ("timestamp", "timestamp", ["2024-02-29 12:34:56.789", "1970-01-01 00:00:00", "1969-12-31 23:59:59.5", "2023-12-31 23:59:59.999999", "2000-01-01 00:00:00.1", "0001-01-01 00:00:00", "2024-03-31 01:30:00"]),
    "tz": ("timestamptz", "timestamptz", ["2024-02-29 12:34:56.789+00", "1970-01-01 00:00:00+00", "1969-12-31 23:59:59.5+00", "2024-07-01 00:30:00+02", "2023-12-31 23:59:59.999999+00"]),
    "iv": ("interval", "interval", ["1 day", "24:00:00", "1 day 02:00", "-1 day", "25:00:00", "1 mon", "30 days", "00:00:00.5", "1 year -3 days"]),
    "uuid": ("uuid", "uuid", ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    "bytea": ("bytea", "bytea", ["", "\\x00", "\\x61", "\\x6142ff", "\\xff"]),
    "json": ("json", "json", ["null", "{}", '{"a": 1}', '{ "a" : 1, "a" : 2 }', '[1, 2.50]', '"x"', "true"]),
    "jsonb": ("jsonb", "jsonb", ["null", "{}", '{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a": 1.0}', '{"a": 1}', '[1, 2]', '"x"', "1", "1.0"]),
    "ints": ("integer[]", "_int4", ["{}", "{1}", "{1,2,3}", "{3,NULL,1}", "{-1}"]),
    "texts": ("text[]", "_text", ["{}", "{a}", '{a,"b c",NULL}', '{"",x}']),
    "vec": ("vector(3)", "vector", ["[1,2,3]", "[0,0,0]", "[-1,0.5,2]", "[1,0,0]", "[2,0,0]", "[0.1,0.2,0.3]"]),
}
NUMBERS = ("int2", "int4", "int8", "num", "dec", "f8", "f4")
STRINGS = ("text", "vc", "ch")
MOMENTS = ("date", "time", "ts", "tz", "iv")
SMALL = ["-2", "-1", "0", "1", "2", "3", "7"]
# Tables beside those of the types: name -> as above.
HELPERS = {"n": ("integer", "int4", SMALL)}

FIELDS = "century day decade dow doy epoch hour isodow isoyear julian microseconds millennium milliseconds minute month quarter second week year timezone".split()
FORMATS = {
    "date": ["YYYY-MM-DD", "DD/MM/YYYY", "YYYY", "Mon", "Month DD", "FMMonth", "Day", "D", "DDD", "WW", "IW", "IYYY", "Q", "HH24:MI:SS", "J", "YY", "yyyy", "Dy"],
    "ts": ["YYYY-MM-DD HH24:MI:SS", "HH24:MI:SS.MS", "HH24:MI:SS.US", "HH12:MI AM", "HH:MI", "SSSS", 'IYYY-"W"IW', "FMDD FMMonth", "YYYY-MM-DD\"T\"HH24:MI:SS"],
    "tz": ["YYYY-MM-DD HH24:MI:SS", "TZ", "OF"],
    "num": ["999", "FM999990.00", "9,999.99", "0000", "S99", "99.9EEEE", "RN", "L999"],
    "int4": ["999", "FM999", "0000", "XXX"],
    "f8": ["FM999999990.00", "999.99"],
    "iv": ["HH24:MI:SS", "DD"],
}
# Not a matter of values: what they answer depends on the server, or they write.
SKIPPED = re.compile(
    r"^(pg_|has_|txid_|current_|lo_|nextval|currval|setval|lastval|set_|inet_|query_to|table_to|schema_to|database_to|cursor_to"
    r"|ts_|gin|gist|brin|spg|bt|hash|hnsw|ivfflat|amvalidate|binary_upgrade|format_type|getdatabaseencoding|version|obj_desc|col_desc"
    r"|shobj|row_security|to_reg|regclass|regproc|regtype|icu_|uuid_extract|uuidv|gen_random|random|setseed|clock_|now|statement_|transaction_"
    r"|timeofday|aclitem|makeacl|mxid|xid|cid|tid|fdw_|postgresql_fdw|plpgsql|int4_sum|numeric_.*accum|convert|encode_|array_agg_|string_agg_|"
    r".*(_in|_out|_recv|_send|_accum|_combine|_serialize|_deserialize|_support|_transfn|_finalfn|_typmod_in|_typmodin|_typmodout|_sortsupport|_inv|_selfuncs|sel|joinsel)$)"
)


def literal(key, value):
    return f"'{value}'::{TYPES[key][0]}"


class Statement:
    """One statement; `single` tells how to ask the same of one row. `before` and `end` are run around it, `after` is what it has
    left to be read."""

    def __init__(self, family, sql, ordered=True, single=None, before=(), after=(), end=()):
        self.family, self.sql, self.ordered, self.single = family, sql, ordered, single
        self.before, self.after, self.end = before, after, end


def make_tables(servers):
    """Makes and fills `au_KEY (id, v)`. The values that the server under test would not store, by type."""
    refused = collections.defaultdict(list)
    for key, (declared, _, values) in [*TYPES.items(), *HELPERS.items()]:
        for run in (servers.expected, servers.got):
            run(f"drop table if exists au_{key}")
        made = servers.got(f"create table au_{key} (id integer primary key, v {declared})")
        if made.error:
            print(f"left out: the type {declared}: {made.error} {made.message}")
            refused[key] = list(values)
            TYPES.pop(key, None)
            continue
        servers.expected(f"create table au_{key} (id integer primary key, v {declared})")
        for run in (servers.expected, servers.got):
            run(f"insert into au_{key} values (0, null)")
        for number, value in enumerate(values, 1):
            insert = f"insert into au_{key} values ({number}, '{value}')"
            got = servers.got(insert)
            if got.error:
                refused[key].append(f"{value} ({got.error})")
            else:
                expected = servers.expected(insert)
                if expected.error:
                    sys.exit(f"{insert}: PostgreSQL says {expected.message}")
    return refused


def drop_tables(servers):
    for key in [*TYPES, *HELPERS]:
        for run in (servers.expected, servers.got):
            run(f"drop table if exists au_{key}")


def over(keys):
    """FROM and ids for one or more operand tables, called a, b, c."""
    names = "abc"[: len(keys)]
    tables = ", ".join(f"au_{key} {name}" for key, name in zip(keys, names))
    ids = ", ".join(f"{name}.id" for name in names)
    return tables, ids


def forms(family, expression, keys, result, top_only=False):
    """What is done with an expression: shown, and used inside a query."""
    tables, ids = over(keys)
    single = (tables, [f"{name}.id" for name in "abc"[: len(keys)]], keys)
    yield Statement(family, f"select {ids}, {expression} as x from {tables} order by {ids}", single=(expression, *single))
    if top_only:
        return
    if result == "bool":
        yield Statement(family + ", in a condition", f"select {ids} from {tables} where {expression} order by {ids}")
        yield Statement(family + ", in a condition", f"select {ids} from {tables} where not ({expression}) order by {ids}")
        yield Statement(family + ", in a condition", f"select {ids}, ({expression}) is null as x from {tables} order by {ids}")
    else:
        yield Statement(family + ", inside", f"select {ids}, case when {expression} is null then 'none' else 'some' end as x from {tables} order by {ids}")
        yield Statement(family + ", sorted", f"select {ids} from {tables} order by {expression}, {ids}")
        yield Statement(family + ", grouped", f"select {expression} as x, count(*) from {tables} group by {expression}", ordered=False)
        yield Statement(family + ", as text", f"select {ids}, 'x' || ({expression})::text as x from {tables} order by {ids}")


def by_type():
    found = collections.defaultdict(list)
    for key, (_, name, _) in TYPES.items():
        found[name].append(key)
    return found


def operators(servers):
    keys = by_type()
    names = ", ".join(f"'{name}'" for name in keys)
    rows = servers.catalog(
        "select o.oprname, l.typname, r.typname, t.typname from pg_operator o left join pg_type l on l.oid = o.oprleft"
        " join pg_type r on r.oid = o.oprright join pg_type t on t.oid = o.oprresult"
        f" where r.typname in ({names}) and (o.oprleft = 0 or l.typname in ({names})) order by 1, 2, 3"
    )
    rows += [[name, t, t, "bool"] for name in ("=", "<>", "<", ">=") for t in ("varchar", "_int4", "_text")]
    rows += [["||", t, t, "text"] for t in ("varchar", "bpchar")] + [["||", "text", t, "text"] for t in keys] + [["||", t, "text", "text"] for t in keys]
    for name, left, right, result in rows:
        for b in keys.get(right, ()):
            if left is None:
                yield from forms(f"operator {name}", f"{name} a.v", [b], result)
                continue
            for a in keys.get(left, ()):
                yield from forms(f"operator {name}", f"a.v {name} b.v", [a, b], result)
                for value in TYPES[b][2][:6]:
                    yield from forms(f"operator {name} constant", f"a.v {name} '{value}'", [a], result, top_only=True)
                    yield from list(forms(f"operator {name} constant", f"a.v {name} {literal(b, value)}", [a], result))[:3]
                for value in TYPES[a][2][:3]:
                    yield from list(forms(f"constant operator {name}", f"{literal(a, value)} {name} b.v".replace("b.v", "a.v"), [b], result))[:2]


def functions(servers):
    keys = by_type()
    oids = {int(oid): name for oid, name in servers.catalog("select oid, typname from pg_type")}
    rows = servers.catalog(
        "select p.proname, p.proargtypes::text, t.typname from pg_proc p join pg_type t on t.oid = p.prorettype"
        " join pg_namespace n on n.oid = p.pronamespace where p.prokind = 'f' and not p.proretset and n.nspname in ('pg_catalog', 'public')"
        " and p.pronargs between 1 and 3 and p.provolatile in ('i', 's') and t.typname not in ('internal', 'trigger', 'cstring') order by 1, 2"
    )
    for name, arguments, result in rows:
        if SKIPPED.match(name):
            continue
        types = [oids[int(oid)] for oid in arguments.split()]
        choices = []
        for position, typname in enumerate(types):
            if position > 0 and typname == "int4":
                choices.append(["n"])
            elif typname in ("anyelement", "anycompatible", "any"):
                choices.append(["int4", "text"])
            elif typname in keys:
                choices.append([key for key in keys[typname]])
            elif typname == "text" or typname == "name":
                choices.append(["text"])
            else:
                choices = None
                break
        if not choices:
            continue
        for first in choices[0]:
            rest = [options[0] for options in choices[1:]]
            expression = f"{name}({', '.join(f'{letter}.v' for letter in 'abc'[: len(types)])})"
            yield from forms(f"function {name}", expression, [first, *rest], result)
    for key in STRINGS:
        for expression, others in (
            ("substring(a.v from b.v)", ["n"]), ("substring(a.v from b.v for c.v)", ["n", "n"]), ("substring(a.v for b.v)", ["n"]),
            ("position(b.v in a.v)", ["vc"]), ("trim(a.v)", []), ("trim(both 'a' from a.v)", []), ("trim(leading 'ab' from a.v)", []),
            ("trim(trailing from a.v)", []), ("overlay(a.v placing 'X' from 2 for 1)", []), ("concat(a.v, 'x', null, 1)", []),
            ("concat_ws('-', a.v, b.v)", ["vc"]), ("concat_ws(null, a.v, 'x')", []), ("format('%s|%L|%I', a.v, a.v, a.v)", []),
            ("lpad(a.v, 4, 'xy')", []), ("rpad(a.v, 4)", []), ("split_part(a.v, ',', b.v)", ["n"]), ("left(a.v, b.v)", ["n"]), ("right(a.v, b.v)", ["n"]),
            ("coalesce(a.v, 'none')", []), ("nullif(a.v, 'a')", []), ("greatest(a.v, 'b')", []), ("least(a.v, 'b', null)", []),
        ):
            yield from forms("text function", expression, [key, *others], "text")
    for key in MOMENTS:
        for field in FIELDS:
            yield from list(forms(f"extract {field}", f"extract({field} from a.v)", [key], "numeric"))[:2]
            yield from list(forms(f"date_part {field}", f"date_part('{field}', a.v)", [key], "float8"))[:1]
            yield from list(forms("date_trunc", f"date_trunc('{field}', a.v)", [key], "timestamp"))[:3]
    for key, patterns in FORMATS.items():
        for pattern in patterns:
            yield from list(forms("to_char", f"to_char(a.v, '{pattern}')", [key], "text"))[:2]
    for zone in ("UTC", "Europe/Berlin", "+03"):
        yield from forms("at time zone", f"a.v at time zone '{zone}'", ["ts"], "timestamptz")
        yield from forms("at time zone", f"a.v at time zone '{zone}'", ["tz"], "timestamp")
    for key in TYPES:
        values = TYPES[key][2]
        for first in values[:3]:
            yield from forms("coalesce", f"coalesce(a.v, {literal(key, first)})", [key], TYPES[key][1])
            yield from forms("nullif", f"nullif(a.v, {literal(key, first)})", [key], TYPES[key][1])
            yield from forms("greatest", f"greatest(a.v, {literal(key, first)})", [key], TYPES[key][1])
            yield from forms("concat", f"concat(a.v, '|')", [key], "text")
            yield from list(forms("json_build", f"json_build_object('k', a.v)", [key], "json"))[:2]
            yield from list(forms("json_build", f"jsonb_build_array(a.v, 1)", [key], "jsonb"))[:2]
            yield from list(forms("to_json", f"to_json(a.v)", [key], "json"))[:1]


def casts(servers):
    def is_cast(key, target):
        return servers.expected(f"select null::{TYPES[key][0]}::{target}").error is None

    extra = ["varchar(3)", "char(2)", "numeric(6,2)", "numeric(3,0)", "timestamp(0)", "time(0)", "timestamptz(3)", "interval(0)", "varchar", "bpchar", "name", '"char"']
    for key in TYPES:
        for target in [declared for declared, _, _ in TYPES.values()] + extra:
            if not is_cast(key, target):
                yield Statement(f"no cast {TYPES[key][0]} to {target}", f"select a.v::{target} as x from au_{key} a")
                continue
            yield from forms(f"cast {TYPES[key][0]} to {target}", f"a.v::{target}", [key], "x")
            for value in TYPES[key][2][:4]:
                yield from list(forms(f"cast constant to {target}", f"'{value}'::{target}", [key], "x"))[:1]
            if target in ("text", "varchar(20)"):
                for value in TYPES[key][2][:3]:
                    yield Statement(f"cast to {target}, compared", f"select a.id from au_{key} a where a.v::{target} = '{value}' order by a.id")
                yield Statement(f"cast to {target}, like", f"select a.id from au_{key} a where a.v::{target} like '%1%' order by a.id")


def aggregates(servers):
    keys = by_type()
    rows = servers.catalog(
        "select p.proname, coalesce(t.typname, '') from pg_proc p left join pg_type t on t.oid = p.proargtypes[0]"
        " join pg_namespace n on n.oid = p.pronamespace where p.prokind = 'a' and n.nspname in ('pg_catalog', 'public') and p.pronargs = 1 order by 1, 2"
    )
    for name, typname in rows:
        # What any_value picks, and the order in which a list is made, are nobody's business; lists in order come below.
        if name.startswith(("pg_", "range_", "mode", "percentile", "any_value", "array_agg", "json", "string_agg", "xmlagg")):
            continue
        fitting = list(TYPES) if typname in ("any", "anyelement", "anynonarray", "anyarray", "anyenum") else keys.get(typname, [])
        for key in fitting:
            table = f"au_{key}"
            family = f"aggregate {name}"
            yield Statement(family, f"select {name}(v) as x from {table}")
            yield Statement(family, f"select {name}(distinct v) as x from {table}")
            yield Statement(family, f"select {name}(v) as x from {table} where id < 0")
            yield Statement(family, f"select {name}(v) filter (where id > 2) as x from {table}")
            yield Statement(family, f"select id % 3 as k, {name}(v) as x from {table} group by id % 3 order by 1")
            yield Statement(family, f"select id % 3 as k from {table} group by id % 3 order by {name}(v), 1")
            yield Statement(family, f"select id % 3 as k from {table} group by id % 3 having {name}(v) is not null order by 1")
            yield Statement(family + ", window", f"select id, {name}(v) over () as x from {table} order by id")
            yield Statement(family + ", window", f"select id, {name}(v) over (order by id) as x from {table} order by id")
            yield Statement(family + ", window", f"select id, {name}(v) over (order by id / 3) as x from {table} order by id")
            yield Statement(family + ", window", f"select id, {name}(v) over (partition by id % 2 order by id rows between 1 preceding and current row) as x from {table} order by id")
    for key in TYPES:
        table = f"au_{key}"
        yield Statement("string_agg", f"select string_agg(v::text, ',' order by id) as x from {table}")
        yield Statement("string_agg", f"select string_agg(v::text, ',') as x from {table} where id = 1")
        for name in ("json_agg", "jsonb_agg", "array_agg"):
            yield Statement(name, f"select {name}(v order by id) as x from {table}")
            yield Statement(name, f"select {name}(v) as x from {table} where id = 1")


def shapes(_servers):
    for key, (_, typname, values) in TYPES.items():
        table = f"au_{key}"
        constants = [literal(key, value) for value in values]
        plain = [f"'{value}'" for value in values]
        for direction in ("", " desc"):
            for nulls in ("", " nulls first", " nulls last"):
                yield Statement("sort", f"select id, v from {table} order by v{direction}{nulls}, id")
                yield Statement("sort, limited", f"select id from {table} order by v{direction}{nulls}, id limit 3")
                yield Statement("sort, limited", f"select id from (select id, v from {table} order by v{direction}{nulls}, id offset 1 limit 3) s order by id")
        yield Statement("group", f"select v, count(*) from {table} group by v", ordered=False)
        yield Statement("group", f"select count(distinct v) from {table}")
        yield Statement("distinct", f"select distinct v from {table}", ordered=False)
        yield Statement("distinct", f"select distinct on (v) v, id from {table} order by v, id")
        for word in ("union", "union all", "intersect", "except", "intersect all", "except all"):
            yield Statement("set", f"select v from {table} {word} select v from {table} where id > 2", ordered=False)
            yield Statement("set", f"select v from {table} where id < 4 {word} select {constants[-1]}", ordered=False)
            yield Statement("set, sorted", f"select v from {table} {word} select v from {table} where id > 2 order by 1")
            yield Statement("set, sorted", f"select v from {table} {word} select v from {table} where id > 2 order by 1 desc nulls last")
        for a in range(len(values)):
            b = (a + 1) % len(values)
            for value, other in ((constants[a], constants[b]), (plain[a], plain[b])):
                yield Statement("in", f"select id from {table} where v in ({value}, {other}) order by id")
                yield Statement("in", f"select id from {table} where v not in ({value}, {other}) order by id")
                yield Statement("between", f"select id from {table} where v between {value} and {other} order by id")
                yield Statement("between", f"select id from {table} where v not between symmetric {value} and {other} order by id")
                yield Statement("is distinct", f"select id from {table} where v is distinct from {value} order by id")
                yield Statement("is distinct", f"select id, v is not distinct from {value} as x from {table} order by id")
                yield Statement("case", f"select id, case v when {value} then 'first' when {other} then 'second' else 'other' end as x from {table} order by id")
                yield Statement("case", f"select id, case when v = {value} then v else {other} end as x from {table} order by id")
                yield Statement("constants", f"select {value} = {constants[b]} as x from {table} where id = 1")
                yield Statement("constants", f"select id from {table} where {constants[a]} < {constants[b]} order by id")
            yield Statement("any", f"select id from {table} where v = any(array[{constants[a]}, {constants[b]}]) order by id")
            yield Statement("any", f"select id from {table} where v <> all(array[{constants[a]}]) order by id")
            yield Statement("row", f"select id from {table} where (v, id) < ({constants[a]}, 3) order by id")
            yield Statement("row", f"select id from {table} where (v, id) = ({constants[a]}, 3) order by id")
        yield Statement("join", f"select a.id, b.id from {table} a join {table} b on a.v = b.v order by 1, 2")
        yield Statement("join", f"select a.id, b.id from {table} a left join {table} b on a.v < b.v order by 1, 2")
        yield Statement("join", f"select id from {table} join (select v as w from {table} where id > 1) s on v = w order by 1")
        yield Statement("join", f"select v, a.id from {table} a join {table} b using (v) order by 2", ordered=False)
        yield Statement("sub-query", f"select id from {table} where v in (select v from {table} where id > 2) order by id")
        yield Statement("sub-query", f"select id from {table} where v not in (select v from {table} where id between 1 and 2) order by id")
        yield Statement("sub-query", f"select id from {table} a where exists (select 1 from {table} b where b.v = a.v and b.id > a.id) order by id")
        yield Statement("sub-query", f"select id, (select max(b.id) from {table} b where b.v = a.v) as x from {table} a order by id")
        yield Statement("sub-query", f"select id from {table} where v = (select v from {table} where id = 1) order by id")
        yield Statement("sub-query", f"select id from {table} where v > all (select v from {table} where id between 1 and 2) order by id")
        yield Statement("sub-query", f"select (select v from {table}) as x")
        yield Statement("with", f"with w as (select id, v from {table}) select id, v from w order by v, id")
        yield Statement("with", f"with w as (select v, count(*) as n from {table} group by v) select n from w order by n desc, 1")
        for name in ("lag(v)", "lead(v)", "first_value(v)", "last_value(v)", "nth_value(v, 2)", "row_number()", "rank()", "dense_rank()", "ntile(2)", "percent_rank()", "cume_dist()"):
            yield Statement("window", f"select id, {name} over (order by id) as x from {table} order by id")
            yield Statement("window", f"select id, {name} over (order by v, id) as x from {table} order by id")
            yield Statement("window", f"select id, {name} over (order by v desc nulls last, id) as x from {table} order by id")
            yield Statement("window", f"select id, {name} over (partition by v order by id) as x from {table} order by id")
        if typname in ("text", "varchar", "bpchar"):
            for pattern in ("a%", "%c", "_b_", "", "%", "a\\_c", "A%", "abc", "%  ", "a\\", "é"):
                for word in ("like", "not like", "ilike", "~~", "similar to"):
                    yield Statement("like", f"select id from {table} where v {word} '{pattern}' order by id")
            for pattern in ("^a", "c$", "b", "^abc$", "[a-c]", "a.c", "", "A"):
                for word in ("~", "!~", "~*"):
                    yield Statement("regex", f"select id from {table} where v {word} '{pattern}' order by id")
    for a in NUMBERS:
        for b in NUMBERS:
            yield Statement("set of types", f"select v from au_{a} union select v from au_{b}", ordered=False)
            yield Statement("case of types", f"select a.id, case when a.id > 2 then a.v else b.v end as x from au_{a} a join au_{b} b on a.id = b.id order by a.id")
            yield Statement("coalesce of types", f"select a.id, coalesce(a.v, b.v, 1) as x from au_{a} a join au_{b} b on a.id + 1 = b.id order by a.id")


def numbers(_servers):
    rounding = ["0.5", "1.5", "2.5", "-0.5", "-1.5", "-2.5", "0.49999", "1e3", "123456789.5"]
    for key in NUMBERS:
        for value in rounding:
            yield Statement("constant arithmetic", f"select id, v + {value} as x from au_{key} where id in (0, 1, 2, 3) order by id")
            yield Statement("constant arithmetic", f"select id, v * {value} as x from au_{key} where id in (0, 1, 2, 3) order by id")
            yield Statement("constant arithmetic", f"select id from au_{key} where v > {value} order by id")
            yield Statement("constant arithmetic", f"select id, round({value}::{TYPES[key][0]} + v * 0) as x from au_{key} where id in (0, 1) order by id")
        for expression in ("v / 2", "v / 3", "v % 3", "v / 0", "- v", "+ v", "abs(v)", "v ^ 2", "sqrt(abs(v))", "sqrt(v)", "ln(v)", "|/ v", "@ v", "round(v)", "trunc(v)", "ceil(v)", "floor(v)", "sign(v)", "round(v::numeric, 1)", "trunc(v::numeric, 1)", "v + 1", "v - 1", "v * 2", "power(v, 2)", "mod(v::integer, 3)", "div(v::numeric, 2)"):
            yield Statement("arithmetic", f"select id, {expression} as x from au_{key} where id in (0, 1, 2, 3, 4) order by id", single=None)
            for row in range(1, 9):
                yield Statement("arithmetic", f"select {expression} as x from au_{key} where id = {row}")


FAMILIES = {"operator": operators, "function": functions, "cast": casts, "aggregate": aggregates, "shape": shapes, "number": numbers}
