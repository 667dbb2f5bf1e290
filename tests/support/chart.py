"""Renders a Helm chart where there is no Helm: the part of Go's templates and of Helm's functions that our chart uses.

Whatever it does not know is an error (Unknown), so that a chart that passes uses nothing that was not looked at. What the
chart itself refuses is Refused. It does not check values.schema.json: that is for schema_complaints().
"""

import copy
import pathlib
import re

import yaml

_TOKEN = re.compile(r"""\s*(?:("(?:\\.|[^"\\])*")|(:=|[()|,])|(-?\d+)\b|([$]\w*(?:\.\w+)*|\.\w+(?:\.\w+)*|\.)|(\w+))""")
_ACTION = re.compile(r"\{\{(-\s)?\s*(/\*.*?\*/|.*?)\s*(\s-)?\}\}", re.DOTALL)


class Unknown(Exception):
    """The chart uses something that this does not know."""


class Refused(Exception):
    """The chart says that these values will not do."""


def _text(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _quote(value):
    return '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _indent(width, text):
    return "\n".join(" " * width + line for line in text.split("\n"))


def _fail(message):
    raise Refused(message)


def _printf(form, *values):
    return re.sub(r"%[sd]", "{}", form.replace("{", "{{").replace("}", "}}")).format(*map(_text, values))


_FUNCTIONS = {
    "not": lambda value: not value,
    "or": lambda *values: next((value for value in values if value), values[-1]),
    "and": lambda *values: next((value for value in values if not value), values[-1]),
    "quote": _quote,
    "default": lambda otherwise, value=None: value or otherwise,
    "printf": _printf,
    "trunc": lambda length, text: text[:length],
    "trimSuffix": lambda suffix, text: text.removesuffix(suffix),
    "contains": lambda part, text: part in text,
    "join": lambda separator, values: separator.join(map(_text, values)),
    "add": lambda *values: sum(map(int, values)),
    "int": int,
    "nindent": lambda width, text: "\n" + _indent(width, text),
    "toYaml": lambda value: yaml.safe_dump(value, default_flow_style=False, width=1000).rstrip("\n").removesuffix("\n..."),
    "fail": _fail,
}


class _Expression:
    """One pipeline, evaluated while it is read."""

    def __init__(self, text, scope, chart):
        self._tokens = []
        end = 0
        while end < len(text.rstrip()):
            match = _TOKEN.match(text, end)
            if match is None:
                raise Unknown(text)
            self._tokens.append(next((kind, value) for kind, value in enumerate(match.groups()) if value is not None))
            end = match.end()
        self._scope = scope
        self._chart = chart
        self._text = text

    def value(self):
        result = self._pipeline()
        if self._tokens:
            raise Unknown(self._text)
        return result

    def _pipeline(self):
        result = self._command()
        while self._tokens and self._tokens[0][1] == "|":
            self._tokens.pop(0)
            result = self._command(result)
        return result

    def _command(self, *last):
        if self._tokens and self._tokens[0][0] == 4 and self._tokens[0][1] not in ("true", "false"):
            name = self._tokens.pop(0)[1]
            arguments = []
            while self._tokens and self._tokens[0][1] not in ("|", ")"):
                arguments.append(self._operand())
            if name == "include":
                return self._chart.include(*arguments, *last)
            if name not in _FUNCTIONS:
                raise Unknown(f"{name} in {self._text}")
            return _FUNCTIONS[name](*arguments, *last)
        if last:
            raise Unknown(self._text)
        return self._operand()

    def _operand(self):
        kind, token = self._tokens.pop(0)
        if token == "(":
            result = self._pipeline()
            if not self._tokens or self._tokens.pop(0)[1] != ")":
                raise Unknown(self._text)
            return result
        if kind == 0:
            return token[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if kind == 2:
            return int(token)
        if kind == 4 and token in ("true", "false"):
            return token == "true"
        if kind == 3:
            return self._reference(token)
        raise Unknown(self._text)

    def _reference(self, token):
        root, *names = token.split(".")
        if root and root not in self._scope:
            raise Unknown(f"{root} in {self._text}")
        value = self._scope[root or "."]
        for name in filter(None, names):
            if not isinstance(value, dict):
                raise Unknown(f"{token}: {name} of what has no members")
            if name not in value:
                raise Unknown(f"{token}: there is no {name}")
            value = value[name]
        return value


class Chart:
    def __init__(self, folder, release="example", namespace="default"):
        self._folder = pathlib.Path(folder)
        about = yaml.safe_load((self._folder / "Chart.yaml").read_text())
        self._defaults = yaml.safe_load((self._folder / "values.yaml").read_text())
        self._root = {"Chart": {key[0].upper() + key[1:]: value for key, value in about.items()},
                      "Release": {"Name": release, "Namespace": namespace, "Service": "Helm"}}
        self._defined = {}

    def render(self, values=None):
        """The documents of all templates, by the file of each."""
        root = {**self._root, "Values": _merged(self._defaults, values or {})}
        files = sorted((self._folder / "templates").iterdir())
        for file in files:
            self._parsed(file)
        texts = {file.name: self._write(self._parsed(file), {".": root, "$": root})
                 for file in files if not file.name.startswith("_")}
        return {name: list(filter(None, yaml.safe_load_all(text))) if name.endswith(".yaml") else text
                for name, text in texts.items()}

    def include(self, name, context):
        if name not in self._defined:
            raise Unknown(f"nothing defines {name}")
        return self._write(self._defined[name], {".": context, "$": context})

    def _parsed(self, file):
        """A list of texts, actions as ("", expression), and blocks as (keyword, [(expression, list)...])."""
        text = file.read_text()
        pieces = []
        end = 0
        trim = False
        for match in _ACTION.finditer(text):
            between = text[end:match.start()]
            between = between.lstrip() if trim else between
            pieces.append(between.rstrip() if match[1] else between)
            pieces.append((match[2],))
            trim = bool(match[3])
            end = match.end()
        pieces.append(text[end:].lstrip() if trim else text[end:])
        result = self._block(pieces, file.name)[0]
        if pieces:
            raise Unknown(f"{file.name}: end of nothing")
        return result

    def _block(self, pieces, where):
        found = []
        while pieces:
            piece = pieces.pop(0)
            if isinstance(piece, str):
                found.append(piece)
                continue
            word, _, rest = piece[0].partition(" ")
            if word in ("end", "else"):
                return found, (word, rest)
            if word in ("if", "with", "range", "define"):
                branches = []
                closed = (word, rest)
                while closed[0] != "end":
                    condition = closed[1].removeprefix("if ") if closed[0] == "else" else closed[1]
                    if closed[0] == "else" and not closed[1]:
                        condition = None
                    body, closed = self._block(pieces, where)
                    branches.append((condition, body))
                    if closed is None:
                        raise Unknown(f"{where}: {word} {rest} has no end")
                if word == "define":
                    self._defined[rest.strip('"')] = branches[0][1]
                else:
                    found.append((word, branches))
            elif not piece[0].startswith("/*"):
                found.append(("", piece[0]))
        return found, None

    def _write(self, block, scope):
        return "".join(piece if isinstance(piece, str) else self._carry_out(*piece, scope) for piece in block)

    def _carry_out(self, word, content, scope):
        if word == "":
            return _text(_Expression(content, scope, self).value())
        for condition, body in content:
            if condition is None:
                return self._write(body, scope)
            names, _, expression = condition.rpartition(":=")
            value = _Expression(expression, scope, self).value()
            if not value:
                continue
            if word == "if":
                return self._write(body, scope)
            if word == "with":
                return self._write(body, {**scope, ".": value})
            pairs = sorted(value.items()) if isinstance(value, dict) else list(enumerate(value))
            variables = [name.strip() for name in names.split(",")] if names else []
            return "".join(self._write(body, {**scope, ".": each, **dict(zip(variables, (key, each)))}) for key, each in pairs)
        return ""


def _merged(defaults, values):
    result = copy.deepcopy(defaults)
    for key, value in values.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both else value
    return result


_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def schema_complaints(schema, value, at="values"):
    """What of a JSON schema a value does not keep, for the words that our schema uses."""
    known = {"$schema", "type", "additionalProperties", "properties", "minimum", "maximum", "minLength", "enum", "items", "propertyNames"}
    if set(schema) - known:
        raise Unknown(f"{at}: {set(schema) - known}")
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in types):
        yield f"{at}: {value!r} is no {' or '.join(types)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at}: {value} is out of range"
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        yield f"{at}: it is empty"
    for number, each in enumerate(value if isinstance(value, list) else []):
        yield from schema_complaints(schema.get("items", {}), each, f"{at}[{number}]")
    for key, each in (value.items() if isinstance(value, dict) else []):
        pattern = schema.get("propertyNames", {}).get("pattern", "")
        rest = schema.get("additionalProperties", {})
        if not re.search(pattern, key):
            yield f"{at}: {key} is no name for it"
        elif key in schema.get("properties", {}):
            yield from schema_complaints(schema["properties"][key], each, f"{at}.{key}")
        elif rest is False:
            yield f"{at}: there is no {key}"
        else:
            yield from schema_complaints(rest, each, f"{at}.{key}")
