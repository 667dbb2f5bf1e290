"""All families, by name, in the order in which they are played."""

from . import access, connections, encrypted, limits, memory, nodes, process, pubsub, readers, rogues, strangers, work

_MODULES = (strangers, access, limits, encrypted, readers, memory, work, pubsub, connections, nodes, rogues, process)
FAMILIES = {kind.name: kind for module in _MODULES for kind in module.FAMILIES}
