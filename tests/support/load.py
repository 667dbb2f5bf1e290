"""Clients that write without pause in threads while a test changes the cluster under them, and their accounts."""

import threading

import resp
from waiting import wait_until


class Load:
    """`clients` threads; each runs step(client, number, turn) over and over until stop().

    An exception of a step ends the whole load and is raised by stop().
    """

    def __init__(self, make_client, step, clients=4):
        self._stopping = threading.Event()
        self._errors = []
        self.turns = [0] * clients
        self._threads = [threading.Thread(target=self._run, args=(make_client, step, i), daemon=True)
                         for i in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_for_progress()
        return self

    def __exit__(self, kind, _value, _trace):
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
        if kind is None:
            if any(thread.is_alive() for thread in self._threads):
                raise AssertionError("a client of the load hangs")
            if self._errors:
                raise self._errors[0]

    def wait_for_progress(self, turns=20, seconds=60):
        """Until every client has done so many more turns."""
        goal = [done + turns for done in self.turns]

        def done():
            return self._errors or all(now >= wanted for now, wanted in zip(self.turns, goal))

        wait_until(done, seconds, f"{turns} more turns of every client; done: {self.turns}")
        if self._errors:
            raise self._errors[0]

    def _run(self, make_client, step, number):
        try:
            client = make_client()
            while not self._stopping.is_set() and not self._errors:
                step(client, number, self.turns[number])
                self.turns[number] += 1
            client.close()
        except BaseException as error:  # pylint: disable=broad-except
            self._errors.append(error)


class Appends:
    """Writers that append numbers 0, 1, 2 … to lists of their own: shows what was lost, doubled or overtaken."""

    def __init__(self, keys, depth=10):
        self.keys = keys
        self.depth = depth
        self.acknowledged = [[] for _ in keys]
        self.ambiguous = [[] for _ in keys]
        self.errors = []

    def step(self, connection, number, turn):
        """One pipeline of appends on a raw connection."""
        values = range(turn * self.depth, (turn + 1) * self.depth)
        connection.send(resp.pack_all(("RPUSH", self.keys[number], value) for value in values))
        for value in values:
            reply = connection.read()
            if isinstance(reply, resp.ReplyError):
                self.ambiguous[number].append(value)
                self.errors.append(str(reply))
            else:
                self.acknowledged[number].append(value)

    def check(self, test, connection):
        """Every acknowledged number is there once, in order; any other one was ambiguous."""
        for key, acknowledged, ambiguous in zip(self.keys, self.acknowledged, self.ambiguous):
            found = [int(each) for each in connection.command("LRANGE", key, 0, -1)]
            test.assertEqual(found, sorted(set(found)), f"{key}: doubled or overtaken")
            test.assertEqual(set(acknowledged) - set(found), set(), f"{key}: acknowledged and lost")
            test.assertEqual(set(found) - set(acknowledged) - set(ambiguous), set(), f"{key}: never sent")
