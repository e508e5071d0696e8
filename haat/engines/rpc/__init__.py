"""Calls between modules: the same contract over three transports.

`local` is the object itself behind the one door; `loopback` encodes and decodes in the same
process, so that tests see what a network would; `remote` and `rpc_routes` (in
`haat.engines.rpc.http`) are the two ends of a network.
"""

from haat.engines.rpc.door import local
from haat.engines.rpc.loopback import loopback

__all__ = ["local", "loopback"]
