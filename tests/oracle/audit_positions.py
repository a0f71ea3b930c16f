"""Generated statements of the audit: values of one type, cast to another or not, in every place where SQL takes a value; rows
written; windows and aggregates; moments at the edges of calendars and zones; patterns; text of several bytes a character."""

from audit_statements import STRINGS, TYPES, Statement

# Values that stand in statements only: IRIS cannot store all of them.
BEYOND = {
    "date": ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "0001-12-31", "2100-02-28"],
    "ts": ["infinity", "0001-01-01 00:00:00 BC", "9999-12-31 23:59:59.999999", "10000-01-01 00:00:00", "2023-10-29 02:30:00", "1840-12-31 00:00:00"],
    "tz": ["-infinity", "2024-03-31 01:00:00+00", "2024-10-27 00:59:59.999999+00", "9999-12-31 23:59:59+00", "0001-01-01 00:00:00+00"],
    "int2": ["32768", "99"],
    "int4": ["2147483648", "42"],
    "int8": ["9223372036854775808", "4611686018427387904"],
    "num": ["NaN", "1e30", "123456789012345678.123456789", "1.10", "1e-20"],
    "f8": ["1e-400", "4.9e-324", "3", "-0"],
    "text": ["B", "ab", "日本語", "\u0065\u0301", "É", "ß"],
    "ch": ["abcdef", "a  "],
    "iv": ["1 mon 1 day", "-00:00:01", "100 years"],
}
# Text of several bytes or code points a character, and moments at the ends of what IRIS holds: name -> (declared, values).
WIDE = {
    "mb": ("text", ["é", "e\u0301x", "日本語テキスト", "ß", "Straße", "aé日", "\u00a0a\u00a0"]),
    "astral": ("text", ["😀a😀", "aé日😀", "😀"]),
    "end": ("timestamp", ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "1840-12-31 00:00:00", "1840-12-30 23:59:59", "2000-02-29 00:00:00", "2024-12-31 23:59:59.999999", "1900-02-28 12:00:00"]),
    "endz": ("timestamptz", ["2024-03-31 00:59:59.999999+00", "2024-03-31 01:00:00+00", "2024-10-27 00:30:00+00", "2024-10-27 01:30:00+00", "1970-01-01 00:00:00+00", "2024-12-31 23:30:00+00"]),
    "endd": ("date", ["0001-01-01", "9999-12-31", "2024-02-29", "2023-02-28", "1900-02-28", "2000-12-31", "1840-12-31"]),
}
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "+05:30"]
TARGETS = ["varchar(3)", "char(2)", "char(7)", "numeric(6,2)", "numeric(3,0)", "timestamp(0)", "time(0)", "timestamptz(3)", "varchar", "smallint", "text"]


def make_tables(servers):
    """Tables to write to, `aw_KEY (id, v)`, and those of wide values."""
    for run in (servers.expected, servers.got):
        for key, (declared, _, _) in TYPES.items():
            run(f"drop table if exists aw_{key}")
            run(f"create table aw_{key} (id integer primary key, v {declared})")
            run(f"insert into aw_{key} select id, v from au_{key} where id in (0, 1, 2)")
        for key, (declared, values) in WIDE.items():
            run(f"drop table if exists ax_{key}")
            run(f"create table ax_{key} (id integer primary key, v {declared})")
            run(f"insert into ax_{key} values (0, null)")
            for number, value in enumerate(values, 1):
                run(f"insert into ax_{key} values ({number}, '{value}')")


def drop_tables(servers):
    for run in (servers.expected, servers.got):
        for key in TYPES:
            run(f"drop table if exists aw_{key}")
        for key in WIDE:
            run(f"drop table if exists ax_{key}")
        run("drop table if exists aw_made")


class Writer:
    """Makes statements of random types, values and places."""

    def __init__(self, servers, chooser):
        self.servers, self.random = servers, chooser
        self.keys = list(TYPES)
        self.casts = {}

    def pick(self, *choices):
        return self.random.choice(choices)

    def key(self):
        return self.random.choice(self.keys)

    def value(self, key):
        beyond = BEYOND.get(key)
        return self.random.choice(beyond if beyond and self.random.random() < 0.12 else TYPES[key][2])

    def constant(self, key):
        """A constant of a type, as programs write it."""
        if self.random.random() < 0.06:
            return self.pick("null", f"null::{TYPES[key][0]}")
        value = self.value(key)
        return f"'{value}'" if self.random.random() < 0.35 else f"'{value}'::{TYPES[key][0]}"

    def is_cast(self, declared, target):
        pair = (declared, target)
        if pair not in self.casts:
            self.casts[pair] = self.servers.expected(f"select null::{declared}::{target}").error is None
        return self.casts[pair]

    def expression(self, name="a"):
        """A value made of a column: its table's key, the key of its type, and the text."""
        key = self.key()
        kind = self.random.random()
        if kind < 0.3:
            return key, key, f"{name}.v"
        if kind < 0.45:
            return key, key, f"{self.pick('coalesce', 'greatest', 'least')}({name}.v, {self.constant(key)})"
        if kind < 0.52:
            return key, key, f"nullif({name}.v, {self.constant(key)})"
        if kind < 0.6:
            return key, key, f"case when {name}.id > {self.random.randint(0, 3)} then {name}.v else {self.constant(key)} end"
        if kind < 0.64:
            target, other = "text", self.pick("varchar(3)", "char(2)", "char(7)", "varchar")
            return key, target, f"{name}.v::{other}"
        fitting = [target for target in self.keys if self.is_cast(TYPES[key][0], TYPES[target][0])]
        target = self.random.choice(fitting)
        return key, target, f"{name}.v::{TYPES[target][0]}"


def in_queries(w):
    """A value in the places of a query."""
    key, made, x = w.expression()
    table, c, d = f"au_{key} a", w.constant(made), w.constant(made)
    other = f"au_{made}"
    compare = w.pick("=", "<>", "<", ">=", "=", "is distinct from", "is not distinct from")
    direction = w.pick("", " desc", " nulls first", " desc nulls last")
    small = w.random.randint(1, 4)
    return w.pick(
        ("where", f"select a.id from {table} where {x} {compare} {c} order by a.id"),
        ("where", f"select a.id from {table} where not ({x} {compare} {c}) order by a.id"),
        ("where", f"select a.id from {table} where {c} {compare} {x} order by a.id"),
        ("in list", f"select a.id from {table} where {x} {w.pick('in', 'not in')} ({c}, {d}) order by a.id"),
        ("between", f"select a.id from {table} where {x} {w.pick('between', 'not between', 'between symmetric', 'not between symmetric')} {c} and {d} order by a.id"),
        ("condition shown", f"select a.id, {x} {compare} {c} as x from {table} order by a.id"),
        ("condition shown", f"select a.id, {x} {w.pick('in', 'not in')} ({c}, {d}) as x from {table} order by a.id"),
        ("order by", f"select a.id from {table} order by {x}{direction}, a.id"),
        ("order by", f"select a.id from {table} order by {x}{direction}, a.id limit {small}"),
        ("order by", f"select a.id, {x} as x from {table} order by x{direction}, a.id offset 1"),
        ("group by", f"select {x} as x, count(*) as n, min(a.id) as low from {table} group by {x} order by low"),
        ("group by", f"select count(*) as n from {table} group by {x} having min({x}) {w.pick('=', '<', '>=')} {c} order by n"),
        ("group by", f"select count(distinct {x}) as n from {table}"),
        ("distinct", f"select distinct {x} as x from {table} where a.id > 0 and a.v is not null", False),
        ("distinct", f"select distinct on ({x}) a.id from {table} order by {x}, a.id"),
        ("join", f"select a.id, b.id as other from {table} join {other} b on {x} {w.pick('=', '=', '<', '<=')} b.v order by a.id, b.id"),
        ("join", f"select a.id, b.id as other from {table} left join {other} b on {x} = b.v and b.v {compare} {c} order by a.id, b.id"),
        ("case", f"select a.id, case {x} when {c} then 'first' when {d} then 'second' else 'other' end as x from {table} order by a.id"),
        ("case", f"select a.id, case when a.id % 2 = 0 then {x} else {c} end as x from {table} order by a.id"),
        ("case", f"select a.id, case when {x} {compare} {c} then {x} end as x from {table} order by a.id"),
        ("sub-query", f"select a.id from {table} where {x} {w.pick('in', 'not in')} (select v from {other} where id > {small}) order by a.id"),
        ("sub-query", f"select a.id from {table} where {x} {w.pick('=', '<', '>=')} (select v from {other} where id = {small}) order by a.id"),
        ("sub-query", f"select a.id from {table} where {x} {w.pick('=', '<', '>=')} (select {w.pick('max', 'min')}(v) from {other}) order by a.id"),
        ("sub-query", f"select a.id from {table} where exists (select 1 from {other} b where b.v = {x} and b.id > {small}) order by a.id"),
        ("sub-query", f"select x, s.id from (select a.id, {x} as x from {table}) s where x {compare} {c} order by s.id"),
        ("sub-query", f"select s.id, s.x from (select a.id, {x} as x from {table} order by {x}{direction}, a.id limit 3) s order by s.id"),
        ("sub-query", f"select a.id, (select count(*) from {other} b where b.v < {x}) as n from {table} order by a.id"),
        ("with", f"with w as (select a.id, {x} as x from {table}) select w.id, w.x from w where w.x is not null order by w.id"),
        ("with", f"with w as (select {x} as x, count(*) as n from {table} group by 1) select sum(n) as n, count(x) as m from w"),
        ("set operation", f"select {x} as x from {table} {w.pick('union', 'union all', 'intersect', 'except')} select v from {other}", False),
        ("set operation", f"select {x} as x from {table} {w.pick('union', 'union all', 'except')} select {c}", False),
        ("set operation", f"select {c} as x union all select {x} from {table} order by 1{direction}", made != "ch"),
        ("row", f"select a.id from {table} where ({x}, a.id) {w.pick('=', '<', '<>', '>=')} ({c}, {small}) order by a.id"),
        ("row", f"select a.id from {table} where ({x}, a.id) in (({c}, 1), ({d}, 2)) order by a.id"),
        ("any", f"select a.id from {table} where {x} {w.pick('= any', '<> all', '< any', '>= all')} (array[{c}, {d}]) order by a.id"),
        ("any", f"select a.id from {table} where {x} {w.pick('= any', '<> all', '< any', '>= all')} (select v from {other} where id > {small}) order by a.id"),
        ("null tests", f"select a.id, {x} is null as x, coalesce({x}, {c}) is not null as y from {table} order by a.id"),
        ("null tests", f"select a.id, nullif({x}, {c}) as x from {table} order by a.id"),
        ("choice", f"select a.id, {w.pick('coalesce', 'greatest', 'least')}({x}, {c}, {d}) as x from {table} order by a.id"),
        ("text", f"select a.id, {x} || {w.pick(repr('|'), 'null', c)} as x from {table} order by a.id"),
        ("text", f"select a.id, length(({x})::text) as x from {table} order by a.id"),
        ("text", f"select a.id from {table} where ({x})::text = '{w.value(made)}' order by a.id"),
    )


def mixed_types(w):
    """Two types that meet."""
    a, b = w.key(), w.key()
    c, d = w.constant(a), w.constant(b)
    compare = w.pick("=", "<>", "<", ">=", "is distinct from")
    tables = f"au_{a} a join au_{b} b on a.id = b.id"
    return w.pick(
        ("choice of types", f"select a.id, {w.pick('coalesce', 'greatest', 'least', 'nullif')}(a.v, b.v) as x from {tables} order by a.id"),
        ("choice of types", f"select a.id, {w.pick('coalesce', 'greatest', 'least', 'nullif')}(a.v, {d}) as x from au_{a} a order by a.id"),
        ("choice of types", f"select a.id, {w.pick('coalesce', 'greatest', 'least', 'nullif')}({c}, b.v, {d}) as x from {tables} order by a.id"),
        ("case of types", f"select a.id, case when a.id > 1 then a.v else b.v end as x from {tables} order by a.id"),
        ("case of types", f"select a.id, case a.v when b.v then 1 when {d} then 2 end as x from {tables} order by a.id"),
        ("compare of types", f"select a.id from {tables} where a.v {compare} b.v order by a.id"),
        ("compare of types", f"select a.id from au_{a} a where a.v {compare} {d} order by a.id"),
        ("compare of types", f"select a.id from au_{a} a where a.v in ({c}, {d}) order by a.id"),
        ("compare of types", f"select a.id from au_{a} a where a.v in (select v from au_{b}) order by a.id"),
        ("compare of types", f"select a.id from au_{a} a where a.v between {c} and {d} order by a.id"),
        ("compare of types", f"select a.id from au_{a} a where a.v {w.pick('= any', '<> all', '< any')} (select v from au_{b} where id > 1) order by a.id"),
        ("set of types", f"select v from au_{a} {w.pick('union', 'union all', 'intersect', 'except')} select v from au_{b}", False),
        ("set of types", f"select v from au_{a} union all select {d} order by 1{w.pick('', ' desc')}"),
        ("join of types", f"select a.id, b.id as other from au_{a} a join au_{b} b on a.v = b.v order by a.id, b.id"),
        ("join of types", f"select a.id from au_{a} a join au_{b} b using (v) order by a.id, b.id"),
    )


def writes(w):
    """Rows written: one key's values into a column of another."""
    a, b = w.key(), w.key()
    if w.random.random() < 0.4:
        b = a
    c, d = w.constant(a), w.constant(b)
    cast = "" if w.random.random() < 0.5 else f"::{TYPES[b][0]}"
    small = w.random.randint(0, len(TYPES[a][2]))
    table = f"aw_{b}"
    shown = w.pick("", "", " returning id, v", " returning v, v is null as x", " returning (v)::text as x")
    sql = w.pick(
        f"insert into {table} (id, v) values (7, {c}{cast}){shown}",
        f"insert into {table} (id, v) values (7, {c}), (8, {d}){shown}",
        f"insert into {table} values (7, {c}){shown}",
        f"insert into {table} select 7, v{cast} from au_{a} where id = {small}",
        f"insert into {table} (v, id) select {w.pick('v', f'coalesce(v, {c})', f'nullif(v, {c})')}, id + 10 from au_{a} where id in ({small}, 1)",
        f"insert into {table} select id + 10, case when id > 1 then v end from au_{a} where id < 4",
        f"insert into {table} (id, v) values (1, {d}) on conflict (id) do update set v = {w.pick('excluded.v', c, f'coalesce(excluded.v, {c})', f'{table}.v')}{shown}",
        f"insert into {table} (id, v) values (1, {c}{cast}) on conflict (id) do {w.pick('nothing', 'update set v = excluded.v')}{shown}",
        f"update {table} set v = {c}{cast} where id = 1{shown}",
        f"update {table} set v = {w.pick(f'coalesce(v, {d})', f'nullif(v, {d})', f'greatest(v, {d})', f'case when id > 0 then {d} else v end')} where id < 2{shown}",
        f"update {table} t set v = a.v{cast} from au_{a} a where a.id = t.id and t.id = {small % 3}",
        f"update {table} set v = (select v{cast} from au_{a} where id = {small}) where id = 1",
        f"update {table} set id = id + 100, v = {c} where v {w.pick('=', '<', '>=', 'is distinct from')} {d}",
        f"delete from {table} where v {w.pick('=', '<>', '<', '>=', 'is distinct from', 'is not distinct from')} {d}{shown}",
        f"delete from {table} where v{w.pick(' in', ' not in')} ({d}, {w.constant(b)})",
        f"delete from {table} t using au_{a} a where t.v = a.v",
        f"delete from {table} where v in (select v from au_{a} where id > {small})",
    )
    read = f"select id, v from {table} order by id"
    return (f"write {sql.split()[0]}", sql, True, (), ("begin",), (read,), ("rollback",))


def made_columns(w):
    """Defaults and generated columns."""
    key = w.key()
    target = TYPES[key][0]
    c = w.constant(w.pick(key, key, "text", "int4"))
    made = w.pick(f"default {c}", f"default {c}", f"default {c}::{target}", f"generated always as ({w.pick(c, 'id', 'id + 1')}) stored")
    sql = f"create table aw_made (id integer primary key, v {target} {made})"
    after = ("insert into aw_made (id) values (1)", "insert into aw_made values (2, default)", "select id, v from aw_made order by id")
    return ("made column", sql, True, (), (), after, ("drop table if exists aw_made",))


def moments(w):
    """Date and time arithmetic under a session's zone."""
    zone = w.random.choice(ZONES)
    key, table = w.random.choice([("ts", "au_ts"), ("ts", "ax_end"), ("tz", "au_tz"), ("tz", "ax_endz"), ("date", "au_date"), ("date", "ax_endd"), ("time", "au_time")])
    c = w.constant(key)
    step = w.pick("1 day", "1 month", "1 year", "-1 month", "1 hour", "-1 second", "0.000001 second", "1 mon -1 day", "24:00:00", "12 months", "-1 day", "90 minutes", "1000 years")
    field = w.pick("year", "month", "day", "hour", "minute", "second", "dow", "isodow", "doy", "week", "isoyear", "quarter", "epoch", "century", "decade", "milliseconds", "julian")
    unit = w.pick("year", "month", "day", "hour", "minute", "second", "week", "quarter", "decade", "century", "milliseconds")
    other = w.pick("date", "timestamp", "timestamptz", "time", "text", "varchar(10)", "timestamp(0)", "timestamptz(0)")
    pattern = w.pick("YYYY-MM-DD HH24:MI:SS.US", "DD.MM.YY", "IYYY-IW", "Mon DD", "HH12:MI AM", "J", "Q", "TZ", "YYYY BC", "SSSSS", "FMDDth")
    number = w.pick("1", "-1", "0", "30", "365", "100000")
    expressions = [
        f"v + interval '{step}'", f"v - interval '{step}'", f"v + '{step}'::interval", f"interval '{step}' + v", f"extract({field} from v)", f"date_part('{field}', v)",
        f"date_trunc('{unit}', v)", f"v::{other}", f"to_char(v, '{pattern}')", f"v at time zone '{w.random.choice(ZONES)}'", f"v - {c}", f"{c} - v", f"age(v, {c})",
        f"v::{other}::text", f"greatest(v, {c})", f"(v + interval '{step}')::date", f"extract({field} from v + interval '{step}')", f"date_trunc('{unit}', v + interval '{step}')",
        f"isfinite(v)", f"{c}::{other}", f"v + {number}", f"v - {number}", f"cast(v as {other})", f"to_char(v + interval '{step}', '{pattern}')",
    ]
    x = w.random.choice(expressions)
    key_of = "v" if x.startswith(("'", "null")) else x
    sql = w.pick(
        f"select id, {x} as x from {table} order by id",
        f"select id, {x} as x from {table} order by id",
        f"select id from {table} where {x} > {c} order by id",
        f"select id from {table} where {x} is not null order by id",
        f"select id from {table} where v {w.pick('=', '<', '>=', '<>', 'is distinct from')} {c} order by id",
        f"select id from {table} where v::{other} {w.pick('=', '<')} {c}::{other} order by id",
        f"select id from {table} where v > {c} - interval '{step}' order by id",
        f"select id from {table} where v between {c} and {c} + interval '{step}' order by id",
        f"select id from {table} order by {key_of}, id",
        f"select {key_of} as x, count(*) as n from {table} group by {key_of}",
        f"select max({x}) as x from {table}",
    )
    ordered = " group by " not in sql
    return (f"moment of {key}", sql, ordered, (), (f"set timezone = '{zone}'",), (), ("set timezone = 'UTC'",))


def patterns(w):
    key = w.random.choice(STRINGS)
    table = w.pick(f"au_{key}", f"au_{key}", "ax_mb")
    piece = lambda: w.pick("a", "A", "b", "%", "_", "\\%", "\\_", "\\\\", " ", "é", "É", "c", ".", "1", "😀", "ß", "日", "x", "''", "*", "!%", "!_", "!!", "^", "|", "[ab]", "(a|b)", "a{1,2}", "+")
    pattern = "".join(piece() for _ in range(w.random.randint(0, 4)))
    if w.random.random() < 0.5:
        pattern = w.pick("%", "") + pattern + w.pick("%", "")
    word = w.pick("like", "not like", "ilike", "not ilike", "similar to", "not similar to", "~", "!~", "~*", "!~*", "~~", "!~~*", "like", "^@")
    escape = ""
    if ("like" in word or "similar" in word) and w.random.random() < 0.4:
        escape = f" escape '{w.pick('!', '', '%', chr(92), 'a', '_')}'"
    x = w.pick("v", "v", "v", "coalesce(v, '')", "v || 'a'", "lower(v)", "v::varchar(3)")
    sql = w.pick(
        f"select id from {table} where {x} {word} '{pattern}'{escape} order by id",
        f"select id from {table} where not ({x} {word} '{pattern}'{escape}) order by id",
        f"select id, {x} {word} '{pattern}'{escape} as x from {table} order by id",
        f"select a.id, b.id as other from {table} a join au_vc b on a.v {word} b.v{escape} order by a.id, b.id",
    )
    return ("pattern " + word.removeprefix("not ").removeprefix("!"), sql)


def wide_text(w):
    """String functions over text of several bytes a character."""
    n, m = w.pick("0", "1", "2", "3", "-1", "5"), w.pick("0", "1", "2", "4")
    piece = w.pick("é", "日", "😀", "a", "", "ß", "\u0301")
    x = w.pick(
        "length(v)", "char_length(v)", "octet_length(v)", "bit_length(v)", f"left(v, {n})", f"right(v, {n})", f"substr(v, {n}, {m})", f"substring(v from {n} for {m})",
        f"substring(v from {m})", f"position('{piece}' in v)", f"strpos(v, '{piece}')", f"replace(v, '{piece}', 'X')", f"lpad(v, {m}, '{piece}')", f"rpad(v, {m}, '{piece}')",
        "upper(v)", "lower(v)", "initcap(v)", "reverse(v)", f"repeat(v, {n})", f"trim('{piece}' from v)", "btrim(v)", f"ltrim(v, '{piece}')", f"rtrim(v, '{piece}a')", "ascii(v)",
        "md5(v)", f"translate(v, 'é日', 'ab')", f"overlay(v placing 'XX' from {m} for 1)", f"split_part(v, '{piece}', {m})", f"concat(v, '{piece}', v)", f"v || '{piece}'", f"starts_with(v, '{piece}')",
        "quote_literal(v)", "quote_ident(v)", "v::varchar(2)", "v::char(3)", "v::bytea", "chr(ascii(v))", f"concat_ws('{piece}', v, 'x')", "v::name", "to_json(v)", "encode(v::bytea, 'hex')",
    )
    table = w.pick("ax_mb", "ax_mb", "ax_mb", "ax_astral", "au_text", "au_ch", "au_vc")
    sql = w.pick(
        f"select id, {x} as x from {table} order by id",
        f"select id, {x} as x from {table} order by id",
        f"select id from {table} where {x} is not null order by {x}, id",
        f"select {x} as x, count(*) as n from {table} group by {x}",
        f"select id from {table} where ({x})::text like '%a%' order by id",
        f"select max({x}) as x from {table}",
        f"select id, case when id > 3 then {x} end as x from {table} order by id",
    )
    return ("wide text " + x.split("(")[0], sql, " group by " not in sql)


def windows(w):
    key = w.key()
    table, c = f"au_{key}", w.constant(key)
    small = w.random.randint(0, 4)
    call = w.pick(
        "sum(v)", "avg(v)", "count(v)", "count(*)", "min(v)", "max(v)", "first_value(v)", "last_value(v)", f"nth_value(v, {small + 1})", "lag(v)", f"lag(v, {small})", f"lead(v, 1, {c})", "rank()", "dense_rank()",
        "row_number()", f"ntile({small + 1})", "percent_rank()", "cume_dist()", "bool_and(v)", "string_agg(v::text, ',')", "array_agg(v)", f"count(v) filter (where v = {c})", f"sum(id) filter (where v is not null)",
    )
    part = w.pick("", "", "partition by v ", "partition by id % 2 ", "partition by v is null ")
    # Where rows tie, only some functions have one answer.
    orders = ["order by id", "order by v, id", "order by v desc nulls last, id", "order by id desc"]
    if call.startswith(("sum(id)", "count", "min", "max", "bool")):
        orders += ["", "order by v"]
    elif call.startswith(("rank", "dense", "percent", "cume")):
        orders += ["order by v"]
    order = w.random.choice(orders)
    frames = ["", "", "", " rows between 1 preceding and 1 following", " rows unbounded preceding", " range between unbounded preceding and current row", " rows between current row and unbounded following", " groups 1 preceding", " rows between 2 preceding and 1 preceding", " range between unbounded preceding and unbounded following"]
    frame = w.random.choice([frame for frame in frames if "rows" not in frame or "id" in order]) if order else ""
    sql = w.pick(
        f"select id, {call} over ({part}{order}{frame}) as x from {table} order by id",
        f"select id, {call} over ({part}{order}{frame}) as x from {table} order by id",
        f"select id, {call} over w as x from {table} window w as ({part}{order}) order by id",
        f"select s.id from (select id, {call} over ({part}{order}{frame}) as x from {table}) s where x is not null order by s.id",
        f"select id from {table} order by {call} over ({part}{order}{frame}), id",
        f"select id % 3 as k, sum(count(v)) over (order by id % 3) as x from {table} group by id % 3 order by k",
    )
    return ("window " + call.split("(")[0], sql)


def aggregated(w):
    key = w.key()
    table, c = f"au_{key}", w.constant(key)
    calls = []
    for _ in range(w.random.randint(1, 2)):
        call = w.pick("sum(v)", "avg(v)", "min(v)", "max(v)", "count(v)", "count(distinct v)", "sum(distinct v)", "avg(distinct v)", "bool_or(v)", "every(v)", "array_agg(v order by id)", "array_agg(distinct v order by v)",
            "string_agg(v::text, ',' order by id)", "string_agg(distinct v::text, '|' order by v::text)", "string_agg(v::text, '' order by v, id)", "json_agg(v order by id)", "jsonb_agg(v order by id)", "stddev(v)", "variance(v)",
            f"count(nullif(v, {c}))", f"max(coalesce(v, {c}))", "min(v::text)", "count(*)", "bit_or(v)", "sum(id)", f"sum(case when v = {c} then 1 else 0 end)", "max(v) - min(v)", "coalesce(sum(v), 0)")
        if w.random.random() < 0.35 and call.endswith(")") and not call.startswith(("max(v) -", "coalesce")):
            condition = w.pick(f"v > {c}", "id > 2", "v is null", "false", f"v in ({c})", "id % 2 = 0", f"v is distinct from {c}")
            call += f" filter (where {condition})"
        calls.append(call)
    shown = ", ".join(f"{call} as x{number}" for number, call in enumerate(calls))
    where = w.pick("", "", " where id < 0", f" where v {w.pick('=', '<>', '>')} {c}", " where id in (1, 2)", " where v is null")
    sql = w.pick(
        f"select {shown} from {table}{where}",
        f"select {shown} from {table}{where}",
        f"select id % 2 as k, {shown} from {table}{where} group by id % 2 order by k",
        f"select id % 2 as k, {shown} from {table}{where} group by 1 having count(v) {w.pick('>', '=', '<')} {w.random.randint(0, 3)} order by 1",
        f"select k, {shown.replace('id', 'k')} from (select id as k, v from {table}{where}) s group by k order by k" if "id" not in where else f"select {shown} from {table}",
        f"select id / 3 as k, {shown} from {table}{where} group by id / 3 order by {calls[0]}, k",
        f"select a.id, (select {calls[0]} from {table} b where b.id < a.id) as x from {table} a order by a.id" if "a." not in calls[0] else f"select {shown} from {table}",
        f"select {shown} from {table}{where} having count(*) > 100",
    )
    return ("aggregate of edges " + calls[0].split("(")[0], sql)


KINDS = [(in_queries, 30), (mixed_types, 14), (writes, 20), (moments, 14), (patterns, 7), (wide_text, 6), (windows, 7), (aggregated, 7), (made_columns, 2)]


def positions(servers, chooser, count):
    writer = Writer(servers, chooser)
    makers, weights = zip(*KINDS)
    for _ in range(count):
        (maker,) = chooser.choices(makers, weights)
        family, sql, *rest = maker(writer)
        ordered, single, before, after, end = (*rest, *(True, None, (), (), ())[len(rest) :])
        yield Statement(family, sql, ordered, single or None, before, after, end)
