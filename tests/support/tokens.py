"""The tokens of a TokenService. With few imports: a program that prints one must not take long."""

import hashlib
import hmac
import time

SECRET = b"the service's own"


def token(now=None):
    issued = f"{time.time() if now is None else now:.3f}"
    return f"token-{issued}-{hmac.new(SECRET, issued.encode(), hashlib.sha256).hexdigest()}"


def issued_at(text):
    """None: it is no token of this service."""
    parts = text.split("-")
    if len(parts) != 3 or token(float(parts[1])) != text:
        return None
    return float(parts[1])
