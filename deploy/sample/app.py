"""Counts visits in Redis. An ordinary application: it knows REDIS_URL and nothing of clusters.

GET / on port 8080 counts a visit and shows how often each page was asked for.
"""
import http.server
import os
import signal
import sys

import redis

PAGES = "pages"
database = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            text, status = self.count(self.path.partition("?")[0][:100]), 200
        except redis.RedisError as error:
            text, status = f"{error}\n", 503
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def count(self, page):
        pipeline = database.pipeline(transaction=False)
        pipeline.incr(f"visits:{page}")
        pipeline.sadd(PAGES, page)
        pipeline.execute()
        pages = sorted(database.smembers(PAGES))
        visits = database.mget([f"visits:{name}" for name in pages])  # keys of many slots in one command
        return "".join(f"{name} {number}\n" for name, number in zip(pages, visits))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with http.server.ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler) as server:
        server.serve_forever()
