import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="Tag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=30, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(db_index=True, max_length=80)),
                ("text", models.TextField(blank=True)),
                ("price", models.DecimalField(decimal_places=2, max_digits=10)),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("day", models.DateField(null=True)),
                ("length", models.DurationField(null=True)),
                ("rating", models.FloatField(null=True)),
                ("active", models.BooleanField(default=True)),
                ("code", models.UUIDField(null=True)),
                ("data", models.JSONField(default=dict)),
                ("blob", models.BinaryField(null=True)),
                ("owner", models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                ("tags", models.ManyToManyField(to="shop.tag")),
            ],
        ),
    ]
