"""The statements of grammar.py: a generator of SELECT statements, each made of its seed and number alone."""

import random
import re

from grammar_schema import PRIMARY_KEYS, TABLES, VIEW, VIEW_COLUMNS
from grammar_terms import AGGREGATES, ANY, COMMON, COMMON_AGGREGATES, COMMON_TYPES, FRAMES, LIST_SETS, LITERALS, RULES, SETS, TYPES, WEIGHTS, WINDOWS

PLACE = re.compile(r"\{([a-zA-Z][a-zA-Z0-9:_]*|[0-9])\}")
# Types that have min and max in every version of PostgreSQL.
ORDERED = {"int", "big", "num", "flt", "txt", "vc", "date", "ts", "tz", "tm", "iv", "ta", "ia"}
RELATIONS = [*TABLES, VIEW]


class Relation:
    """What stands in FROM: its alias, and its columns as (name, type)."""

    def __init__(self, alias, columns, keys, table=None):
        self.alias, self.columns, self.keys, self.table = alias, columns, keys, table


class Scope:
    """The columns that an expression may name."""

    def __init__(self, relations=(), outer=None):
        self.relations, self.outer = list(relations), outer
        # Bare names of columns that USING or NATURAL has merged.
        self.merged = set()

    def columns(self):
        return [(relation, name, kind) for relation in self.relations for name, kind in relation.columns]

    def leaf(self, make, kind):
        """A column of the type; None where there is none."""
        found = [(relation, name) for relation, name, of in self.columns() if of == kind or (of == "vc" and kind == "txt" and make.chance(50))]
        if self.outer is not None and (not found or make.chance(20)):
            of_outer = self.outer.leaf(make, kind)
            if of_outer is not None:
                return of_outer
        return self.named(make, *make.choice(found)) if found else None

    def named(self, make, relation, name):
        same = sum(other == name for _, other, _ in self.columns())
        # An outer query's column of that name is hidden by this one, which is as it should be.
        if same == 1 and make.chance(40):
            return name
        return f"{relation.alias}.{name}"

    def total(self, make, descending=True):
        """What orders the rows of FROM: rows that are equal in it are equal altogether."""
        keys = [f"{relation.alias}.{name}" for relation in self.relations for name in relation.keys]
        make.random.shuffle(keys)
        return ", ".join(key + (make.choice(["", " desc", " nulls first", " desc nulls last"]) if descending else "") for key in keys)


class Grouped:
    """What an expression over groups may name: keys, and aggregates of columns."""

    def __init__(self, inner, keys):
        self.inner, self.keys, self.outer = inner, keys, None
        self.relations = []

    def columns(self):
        return []

    def leaf(self, make, kind):
        keys = [sql for sql, of in self.keys if of == kind]
        if keys and (make.chance(50) or kind not in make.aggregates):
            return make.choice(keys)
        return make.aggregate(self.inner, kind) if kind in make.aggregates else None


class Maker:
    """Makes one statement."""

    def __init__(self, seed, number):
        self.random = random.Random(f"{seed}/{number}")
        self.names = 0
        # Tables of WITH: name, columns.
        self.with_tables = []
        self.nesting = 0
        self.windows = None
        # What IRIS computes itself, mostly.
        self.is_common = self.chance(40)
        self.rules = COMMON if self.is_common else RULES
        self.aggregates = COMMON_AGGREGATES if self.is_common else AGGREGATES

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def choice(self, values):
        return self.random.choice(values)

    def fresh(self, letter):
        self.names += 1
        return f"{letter}{self.names}"

    def kind(self, scope=None):
        """A type; with a scope mostly one of its columns'."""
        allowed = COMMON_TYPES if self.is_common else TYPES
        kinds = [kind for _, _, kind in scope.columns() if kind in allowed] if scope is not None and self.chance(65) else []
        if kinds:
            return self.choice(kinds)
        kind = self.random.choices(TYPES, WEIGHTS)[0]
        return kind if kind in allowed else self.choice(["int", "txt", "num", "date"])

    # Expressions

    def value(self, scope, kind, depth):
        """An expression of a type."""
        if depth <= 0 or self.chance(40 if self.is_common else 25):
            return self.leaf(scope, kind)
        depth = min(depth, 2) if self.is_common else depth
        if self.chance(12):
            return self.expand(self.choice(ANY[:-3] if self.is_common else ANY).replace("{T}", f"{{{kind}}}").replace(":T}", f":{kind}}}"), scope, depth - 1)
        rules = self.rules.get(kind)
        return self.expand(self.choice(rules), scope, depth - 1) if rules else self.leaf(scope, kind)

    def leaf(self, scope, kind):
        column = scope.leaf(self, kind) if scope is not None and self.chance(88) else None
        return column if column is not None else self.choice(LITERALS[kind])

    def typed(self, scope, kind, depth):
        """A value that has its type whatever is around it."""
        sql = self.value(scope, kind, depth)
        return f"{sql}::text" if kind == "txt" and (sql.startswith(("'", "E'", "$")) or sql == "NULL") else sql

    def expand(self, rule, scope, depth):
        same = self.kind(scope)
        made = []

        def put(match):
            name = match[1]
            if name.isdigit():
                return made[int(name) - 1]
            made.append(self.part(name, same, scope, depth))
            return made[-1]

        return PLACE.sub(put, rule)

    def part(self, name, same, scope, depth):
        if name == "x":
            return self.value(scope, same, depth)
        if name == "any":
            return self.typed(scope, self.kind(scope), min(depth, 1))
        if name.startswith("sub:"):
            return self.scalar(scope, name[4:])
        if name.startswith("arraysub:"):
            return self.array(scope, name[9:])
        if name in ("exists", "insub"):
            return getattr(self, name)(scope, depth)
        if name == "float":
            # Sums of roots and distances depend on the order of the rows.
            return self.leaf(scope, "flt")
        if name == "table":
            return self.choice(RELATIONS)
        if name == "row":
            whole = [relation.alias for relation in scope.relations if relation.table] if scope is not None else []
            return self.choice(whole) if whole else "row(1, 'a')"
        if name in RULES and name != "small":
            return self.value(scope, name, depth)
        if name in RULES:
            return self.expand(self.choice(RULES[name]), scope, 0)
        literal = self.choice(LITERALS[name])
        return self.expand(literal, scope, 0) if "{" in literal and name in ("n", "pos") else literal

    def aggregate(self, scope, kind):
        rule = self.choice(self.aggregates[kind])
        sql = self.expand(rule, Scope(scope.relations), 1 if self.chance(60) else 0)
        if self.chance(20) and " - " not in rule and " > " not in rule and "round" not in rule and "::" not in rule:
            sql += f" filter (where {self.value(Scope(scope.relations), 'bool', 1)})"
        return f"({sql})" if " - " in rule or " > " in rule else sql

    def window(self, scope, kind):
        rule = self.choice(WINDOWS[kind])
        sql, _, order = rule.rpartition(" ")
        sql = self.expand(sql, scope, 1)
        partition = f"partition by {self.column(scope)}" if self.chance(60) else ""
        if order == "TOTAL":
            spec = f"{partition} order by {scope.total(self)}"
        elif order == "SOME":
            spec = f"{partition} order by {self.column(scope)}{self.choice(['', ' desc', ' nulls first'])}"
        elif order == "PART":
            spec = partition
        else:
            spec = f"{partition} order by {scope.total(self)} {self.choice(FRAMES)}"
        spec = spec.strip()
        if self.windows is not None and self.chance(30):
            name = self.fresh("w")
            self.windows.append(f"{name} as ({spec})")
            return f"{sql} over {name}"
        return f"{sql} over ({spec})"

    def column(self, scope):
        """Any column, or an expression over one."""
        columns = scope.columns()
        if columns and self.chance(80):
            relation, name, _ = self.choice(columns)
            return f"{relation.alias}.{name}"
        return self.value(scope, self.choice(["int", "txt", "bool", "date"]), 1)

    # Sub-queries in expressions

    def scalar(self, scope, kind):
        if self.nesting > 2:
            return self.leaf(scope, kind)
        self.nesting += 1
        try:
            relation, sql = self.relation(None)
            inner = Scope([relation], scope)
            where = f" where {self.value(inner, 'bool', 1)}" if self.chance(60) else ""
            if kind in ORDERED and self.chance(50):
                return f"(select {self.choice(['min', 'max'])}({self.value(Scope([relation]), kind, 1)}) from {sql}{where})"
            return f"(select {self.value(inner, kind, 1)} from {sql}{where} order by {inner.total(self)} limit 1)"
        finally:
            self.nesting -= 1

    def array(self, scope, kind):
        relation, sql = self.relation(None)
        inner = Scope([relation], scope)
        return f"array(select {self.value(inner, kind, 0)} from {sql} where {self.value(inner, 'bool', 1)} order by {inner.total(self)})"

    def exists(self, scope, depth):
        if self.nesting > 2:
            return "true"
        self.nesting += 1
        relation, sql = self.relation(None)
        inner = Scope([relation], scope)
        link = self.link(scope, inner) if scope is not None and self.chance(60) else None
        where = " and ".join(filter(None, [link, self.value(inner, "bool", 1) if not link or self.chance(50) else None]))
        self.nesting -= 1
        return f"{self.choice(['', 'not '])}exists (select {self.choice(['1', '*', 'null'])} from {sql} where {where})"

    def link(self, left, right):
        """An equation between columns of two scopes."""
        pairs = [
            (f"{a.alias}.{x}", f"{b.alias}.{y}")
            for a, x, s in left.columns() for b, y, t in right.columns()
            if s == t and s in ("int", "big", "txt", "vc", "date", "uuid") and (x == y or self.chance(15))
        ]  # fmt: skip
        if not pairs:
            return None
        a, b = self.choice(pairs)
        return f"{a} = {b}" if self.chance(90) else f"{b} is not distinct from {a}"

    def insub(self, scope, depth):
        if self.nesting > 2:
            return "false"
        self.nesting += 1
        relation, sql = self.relation(None)
        inner = Scope([relation], scope)
        kind = self.choice([of for _, of in relation.columns if of not in ("jb",)])
        where = f" where {self.value(inner, 'bool', 1)}" if self.chance(60) else ""
        left = self.value(scope, kind, 1)
        right = inner.leaf(self, kind) or self.leaf(inner, kind)
        self.nesting -= 1
        form = self.choice(["{} in (select {} from {}{})", "{} not in (select {} from {}{})", "{} = any (select {} from {}{})", "{} <> all (select {} from {}{})", "{} <= some (select {} from {}{})"])
        return "(" + form.format(left, right, sql, where) + ")"

    # FROM

    def relation(self, scope, rich=False):
        """Something in FROM; with a scope it may be LATERAL."""
        if self.with_tables and self.chance(40):
            name, columns = self.choice(self.with_tables)
            alias = self.fresh("t")
            return Relation(alias, columns, [column for column, _ in columns]), f"{name} {alias}"
        roll = self.random.randrange(100)
        if rich and self.nesting < 2 and roll < 22:
            self.nesting += 1
            lateral = scope is not None and scope.relations and self.chance(40)
            sql, columns = self.query(scope if lateral else None)
            self.nesting -= 1
            alias = self.fresh("q")
            named = [(self.fresh("c"), kind) for _, kind in columns]
            names = ", ".join(name for name, _ in named)
            return Relation(alias, named, [name for name, _ in named]), f"{'lateral ' if lateral else ''}({sql}) as {alias} ({names})"
        if rich and roll < 30 and not self.is_common:
            alias = self.fresh("f")
            rule, kinds = self.choice(SETS)
            inner = scope if scope is not None and self.chance(70) else None
            call = self.expand(rule, inner, 0)
            columns = [(self.fresh("c"), kind) for kind in kinds]
            ordinality = self.chance(30)
            if ordinality:
                columns.append((self.fresh("n"), "big"))
            return (
                Relation(alias, columns, [name for name, _ in columns]),
                f"{'lateral ' if self.chance(30) else ''}{call}{' with ordinality' if ordinality else ''} as {alias}({', '.join(name for name, _ in columns)})",
            )
        if rich and roll < 34:
            return self.values_list()
        table = self.choice(RELATIONS)
        columns = [(name, kind) for name, kind, *_ in TABLES[table]] if table in TABLES else VIEW_COLUMNS
        keys = PRIMARY_KEYS.get(table, ["order_id"])
        if self.chance(12) and table in TABLES and "." not in table:
            return Relation(table, columns, keys, table), table
        alias = self.fresh("t")
        if self.chance(6):
            renamed = {name: self.fresh("k") for name, _ in columns}
            columns = [(renamed[name], kind) for name, kind in columns]
            keys = [renamed[name] for name in keys]
            return Relation(alias, columns, keys), f"{table} as {alias} ({', '.join(name for name, _ in columns)})"
        return Relation(alias, columns, keys, table), f"{table}{self.choice([' ', ' as ', ' AS '])}{alias}"

    def values_list(self):
        kinds = [self.choice(["int", "txt", "num", "date", "bool"]) for _ in range(self.random.randint(1, 3))]
        alias = self.fresh("v")
        columns = [(self.fresh("c"), kind) for kind in kinds]
        return Relation(alias, columns, [name for name, _ in columns]), f"({self.rows(kinds)}) as {alias}({', '.join(name for name, _ in columns)})"

    def rows(self, kinds):
        return "values " + ", ".join("(" + ", ".join(self.choice(LITERALS[kind]) for kind in kinds) + ")" for _ in range(self.random.randint(1, 4)))

    def source(self, outer):
        """FROM: its text and its scope."""
        scope = Scope((), outer)
        first, text = self.relation(None, rich=True)
        while any(first.alias == table for table in TABLES) and outer is not None and any(relation.alias == first.alias for relation in outer.relations):
            first, text = self.relation(None, rich=True)
        scope.relations.append(first)
        for _ in range(self.random.choices([0, 1, 2], [45, 42, 13])[0]):
            text = self.joined(scope, text)
        return text, scope

    def joined(self, scope, text):
        lateral_scope = Scope(scope.relations)
        right, sql = self.relation(lateral_scope, rich=True)
        if any(right.alias == relation.alias for relation in scope.relations):
            return text
        is_lateral = right.table is None and ("lateral" in sql or right.alias[0] == "f")
        kind = self.random.choices(["join", "left join", "inner join", "right join", "full join", "cross join", ",", "left outer join"], [30, 25, 5, 8, 10, 4, 8, 5])[0]
        if is_lateral and ("right" in kind or "full" in kind):
            kind = "left join"
        other = Scope([right])
        if kind in ("cross join", ","):
            if len(scope.relations) > 1 and not is_lateral:
                kind = "join"
            else:
                scope.relations.append(right)
                return f"{text}{'' if kind == ',' else ' '}{kind} {sql}" if kind != "," or "join" not in text or not is_lateral else f"{text} cross join {sql}"
        shared = [name for name, of in right.columns if sum(name == n and of == k for _, n, k in scope.columns()) == 1 and sum(name == n for _, n, _ in scope.columns()) == 1]
        keys = [name for name in shared if name.endswith("_id")]
        all_shared = {name for name, _ in right.columns} & {name for _, name, _ in scope.columns()}
        if keys and self.chance(35):
            name = self.choice(keys)
            scope.relations.append(right)
            return f"{text} {kind} {sql} using ({name})"
        if all_shared and all_shared == set(shared) and len(scope.relations) == 1 and self.chance(30) and "jb" not in {of for name, of in right.columns if name in shared}:
            scope.relations.append(right)
            return f"{text} natural {kind} {sql}"
        link = self.link(scope, other)
        left = Scope([*scope.relations])
        scope.relations.append(right)
        if "full" in kind:
            # PostgreSQL has FULL JOIN for conditions that can be merged or hashed alone.
            return f"{text} {kind} {sql} on {link if link and ' = ' in link else 'true'}"
        more = self.value(Scope(left.relations + [right]), "bool", 1) if not link or self.chance(30) else None
        return f"{text} {kind} {sql} on {' and '.join(filter(None, [link, more]))}"

    # Queries

    def query(self, outer=None, kinds=None, top=False):
        """A query: its text, and its columns as (label or None, type)."""
        if self.nesting < 2 and self.chance(14):
            return self.operation(outer, kinds)
        if self.chance(1) and kinds is None:
            table = self.choice(list(TABLES))
            return f"table {table}", [(name, kind) for name, kind, _ in TABLES[table]]
        if self.chance(3):
            kinds = kinds or [self.choice(["int", "txt", "num"]) for _ in range(2)]
            return self.rows(kinds), [(None, kind) for kind in kinds]
        return self.select(outer, kinds, top)

    def operation(self, outer, kinds):
        kinds = kinds or [self.kind() for _ in range(self.random.randint(1, 3))]
        kinds = ["int" if kind == "vec" else kind for kind in kinds]
        self.nesting += 1
        words = ["union", "union all", "intersect", "except", "except all", "intersect all", "union distinct"]
        parts = [self.select(outer, kinds)[0] for _ in range(self.random.choices([2, 3], [80, 20])[0])]
        self.nesting -= 1
        wrapped = [f"({part})" if self.chance(30) or " order by " in part or " limit " in part else part for part in parts]
        sql = wrapped[0]
        for part in wrapped[1:]:
            sql = f"{sql} {self.choice(words)} {part}"
        return sql, [(None, kind) for kind in kinds]

    def select(self, outer, kinds=None, top=False):
        before, self.windows = self.windows, []
        try:
            text, scope = self.source(outer)
            where = f" where {self.value(scope, 'bool', self.random.choice([1, 2, 2, 3]))}" if self.chance(60) else ""
            form = self.random.choices(["plain", "group", "distinct", "on", "key"], [52, 26, 7, 5, 0 if self.is_common else 6])[0]
            if form == "key":
                made = self.by_key(scope, kinds)
            elif form == "group":
                made = self.grouped(scope, kinds)
            else:
                made = self.plain(scope, kinds, form, outer)
            head, columns, tail = made
            named = f" window {', '.join(self.windows)}" if self.windows else ""
            return f"select {head} from {text}{where}{tail.replace('WINDOW', named) if 'WINDOW' in tail else tail + named}", columns
        finally:
            self.windows = before

    def plain(self, scope, kinds, form, outer):
        if kinds is None and self.chance(12) and form == "plain":
            if self.chance(50) or len(scope.relations) == 1:
                relation = self.choice(scope.relations)
                return f"{relation.alias}.*", relation.columns, ""
            relation = self.choice([relation for relation in scope.relations])
            value = self.value(scope, "int", 2)
            return f"{relation.alias}.*, {value} as extra", [*relation.columns, ("extra", "int")], ""
        # In binary a row has the OIDs of its columns' types: that of vector is another in each database.
        rows = [relation for relation in scope.relations if relation.table and "vec" not in dict(relation.columns).values()]
        if kinds is None and self.chance(4) and not self.is_common and form == "plain" and rows:
            relation = self.choice(rows)
            return f"{relation.alias}, ({relation.alias}).{self.choice(relation.columns)[0]} is null", [(None, "row"), (None, "bool")], ""
        kinds = kinds or [self.kind(scope) for _ in range(self.random.choices([1, 2, 3, 4, 5], [15, 30, 30, 15, 10])[0])]
        items, columns = [], []
        for kind in kinds:
            if form == "plain" and kind in WINDOWS and self.chance(14):
                item = self.window(scope, kind)
            elif form == "plain" and outer is None and kind == "txt" and self.chance(2):
                item = self.expand(self.choice(LIST_SETS[2:5]), scope, 0)
            else:
                item = self.value(scope, kind, self.random.choice([0, 1, 1, 2, 2, 3]))
            label = self.label(scope)
            columns.append((label, kind))
            items.append(item if label is None else f"{item} as {label}" if self.chance(85) else f"{item} {label}")
        tail = ""
        if form == "distinct":
            return f"distinct {', '.join(items)}", columns, ""
        if form == "on":
            key = self.value(scope, self.choice(["int", "txt", "bool", "date"]), 0)
            if re.match(r"^[\w.\"]+$", key) and not key.isdigit() and key not in ("true", "false"):
                return f"distinct on ({key}) {', '.join(items)}", columns, f"WINDOW order by {key}, {scope.total(self)}"
        if self.nesting and self.chance(20):
            tail = f"WINDOW order by {scope.total(self)} limit {self.random.randint(1, 6)}"
        return ", ".join(items), columns, tail

    def label(self, scope):
        return self.fresh(self.choice(["x", "y", "Total"])) if self.chance(45) else None

    def keys(self, scope, count):
        keys = []
        for _ in range(count):
            kind = self.choice(["int", "int", "txt", "vc", "bool", "date", "num", "ch", "tz", "big", "ts"] + ["uuid", "jb", "ta"] * (not self.is_common))
            sql = self.value(scope, kind, self.random.choice([0, 0, 0, 1, 2]))
            # A constant in GROUP BY is a position or nothing at all.
            if any(re.search(rf"\b{re.escape(relation.alias)}\.", sql) for relation in scope.relations):
                keys.append((sql, kind))
        return keys

    def grouped(self, scope, kinds):
        keys = self.keys(scope, self.random.choices([0, 1, 2, 3], [15, 45, 30, 10])[0])
        groups = Grouped(scope, keys)
        items = []
        sets = None
        if keys and self.chance(4 if self.is_common else 22):
            texts = [sql for sql, _ in keys]
            sets = self.choice(
                [f"rollup ({', '.join(texts)})", f"cube ({', '.join(texts)})", f"grouping sets (({', '.join(texts)}), ({texts[0]}), ())", f"{texts[0]}, rollup ({', '.join(texts)})", f"distinct rollup ({texts[0]}), rollup ({texts[0]})"]
            )
        if kinds is None:
            kinds = [kind for _, kind in keys if self.chance(80)]
            items = [sql for sql, kind in keys][: len(kinds)] if len(kinds) == len(keys) else []
            kinds = [kind for _, kind in keys] if items else []
            for _ in range(self.random.randint(1, 3)):
                kind = self.choice(["big", "int", "num", "num", "flt", "txt", "bool", "date", "ts", "vc"] + ["jb", "ta", "ia", "tz"] * (not self.is_common))
                kinds.append(kind)
                items.append(self.aggregate(scope, kind) if kind in self.aggregates and self.chance(65) else self.value(groups, kind, self.random.choice([1, 2])))
            if sets and self.chance(60):
                items.append(f"grouping({keys[0][0]})")
                kinds.append("int")
        else:
            items = [self.aggregate(scope, kind) if kind in self.aggregates and self.chance(60) else self.value(groups, kind, 1) for kind in kinds]
        if self.chance(6) and "big" in kinds:
            at = kinds.index("big")
            items[at] = f"sum(count(*)) over ({'order by ' + keys[0][0] if keys else ''})"
            if not keys:
                items[at] = "sum(count(*)) over ()"
            kinds[at] = "num"
        by = f" group by {sets or ', '.join(sql for sql, _ in keys)}" if keys else ""
        if by and not sets and self.chance(8):
            by = " group by " + ", ".join(str(items.index(sql) + 1) if sql in items else sql for sql, _ in keys)
        having = f" having {self.value(groups, 'bool', self.random.choice([1, 2]))}" if self.chance(20) else ""
        columns, labelled = [], []
        for item, kind in zip(items, kinds):
            label = self.label(scope)
            columns.append((label, kind))
            labelled.append(item if label is None else f"{item} as {label}")
        return ", ".join(labelled), columns, f"{by}{having}"

    def by_key(self, scope, kinds):
        """GROUP BY a primary key, which all columns of the table follow from."""
        own = [relation for relation in scope.relations if relation.table in PRIMARY_KEYS]
        if not own:
            return self.grouped(scope, kinds)
        relation = self.choice(own)
        of_key = Scope([relation])
        items, columns = [], []
        for kind in kinds or [self.kind(of_key) for _ in range(self.random.randint(1, 3))]:
            items.append(self.aggregate(scope, kind) if kind in self.aggregates and self.chance(40) else self.value(of_key, kind, self.random.choice([0, 0, 1])))
            columns.append((None, kind))
        by = ", ".join(f"{relation.alias}.{name}" for name in relation.keys)
        return ", ".join(items), columns, f" group by {by}"

    # Statements

    def with_clause(self):
        parts = []
        recursive = self.chance(35)
        for _ in range(self.random.choices([1, 2], [75, 25])[0]):
            name = self.fresh("cte")
            if recursive and self.chance(75):
                sql, columns = self.recursive(name)
                parts.append(f"{name}({', '.join(column for column, _ in columns)}) as ({sql})")
            else:
                self.nesting += 1
                sql, made = self.query(None)
                self.nesting -= 1
                columns = [(self.fresh("c"), kind) for _, kind in made]
                parts.append(f"{name}({', '.join(column for column, _ in columns)}) as {self.choice(['', '', 'materialized ', 'not materialized '])}({sql})")
            self.with_tables.append((name, columns))
        return f"with {'recursive ' if recursive else ''}{', '.join(parts)} "

    def recursive(self, name):
        word = self.choice(["union all", "union"])
        form = self.random.randrange(3)
        if form == 0:
            n = self.fresh("c")
            return f"values (1) {word} select {n} + 1 from {name} where {n} < {self.random.randint(2, 6)}", [(n, "int")]
        a, b = self.fresh("c"), self.fresh("c")
        if form == 1:
            step = f"select p.product_id, r.{b} + 1 from products p join {name} r on p.parent_id = r.{a}"
            return f"select product_id, 0 from products where parent_id is null {word} {step} where r.{b} < 5", [(a, "big"), (b, "int")]
        return (
            f"select order_id, coalesce(note, '') from orders where customer_id {self.choice(['= 1', '< 3', 'is null'])} {word}"
            f" select o.order_id, r.{b} || '.' from orders o, {name} r where o.order_id = r.{a} + 1 and length(r.{b}) < 20",
            [(a, "int"), (b, "txt")],
        )

    def statement(self):
        """The text, and whether its rows are in a total order."""
        head = self.with_clause() if self.chance(13) else ""
        sql, columns = self.query(top=True)
        if " order by " in re.sub(r"\([^()]*\)", "", sql) and sql.count("distinct on") and not sql.startswith("("):
            return head + sql, False
        orders = not any(kind == "row" for _, kind in columns)
        if orders and self.chance(62) and not self.is_ordered(sql):
            keys = []
            for number, (label, _) in enumerate(columns, 1):
                names = [other for other, _ in columns]
                key = label if label and names.count(label) == 1 and self.chance(40) and " from " in sql and not label.startswith("extra") else str(number)
                keys.append(key + self.choice(["", "", " desc", " asc nulls first", " desc nulls last", " asc"]))
            self.random.shuffle(keys)
            if self.chance(6):
                sql = f"({sql})"
            sql += f" order by {', '.join(keys)}"
            if self.chance(35):
                count = self.random.randint(1, 8)
                sql += self.choice([f" limit {count}", f" limit {count} offset {self.random.randint(0, 3)}", f" offset {self.random.randint(1, 4)}", f" fetch first {count} rows only", f" offset 1 row fetch next {count} rows only", " limit all"])
            return head + sql, True
        return head + sql, False

    @staticmethod
    def is_ordered(sql):
        """Whether ORDER BY or LIMIT stands outside of all parentheses."""
        flat = sql
        while (shorter := re.sub(r"'[^']*'|\([^()']*\)", "_", flat)) != flat:
            flat = shorter
        return " order by " in flat or " limit " in flat
