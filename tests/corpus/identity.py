"""OIDs of what users made differ between servers; these names do not.

`Names` reads a server's own catalogs, and turns numbers into `<kind name>` and back. Recorded numbers have their names
in oids.json, which `replay.py --learn` makes: a recorded answer and that of a real PostgreSQL to the same statement are
laid side by side, and the rows that agree in all other cells tell which number stands for which object.
"""

import json
import pathlib
import re

# From here on numbers are given when a server's catalogs are made, differently in every version.
FIRST_OID = 10000
OIDS_FILE = pathlib.Path(__file__).parent / "oids.json"
NUMBER = re.compile(r"(?<![\w.$])(\d{5,10})(?![\w.]|\s*bytes)")
# Names made of an OID by the server.
EMBEDDED = re.compile(r"((?:pg_toast|pg_temp|RI_ConstraintTrigger_[ac]|pg_type)_|\b\d+_(?=\d+_\d+_not_null))(\d{5,10})")
# Types whose values are OIDs, alone or several.
OID_TYPES = {26, 30, 1028, 2205, 2206, 2202, 24}

LOOKUPS = (
    "select c.oid, 'relation ' || n.nspname || '.' || c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid >= 10000 and n.nspname <> 'pg_toast'",
    "select t.oid, 'toast of ' || c.relname from pg_catalog.pg_class c join pg_catalog.pg_class t on t.oid = c.reltoastrelid where t.oid >= 10000",
    "select i.indexrelid, 'toast index of ' || c.relname from pg_catalog.pg_class c join pg_catalog.pg_index i on i.indrelid = c.reltoastrelid where i.indexrelid >= 10000",
    "select t.oid, 'type ' || n.nspname || '.' || t.typname from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace where t.oid >= 10000",
    "select p.oid, 'function ' || n.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')' from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace where p.oid >= 10000",
    "select oid, 'schema ' || nspname from pg_catalog.pg_namespace where oid >= 10000",
    "select c.oid, 'constraint ' || r.relname || '.' || c.conname from pg_catalog.pg_constraint c join pg_catalog.pg_class r on r.oid = c.conrelid where c.oid >= 10000",
    "select d.oid, 'default ' || r.relname || '.' || d.adnum from pg_catalog.pg_attrdef d join pg_catalog.pg_class r on r.oid = d.adrelid where d.oid >= 10000",
    "select w.oid, 'rule ' || r.relname || '.' || w.rulename from pg_catalog.pg_rewrite w join pg_catalog.pg_class r on r.oid = w.ev_class where w.oid >= 10000",
    "select t.oid, 'trigger ' || r.relname || '.' || c.conname || '.' || t.tgtype from pg_catalog.pg_trigger t join pg_catalog.pg_class r on r.oid = t.tgrelid join pg_catalog.pg_constraint c on c.oid = t.tgconstraint where t.oid >= 10000",
    "select oid, 'extension ' || extname from pg_catalog.pg_extension where oid >= 10000",
    "select oid, 'method ' || amname from pg_catalog.pg_am where oid >= 10000",
    "select o.oid, 'class ' || a.amname || '.' || o.opcname from pg_catalog.pg_opclass o join pg_catalog.pg_am a on a.oid = o.opcmethod where o.oid >= 10000",
    "select f.oid, 'family ' || a.amname || '.' || f.opfname from pg_catalog.pg_opfamily f join pg_catalog.pg_am a on a.oid = f.opfmethod where f.oid >= 10000",
    "select oid, 'operator ' || oid::pg_catalog.regoperator from pg_catalog.pg_operator where oid >= 10000",
    "select oid, 'cast ' || pg_catalog.format_type(castsource, null) || '.' || pg_catalog.format_type(casttarget, null) from pg_catalog.pg_cast where oid >= 10000",
    "select oid, 'collation ' || collname || '.' || collencoding from pg_catalog.pg_collation where oid >= 10000",
    "select oid, 'language ' || lanname from pg_catalog.pg_language where oid >= 10000",
    "select oid, 'dictionary ' || dictname from pg_catalog.pg_ts_dict where oid >= 10000",
    "select oid, 'template ' || tmplname from pg_catalog.pg_ts_template where oid >= 10000",
    "select oid, 'configuration ' || cfgname from pg_catalog.pg_ts_config where oid >= 10000",
    "select oid, 'database' from pg_catalog.pg_database where datname = pg_catalog.current_database()",
)


class Names:
    """Number to name and name to number, of one server."""

    def __init__(self, names=None):
        self.name_of = dict(names or {})
        self.number_of = {name: number for number, name in self.name_of.items()}
        self.roles = {"postgres"}

    @staticmethod
    def recorded():
        return Names({int(k): v for k, v in json.loads(OIDS_FILE.read_text()).items()} if OIDS_FILE.exists() else {})

    def read(self, conn):
        """Asks the server; a lookup that it refuses leaves those names unknown."""
        self.name_of.clear()
        for sql in LOOKUPS:
            for result in conn.query(sql).results:
                for number, name in result.rows:
                    self.name_of.setdefault(int(number), name.decode())
        self.number_of = {name: number for number, name in self.name_of.items()}
        roles = conn.query("select rolname from pg_catalog.pg_roles where rolname !~ '^pg_' or oid = 10").results
        self.roles = {"postgres"} | {row[0].decode() for result in roles for row in result.rows}

    def canonical(self, text, oids):
        """The text with every known number as its name, and the owner's name as such. `oids`: the text is an OID or several."""
        if text in self.roles:
            return "<role>"
        if text.startswith(("{", "=")) or "=" in text:
            for role in self.roles:
                text = re.sub(rf"(?<![\w.]){re.escape(role)}(?==|[,}}\n]|$)|(?<=/){re.escape(role)}(?![\w.])", "<role>", text)
        return self._each(text, lambda n: f"<{self.name_of[n]}>" if n in self.name_of else None, oids)

    def translate(self, text, other):
        """The text with this server's numbers turned into those of `other`."""
        return self._each(text, lambda n: self.number_for(n, other), True)

    def number_for(self, number, other):
        name = self.name_of.get(number)
        found = other.number_of.get(name) if name else None
        return None if found is None else str(found)

    @staticmethod
    def _each(text, change, oids):
        def embedded(match):
            new = change(int(match[2]))
            return match[0] if new is None else match[1] + new

        def alone(match):
            number = int(match[1])
            new = change(number) if number >= FIRST_OID else None
            return match[0] if new is None else new

        text = EMBEDDED.sub(embedded, text)
        return NUMBER.sub(alone, text) if oids else text


class Learner:
    """Pairs recorded numbers with those of the server that is asked, and keeps the name that most answers give."""

    def __init__(self):
        self.votes = {}

    def pair(self, types, recorded, live, names):
        """`recorded` and `live` are rows of text cells under columns of `types`."""
        places = [i for i, oid in enumerate(types) if oid in OID_TYPES or oid in (19, 25)]

        def numbers(row, i):
            pattern = NUMBER if types[i] in OID_TYPES else EMBEDDED
            found = [int(m[m.lastindex]) for m in pattern.finditer(row[i] or "")]
            return [n for n in found if n >= FIRST_OID]

        def key(row):
            return tuple((NUMBER if types[i] in OID_TYPES else EMBEDDED).sub("#", c) if i in places and c else c for i, c in enumerate(row))

        def by_key(rows):
            table = {}
            for row in rows:
                table.setdefault(key(row), []).append(row)
            return {k: v[0] for k, v in table.items() if len(v) == 1}

        left, right = by_key(recorded), by_key(live)
        for k, row in left.items():
            if k not in right:
                continue
            for i in places:
                ours, theirs = numbers(row, i), numbers(right[k], i)
                if len(ours) == len(theirs):
                    for a, b in zip(ours, theirs):
                        self.vote(a, b, names)

    def vote(self, recorded, live, names):
        if recorded >= FIRST_OID and live in names.name_of:
            counts = self.votes.setdefault(recorded, {})
            name = names.name_of[live]
            counts[name] = counts.get(name, 0) + 1

    def save(self, known):
        known = dict(known)
        for number, counts in self.votes.items():
            known[number] = max(sorted(counts), key=lambda name: counts[name])
        OIDS_FILE.write_text(json.dumps({str(k): known[k] for k in sorted(known)}, indent=0) + "\n")
        return len(known)
