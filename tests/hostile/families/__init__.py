"""All families, by name, in the order in which they are played."""

from . import access, connections, encrypted, memory, nodes, process, pubsub, readers, strangers, work

_MODULES = (strangers, access, encrypted, readers, memory, work, pubsub, connections, nodes, process)
FAMILIES = {kind.name: kind for module in _MODULES for kind in module.FAMILIES}
