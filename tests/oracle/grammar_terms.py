"""The expressions of grammar.py as data: what makes a value of each type. In braces stands a type, or another rule; all `{x}`
of a rule are of one type, chosen for it. A value of a type in a column may be a little less than its name says: `txt` takes
varchar columns, too, as PostgreSQL does."""

import re

# Literals by type.
LITERALS = {
    "int": ["0", "1", "2", "-3", "10", "42", "NULL::int"], "big": ["0::bigint", "7::bigint", "10000000000", "'-5'::int8"],
    "num": ["0.5", "1.00", "-2.25", "100.10", "3::numeric"], "flt": ["0.5::float8", "2.0::float8", "-1.25::float8", "'0'::double precision"],
    "txt": ["'abc'", "''", "'a b'", "'Čeněk'", "'x,y'::text", "E'a\\nb'", "$$q'q$$", "NULL::text"],
    "vc": ["'abc'::varchar", "'A'::varchar(5)", "''::varchar"], "ch": ["'ab'::char(4)", "'a'::bpchar"], "bool": ["true", "false", "NULL::bool", "'t'::bool"],
    "date": ["date '2024-02-29'", "'2023-12-31'::date", "'2000-01-01'::date"],
    "ts": ["timestamp '2024-01-31 10:00:00'", "'2023-12-31 23:59:59.5'::timestamp"],
    "tz": ["timestamptz '2024-01-31 10:00:00+02'", "'2023-12-31 23:59:59.5Z'::timestamptz"], "tm": ["time '12:00'", "'08:30:15.25'::time"],
    "iv": ["interval '1 day'", "interval '2 hours 30 minutes'", "'1 mon -3 days'::interval", "interval '90' minute"],
    "uuid": ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "'00000000-0000-0000-0000-000000000000'::uuid"],
    "jb": ["'{\"a\": 1, \"k\": \"v\"}'::jsonb", "'[1, 2, \"x\"]'::jsonb", "'null'::jsonb", "'{\"a\": {\"b\": [1, 2]}}'::jsonb"],
    "ta": ["array['a', 'b']", "'{x,NULL}'::text[]", "array[]::text[]"], "ia": ["array[1, 2, 3]", "'{3,1}'::int[]", "array[]::int[]"],
    "by": ["'\\x6162'::bytea", "'abc'::bytea", "''::bytea"], "vec": ["'[1,2,3]'::vector", "'[0,1,0]'::vector(3)"],
    "rng": ["'[1,5)'::int4range", "'empty'::int4range", "int4range(1, 10, '[]')"], "tsv": ["'a b c'::tsvector", "to_tsvector('simple', 'the quick fox')"],
    "path": ["'$.a'", "'$.k'", "'$[*]'", "'$.a.b[*]'", "'$.n ? (@ > 1)'", "'$.**'"], "key": ["'a'", "'k'", "'n'", "'zz'"],
    "keys": ["'{a,b}'", "'{k,x}'", "'{0,k}'", "array['a', 'b']"], "n": ["0", "1", "2", "3", "4", "-1", "(coalesce({int}, 1) % 4)"],
    "pos": ["1", "2", "3", "(1 + abs({int} % 4))"], "sep": ["','", "' '", "'-'", "''", "'a'"],
    "like": ["'a%'", "'%b%'", "'_b%'", "'%'", "''", "'A%'", "'%\\%%'", "'abc'", "'% '"],
    "re": ["'^a'", "'[a-c]+'", "'(b|x)'", "'\\d+'", "'\\s'", "'^$'", "'b.*c'", "'\\mfox'", "'[A-Z]'"],
    "query": ["to_tsquery('simple', 'quick & fox')", "plainto_tsquery('simple', 'alpha')", "to_tsquery('simple', 'a:* | bob')", "websearch_to_tsquery('simple', 'the -fox')"],
    "unit": ["'day'", "'month'", "'year'", "'hour'", "'week'", "'quarter'", "'minute'"],
    "field": ["year", "month", "day", "dow", "doy", "hour", "minute", "week", "quarter", "isodow", "epoch"],
    "dfield": ["year", "month", "day", "dow", "doy", "week", "quarter", "isodow", "isoyear", "century"], "cmp": ["=", "<>", "<", "<=", ">", ">=", "!="],
    "format": ["'YYYY-MM-DD'", "'DD Mon YYYY'", "'HH24:MI:SS'", "'YYYY-MM-DD HH24:MI:SS.US'", "'FMDay, FMDD FMMonth'", "'IYYY-IW'", "'Q'"],
    "nformat": ["'999999.99'", "'FM999990.00'", "'S9999'", "'9,999'", "'0000'"], "strength": ["is distinct from", "is not distinct from"],
    "typename": ["'object'", "'array'", "'string'", "'number'", "'null'"], "zone": ["'UTC'", "'+03'", "interval '2 hours'"],
}  # fmt: skip

# Of any type.
ANY = [
    "coalesce({T}, {T})", "case when {bool} then {T} else {T} end", "case when {bool} then {T} end", "nullif({T}, {T})", "({T})",
    "case {int} when {int} then {T} when 1 then {T} else {T} end", "greatest({T}, {T})", "least({T}, {T}, {T})", "{sub:T}", "coalesce({sub:T}, {T})",
    "(array[{T}, {T}])[{pos}]",
]  # fmt: skip

RULES = {
    "int": [
        "({int} + {int})", "({int} - {int})", "(({int} % 100) * {int})", "({int} / nullif({int}, 0))", "({int} % nullif({int}, 0))", "(- {int})",
        "abs({int})", "sign({num})::int", "length({txt})", "char_length({vc})", "octet_length({txt})", "bit_length({vc})", "position({sep} in {txt})",
        "strpos({txt}, {vc})", "ascii({vc})", "extract({dfield} from {date})::int", "({date} - {date})", "cardinality({ia})", "array_length({ta}, 1)",
        "array_position({ia}, {int})", "({ia})[{pos}]", "jsonb_array_length(case when jsonb_typeof({jb}) = 'array' then '[1,2]'::jsonb end)",
        "num_nonnulls({any}, {any})", "num_nulls({any}, {any})", "({int} & {int})", "({int} | 3)", "({int} # {int})", "(~ {int})", "({int} << 2)", "({int} >> 1)",
        "gcd({int}, {int})", "mod({int}, nullif({int}, 0))", "div({int}, 3)::int", "width_bucket({flt}, 0, 10, 5)", "length({by})", "upper({rng})", "lower({rng})",
        "floor({num})::int", "ceil({num})::int", "round({num})::int", "trunc({num})::int", "{bool}::int", "cast({num} as int)", "regexp_count({txt}, {re})",
        "regexp_instr({txt}, {re})", "array_ndims({ta})", "array_upper({ia}, 1)", "vector_dims({vec})", "date_part({unit}, {date})::int", "length(trim({ch}))",
    ],
    "big": [
        "({big} + {int})", "({int}::bigint - {int})", "({int}::bigint * {int})", "abs({big})", "({big} / 3)", "({big} % 7)", "{int}::bigint", "{int}::int8",
        "(select count(*) from {table})", "floor({flt} / 1000)::bigint", "extract(epoch from {ts})::bigint", "({big} # 5)",
    ],
    "num": [
        "({num} + {num})", "({num} - {int})", "({num} * {num})", "({num} / nullif({num}, 0))", "({num} % nullif({num}, 0))", "round({num}, 1)", "round({num})",
        "trunc({num}, 1)", "ceil({num})", "floor({num})", "abs({num})", "sign({num})", "{int}::numeric", "{num}::numeric(12,3)", "extract({field} from {ts})",
        "extract({field} from {tz})", "extract({dfield} from {date})", "mod({num}, 3)", "({num} * 1.5)", "sqrt(abs({num}))", "power({num}, 2)", "(- {num})", "(+ {num})",
        "greatest({num}, {int})", "({int} / 4.0)", "scale({num})::numeric", "min_scale({num})::numeric", "trim_scale({num})", "({jb} ->> 'q')::numeric", "extract(epoch from {iv})",
        "div({num}, 2)", "extract(hour from {tm})", "extract(second from {tm})",
    ],
    "flt": [
        "({flt} + {flt})", "({flt} - {int})", "({flt} * {flt})", "({flt} / nullif({flt}, 0))", "abs({flt})", "round({flt})", "floor({flt})", "ceil({flt})", "trunc({flt})",
        "sqrt(abs({flt}))", "{int}::float8", "{num}::float8", "(- {flt})", "sign({flt})", "date_part('year', {ts})", "date_part('hour', {tz})", "({flt} / 2)", "cast({int} as double precision)",
        "({vec} <-> {vec})", "({vec} <#> {vec})", "l2_distance({vec}, {vec})", "({vec} <+> {vec})", "power({flt}, 2)", "vector_norm({vec})", "({flt} * {int})",
    ],
    "txt": [
        "({txt} || {txt})", "lower(left({vc}, 3))", "({txt} || {int})", "concat({txt}, {any}, {vc})", "concat_ws({sep}, {txt}, {vc}, {int})", "substring({txt} from {pos} for {pos})", "substr({txt}, {n})",
        "left({txt}, {n})", "right({txt}, {n})", "trim({txt})", "ltrim({txt})", "rtrim({txt}, 'b')", "btrim({txt}, ' a')", "replace({txt}, {sep}, {vc})", "upper({vc})", "lower({vc})",
        "initcap({vc})", "lpad({txt}, 6, '*')", "rpad({vc}, 5)", "repeat({vc}, {n})", "reverse({txt})", "split_part({txt}, ' ', {pos})", "translate({txt}, 'abc', 'xy')", "md5({txt})",
        "{int}::text", "{num}::text", "{date}::text", "{bool}::text", "{ts}::text", "{uuid}::text", "{jb}::text", "{ia}::text", "{ch}::text", "{flt}::text", "to_char({ts}, {format})",
        "to_char({date}, {format})", "to_char({num}, {nformat})", "to_char({int}, {nformat})", "({jb} ->> {key})", "({jb} #>> {keys})", "jsonb_typeof({jb})", "array_to_string({ta}, {sep})",
        "array_to_string({ia}, ',', '*')", "({ta})[{pos}]", "regexp_replace({txt}, {re}, 'X')", "regexp_replace({txt}, {re}, '<\\&>', 'g')", "regexp_substr({txt}, {re})", "substring({txt} from {re})",
        "encode({by}, 'hex')", "quote_literal({txt})", "quote_ident({vc})", "quote_nullable({txt})", "format('%s-%I', {txt}, coalesce({vc}, 'x'))", "format('%L', {any})", "overlay({txt} placing 'ZZ' from {pos} for 1)",
        "(regexp_match({txt}, {re}))[1]", "(string_to_array({txt}, {sep}))[{pos}]", "array_dims({ta})", "chr(65 + abs({int} % 26))", "to_hex({int})", "jsonb_pretty({jb})", "{rng}::text", "{iv}::text",
        "to_char({iv}, 'HH24:MI')", "json_value({jb}, {path} null on error)", "{vec}::text", "{tm}::text", "ts_headline('simple', {vc}, {query})", "starts_with({txt}, 'a')::text", "case when {bool} then 'yes' else 'no' end",
        "cast({txt} as varchar(3))", "pg_typeof({any})::text", "to_json({any})::text", "unistr('\\0041')", "normalize({txt})",
    ],
    "vc": ["{vc}::varchar(3)", "cast({int} as varchar)", "{vc}::varchar"],
    "ch": ["{vc}::char(3)", "cast({int} as char(5))", "{ch}::bpchar"],
    "bool": [
        "({x} {cmp} {x})", "({x} {cmp} {x})", "({x} {cmp} {x})", "({x} {strength} {x})", "({any} is null)", "({any} is not null)", "({x} between {x} and {x})", "({x} not between symmetric {x} and {x})",
        "({x} in ({x}, {x}))", "({x} not in ({x}, {x}))", "({txt} like {like})", "({txt} not like {like})", "({vc} ilike {like})", "({txt} similar to '(a|b)%')", "({txt} ~ {re})", "({vc} ~* {re})",
        "({txt} !~ {re})", "({bool} and {bool})", "({bool} or {bool})", "(not {bool})", "({bool} is true)", "({bool} is not false)", "({bool} is unknown)", "{exists}", "{insub}", "{insub}", "({jb} @> '{\"k\": \"v\"}')",
        "({jb} ? {key})", "({jb} ?| array['a', 'n'])", "({jb} ?& array['a', 'k'])", "({jb} @? {path})", "({jb} <@ {jb})", "({ia} @> {ia})", "({ta} && {ta})", "({int} = any({ia}))", "({txt} = any({ta}))",
        "({int} < all({ia}))", "({int} <@ {rng})", "({rng} && {rng})", "isempty({rng})", "({rng} -|- {rng})", "(({x}, {int}) {cmp} ({x}, {int}))", "(({x}, {vc}) in (({x}, {vc}), ({x}, 'a')))", "(row({x}, {int}) is null)",
        "({tsv} @@ {query})", "(to_tsvector('simple', {vc}) @@ {query})", "(({ts}, {ts}) overlaps ({ts}, interval '1 day'))", "({int} {cmp} {num})", "({big} {cmp} {int})", "({num} {cmp} {flt})", "({date} {cmp} {ts})",
        "({ts} {cmp} {date})", "({vc} {cmp} {txt})", "({ch} {cmp} {vc})", "({ch} = {ch})", "({txt} is json)", "({jb} = {jb})", "starts_with({txt}, {vc})", "({txt} ^@ 'a')", "{int}::bool", "({int} = any(array[1, 2, {int}]))", "regexp_like({txt}, {re})",
        "json_exists({jb}, {path})", "({txt} like '%' || {vc} || '%')", "(({x}, {int}) is distinct from ({x}, {int}))", "({txt} = any(string_to_array('a,b,abc', ',')))", "({tz} {cmp} {ts})", "isfinite({date})", "({txt} collate \"C\" < {txt})",
        "({vc} like {like} escape '#')", "(({bool}) = ({bool}))", "({vec} = {vec})", "(({vec} <-> {vec}) < 3)", "({uuid} {cmp} {uuid})", "({by} {cmp} {by})",
    ],
    "date": ["({date} + {small})", "({date} - {small})", "{ts}::date", "{tz}::date", "cast({ts} as date)", "make_date(2024, 1 + abs({int} % 12), 1 + abs({int} % 28))", "to_date('2024-03-01', 'YYYY-MM-DD')", "date_trunc({unit}, {date})::date", "date({ts})"],
    "ts": ["({ts} + {iv})", "({ts} - {iv})", "date_trunc({unit}, {ts})", "({date} + {tm})", "{date}::timestamp", "({tz} at time zone {zone})", "({date} + {iv})", "date_bin('15 minutes', {ts}, timestamp '2001-01-01')", "{tz}::timestamp", "({date} - {iv})"],
    "tz": ["({tz} + {iv})", "({tz} - {iv})", "date_trunc({unit}, {tz})", "({ts} at time zone 'UTC')", "{ts}::timestamptz", "{date}::timestamptz", "to_timestamp(86400.5 * abs({int} % 100))", "date_trunc('day', {tz}, 'UTC')"],
    "tm": ["({tm} + interval '30 minutes')", "{ts}::time", "({tm} - interval '1 hour')", "make_time(abs({int} % 24), 30, 15.5)", "date_trunc('minute', {ts})::time"],
    "iv": ["({iv} + {iv})", "({iv} * {small})", "({ts} - {ts})", "({tz} - {tz})", "age({ts}, {ts})", "make_interval(days => {small})", "justify_days({iv})", "({iv} / 2)", "(- {iv})", "({tm} - {tm})", "{tm}::interval", "justify_hours({iv})", "date_trunc('hour', {iv})"],
    "uuid": ["md5({txt})::uuid"],
    "jb": [
        "({jb} -> {key})", "({jb} -> 0)", "({jb} #> {keys})", "jsonb_build_object('k', {any}, 'l', {any})", "jsonb_build_array({any}, {any})", "to_jsonb({any})", "jsonb_strip_nulls({jb})", "jsonb_path_query_array({jb}, {path})",
        "jsonb_path_query_first({jb}, {path})", "jsonb_set(jsonb_build_object('a', {any}), array['a'], {jb}, true)", "(jsonb_build_object('a', {any}, 'b', 1) - 'a')", "(jsonb_build_array({any}) || {jb})", "jsonb_build_object('x', {jb})",
        "to_jsonb({ta})", "json_query({jb}, {path} with wrapper)", "jsonb_insert('[1, 2]', array['1'], {jb})", "json_object('a': {any} returning jsonb)", "json_array({any}, {any} returning jsonb)", "({jb})['a']", "to_jsonb({row})",
    ],
    "ta": ["array_append({ta}, {txt}::text)", "array_prepend({txt}::text, {ta})", "array_remove({ta}, {vc}::text)", "({ta} || {ta})", "string_to_array({txt}, {sep})", "regexp_split_to_array({txt}, {re})", "array[{txt}, {txt}::text]", "({ta})[1:2]", "array_replace({ta}, 'a', {txt}::text)", "regexp_match({txt}, {re})", "{arraysub:txt}", "array_cat({ta}, {ta})", "{ia}::text[]"],
    "ia": ["array_append({ia}, {int})", "({ia} || {int})", "({int} || {ia})", "array_remove({ia}, {int})", "array[{int}, {int}, {int}]", "({ia})[{pos}:3]", "array_positions({ia}, {int})", "{arraysub:int}", "array_fill({int}, array[2])", "array_cat({ia}, {ia})"],
    "by": ["convert_to({txt}, 'UTF8')", "({by} || {by})", "substring({by} from 1 for 2)", "sha256({by})", "decode(md5({txt}), 'hex')", "set_byte('\\x0000'::bytea, 1, 65)", "overlay({by} placing '\\xff'::bytea from 1)"],
    "vec": ["({vec} + {vec})", "({vec} - {vec})", "array[coalesce({int}, 0), 1, 2]::vector", "({vec} * {vec})"],
    "rng": ["int4range(least({int}, {int}), null)", "int4range(least({int}, 5), greatest({int}, 5))", "({rng} * {rng})", "range_merge({rng}, {rng})"],
    "tsv": ["to_tsvector('simple', {vc})", "(to_tsvector('simple', {vc}) || {tsv})", "setweight(to_tsvector('simple', {vc}), 'B')", "strip({tsv})"],
    "small": ["1", "2", "7", "({int} % 5)", "coalesce({int} % 30, 1)"],
}  # fmt: skip
# Aggregates by the type of their value.
AGGREGATES = {
    "big": ["count(*)", "count({any})", "count(distinct {any})", "sum({int})", "sum({int})", "count(*)", "sum(distinct {int})", "regr_count({flt}, {flt})", "sum(length({txt}))"],
    "int": ["min({int})", "max({int})", "bit_and({int})", "bit_or({int})", "mode() within group (order by {int})", "percentile_disc(0.5) within group (order by {int})", "count(*)::int", "bit_xor({int})", "max({date}) - min({date})"],
    "num": ["sum({num})", "avg({int})", "avg({num})", "min({num})", "max({num})", "sum({big})", "var_samp({int})", "stddev_pop({num})", "avg({big})", "sum(distinct {num})", "round(avg({num}), 2)", "variance({int})", "stddev({int})", "avg(distinct {int})"],
    "flt": ["sum({float})", "avg({float})", "min({flt})", "max({flt})", "percentile_cont(0.5) within group (order by {float})", "percentile_cont(0.25) within group (order by {int} desc)", "percent_rank(3) within group (order by {int})"],
    "txt": ["string_agg({txt}, ',' order by {1})", "min({txt})", "max({txt})", "string_agg(distinct {txt}::text, '|' order by {1}::text)", "max({vc})", "mode() within group (order by {txt}::text)", "string_agg({vc}, '' order by {1} desc nulls last)", "min({ch}::text)"],
    "bool": ["bool_and({bool})", "bool_or({bool})", "every({bool})", "count(*) > 1", "sum({int}) > 5"],
    "date": ["min({date})", "max({date})"], "ts": ["min({ts})", "max({ts})"], "tz": ["min({tz})", "max({tz})"], "tm": ["min({tm})", "max({tm})"], "iv": ["max({iv})", "sum({iv})"], "vc": ["min({vc})", "max({vc})"],
    "jb": ["jsonb_agg({any} order by {1})", "jsonb_object_agg(coalesce({vc}, ''), {int} order by {2}, {1})", "json_arrayagg({int} order by {1} null on null returning jsonb)"],
    "ta": ["array_agg({txt}::text order by {1}::text)", "array_agg(distinct {txt}::text)", "percentile_disc(array[0.1, 0.9]) within group (order by {txt}::text)"], "ia": ["array_agg({int} order by {1} desc)", "array_agg(distinct {int} order by {1})"],
    "rng": ["range_intersect_agg({rng})"],
}  # fmt: skip

# Windows; their rows are in a total order where that matters: `TOTAL` becomes ORDER BY of all columns.
WINDOWS = {
    "big": ["row_number() TOTAL", "rank() SOME", "dense_rank() SOME", "count(*) PART", "count({any}) FRAME", "sum({int}) FRAME", "sum({int}) SOME", "count(*) filter (where {bool}) SOME"],
    "int": ["lag({int}) TOTAL", "lead({int}, 2, 0) TOTAL", "first_value({int}) TOTAL", "last_value({int}) FRAME", "nth_value({int}, 2) FRAME", "ntile(3) TOTAL", "max({int}) PART", "min({int}) FRAME"],
    "num": ["sum({num}) FRAME", "avg({int}) PART", "sum({num}) SOME", "lag({num}, 1, 0.5) TOTAL", "avg({num}) FRAME"],
    "flt": ["percent_rank() SOME", "cume_dist() SOME", "sum({float}) PART", "max({flt}) FRAME"],
    "txt": ["lag({txt}::text) TOTAL", "first_value({txt}::text) TOTAL", "string_agg({txt}, ',') TOTAL", "min({txt}) PART", "last_value({txt}::text) FRAME"],
    "date": ["max({date}) PART", "lead({date}) TOTAL"], "bool": ["bool_or({bool}) PART", "lag({bool}) TOTAL"], "ia": ["array_agg({int}) TOTAL"],
}  # fmt: skip
FRAMES = [
    "rows between unbounded preceding and current row", "rows between 1 preceding and 1 following", "rows between current row and unbounded following", "rows 2 preceding",
    "groups between 1 preceding and current row", "range between unbounded preceding and unbounded following", "rows between 2 preceding and 1 preceding",
    "rows between unbounded preceding and unbounded following exclude current row", "rows between unbounded preceding and current row exclude ties",
]  # fmt: skip

# Functions in FROM: SQL, columns. What they are given may be of the tables in front of them.
SETS = [
    ("generate_series(1, {pos})", ["int"]), ("generate_series({date}, {date} + 3, interval '1 day')", ["tz"]), ("unnest({ta})", ["txt"]), ("unnest({ia})", ["int"]), ("unnest(array[{int}, {int}])", ["int"]),
    ("jsonb_array_elements(case when jsonb_typeof({jb}) = 'array' then '[1, {}, null]'::jsonb else '[2]'::jsonb end)", ["jb"]), ("jsonb_array_elements_text(jsonb_build_array({any}, {int}))", ["txt"]),
    ("jsonb_each(jsonb_build_object('a', {any}, 'b', {int}))", ["txt", "jb"]), ("jsonb_each_text(jsonb_build_object('x', {any}))", ["txt", "txt"]), ("jsonb_object_keys(jsonb_build_object('a', 1, 'b', {int}))", ["txt"]),
    ("string_to_table({txt}, ' ')", ["txt"]), ("regexp_split_to_table({txt}, {re})", ["txt"]), ("regexp_matches({txt}, {re}, 'g')", ["ta"]), ("jsonb_path_query({jb}, {path})", ["jb"]), ("generate_subscripts({ia}, 1)", ["int"]),
    ("unnest({ia}, {ta})", ["int", "txt"]), ("rows from (generate_series(1, 3), unnest({ta}))", ["int", "txt"]), ("generate_series(3, 1, -1)", ["int"]),
]  # fmt: skip
LIST_SETS = ["generate_series(1, {pos})", "unnest({ia})", "unnest({ta})", "jsonb_array_elements(jsonb_build_array({int}, {txt}))", "regexp_split_to_table({txt}, ' ')", "(jsonb_each(jsonb_build_object('k', {int}))).key"]

TYPES = ["int", "big", "num", "flt", "txt", "vc", "ch", "bool", "date", "ts", "tz", "tm", "iv", "uuid", "jb", "ta", "ia", "by", "vec", "rng", "tsv"]
# How often a type is chosen where any will do.
WEIGHTS = [12, 4, 8, 5, 12, 5, 2, 6, 6, 5, 4, 3, 3, 2, 5, 3, 3, 2, 2, 2, 1]

# What is left of the rules in statements that IRIS computes itself, mostly.
COMMON_TYPES = {"int", "big", "num", "flt", "txt", "vc", "ch", "bool", "date", "ts", "tz"}
RARE = re.compile(
    r"\{(jb|ta|ia|rng|tsv|query|re|path|by|iv|uuid|tm|vec|keys|row|arraysub|zone|typename)[:}]|array|json|regexp|&|#|<<|>>|~|gcd|bit_|width_bucket|scale"
    r"|make_|to_char|format|quote|md5|translate|normalize|unistr|overlaps|similar|symmetric|power|sqrt|date_bin|at time zone|percentile|mode\(\)|percent_rank|var|stddev|regr"
)
COMMON = {kind: [rule for rule in RULES[kind] if not RARE.search(rule)] for kind in COMMON_TYPES}
COMMON_AGGREGATES = {kind: rules for kind, rules in ((kind, [rule for rule in AGGREGATES[kind] if not RARE.search(rule)]) for kind in COMMON_TYPES & set(AGGREGATES)) if rules}
