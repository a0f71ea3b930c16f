from django.db import models
from django.contrib.auth.models import User


class Tag(models.Model):
    name = models.CharField(max_length=30, unique=True)


class Item(models.Model):
    owner = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    title = models.CharField(max_length=80, db_index=True)
    text = models.TextField(blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    made = models.DateTimeField(auto_now_add=True)
    day = models.DateField(null=True)
    length = models.DurationField(null=True)
    rating = models.FloatField(null=True)
    active = models.BooleanField(default=True)
    code = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    blob = models.BinaryField(null=True)
    rank = models.PositiveSmallIntegerField(default=0)
    tags = models.ManyToManyField(Tag)

    class Meta:
        indexes = [models.Index(fields=["title", "-made"], name="shop_item_title_made")]
        constraints = [
            models.UniqueConstraint(fields=["owner", "title"], name="shop_item_owner_title"),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="shop_item_price"),
        ]
