#!/usr/bin/python3
"""Interoperation with pyzmq, for transports.sh.

    transports.py ask ENDPOINT              a DEALER asks a node
    transports.py answer ENDPOINT COMMAND   a ROUTER is asked by a client

Exit status 0: all went as it should.
"""

import subprocess
import sys

import zmq

WAIT_MS = 10000
#  HELLO of any cluster; its request ID is 1 to 127.
HELLO = b"\x94\x01\x01%c\x00"
REQUESTS = 100


def expect(holds: bool, what: object) -> None:
    if not holds:
        sys.exit(f"unexpected: {what!r}")


def ask(endpoint: str) -> None:
    """Asks in a pipeline, without an identity and with one."""
    context = zmq.Context()
    for identity in (b"", b"me"):
        dealer = context.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.rcvtimeo = WAIT_MS
        #  A node answers PING, or the connection would end.
        dealer.setsockopt(zmq.HEARTBEAT_IVL, 50)
        dealer.setsockopt(zmq.HEARTBEAT_TIMEOUT, 5000)
        if identity:
            dealer.setsockopt(zmq.IDENTITY, identity)
        dealer.connect(endpoint)
        for request in range(1, REQUESTS + 1):
            dealer.send(HELLO % request)
            #  Messages of several frames are dropped.
            dealer.send_multipart([b"", HELLO % request])
        asked = set(range(1, REQUESTS + 1))
        while asked:
            reply = dealer.recv_multipart()
            expect(len(reply) == 1, reply)
            expect(reply[0][1:3] == b"\x01\x01", reply)
            expect(reply[0][3] in asked, reply)
            asked.remove(reply[0][3])
        dealer.close()
    context.term()


def answer(endpoint: str, command: list[str]) -> None:
    """Takes a client's HELLO, and answers it with a refusal: not formed."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    router.rcvtimeo = WAIT_MS
    router.bind(endpoint)
    client = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        message = router.recv_multipart()
        expect(len(message) == 2 and message[1][1:3] == b"\x01\x01", message)
        router.send_multipart([message[0], b"?" * 60000])
        router.send_multipart([message[0], b"two", b"frames"])
        #  The client goes on: it asks again.
        message = router.recv_multipart()
        expect(len(message) == 2 and message[1][1:3] == b"\x01\x01", message)
    finally:
        client.kill()
        client.wait()
    router.close()
    context.term()


if sys.argv[1] == "ask":
    ask(sys.argv[2])
else:
    answer(sys.argv[2], sys.argv[3:])
