"""Orders in a database, numbered by zseq, with Django, in one file.

    ZSEQ_URI=tcp://127.0.0.1:19001 python3 django_orders.py tea coffee

In a project only the model's ``id`` is needed: makemigrations writes
``zseq.Default('orders', batch=100)`` into the migration, without an address.
"""

from __future__ import annotations

import sys

import django
from django.conf import settings

import zseq

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
        }
    },
    USE_TZ=True,
)
django.setup()

from django.db import connection, models  # noqa: E402 (after the settings)


class Order(models.Model):
    """Connects to the nodes of ZSEQ_URI when the first order is made."""

    id = models.BigIntegerField(
        primary_key=True,
        default=zseq.Default("orders", batch=100),
        editable=False,
    )
    item = models.CharField(max_length=100)

    class Meta:
        app_label = "orders"


def main(items: list[str]) -> None:
    """Stores an order for each item, and prints all."""
    with connection.schema_editor() as editor:
        editor.create_model(Order)
    Order.objects.bulk_create([Order(item=item) for item in items])
    for order in Order.objects.order_by("id"):
        print(order.id, order.item)


if __name__ == "__main__":
    main(sys.argv[1:])
