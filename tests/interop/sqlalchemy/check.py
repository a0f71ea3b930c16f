"""SQLAlchemy over three drivers: what the Inspector finds on the server under test and on a PostgreSQL, compared."""

import asyncio
import datetime
import decimal
import enum
import os
import uuid

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

import migrate
from checks import Checks, equal

checks = Checks()
TABLES = (("customers", None), ("orders", None), ("docs", None), ("invoices", "sales"))


def url(driver, port):
    return sa.URL.create(f"postgresql+{driver}", os.environ["PGUSER"], os.environ["PGPASSWORD"], "127.0.0.1", int(port), os.environ["PGDATABASE"])


class Database:
    """Runs a function with a connection, whether the driver is asynchronous or not."""

    def __init__(self, driver, port):
        self.driver = driver
        self.asynchronous = driver == "asyncpg"
        if self.asynchronous:
            self.loop = asyncio.new_event_loop()
            self.engine = create_async_engine(url(driver, port))
        else:
            self.engine = sa.create_engine(url(driver, port))

    def run(self, function):
        if not self.asynchronous:
            with self.engine.begin() as conn:
                return function(conn)

        async def inside():
            async with self.engine.begin() as conn:
                return await conn.run_sync(function)

        return self.loop.run_until_complete(inside())

    def close(self):
        if self.asynchronous:
            self.loop.run_until_complete(self.engine.dispose())
            self.loop.close()
        else:
            self.engine.dispose()


def plain(value):
    """Types as text, so that two servers' answers compare."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, set):
        return sorted(plain(v) for v in value)
    if isinstance(value, sa.types.TypeEngine):
        return repr(value)
    return value


def by_name(found):
    return sorted(plain(found), key=lambda entry: str(entry.get("name")))


# Each takes an Inspector.
QUESTIONS = {
    "get_schema_names": lambda i: sorted(i.get_schema_names()),
    "default_schema_name": lambda i: i.default_schema_name,
    "get_table_names": lambda i: sorted(i.get_table_names()),
    "get_table_names sales": lambda i: i.get_table_names(schema="sales"),
    "get_view_names": lambda i: i.get_view_names(),
    "get_materialized_view_names": lambda i: i.get_materialized_view_names(),
    "get_temp_table_names": lambda i: i.get_temp_table_names(),
    "get_sequence_names": lambda i: sorted(i.get_sequence_names()),
    "get_view_definition": lambda i: i.get_view_definition("active_customers"),
    "get_columns of a view": lambda i: plain(i.get_columns("active_customers")),
    "has_table": lambda i: [i.has_table("customers"), i.has_table("nosuch"), i.has_table("invoices"), i.has_table("invoices", schema="sales"), i.has_table("active_customers")],
    "has_index": lambda i: [i.has_index("docs", "docs_embedding_hnsw"), i.has_index("docs", "nosuch")],
    "has_sequence": lambda i: [i.has_sequence("orders_id_seq"), i.has_sequence("nosuch")],
    "has_schema": lambda i: [i.has_schema("sales"), i.has_schema("nosuch")],
    "get_enums": lambda i: i.get_enums(),
    "get_domains": lambda i: i.get_domains(),
    "get_table_oid": lambda i: i.get_table_oid("customers") > 0,
    "get_sorted_table_and_fkc_names": lambda i: plain([entry[0] for entry in i.get_sorted_table_and_fkc_names()]),
    "get_multi_columns": lambda i: plain(sorted(i.get_multi_columns().items(), key=str)),
    "get_multi_indexes": lambda i: [(k, by_name(v)) for k, v in sorted(i.get_multi_indexes().items(), key=str)],
    "get_multi_pk_constraint": lambda i: plain(sorted(i.get_multi_pk_constraint().items(), key=str)),
    "get_multi_foreign_keys sales": lambda i: plain(sorted(i.get_multi_foreign_keys(schema="sales").items(), key=str)),
}
for _table, _schema in TABLES:
    QUESTIONS |= {
        f"get_columns {_table}": lambda i, t=_table, s=_schema: plain(i.get_columns(t, schema=s)),
        f"get_pk_constraint {_table}": lambda i, t=_table, s=_schema: plain(i.get_pk_constraint(t, schema=s)),
        f"get_foreign_keys {_table}": lambda i, t=_table, s=_schema: plain(i.get_foreign_keys(t, schema=s)),
        f"get_indexes {_table}": lambda i, t=_table, s=_schema: by_name(i.get_indexes(t, schema=s)),
        f"get_unique_constraints {_table}": lambda i, t=_table, s=_schema: by_name(i.get_unique_constraints(t, schema=s)),
        f"get_check_constraints {_table}": lambda i, t=_table, s=_schema: by_name(i.get_check_constraints(t, schema=s)),
        f"get_table_comment {_table}": lambda i, t=_table, s=_schema: plain(i.get_table_comment(t, schema=s)),
        f"get_table_options {_table}": lambda i, t=_table, s=_schema: plain(i.get_table_options(t, schema=s)),
    }


def reflect(conn):
    """The DDL of everything reflected."""
    from sqlalchemy.schema import CreateTable

    metadata = sa.MetaData()
    metadata.reflect(conn, views=True)
    metadata.reflect(conn, schema="sales")
    return {name: str(CreateTable(table).compile(dialect=postgresql.dialect())) for name, table in metadata.tables.items()}


class Base(DeclarativeBase):
    pass


class Mood(enum.Enum):
    sad = "sad"
    happy = "happy"


class Author(Base):
    __tablename__ = "sa_authors"
    __table_args__ = (sa.UniqueConstraint("name", name="sa_authors_name_key"), {"comment": "people"})
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40), comment="full name")
    mood: Mapped[Mood] = mapped_column(sa.Enum(Mood, name="sa_mood"))
    born: Mapped[datetime.date | None]
    token: Mapped[uuid.UUID | None]
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "sa_books"
    __table_args__ = (sa.CheckConstraint("price >= 0", name="sa_books_price"), sa.Index("sa_books_title", "title"))
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("sa_authors.id", ondelete="CASCADE", name="sa_books_author_fk"))
    title: Mapped[str] = mapped_column(sa.Text)
    price: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(10, 2), server_default="0")
    data: Mapped[dict | None] = mapped_column(postgresql.JSONB)
    cover: Mapped[bytes | None]
    seen: Mapped[datetime.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    weight: Mapped[float | None]
    good: Mapped[bool] = mapped_column(server_default=sa.true())
    embedding: Mapped[list | None] = mapped_column(VECTOR(3))
    author: Mapped[Author] = relationship(back_populates="books")


MADE = ("sa_authors", "sa_books")


def describe_made(conn):
    inspector = sa.inspect(conn)
    return {
        table: {
            "columns": plain(inspector.get_columns(table)),
            "pk": plain(inspector.get_pk_constraint(table)),
            "fks": plain(inspector.get_foreign_keys(table)),
            "indexes": by_name(inspector.get_indexes(table)),
            "unique": by_name(inspector.get_unique_constraints(table)),
            "checks": by_name(inspector.get_check_constraints(table)),
            "comment": plain(inspector.get_table_comment(table)),
        }
        for table in MADE
    } | {"enums": plain(inspector.get_enums())}


def rows(conn):
    """Objects written, read, changed and deleted; the values come back as they went in."""
    session = Session(bind=conn, join_transaction_mode="create_savepoint")
    token = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
    when = datetime.datetime(2026, 11, 24, 1, 2, 3, tzinfo=datetime.timezone.utc)
    author = Author(name="Ada", mood=Mood.happy, born=datetime.date(1815, 12, 10), token=token)
    author.books.append(Book(title="Notes", price=decimal.Decimal("12.50"), data={"a": [1, 2]}, cover=b"\0\xff", seen=when, weight=0.5, embedding=[1, 2, 3]))
    session.add(author)
    session.flush()
    identity = author.id
    session.expire_all()
    found = session.get(Author, identity)
    equal(found.mood, Mood.happy)
    equal(str(found.token), str(token))
    equal(found.born, datetime.date(1815, 12, 10))
    book = found.books[0]
    equal(book.price, decimal.Decimal("12.50"))
    equal(book.data, {"a": [1, 2]})
    equal(bytes(book.cover), b"\0\xff")
    equal(book.seen == when, True)
    equal(book.good, True)
    equal([float(v) for v in book.embedding], [1.0, 2.0, 3.0])
    nearest = session.scalars(sa.select(Book).order_by(Book.embedding.l2_distance([1, 2, 3])).limit(1)).one()
    equal(nearest.title, "Notes")
    book.title = "Notes, again"
    session.flush()
    equal(session.execute(sa.select(sa.func.count()).select_from(Book).join(Author).where(Author.name == "Ada")).scalar_one(), 1)
    session.delete(found)
    session.flush()
    equal(session.execute(sa.select(sa.func.count()).select_from(Book)).scalar_one(), 0)
    session.close()


def first_difference(got, expected, path=""):
    if isinstance(got, dict) and isinstance(expected, dict):
        for key in sorted(set(got) | set(expected), key=str):
            if got.get(key) != expected.get(key):
                return first_difference(got.get(key), expected.get(key), f"{path}.{key}")
    if isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        for n, (a, b) in enumerate(zip(got, expected)):
            if a != b:
                return first_difference(a, b, f"{path}[{n}]")
    return f"{path}: got {got!r}, expected {expected!r}"


def both(subject, reference, run):
    got, expected = subject.run(run), reference.run(run)
    if got != expected:
        raise AssertionError(first_difference(got, expected))


def main():
    for driver in ("psycopg2", "psycopg", "asyncpg"):
        subject, reference = Database(driver, os.environ["PGPORT"]), Database(driver, os.environ["REFERENCE16_PORT"])
        for name, question in QUESTIONS.items():
            checks.check(f"{driver} {name}", lambda question=question: both(subject, reference, lambda conn: question(sa.inspect(conn))))
        checks.check(f"{driver} MetaData.reflect", lambda: both(subject, reference, reflect))
        for database in (subject, reference):
            try:
                database.run(lambda conn: Base.metadata.drop_all(conn))
            except sa.exc.DBAPIError as error:
                checks.fail(f"{driver} drop_all of nothing", error)
        checks.check(f"{driver} create_all", lambda: [d.run(lambda conn: Base.metadata.create_all(conn)) for d in (subject, reference)])
        checks.check(f"{driver} what create_all made", lambda: both(subject, reference, describe_made))
        checks.check(f"{driver} create_all again", lambda: subject.run(lambda conn: Base.metadata.create_all(conn)))
        checks.check(f"{driver} ORM rows", lambda: subject.run(rows))
        checks.check(f"{driver} drop_all", lambda: [d.run(lambda conn: Base.metadata.drop_all(conn)) for d in (subject, reference)])
        checks.check(f"{driver} nothing left", lambda: equal(subject.run(lambda conn: [sa.inspect(conn).has_table(t) for t in MADE]), [False, False]))
        subject.close()
        reference.close()
    migrate.run(checks)
    checks.close()


main()
