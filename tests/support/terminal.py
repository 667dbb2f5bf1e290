"""A program at a terminal, typed at and looked at by a test."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
ROWS, COLUMNS = 50, 200


class Terminal:
    """Runs `arguments` at a terminal of its own. Use it in a `with`: at the end the program is killed if it still runs."""

    def __init__(self, arguments, environment):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=slave, env=environment,
                                         start_new_session=True)
        os.close(slave)
        self._raw = b""
        self._seen = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def type(self, text):
        os.write(self._master, text.encode())

    def text(self):
        """Everything shown so far, without the escape sequences."""
        return _ESCAPES.sub("", self._raw.decode(errors="replace"))

    def wait_for(self, pattern, seconds=30):
        """The match of the pattern in what is shown after the last match."""
        deadline = time.monotonic() + seconds
        while True:
            text = self.text()
            match = re.compile(pattern, re.MULTILINE).search(text, self._seen)
            if match:
                self._seen = match.end()
                return match
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"the terminal never showed {pattern!r}; it shows:\n{text[self._seen:]}")

    def wait_for_end(self, seconds=30):
        """The exit code."""
        deadline = time.monotonic() + seconds
        while self._read(deadline - time.monotonic()):
            pass
        return self._process.wait(max(0.1, deadline - time.monotonic()))

    def _read(self, seconds):
        """False at the end of the time and of the program."""
        if seconds <= 0 or not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: nobody has the other side any more
            data = b""
        self._raw += data
        return bool(data)
