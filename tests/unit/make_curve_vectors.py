#!/usr/bin/env python3
"""Writes test_curve_vectors.h: what both ends of CurveZMQ send, computed from
RFC 26 and not by zseq, with libsodium's boxes and fixed keys and nonces.

    python3 make_curve_vectors.py >test_curve_vectors.h
"""

import ctypes
import ctypes.util
import struct

sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
assert sodium.sodium_init() >= 0


class Random:
    """The bytes that the test's source draws: byte k is 7 k + 1."""

    def __init__(self, at):
        self.at = at

    def draw(self, size):
        first, self.at = self.at, self.at + size
        return bytes((7 * k + 1) & 255 for k in range(first, first + size))


def public(secret):
    key = ctypes.create_string_buffer(32)
    assert sodium.crypto_scalarmult_base(key, secret) == 0
    return key.raw


def box(text, nonce, to_public, from_secret):
    assert len(nonce) == 24
    out = ctypes.create_string_buffer(len(text) + 16)
    size = ctypes.c_ulonglong(len(text))
    assert sodium.crypto_box_easy(out, text, size, nonce, to_public, from_secret) == 0
    return out.raw


def secretbox(text, nonce, key):
    assert len(nonce) == 24
    out = ctypes.create_string_buffer(len(text) + 16)
    size = ctypes.c_ulonglong(len(text))
    assert sodium.crypto_secretbox_easy(out, text, size, nonce, key) == 0
    return out.raw


def short(number):
    return struct.pack(">Q", number)


def socket_type(name):
    return b"\x0bSocket-Type" + struct.pack(">I", len(name)) + name


def show(name, value):
    print(f"static const char s_{name}[] =")
    text = value.hex()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    print("\n".join(f'  "{line}"' for line in lines) + ";\n")


client = bytes(range(1, 33))
server = bytes(range(101, 133))
client_random = Random(0)
server_random = Random(100)

client_short = client_random.draw(32)
hello = (
    b"\x05HELLO\x01\x00" + bytes(72) + public(client_short) + short(1)
    + box(bytes(64), b"CurveZMQHELLO---" + short(1), public(server), client_short)
)  # fmt: skip

server_short = server_random.draw(32)
cookie_key = server_random.draw(32)
cookie_nonce = server_random.draw(16)
cookie = cookie_nonce + secretbox(
    public(client_short) + server_short, b"COOKIE--" + cookie_nonce, cookie_key
)
welcome_nonce = server_random.draw(16)
welcome = (
    b"\x07WELCOME" + welcome_nonce
    + box(public(server_short) + cookie, b"WELCOME-" + welcome_nonce,
          public(client_short), server)
)  # fmt: skip

vouch_nonce = client_random.draw(16)
vouch = vouch_nonce + box(
    public(client_short) + public(server),
    b"VOUCH---" + vouch_nonce,
    public(server_short),
    client,
)
initiate = (
    b"\x08INITIATE" + cookie + short(2)
    + box(public(client) + vouch + socket_type(b"DEALER"),
          b"CurveZMQINITIATE" + short(2), public(server_short), client_short)
)  # fmt: skip

ready = (
    b"\x05READY" + short(1)
    + box(socket_type(b"ROUTER"), b"CurveZMQREADY---" + short(1),
          public(client_short), server_short)
)  # fmt: skip

to_server = (
    b"\x07MESSAGE" + short(3)
    + box(b"\x00" + b"to the server", b"CurveZMQMESSAGEC" + short(3),
          public(server_short), client_short)
)  # fmt: skip
to_client = (
    b"\x07MESSAGE" + short(2)
    + box(b"\x02" + b"to the client", b"CurveZMQMESSAGES" + short(2),
          public(client_short), server_short)
)  # fmt: skip

print("//  Made by make_curve_vectors.py.\n")
for name in "hello welcome initiate ready to_server to_client".split():
    show(name, globals()[name])
