"""Protobuf definitions of the protocols: sources, stubs for type checkers, and one compiled descriptor set.

Package, message, field and file names are those of each protocol's own definitions, so that any client built
from those understands this server. `dragoman` holds what is the server's own. `scripts/protos` compiles them;
`wire/protobuf.py` loads the result.
"""
