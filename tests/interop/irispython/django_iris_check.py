"""Django with caretdev's backend for IRIS (django-iris, which brings an older client of its own)."""

import os
import threading

import django
from django.conf import settings

DATABASE = {
    "ENGINE": "django_iris", "NAME": os.environ.get("IRIS_NAMESPACE", "USER"), "USER": "_SYSTEM", "PASSWORD": "SYS",
    "HOST": "127.0.0.1", "PORT": int(os.environ["IRIS_PORT"]),
}
settings.configure(DATABASES={"default": DATABASE}, DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=False)
django.setup()

from django.db import connection, models, transaction  # noqa: E402

from checks import Checks, equal  # noqa: E402


class Author(models.Model):
    name = models.CharField(max_length=50)
    age = models.IntegerField(null=True)

    class Meta:
        app_label = "dji"


class Book(models.Model):
    title = models.CharField(max_length=50)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    author = models.ForeignKey(Author, models.CASCADE)

    class Meta:
        app_label = "dji"


checks = Checks()


def tables():
    existing = connection.introspection.table_names()
    with connection.schema_editor() as editor:
        for model in (Book, Author):
            if model._meta.db_table in existing:
                editor.delete_model(model)
        for model in (Author, Book):
            editor.create_model(model)


def queries():
    authors = [Author.objects.create(name=name, age=age) for name, age in (("Ann", 30), ("Bob", None), ("Cid", 50))]
    Book.objects.bulk_create([Book(title=f"T{n}", price=f"{n}.50", author=authors[n % 3]) for n in range(60)])
    equal(Book.objects.filter(author__name="Ann").count(), 20)
    counts = Book.objects.values("author_id").annotate(n=models.Count("id")).order_by("author_id")
    equal([row["n"] for row in counts], [20, 20, 20])
    deep = models.Q()
    for n in range(60):
        deep = ~(models.Q(age=1000 + n) & deep) if n % 2 else models.Q(age=2000 + n) | deep
    Author.objects.filter(deep).count()
    wide = models.Q(pk__in=[])
    for n in range(300):
        wide |= models.Q(age=n, name__contains="n")
    equal(Author.objects.filter(wide).count(), 1)


def savepoints():
    try:
        with transaction.atomic():
            Author.objects.create(name="kept", age=1)
            try:
                with transaction.atomic():
                    Author.objects.create(name="undone", age=1)
                    raise KeyError
            except KeyError:
                pass
            equal(Author.objects.filter(age=1).count(), 1)
    finally:
        Author.objects.filter(age=1).delete()


def two_connections():
    """A transaction that has only read and set savepoints keeps nobody from writing."""
    failures = []

    def other():
        try:
            Author.objects.filter(name="Bob").update(age=40)
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        connection.close()

    with transaction.atomic():
        Author.objects.count()
        with transaction.atomic():
            Author.objects.count()
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(8)
        equal((thread.is_alive(), failures), (False, []))
    equal(Author.objects.get(name="Bob").age, 40)


for run in (tables, queries, savepoints, two_connections):
    checks.check(run.__name__, run)
with connection.schema_editor() as editor:
    for model in (Book, Author):
        editor.delete_model(model)
checks.close()
