"""What an integration test file shares: a cluster with the daemon in front of it, and clients of it.

A file's setUpModule() calls open_site(), its tearDownModule() calls close_site() and its last line is main().
"""

import logging
import sys
import unittest

import processes
import redis
from cluster import HOST, PASSWORD, Cluster, start_server
from proxy import STANDIN, Proxy, StandIn, connect
from redis.backoff import NoBackoff
from redis.retry import Retry

NOT_ONE_REDIS = unittest.skipIf(STANDIN, "differs on purpose from one plain Redis")


class Site:
    """cluster: None where one Redis stands in, unless the file is about the cluster itself (`topology`).

    In that last case Redis's own cluster client stands in for the daemon, which proves that what the test does
    to the cluster is harmless to a client that follows redirects. `tls`: an Authority (certificates.py), for the nodes
    and for clients.
    """

    def __init__(self, topology=False, options=(), node_options=(), tls=None):
        self.topology = topology
        self.tls = tls
        self.cluster = Cluster(options=node_options, tls=tls) if topology or not STANDIN else None
        if not STANDIN:
            self.proxy = Proxy(self.cluster.addresses(), [*options, *(tls.upstream_options() if tls else ())], tls=tls)
        else:
            self.proxy = None if topology else StandIn()

    def close(self):
        try:
            if self.proxy:
                self.proxy.stop()
        finally:
            if self.cluster:
                self.cluster.stop()

    def connect(self, password=PASSWORD, timeout=20):
        """A raw connection; only where something listens for plain clients."""
        if self.proxy is None:
            raise unittest.SkipTest("a plain client cannot follow the cluster")
        return connect(self.proxy, password, timeout)

    def client(self, **options):
        """A redis-py client, one connection pool each; it never retries by itself."""
        if self.proxy is None:
            logging.getLogger("redis").setLevel(logging.CRITICAL)  # it prints every redirect
            return redis.RedisCluster(host=HOST, port=self.cluster.nodes[0].port, password=PASSWORD, **options)
        if self.tls is not None:
            options = {"ssl": True, "ssl_ca_certs": str(self.tls.certificate),
                       "ssl_certfile": str(self.tls.client.certificate), "ssl_keyfile": str(self.tls.client.key), **options}
        options.setdefault("socket_timeout", 30)
        options.setdefault("retry", Retry(NoBackoff(), 0))
        return redis.Redis(host=HOST, port=self.proxy.port, password=PASSWORD, **options)


_site = None


def open_site(**options):
    global _site
    _site = Site(**options)
    return _site


def close_site():
    if _site is not None:
        _site.close()


def start_oracle():
    """One plain Redis, (child, port), whose answers are the right ones by definition."""
    return start_server("oracle", [])


def main():
    """Runs the file's tests; the data and logs stay if one failed."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    if program.result.wasSuccessful():
        processes.remove_directory()
    sys.exit(0 if program.result.wasSuccessful() else 1)
