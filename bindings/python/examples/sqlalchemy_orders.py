"""Orders in a database, numbered by zseq, with SQLAlchemy.

    ZSEQ_URI=tcp://127.0.0.1:19001 python3 sqlalchemy_orders.py tea coffee

An order has its number before the database has seen it. Any number of
programs, and of databases, share the numbers of "orders".
"""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy import BigInteger, Column, String, create_engine, select
from sqlalchemy.orm import Session, declarative_base

import zseq

Base: Any = declarative_base()


class Order(Base):
    """Connects to the nodes of ZSEQ_URI when the first order is stored."""

    __tablename__ = "orders"
    id = Column(
        BigInteger,
        primary_key=True,
        default=zseq.Default("orders", batch=100),
    )
    item = Column(String, nullable=False)


def main(items: list[str]) -> None:
    """Stores an order for each item, and prints all."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Order(item=item) for item in items])
        session.commit()
        for order in session.scalars(select(Order).order_by(Order.id)):
            print(order.id, order.item)


if __name__ == "__main__":
    main(sys.argv[1:])
