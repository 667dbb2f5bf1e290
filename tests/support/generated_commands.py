"""Commands with arguments made from what a Redis tells of them (COMMAND DOCS), so that a test goes through all of them."""

TYPES = ("string", "list", "set", "zset", "hash", "stream", "geo", "hll")


def as_map(flat):
    return {key.decode(): value for key, value in zip(flat[::2], flat[1::2])}


class Catalogue:
    """All commands and subcommands of one Redis, by name ("client|list"), with the description of their arguments."""

    def __init__(self, connection):
        self.arguments = {}
        self.names = sorted(name.decode() for name in connection.command("COMMAND", "LIST"))
        described = connection.command("COMMAND", "DOCS")
        for name, text in zip(described[::2], described[1::2]):
            self._add(name.decode(), as_map(text))

    def _add(self, name, description):
        inner = description.get("subcommands")
        if not inner:
            self.arguments[name] = [self._argument(each) for each in description.get("arguments", [])]
            return
        for sub, text in zip(inner[::2], inner[1::2]):
            self._add(sub.decode(), as_map(text))

    def _argument(self, flat):
        fields = as_map(flat)
        return {"name": fields["name"].decode(), "type": fields["type"].decode(), "token": fields.get("token"),
                "flags": {flag.decode() for flag in fields.get("flags", [])},
                "arguments": [self._argument(each) for each in fields.get("arguments", [])]}


class Maker:
    """Makes calls. `key`: a function that gives the next key; `text`: what stands for strings and channels."""

    # What would otherwise wait, or be no valid call.
    BY_NAME = {"numkeys": "1", "timeout": "0.01", "milliseconds": "1", "numreplicas": "0", "cursor": "0", "seconds": "100",
               "protover": "3", "unix-time-seconds": "9999999999", "unix-time-milliseconds": "9999999999999",
               "port": "1", "host": "127.0.0.1", "destination-db": "0"}
    BY_TYPE = {"integer": "1", "double": "1", "pattern": "*", "unix-time": "9999999999"}

    def __init__(self, chance, key, text="item"):
        self.chance = chance
        self.key = key
        self.text = text

    def call(self, name, arguments, options=0.5):
        """`options`: the probability with which what may be left out is there."""
        words = name.split("|")
        for argument in arguments:
            words += self._words(argument, options)
        return words

    def _words(self, argument, options):
        if "optional" in argument["flags"] and self.chance.random() >= options:
            return []
        token = [argument["token"].decode()] if argument["token"] else []
        kind = argument["type"]
        if kind == "pure-token":
            return token
        if kind == "oneof":
            return token + self._words(self.chance.choice(argument["arguments"]), options)
        if kind == "block":
            return token + [word for each in argument["arguments"] for word in self._words(each, options)]
        if kind == "key":
            return token + [self.key()]
        return token + [self.BY_NAME.get(argument["name"], self.BY_TYPE.get(kind, self.text))]
