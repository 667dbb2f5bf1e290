"""What becomes of programs that differ: they are shown, and the test fails."""

import itertools
import os

MOST_SHOWN = int(os.environ.get("SLOTLESS_PROGRAMS_MOST", "5"))


def judge(test, figures, differences, seed):
    """`differences`: texts, one for each program that differs, found while they are asked for; `figures`: what the trial counts."""
    shown = []
    for text in itertools.islice(differences, MOST_SHOWN):
        print(text, flush=True)
        shown.append(text)
    print(f"seed {seed}: {figures}", flush=True)
    # The answers stand at a text's end; of a long log often only the end is kept.
    test.assertEqual(len(shown), 0, f"programs that differ (seed {seed}); the first:\n{''.join(shown[:1])[-600:]}")
