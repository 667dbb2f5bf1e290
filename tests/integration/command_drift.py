#!/usr/bin/python3
"""The built-in command facts are what the installed Redis 7.0 reports."""
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "scripts" / "generate-command-table"
EXIT_SKIPPED = 77


class CommandDrift(unittest.TestCase):
    def test_the_built_in_facts_are_what_the_server_reports(self):
        run = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, text=True, timeout=60)
        if run.returncode == EXIT_SKIPPED:
            self.skipTest(run.stdout.strip())
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
