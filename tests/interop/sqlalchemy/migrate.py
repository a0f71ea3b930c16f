"""Alembic: an environment made as `alembic init` makes it, then upgrade, autogenerate, check and downgrade."""

import contextlib
import io
import logging
import os
import pathlib
import sys
import tempfile

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from checks import equal

logging.disable(logging.INFO)
URL = sa.URL.create("postgresql+psycopg", os.environ["PGUSER"], os.environ["PGPASSWORD"], "127.0.0.1", int(os.environ["PGPORT"]), os.environ["PGDATABASE"])

FIRST = '''
from alembic import op
import sqlalchemy as sa
revision = "0001"
down_revision = None
def upgrade():
    op.create_table(
        "al_users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(120), nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.UniqueConstraint("email", name="al_users_email_key"),
        comment="accounts",
    )
    op.create_index("al_users_made_idx", "al_users", ["made"])
def downgrade():
    op.drop_index("al_users_made_idx", table_name="al_users")
    op.drop_table("al_users")
'''
SECOND = '''
from alembic import op
import sqlalchemy as sa
revision = "0002"
down_revision = "0001"
def upgrade():
    op.add_column("al_users", sa.Column("age", sa.Integer, nullable=True))
    op.create_table(
        "al_posts",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("al_users.id", name="al_posts_user_fk"), nullable=False),
        sa.Column("title", sa.Text),
    )
    op.bulk_insert(sa.table("al_users", sa.column("id", sa.Integer), sa.column("email", sa.String)), [{"id": 1, "email": "a@example.com"}])
    op.execute("UPDATE al_users SET age = 3 WHERE id = 1")
def downgrade():
    op.drop_table("al_posts")
    op.drop_column("al_users", "age")
'''

metadata = sa.MetaData()
sa.Table(
    "al_users", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.String(120), nullable=False),
    sa.Column("made", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.Column("age", sa.Integer),
    sa.UniqueConstraint("email", name="al_users_email_key"),
    sa.Index("al_users_made_idx", "made"),
    comment="accounts",
)
sa.Table(
    "al_posts", metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("user_id", sa.Integer, sa.ForeignKey("al_users.id", name="al_posts_user_fk"), nullable=False),
    sa.Column("title", sa.Text),
)
OURS = {"al_users", "al_posts"}


def differences(engine):
    """What autogenerate would write for our tables."""
    with engine.connect() as conn:
        options = {"include_name": lambda name, kind, parents: kind != "table" or name in OURS, "compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(conn, opts=options), metadata)


def run(checks):
    engine = sa.create_engine(URL)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
        config = Config(str(pathlib.Path(folder) / "alembic.ini"))
        config.set_main_option("script_location", str(pathlib.Path(folder) / "migrations"))
        config.set_main_option("sqlalchemy.url", URL.render_as_string(hide_password=False))
        config.stdout = said
        command.init(config, str(pathlib.Path(folder) / "migrations"))
        config = Config(str(pathlib.Path(folder) / "alembic.ini"), stdout=said)
        config.set_main_option("script_location", str(pathlib.Path(folder) / "migrations"))
        config.set_main_option("sqlalchemy.url", URL.render_as_string(hide_password=False))
        config.attributes["configure_logger"] = False
        versions = pathlib.Path(folder) / "migrations" / "versions"
        (versions / "0001.py").write_text(FIRST)
        (versions / "0002.py").write_text(SECOND)

        def current():
            with engine.connect() as conn:
                return MigrationContext.configure(conn).get_current_revision()

        def tables():
            return sorted(OURS & set(sa.inspect(engine).get_table_names()))

        def upgraded(revision, expected_tables):
            command.upgrade(config, revision)
            equal(current(), "0002" if revision == "head" else revision)
            equal(tables(), expected_tables)

        def rows():
            with engine.connect() as conn:
                equal([tuple(r) for r in conn.execute(sa.text("SELECT id, email, age FROM al_users"))], [(1, "a@example.com", 3)])

        def downgraded():
            command.downgrade(config, "base")
            equal(current(), None)
            equal(tables(), [])

        steps = (
            ("current of nothing", lambda: equal(current(), None)),
            ("upgrade 0001", lambda: upgraded("0001", ["al_users"])),
            ("upgrade head", lambda: upgraded("head", ["al_posts", "al_users"])),
            ("rows of the migration", rows),
            ("autogenerate finds nothing", lambda: equal(differences(engine), [])),
            ("upgrade again", lambda: upgraded("head", ["al_posts", "al_users"])),
            ("downgrade base", downgraded),
        )
        # Alembic prints while it works; the checks print to the terminal.
        for name, step in steps:
            with contextlib.redirect_stdout(sys.__stdout__):
                checks.check(f"alembic {name}", step)
    with engine.begin() as conn:
        conn.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))
        conn.execute(sa.text("DROP TABLE IF EXISTS al_posts"))
        conn.execute(sa.text("DROP TABLE IF EXISTS al_users"))
    engine.dispose()
