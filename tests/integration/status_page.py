"""The status page over HTTP: its documents before, during and after a failover, its stream, logins, and actions."""

import http.client
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
from cluster import HOST, PASSWORD
from slots import slot_of
from waiting import wait_until

SECRET = "page-secret"
DOCUMENTS = ("health", "topology", "nodes", "clients", "traffic", "databases", "slowlog", "hotkeys", "migration", "peers", "events", "limits", "certificates",
             "configuration", "overview", "session")

site = None


def setUpModule():
    global site
    site = fixture.open_site(topology=True, options=(
        "--admin-users", f"user ann on >{SECRET}", "--admin-actions", "yes", "--slowlog-log-slower-than", "0", "--hot-keys-sample", "1",
        "--allow-admin-commands", "yes"))


def tearDownModule():
    fixture.close_site()


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = dict((name.lower(), value) for name, value in response.getheaders())
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


def ask(path, method="GET", body=None, **headers):
    connection = http.client.HTTPConnection(HOST, site.proxy.admin_port, timeout=20)
    try:
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def document(name):
    answer = ask(f"/api/v1/{name}.json")
    assert answer.status == 200, (name, answer.status, answer.body)
    return answer.json()


class Stream:
    """The events of /api/v1/stream, one by one."""

    def __init__(self):
        self._connection = http.client.HTTPConnection(HOST, site.proxy.admin_port, timeout=20)
        self._connection.request("GET", "/api/v1/stream")
        self.response = self._connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()

    def next(self):
        while True:
            line = self.response.readline()
            if not line:
                raise EOFError("the stream has ended")
            if line.startswith(b"data: "):
                return json.loads(line[len(b"data: "):])


class Login:
    """The headers of a browser that has logged in."""

    def __init__(self):
        answer = ask("/api/v1/login", "POST", {"user": "ann", "password": SECRET})
        assert answer.status == 200, answer.body
        self.set_cookie = answer.headers["set-cookie"]
        self.headers = {"Cookie": self.set_cookie.split(";")[0]}
        self.headers["X-CSRF-Token"] = ask("/api/v1/session.json", **self.headers).json()["token"]

    def act(self, action, **body):
        return ask(f"/api/v1/actions/{action}", "POST", body, **self.headers)


@fixture.NOT_ONE_REDIS
class StatusPage(unittest.TestCase):
    def test_all_documents_are_json_and_the_page_needs_nothing_from_elsewhere(self):
        for name in DOCUMENTS:
            self.assertEqual(document(name)["api"], 1, name)
        listed = ask("/api/v1/").json()["documents"]
        self.assertEqual(set(listed), {f"{name}.json" for name in DOCUMENTS} | {"stream"})
        page = ask("/")
        self.assertEqual(page.status, 200)
        policy = page.headers["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for part in (b"//", b"<style", b" style=", b" onclick="):
            self.assertNotIn(part, page.body)
        for path, kind in (("/page.js", "text/javascript"), ("/charts.js", "text/javascript"), ("/page.css", "text/css"),
                           ("/icon.svg", "image/svg+xml")):
            self.assertTrue(ask(path).headers["content-type"].startswith(kind), path)
        self.assertEqual(site.proxy.http("/readyz")[1], "ready\n")
        self.assertEqual(ask("/", "POST", {}).status, 405)

    def test_the_documents_tell_of_the_cluster(self):
        topology = document("topology")
        self.assertEqual(topology["slots_covered"], 16384)
        self.assertEqual(sorted(range_["node"] for range_ in topology["ranges"]),
                         sorted(node.address for node in site.cluster.masters()))
        wait_until(lambda: all(node["server"] and not node["server"]["error"] and node["round_trip_us"]
                               for node in document("nodes")["nodes"]), 20, "all nodes to have been asked")
        nodes = {node["node"]: node for node in document("nodes")["nodes"]}
        self.assertEqual(set(nodes), set(site.cluster.addresses()))
        for node in nodes.values():
            self.assertGreater(node["server"]["memory_bytes"], 0)
            if node["role"] == "replica":
                self.assertEqual(nodes[node["master"]]["role"], "master")
                self.assertIsNotNone(node["replication"]["behind_bytes"])

    def test_clients_slow_requests_and_traffic_are_told(self):
        client = site.client()
        client.client_setname("status-page-test")
        client.set("status:key", "value")
        listed = wait_until(lambda: ask("/api/v1/clients.json?match=status-page").json()["clients"], 10, "the client")
        self.assertEqual(listed[0]["name"], "status-page-test")
        self.assertEqual(listed[0]["last_command"], "set")
        self.assertEqual(ask("/api/v1/clients.json?match=nobody-of-that-name").json()["clients"], [])
        slow = [entry for entry in document("slowlog")["entries"] if entry["arguments"][:2] == ["SET", "status:key"]]
        self.assertIn(slow[0]["node"], site.cluster.addresses())
        wait_until(lambda: document("health")["now"]["requests_total"] >= 2, 20, "the requests to be counted")
        traffic = document("traffic")
        self.assertEqual(len(traffic["points"][-1]), len(traffic["fields"]))

    def test_hot_keys_are_told_and_metrics_have_no_names(self):
        client = site.client()
        for _ in range(50):
            client.set("status:hot", "value")
            client.get("status:hot")
        keys = {key["key"]: key for key in document("hotkeys")["keys"]}
        self.assertGreaterEqual(keys["status:hot"]["uses_per_s"], 1)
        self.assertGreater(keys["status:hot"]["writes_per_s"], 0)
        self.assertEqual(keys["status:hot"]["node"], site.cluster.owner(slot_of("status:hot")).address)
        self.assertIn(b'key="status:hot"', client.execute_command("PROXY", "HOTKEYS", "100"))
        metrics = site.proxy.http("/metrics")[1]
        self.assertIn("slotless_hottest_key_share ", metrics)
        self.assertNotIn("status:hot", metrics)

    def test_the_configuration_says_where_each_value_has_come_from_and_no_secret(self):
        answer = ask("/api/v1/configuration.json")
        self.assertNotIn(PASSWORD.encode(), answer.body)
        self.assertNotIn(SECRET.encode(), answer.body)
        options = {option["name"]: option for option in answer.json()["options"]}
        self.assertIn("command-line", options["admin-actions"]["source"])
        self.assertIn("REDIS_PASSWORD", options["password"]["source"])
        self.assertEqual(options["hold-timeout"]["source"], "default")
        site.client().config_set("maxclients", 123)

        def shown():
            return next(each for each in document("configuration")["options"] if each["name"] == "max-clients")

        wait_until(lambda: shown()["source"] == "CONFIG SET", 10, "the new source")
        self.assertEqual(shown()["value"], "123")

    def test_the_stream_tells_a_failover_as_it_goes(self):
        with Stream() as stream:
            self.assertEqual(stream.response.getheader("Content-Type"), "text/event-stream")
            first = stream.next()
            self.assertEqual(first["health"]["line"], "All is well: 3 masters serve all 16384 slots")
            lost = site.cluster.masters()[0]
            heir = site.cluster.replica_of(lost)
            lost.kill()
            told = stream.next()
            while told["health"]["well"]:
                told = stream.next()
            self.assertIn(told["health"]["weight"], ("warning", "trouble"))
            self.assertTrue(told["health"]["problems"][0]["advice"])
            version = first["topology_version"]
            while told["topology_version"] == version:
                told = stream.next()

        def failover_is_told():
            return any(event["kind"] == "failover" and heir.address in event["text"] for event in document("events")["events"])

        wait_until(failover_is_told, 20, "the failover on the time line")
        self.assertIn(heir.address, {master["node"] for master in document("topology")["masters"]})
        lost.restart()
        site.cluster.wait_for_replicas()
        wait_until(lambda: document("health")["ready"], 30, "all to be well again")
        wait_until(lambda: not any(problem["weight"] == "trouble" for problem in document("health")["problems"]), 30,
                   "the trouble to be over")

    def test_a_login_is_needed_for_actions_and_each_does_what_it_says(self):
        login = Login()
        self.assertIn("HttpOnly", login.set_cookie)
        self.assertIn("SameSite=Strict", login.set_cookie)
        self.assertEqual(ask("/api/v1/actions/reload", "POST", {}).status, 401)
        self.assertEqual(ask("/api/v1/actions/reload", "POST", {}, Cookie=login.headers["Cookie"]).status, 403)
        foreign = ask("/api/v1/actions/reload", "POST", {}, Origin="http://evil.example", **login.headers)
        self.assertEqual(foreign.status, 403)

        self.assertEqual(login.act("pause", argument=600000).status, 200)
        wait_until(lambda: site.proxy.http("/readyz")[1] == "not ready: paused by PROXY PAUSE\n", 10, "the pause")
        self.assertEqual(login.act("resume").status, 200)
        wait_until(lambda: site.proxy.http("/readyz")[0] == 200, 10, "the pause to be over")

        victim = site.connect()
        number = victim.command("CLIENT", "ID")
        self.assertEqual(login.act("kill-client", argument=number).status, 200)
        with self.assertRaises((OSError, EOFError)):
            victim.command("PING")
            victim.command("PING")
        victim.close()
        self.assertEqual(login.act("kill-client", argument=number).status, 409)

        self.assertEqual(login.act("reload").status, 200)
        wait_until(lambda: any(event["kind"] == "reload" for event in document("events")["events"]), 20, "the reload")
        client = site.client()
        self.assertGreater(client.info("stats")["total_connections_received"], 0)
        self.assertEqual(login.act("reset-statistics").status, 200)
        self.assertEqual(client.info("stats")["total_connections_received"], 0)
        ask("/api/v1/logout", "POST", {}, **login.headers)
        self.assertEqual(login.act("reload").status, 401)

    def test_a_name_that_anybody_may_own_reads_nothing(self):
        self.assertEqual(ask("/api/v1/health.json", Host="evil.example").status, 421)
        self.assertEqual(ask("/api/v1/health.json", X_Forwarded_For="10.1.2.3").status, 401)
        self.assertEqual(ask("/metrics", Host="evil.example").status, 200)

    # Runs last, by its name: this address has to wait for its next login.
    def test_wrong_passwords_are_refused_and_slowed_down(self):
        for _ in range(3):
            self.assertEqual(ask("/api/v1/login", "POST", {"user": "ann", "password": "wrong"}).status, 401)
        refused = ask("/api/v1/login", "POST", {"user": "ann", "password": "wrong"})
        while refused.status == 401:  # the second was over before the request came
            refused = ask("/api/v1/login", "POST", {"user": "ann", "password": "wrong"})
        self.assertEqual(refused.status, 429)
        self.assertGreaterEqual(int(refused.headers["retry-after"]), 1)


if __name__ == "__main__":
    fixture.main()
