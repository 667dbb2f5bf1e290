"""Makes a failing program short: drops steps, then words, while it still fails."""

import time


def is_sound(steps):
    """Whoever waits is relieved by the next step; otherwise a program would wait in vain."""
    return all(step.who != "blocked" or following is not None and following.who == "other"
               for step, following in zip(steps, (*steps[1:], None)))


def shrink(steps, fails, seconds=60):
    """`fails(steps)` says whether they fail; it is known that all of them do. The clock bounds the search only."""
    end = time.monotonic() + seconds

    def still_fails(candidate):
        return time.monotonic() < end and is_sound(candidate) and fails(candidate)

    steps = _without_parts(tuple(steps), still_fails)
    for number, step in enumerate(steps):
        words = _without_parts(step.words, lambda words, number=number, step=step: len(words) > 0 and still_fails(
            (*steps[:number], step._replace(words=words), *steps[number + 1:])), keep=1)
        steps = (*steps[:number], step._replace(words=words), *steps[number + 1:])
    return _without_parts(steps, still_fails)


def _without_parts(items, still_fails, keep=0):
    """Without as many of the items behind the first `keep` as possible; tries to drop long runs first, then short ones."""
    size = len(items) - keep
    while size > 0:
        start = len(items) - size
        while start >= keep:
            shorter = items[:start] + items[start + size:]
            if still_fails(shorter):
                items = shorter
            start = min(start - size, len(items) - size) if start > keep else -1
            if 0 <= start < keep:
                start = keep
        size //= 2
    return items
