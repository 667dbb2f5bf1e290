"""What the clients of the load do, turn by turn. A role is a function of the client that returns its turn: a coroutine
function that sends one batch (a pipeline, if the client is one that pipelines) and waits for all its replies."""

from .check_appends import token
from .check_registers import value_of


def counter(client):
    """INCR of counters of its own."""
    keys = [client.key("count", index) for index in range(4)]

    async def turn(self):
        chosen = [self.random.choice(keys) for _ in range(self.depth)]
        await self.call(*[_increment(self, key) for key in chosen], self.echo())
    return turn


def shared_counter(client):
    """INCR of counters that all clients of this role share."""
    keys = [client.plan.shared_key("shared", index) for index in range(4)]

    async def turn(self):
        await self.call(*[_increment(self, self.random.choice(keys)) for _ in range(self.depth)])
    return turn


def appender(client):
    keys = [client.key("append", index) for index in range(3)]
    made = dict.fromkeys(keys, 0)

    async def turn(self):
        batch = []
        for _ in range(self.depth):
            key = self.random.choice(keys)
            op = self.op("APPEND", key, value=token(self.number, made[key]))
            made[key] += 1
            batch.append((op, [("APPEND", key, op.value)]))
        await self.call(*batch)
    return turn


def register(client):
    """SET and GET of keys of its own, and DEL now and then."""
    keys = [client.key("register", index) for index in range(REGISTERS)]

    async def turn(self):
        batch = []
        for _ in range(self.depth):
            key = self.random.choice(keys)
            kind = self.random.choices(("SET", "GET", "DEL"), (5, 5, 1))[0]
            batch.append(_write(self, kind, key) if kind != "GET" else _read(self, key))
        await self.call(*batch)
    return turn


REGISTERS = 4


def reader(client):
    """GET and MGET of the registers of others."""
    writers = [other for other in client.plan.clients if other.role is register]
    keys = [other.key("register", index) for other in writers for index in range(REGISTERS)]

    async def turn(self):
        batch = []
        for _ in range(self.depth):
            if self.random.random() < 0.8:
                batch.append(_read(self, self.random.choice(keys)))
            else:
                chosen = self.random.sample(keys, 3)
                batch.append((self.op("MGET", *chosen), [("MGET", *chosen)]))
        await self.call(*batch)
    return turn


def chain(client):
    """SET of several keys of one slot, in turns that others follow."""
    keys = chain_keys(client)

    async def turn(self):
        await self.call(*[_write(self, "SET", self.random.choice(keys)) for _ in range(self.depth)])
    return turn


def chain_keys(client):
    return [f"{client.slot_key('chain')}:{index}" for index in range(4)]


def chain_reader(client):
    """GET of one key after the other of a chain."""
    chains = [chain_keys(other) for other in client.plan.clients if other.role is chain]

    async def turn(self):
        keys = self.random.choice(chains)
        await self.call(*[_read(self, self.random.choice(keys)) for _ in range(max(2, self.depth))])
    return turn


def multi_key(client):
    """MSET, MGET and DEL over several slots, and over several keys of one slot."""
    spread = [client.key("multi", index) for index in range(6)]
    together = [client.key("together", 0) + f":{index}" for index in range(4)]

    async def turn(self):
        batch = []
        for _ in range(max(1, self.depth // 3)):
            keys = self.random.sample(self.random.choice((spread, together)), 3)
            kind = self.random.choices(("MSET", "MGET", "DEL"), (5, 5, 1))[0]
            if kind == "MGET":
                batch.append((self.op("MGET", *keys), [("MGET", *keys)]))
            else:
                batch.append(_write(self, kind, *keys))
        await self.call(*batch, self.echo())
    return turn


def producer(client):
    """LPUSH and RPOP of one queue; RPUSH for a consumer that blocks."""
    queue, blocking = client.key("queue", client.number // 2), client.plan.blocking_key(client.number)

    async def turn(self):
        batch = []
        for _ in range(self.depth):
            draw = self.random.random()
            key = queue if draw < 0.65 else blocking
            if draw < 0.35 or key == blocking:
                op = self.op("PUSH", key, value=f"item:{self.number}:{len(self.ops)}")
                batch.append((op, [("LPUSH" if key == queue else "RPUSH", key, op.value)]))
            else:
                batch.append((self.op("POP", key), [("RPOP", key)]))
        await self.call(*batch)
    return turn


def consumer(client):
    """BLPOP, or BRPOP of a queue that it fills itself."""
    key, own = client.plan.blocking_key(client.number), client.key("own", client.number // 2)

    async def turn(self):
        if self.random.random() < 0.7:
            await self.call((self.op("POP", key, value="blocking"), [("BLPOP", key, "0.5")]), self.echo())
        else:
            push = self.op("PUSH", own, value=f"item:{self.number}:{len(self.ops)}")
            await self.call((push, [("LPUSH", own, push.value)]), (self.op("POP", own, value="blocking"), [("BRPOP", own, "1")]))
    return turn


def transaction(client):
    """MULTI … EXEC over two counters of one slot, and readers of both."""
    first, second = pair_keys(client)

    async def turn(self):
        await self.call(*[(self.op("PAIR", first, second), [("MULTI",), ("INCR", first), ("INCR", second), ("EXEC",)])
                          for _ in range(max(1, self.depth // 4))])
    return turn


def pair_keys(client):
    return [f"{client.slot_key('pair')}:{end}" for end in "ab"]


def watcher(client):
    """Optimistic increments of a counter that the clients of this role share."""
    key = client.plan.shared_key("watched", client.number // 2 % 4)

    async def turn(self):
        current = self.op("READ", key)
        await self.call((self.op("WATCH", key), [("WATCH", key)]), (current, [("GET", key)]))
        if current.outcome != "ok":
            await self.call((self.op("UNWATCH"), [("UNWATCH",)]))
            return
        value = int(current.reply or 0) + 1
        await self.call((self.op("WATCHED", key, value=value), [("MULTI",), ("SET", key, value), ("EXEC",)]))
    return turn


def waiter(client):
    """INCR, and WAIT for a replica to have it."""
    keys = [client.key("waited", index) for index in range(2)]

    async def turn(self):
        increments = [_increment(self, self.random.choice(keys)) for _ in range(self.depth)]
        await self.call(*increments, (self.op("WAIT"), [("WAIT", 1, client.plan.wait_ms)]))
    return turn


def mixed(client):
    """All at once, in one pipeline."""
    number, text, value = client.key("mixed-n", 0), client.key("mixed-a", 1), client.key("mixed-r", 2)
    made = [0]

    async def turn(self):
        batch = []
        for _ in range(self.depth):
            draw = self.random.randrange(5)
            if draw == 0:
                batch.append(_increment(self, number))
            elif draw == 1:
                op = self.op("APPEND", text, value=token(self.number, made[0]))
                made[0] += 1
                batch.append((op, [("APPEND", text, op.value)]))
            elif draw == 2:
                batch.append(_write(self, "SET", value))
            elif draw == 3:
                batch.append(_read(self, value))
            else:
                batch.append(self.echo())
        await self.call(*batch)
    return turn


def _increment(client, key):
    return client.op("INCR", key), [("INCR", key)]


def _read(client, key):
    return client.op("GET", key), [("GET", key)]


def _write(client, kind, *keys):
    version = client.next_version(*keys)
    op = client.op(kind, *keys, value=version)
    if kind == "DEL":
        return op, [("DEL", *keys)]
    return op, [(kind, *[part for key in keys for part in (key, value_of(key, version))])]


# Two of each in turn: one that pipelines and one that does not.
ROLES = (counter, appender, register, multi_key, producer, consumer, transaction, reader, watcher, shared_counter, waiter,
         mixed, chain, chain_reader)
