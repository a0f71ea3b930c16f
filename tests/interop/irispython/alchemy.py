"""SQLAlchemy with caretdev's dialect for IRIS (sqlalchemy-iris), against the embedded superserver."""

import datetime as dt
import decimal
import os

import sqlalchemy as sa

from checks import Checks, equal

checks = Checks()
engine = sa.create_engine(
    f"iris+intersystems://_SYSTEM:SYS@127.0.0.1:{os.environ['IRIS_PORT']}/{os.environ.get('IRIS_NAMESPACE', 'USER')}"
)


def anew():
    """Tables of one name, made again and again with other types: the dialect's own tests do little else."""
    pairs = [(sa.Integer(), 5), (sa.String(30), "five"), (sa.Date(), dt.date(2024, 1, 2)), (sa.Numeric(10, 4), decimal.Decimal("1.5")),
             (sa.DateTime(), dt.datetime(2024, 1, 2, 3, 4, 5, 678901)), (sa.Float(), 0.25), (sa.Boolean(), True)]
    with engine.connect() as conn:
        for kind, value in pairs:
            table = sa.Table("alc_anew", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", kind))
            table.drop(conn, checkfirst=True)
            table.create(conn)
            conn.execute(table.insert(), {"x": value})
            conn.commit()
            equal(conn.execute(sa.select(table.c.x)).scalar(), value)
            equal(conn.execute(sa.select(table.c.x).where(table.c.x == value)).scalar(), value)
        table.drop(conn)
        conn.commit()


def reflected():
    metadata = sa.MetaData()
    sa.Table("alc_parent", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20), unique=True))
    sa.Table("alc_child", metadata, sa.Column("id", sa.Integer, primary_key=True),
             sa.Column("parent_id", sa.ForeignKey("alc_parent.id", name="alc_fk"), nullable=False))
    metadata.drop_all(engine)
    metadata.create_all(engine)
    found = sa.inspect(engine)
    equal([column["name"] for column in found.get_columns("alc_child")], ["id", "parent_id"])
    key = found.get_foreign_keys("alc_child")[0]
    equal((key["name"], key["referred_table"], key["referred_columns"]), ("alc_fk", "alc_parent", ["id"]))
    equal(found.get_pk_constraint("alc_parent")["constrained_columns"], ["id"])
    metadata.drop_all(engine)
    equal(sa.inspect(engine).has_table("alc_parent"), False)


def isolation():
    for level in ("READ COMMITTED", "READ VERIFIED", "READ UNCOMMITTED"):
        with engine.connect().execution_options(isolation_level=level) as conn:
            equal(conn.get_isolation_level(), level)


def chains():
    with engine.connect() as conn:
        numbers = sa.union_all(*[sa.select(sa.literal(n).label("n")) for n in range(300)]).subquery()
        wanted = sa.or_(*[sa.and_(numbers.c.n == n, sa.not_(numbers.c.n == n + 1)) for n in range(100)])
        equal(conn.execute(sa.select(sa.func.count()).select_from(numbers).where(wanted)).scalar(), 100)


for run in (anew, reflected, isolation, chains):
    checks.check(run.__name__, run)
checks.close()
