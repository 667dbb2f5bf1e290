"""Shows a program that failed as what one would type into redis-cli."""


def _quoted(word):
    text = word.decode("latin-1")
    if text and all(" " < letter <= "~" and letter not in "\"'\\" for letter in text):
        return text
    shown = "".join(letter if " " <= letter <= "~" and letter not in "\"\\" else
                    "\\" + letter if letter in "\"\\" else f"\\x{ord(letter):02x}" for letter in text)
    return f'"{shown}"'


def _shown(reply):
    if isinstance(reply, str):
        return reply
    tag, content = reply
    if isinstance(content, bytes):
        return tag.decode() + _quoted(getattr(content, "line", content))
    if content is None:
        return tag.decode() + "null"
    opening = tag.decode()
    if opening == "%":
        return "%{" + ", ".join(f"{_shown(name)}: {_shown(value)}" for name, value in content) + "}"
    return opening + "[" + ", ".join(_shown(each) if isinstance(each, tuple) else _quoted(each) for each in content) + "]"


def describe(difference, seed):
    program = difference.program
    lines = ["", f"== program {program.number} of seed {seed}, RESP{program.protocol}" +
             (f" ({difference.note})" if difference.note else "")]
    for number, step in enumerate(program.steps):
        mark = "->" if number == difference.number else "  "
        who = "" if step.who == "main" else f"({step.who}) "
        lines.append(f"{mark} {who}{' '.join(_quoted(word) for word in step.words)}")
    if difference.number >= len(program.steps):
        lines.append(f"-> (afterwards) {' '.join(_quoted(word) for word in difference.step.words)}")
    lines.append(f"   one Redis: {_shown(difference.expected)}")
    lines.append(f"   here:      {_shown(difference.actual)}")
    lines.append(f"   again:     scripts/programs --seed {seed} --first {program.number} --count 1")
    return "\n".join(lines)
