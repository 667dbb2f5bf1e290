"""A password-command for a TokenService: prints a fresh token in the form that the daemon takes.

Each argument is a further line.
"""

import sys

import tokens

print("\n".join([tokens.token(), *sys.argv[1:]]))
