"""Django over psycopg: introspection, migrations and the ORM."""

import datetime
import decimal
import io
import os
import re
import uuid

import django
from django.conf import settings


def database(port):
    return {
        "ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": port, "NAME": os.environ["PGDATABASE"],
        "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"], "CONN_MAX_AGE": 60,
    }


settings.configure(
    DATABASES={"default": database(os.environ["PGPORT"]), "reference": database(os.environ["REFERENCE16_PORT"])},
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "shop"],
    MIDDLEWARE=[f"django.contrib.{m}" for m in ("sessions.middleware.SessionMiddleware", "auth.middleware.AuthenticationMiddleware", "messages.middleware.MessageMiddleware")],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages"]}}],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True, SECRET_KEY="test", PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connection, connections, models, transaction  # noqa: E402
from shop.models import Item, Tag  # noqa: E402

from checks import Checks, equal  # noqa: E402

checks = Checks()
TABLES = ("customers", "orders", "docs", "active_customers")


def command(*arguments, **options):
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


def inspectdb(*arguments):
    got, expected = (command("inspectdb", *arguments, database=alias) for alias in ("default", "reference"))
    assert "class Customers(models.Model)" in expected, expected
    if got != expected:
        lines = [line for line in got.splitlines() if line not in expected.splitlines()]
        missing = [line for line in expected.splitlines() if line not in got.splitlines()]
        raise AssertionError(f"missing {missing[:5]}, more {lines[:5]}")


def introspection(alias):
    conn = connections[alias]
    with conn.cursor() as cursor:
        found = {"tables": sorted(conn.introspection.get_table_list(cursor))}
        for table in TABLES:
            found[table] = {
                "description": conn.introspection.get_table_description(cursor, table),
                "sequences": conn.introspection.get_sequences(cursor, table),
                "relations": conn.introspection.get_relations(cursor, table),
                "constraints": conn.introspection.get_constraints(cursor, table),
                "primary key": conn.introspection.get_primary_key_columns(cursor, table),
            }
        return found


def without_oids(description):
    """pgvector's type has another OID on every server."""
    return [[c if not (isinstance(c, int) and c >= 16384) else "user type" for c in column] for column in description]


def same_introspection():
    got, expected = introspection("default"), introspection("reference")
    for found in (got, expected):
        for table in TABLES:
            found[table]["description"] = without_oids(found[table]["description"])
    for key in expected:
        equal(got[key], expected[key], key)


def migrations_applied():
    out = command("showmigrations")
    assert "[ ]" not in out and out.count("[X]") >= 20, out


def schema(alias):
    """What `migrate` made, as inspectdb sees it."""
    names = [t for t in connections[alias].introspection.table_names() if re.match("auth_|django_|shop_", t)]
    return command("inspectdb", *sorted(names), database=alias)


def same_schema():
    got, expected = schema("default"), schema("reference")
    assert expected.count("class ") >= 12, expected
    equal(got.splitlines(), expected.splitlines())


def orm():
    user = User.objects.create_user("ada", "ada@example.com", "secret")
    assert User.objects.get(username="ada").check_password("secret")
    first, second = Tag.objects.create(name="one"), Tag.objects.create(name="two")
    code = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
    item = Item.objects.create(
        owner=user, title="Notes", text="x" * 5000, price=decimal.Decimal("12.50"), day=datetime.date(2026, 11, 24),
        length=datetime.timedelta(days=1, seconds=5), rating=0.5, code=code, data={"a": [1, None, "é"]}, blob=b"\0\xff",
    )
    item.tags.set([first, second])
    found = Item.objects.select_related("owner").prefetch_related("tags").get(title__startswith="Not")
    equal(found.price, decimal.Decimal("12.50"))
    equal(found.day, datetime.date(2026, 11, 24))
    equal(found.length, datetime.timedelta(days=1, seconds=5))
    equal(found.code, code)
    equal(found.data, {"a": [1, None, "é"]})
    equal(bytes(found.blob), b"\0\xff")
    equal(found.active, True)
    equal(found.owner.username, "ada")
    equal(sorted(t.name for t in found.tags.all()), ["one", "two"])
    equal(Item.objects.filter(tags__name="one", price__lt=20).count(), 1)
    equal(list(Item.objects.values("owner__username").annotate(n=models.Count("id"), total=models.Sum("price"))), [{"owner__username": "ada", "n": 1, "total": decimal.Decimal("12.50")}])
    Item.objects.filter(pk=item.pk).update(price=models.F("price") + 1)
    equal(Item.objects.get(pk=item.pk).price, decimal.Decimal("13.50"))
    Item.objects.bulk_create([Item(title=f"item {n}", price=n) for n in range(20)])
    equal(list(Item.objects.order_by("-price").values_list("price", flat=True)[:2]), [decimal.Decimal(19), decimal.Decimal(18)])
    equal(Tag.objects.filter(name="made by the migration").exists(), True)
    session = SessionStore()
    session["key"] = "value"
    session.save()
    equal(SessionStore(session.session_key)["key"], "value")


def transactions():
    try:
        with transaction.atomic():
            Tag.objects.create(name="rolled back")
            with transaction.atomic():
                Tag.objects.create(name="one")
    except IntegrityError:
        pass
    else:
        raise AssertionError("a duplicate was accepted")
    equal(Tag.objects.filter(name="rolled back").exists(), False)


def check_constraint():
    """IRIS has no check constraints; the gateway warns of it."""
    try:
        with transaction.atomic():
            Item.objects.create(title="negative", price=-1)
    except IntegrityError:
        checks.ok("check constraint")
    else:
        checks.gap("check constraint", "the server accepted a row against it")


def permissions():
    expected = 4 * ContentType.objects.count()
    equal(Permission.objects.count(), expected)
    assert ContentType.objects.filter(app_label="shop").count() == 2


def cascade():
    """Django deletes the parent first and relies on DEFERRABLE INITIALLY DEFERRED; IRIS checks every statement."""
    try:
        User.objects.get(username="ada").delete()
    except IntegrityError as error:
        checks.gap("cascade before deferred foreign keys", str(error))
        Item.objects.all().delete()
        User.objects.get(username="ada").delete()
    else:
        checks.ok("cascade before deferred foreign keys")
    equal(Item.objects.filter(title="Notes").count(), 0)


def back():
    command("migrate", "shop", "zero", verbosity=0)
    names = connection.introspection.table_names()
    assert not [t for t in names if t.startswith("shop_")], names


def remove(alias):
    for app in ("shop", "sessions", "admin", "auth", "contenttypes"):
        command("migrate", app, "zero", verbosity=0, database=alias)
    with connections[alias].cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS django_migrations")
    left = [t for t in connections[alias].introspection.table_names() if re.match("auth_|django_|shop_", t)]
    equal(left, [])


def attempt(name, what):
    """Known not to work: neither passed nor failed until it does."""
    try:
        what()
        checks.ok(name)
    except Exception as error:
        checks.gap(name, error)


def main():
    for conn in connections.all():
        conn.ensure_connection()
    checks.check("inspectdb", inspectdb)
    checks.check("inspectdb with views", lambda: inspectdb("--include-views"))
    checks.check("introspection of tables", same_introspection)
    command("migrate", verbosity=0, database="reference")
    checks.check("migrate", lambda: command("migrate", verbosity=0))
    checks.check("showmigrations", migrations_applied)
    checks.check("migrate again", lambda: command("migrate", verbosity=0))
    checks.check("makemigrations finds nothing to do", lambda: command("makemigrations", "--check", "--dry-run"))
    checks.check("check --database", lambda: command("check", "--database", "default"))
    checks.check("the schema that migrate made", same_schema)
    checks.check("content types and permissions", permissions)
    checks.check("ORM", orm)
    checks.check("transactions", transactions)
    check_constraint()
    # Django defers foreign keys to the end of the transaction; IRIS checks them at once.
    attempt("cascade", cascade)
    attempt("flush", lambda: command("flush", "--no-input", verbosity=0))
    attempt("migrate back", back)
    attempt("migrate all back", lambda: remove("default"))
    remove("reference")
    connections.close_all()
    checks.close()


main()
