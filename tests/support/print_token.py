"""A password-command for a TokenService: prints a fresh token in the form that the daemon takes."""

import argparse

import token_service

parser = argparse.ArgumentParser()
parser.add_argument("--user")
parser.add_argument("--expires-in", type=int)
options = parser.parse_args()
print(token_service.token())
if options.user:
    print(f"username {options.user}")
if options.expires_in:
    print(f"expires-in {options.expires_in}")
