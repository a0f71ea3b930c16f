"""TPC-H in small: its eight tables, filled by the rules of the specification (clause 4.2.3) with a generator of its own, and its 22
queries with the parameters of their validation (clause 2.4), to PostgreSQL and to the server under test. Rows have to be
equal; computed numbers may differ from the sixteenth digit on. Each is asked a second time in a form that IRIS cannot compute:
inside of a query that makes its rows JSON, which the server's PostgreSQL has to finish.

Prints for each query its rows, who computed it, and milliseconds on both sides; for the second form the rows that IRIS gave
and milliseconds.

    tpch.py                  1,500 orders, some 6,000 lineitems
    tpch.py --orders 400
    tpch.py --keep --only 21
"""

import argparse
import datetime
import decimal
import random
import sys
import time

import pgraw
from grammar import Answer, connect_both, difference
from tpch_queries import QUERIES

NATIONS = [
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3), ("GERMANY", 3),
    ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4), ("KENYA", 0), ("MOROCCO", 0),
    ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4), ("VIETNAM", 2), ("RUSSIA", 3),
    ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
]  # fmt: skip
REGIONS = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"]
SEGMENTS = ["AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD"]
PRIORITIES = ["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"]
INSTRUCTIONS = ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"]
MODES = ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"]
TYPES = [["STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"], ["ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"], ["TIN", "NICKEL", "BRASS", "STEEL", "COPPER"]]
CONTAINERS = [["SM", "LG", "MED", "JUMBO", "WRAP"], ["CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"]]
COLOURS = "almond antique aquamarine azure beige bisque black blanched blue blush brown chartreuse chocolate coral cream cyan firebrick forest frosted gainsboro ghost green honeydew hot indian ivory khaki lace lemon linen magenta maroon".split()
WORDS = "the carefully final quickly special pending requests deposits packages Customer Complaints accounts sleep haggle furiously ironic express instructions theodolites above bold even".split()
SEED = 41
START, CURRENT, END = datetime.date(1992, 1, 1), datetime.date(1995, 6, 17), datetime.date(1998, 12, 31)

TABLES = {
    "region": "r_regionkey integer primary key, r_name char(25) not null, r_comment varchar(152)",
    "nation": "n_nationkey integer primary key, n_name char(25) not null, n_regionkey integer not null references region (r_regionkey), n_comment varchar(152)",
    "part": "p_partkey integer primary key, p_name varchar(55) not null, p_mfgr char(25) not null, p_brand char(10) not null, p_type varchar(25) not null,"
    " p_size integer not null, p_container char(10) not null, p_retailprice decimal(15,2) not null, p_comment varchar(23) not null",
    "supplier": "s_suppkey integer primary key, s_name char(25) not null, s_address varchar(40) not null, s_nationkey integer not null references nation (n_nationkey),"
    " s_phone char(15) not null, s_acctbal decimal(15,2) not null, s_comment varchar(101) not null",
    "partsupp": "ps_partkey integer not null references part (p_partkey), ps_suppkey integer not null references supplier (s_suppkey), ps_availqty integer not null,"
    " ps_supplycost decimal(15,2) not null, ps_comment varchar(199) not null, primary key (ps_partkey, ps_suppkey)",
    "customer": "c_custkey integer primary key, c_name varchar(25) not null, c_address varchar(40) not null, c_nationkey integer not null references nation (n_nationkey),"
    " c_phone char(15) not null, c_acctbal decimal(15,2) not null, c_mktsegment char(10) not null, c_comment varchar(117) not null",
    "orders": "o_orderkey integer primary key, o_custkey integer not null references customer (c_custkey), o_orderstatus char(1) not null, o_totalprice decimal(15,2) not null,"
    " o_orderdate date not null, o_orderpriority char(15) not null, o_clerk char(15) not null, o_shippriority integer not null, o_comment varchar(79) not null",
    "lineitem": "l_orderkey integer not null references orders (o_orderkey), l_partkey integer not null, l_suppkey integer not null, l_linenumber integer not null,"
    " l_quantity decimal(15,2) not null, l_extendedprice decimal(15,2) not null, l_discount decimal(15,2) not null, l_tax decimal(15,2) not null, l_returnflag char(1) not null,"
    " l_linestatus char(1) not null, l_shipdate date not null, l_commitdate date not null, l_receiptdate date not null, l_shipinstruct char(25) not null, l_shipmode char(10) not null,"
    " l_comment varchar(44) not null, primary key (l_orderkey, l_linenumber)",
}  # fmt: skip


def cents(value):
    return f"{decimal.Decimal(value) / 100:.2f}"


def rows(orders_count):
    """The rows of each table."""
    chance = random.Random(SEED)
    text = lambda words: " ".join(chance.choice(WORDS) for _ in range(words))
    phone = lambda nation: f"{nation + 10}-{chance.randint(100, 999)}-{chance.randint(100, 999)}-{chance.randint(1000, 9999)}"
    # More parts and suppliers than the specification has for so few orders, and suppliers in all nations: few queries are empty.
    parts, suppliers, customers = max(orders_count // 4, 20), max(orders_count // 30, 25), max(orders_count // 10, 10)
    out = {name: [] for name in TABLES}
    for number, name in enumerate(REGIONS):
        out["region"].append((number, name, text(4)))
    for number, (name, region) in enumerate(NATIONS):
        out["nation"].append((number, name, region, text(4)))
    price = lambda key: 90000 + key // 10 % 20001 + 100 * (key % 1000)
    for key in range(1, parts + 1):
        maker, brand = chance.randint(1, 5), chance.randint(1, 5)
        out["part"].append(
            (key, " ".join(chance.sample(COLOURS, 5)), f"Manufacturer#{maker}", f"Brand#{maker}{brand}", " ".join(map(chance.choice, TYPES)), chance.randint(1, 50), " ".join(map(chance.choice, CONTAINERS)), cents(price(key)), text(2)[:23])
        )
        for supplier in {(key + i * (suppliers // 4 + (key - 1) // suppliers)) % suppliers + 1 for i in range(4)}:
            out["partsupp"].append((key, supplier, chance.randint(1, 9999), cents(chance.randint(100, 100000)), text(6)))
    for key in range(1, suppliers + 1):
        nation = key % 25
        out["supplier"].append((key, f"Supplier#{key:09}", text(2), nation, phone(nation), cents(chance.randint(-99999, 999999)), text(6)))
    for key in range(1, customers + 1):
        nation = chance.randrange(25)
        out["customer"].append((key, f"Customer#{key:09}", text(2), nation, phone(nation), cents(chance.randint(-99999, 999999)), chance.choice(SEGMENTS), text(6)))
    supplied = {}
    for part, supplier, *_ in out["partsupp"]:
        supplied.setdefault(part, []).append(supplier)
    for number in range(orders_count):
        key = number // 8 * 32 + number % 8 + 1
        # A third of the customers has no orders.
        customer = chance.choice([n for n in range(1, customers + 1) if n % 3])
        ordered = START + datetime.timedelta(chance.randint(0, (END - START).days - 151))
        lines, total = [], 0
        for line in range(1, chance.randint(1, 7) + 1):
            part, quantity = chance.randint(1, parts), chance.randint(1, 50)
            discount, tax = chance.randint(0, 10), chance.randint(0, 8)
            extended = quantity * price(part)
            shipped = ordered + datetime.timedelta(chance.randint(1, 121))
            received = shipped + datetime.timedelta(chance.randint(1, 30))
            total += extended * (100 + tax) * (100 - discount) // 10000
            lines.append(
                (key, part, chance.choice(supplied[part]), line, quantity, cents(extended), cents(discount), cents(tax), chance.choice("RA") if received <= CURRENT else "N", "O" if shipped > CURRENT else "F",
                 shipped, ordered + datetime.timedelta(chance.randint(30, 90)), received, chance.choice(INSTRUCTIONS), chance.choice(MODES), text(3))
            )  # fmt: skip
        states = {line[9] for line in lines}
        out["orders"].append((key, customer, states.pop() if len(states) == 1 else "P", cents(total), ordered, chance.choice(PRIORITIES), f"Clerk#{chance.randint(1, 10):09}", 0, text(6)))
        out["lineitem"] += lines
    return out


def fill(connection, orders_count):
    """Makes and fills the tables on one side."""
    run(connection, "create schema if not exists tpch")
    run(connection, "set search_path to tpch")
    for name in reversed(TABLES):
        run(connection, f"drop table if exists {name}")
    for name, columns in TABLES.items():
        run(connection, f"create table {name} ({columns})")
    for name, lines in rows(orders_count).items():
        data = "".join("\t".join(map(str, line)) + "\n" for line in lines)
        run(connection, f"copy {name} from stdin", data.encode())


def run(connection, sql, data=None):
    answer = Answer(connection.simple(sql, data), False)
    if answer.error:
        sys.exit(f"{sql[:200]}\n{answer}")
    return answer


def finished(connection):
    """How many statements the server's PostgreSQL has finished, and over how many rows."""
    answer = Answer(connection.simple("select name, sum(value) from pgwire_counters where name in ('statements_finished', 'finish_rows') group by name"), False)
    found = {name.decode(): int(value) for name, value in answer.rows}
    return found.get("statements_finished", 0), found.get("finish_rows", 0)


def timed(connection, sql):
    """The second of two answers, and its milliseconds: the first translates and plans."""
    Answer(connection.simple(sql), False)
    began = time.monotonic()
    answer = Answer(connection.simple(sql), False)
    return answer, 1000 * (time.monotonic() - began)


def made_of(connection, sql):
    """An answer in time, and how many statements PostgreSQL finished for it, over how many rows."""
    before = finished(connection)
    answer, took = timed(connection, sql)
    after = finished(connection)
    # It was asked twice.
    return answer, took, (after[0] - before[0]) // 2, (after[1] - before[1]) // 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1500)
    parser.add_argument("--only", type=int, help="one query")
    parser.add_argument("--keep", action="store_true", help="the tables are there already")
    arguments = parser.parse_args()
    reference, connect = connect_both()
    server = connect()
    if not arguments.keep:
        for connection in (reference, server):
            fill(connection, arguments.orders)
        run(reference, "analyze")
    for connection in (reference, server):
        run(connection, "set search_path to tpch")
    passed = failed = 0
    by_iris = 0
    print("| query | rows | computed by | ms | PostgreSQL ms | finished: rows moved | ms | PostgreSQL ms |\n|---|---|---|---|---|---|---|---|")
    for number, sql in QUERIES.items():
        if arguments.only not in (None, number):
            continue
        cells = [number]
        for is_forced, form in ((False, sql), (True, f"select to_jsonb(q) from ({sql}) q")):
            expected, reference_ms = timed(reference, form)
            got, server_ms, statements, fetched = made_of(server, form)
            what = difference(expected, got, form, False)
            # What PostgreSQL has finished has its digits, too.
            if what is None or what == "digits" and not is_forced:
                passed += 1
            else:
                failed += 1
                print(f"query {number}: {what}\n  PostgreSQL: {str(expected)[:600]}\n  server:     {str(got)[:600]}")
            if is_forced:
                cells += [fetched, f"{server_ms:.1f}", f"{reference_ms:.1f}"]
            else:
                by_iris += not statements
                cells += [len(got.rows), "PostgreSQL" if statements else "IRIS", f"{server_ms:.1f}", f"{reference_ms:.1f}"]
        print("| " + " | ".join(map(str, cells)) + " |")
    print(f"{by_iris} computed by IRIS alone")
    print(f"{passed} passed, {failed} failed")
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
