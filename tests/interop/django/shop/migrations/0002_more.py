from django.conf import settings
from django.db import migrations, models


def tags(apps, schema_editor):
    apps.get_model("shop", "Tag").objects.using(schema_editor.connection.alias).create(name="made by the migration")


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.AddField("Item", "rank", models.PositiveSmallIntegerField(default=0)),
        migrations.AddIndex("Item", models.Index(fields=["title", "-made"], name="shop_item_title_made")),
        migrations.AddConstraint("Item", models.UniqueConstraint(fields=["owner", "title"], name="shop_item_owner_title")),
        migrations.AddConstraint("Item", models.CheckConstraint(condition=models.Q(price__gte=0), name="shop_item_price")),
        migrations.RunPython(tags, migrations.RunPython.noop),
    ]
