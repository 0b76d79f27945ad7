"""A web service that gives each order a number, with asyncio.

    python3 order_server.py tcp://127.0.0.1:19001 8080
    curl -d '{"item": "tea"}' http://127.0.0.1:8080/orders

One client serves all requests. Requests that wait at the same time share
claims, so a number costs less under load. With batch=1 a later order has a
higher number, whichever of several servers took it.
"""

from __future__ import annotations

import asyncio
import json
import sys

import zseq.aio


async def answer(orders: zseq.aio.Sequence, body: bytes) -> tuple[str, object]:
    """The status and the body of the reply to an order."""
    try:
        order = json.loads(body)
        if not isinstance(order, dict):
            raise ValueError("an order is an object")
        return "201 Created", {**order, "number": await orders.next()}
    except zseq.ZseqError as error:
        #  No number was handed out: the customer may try again.
        return "503 Service Unavailable", {"error": str(error)}
    except ValueError as error:
        return "400 Bad Request", {"error": str(error)}


async def handle(
    orders: zseq.aio.Sequence,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """One request on a connection of its own."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = 0
    for line in head.split(b"\r\n"):
        field, _, value = line.partition(b":")
        if field.lower() == b"content-length":
            size = int(value)
    status, reply = await answer(orders, await reader.readexactly(size))
    text = json.dumps(reply).encode()
    writer.write(
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode()
    )
    writer.write(text)
    await writer.drain()
    writer.close()


async def serve(uri: str, port: int) -> None:
    """Serves until it is cancelled. Port 0 is any that is free."""
    async with zseq.aio.Client(uri, timeout=2) as client:
        orders = client.sequence("orders")
        server = await asyncio.start_server(
            lambda reader, writer: handle(orders, reader, writer),
            "127.0.0.1",
            port,
        )
        async with server:
            host, port = server.sockets[0].getsockname()
            print(f"http://{host}:{port}/orders", flush=True)
            await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
    except KeyboardInterrupt:
        pass
