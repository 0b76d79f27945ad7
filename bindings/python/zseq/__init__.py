"""Strictly increasing 64-bit IDs from a cluster without a leader, and a
key-value store on the same nodes.

    import zseq

    with zseq.Client("tcp://10.0.0.1:19001,tcp://10.0.0.2:19001") as client:
        orders = client.sequence("orders", batch=1000)
        print(next(orders))
        store = client.kv()
        store["colour"] = b"green"

For asyncio there is ``zseq.aio``.
"""

import types

from zseq._arguments import Batch
from zseq._base import Decoded, Listed, NodeInfo, NodeStatus, Stats, Status
from zseq._client import Client, Sequence
from zseq._default import Default
from zseq._errors import (
    ZseqAgain,
    ZseqBallot,
    ZseqBusy,
    ZseqClock,
    ZseqClosed,
    ZseqCluster,
    ZseqConflict,
    ZseqDamaged,
    ZseqDuplicate,
    ZseqError,
    ZseqExhausted,
    ZseqExist,
    ZseqForeign,
    ZseqForgotten,
    ZseqForked,
    ZseqFull,
    ZseqInval,
    ZseqIo,
    ZseqLocked,
    ZseqMembers,
    ZseqNoKey,
    ZseqNoMem,
    ZseqNoSpace,
    ZseqNotVoting,
    ZseqProtocol,
    ZseqQuorum,
    ZseqReformatted,
    ZseqSuperseded,
    ZseqTimeout,
    ZseqUnavailable,
    ZseqUri,
    ZseqValue,
    ZseqVersion,
)

from zseq._kv import Kv, Stored
from zseq._library import version as library_version
from zseq._version import __version__

__all__ = [
    "Batch",
    "Client",
    "Decoded",
    "Default",
    "Kv",
    "Listed",
    "NodeInfo",
    "NodeStatus",
    "Sequence",
    "Stats",
    "Status",
    "Stored",
    "ZseqAgain",
    "ZseqBallot",
    "ZseqBusy",
    "ZseqClock",
    "ZseqClosed",
    "ZseqCluster",
    "ZseqConflict",
    "ZseqDamaged",
    "ZseqDuplicate",
    "ZseqError",
    "ZseqExhausted",
    "ZseqExist",
    "ZseqForeign",
    "ZseqForgotten",
    "ZseqForked",
    "ZseqFull",
    "ZseqInval",
    "ZseqIo",
    "ZseqLocked",
    "ZseqMembers",
    "ZseqNoKey",
    "ZseqNoMem",
    "ZseqNoSpace",
    "ZseqNotVoting",
    "ZseqProtocol",
    "ZseqQuorum",
    "ZseqReformatted",
    "ZseqSuperseded",
    "ZseqTimeout",
    "ZseqUnavailable",
    "ZseqUri",
    "ZseqValue",
    "ZseqVersion",
    "__version__",
    "library_version",
]

#  Tracebacks, representations, pickles and migrations show the names that
#  users import.
for _name in __all__:
    _value = globals()[_name]
    if isinstance(_value, type):
        _value.__module__ = __name__
        for _member in vars(_value).values():
            if isinstance(_member, types.FunctionType):
                _member.__module__ = __name__
