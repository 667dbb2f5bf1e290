"""What the proxy answers in the servers' place is what one plain server of the same version answers."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from proxy import Proxy, connect
from waiting import wait_until

SHA = "f" * 40

# Each block is one connection; each line one request, sent when the reply to the one before is in.
CONVERSATIONS = {
    "the greeting": """
        HELLO 2
        HELLO 3
        HELLO 9""",
    "words of a cluster": """
        READONLY
        READWRITE
        ASKING
        CLUSTER INFO""",
    "transactions within transactions": """
        MULTI
        MULTI
        SET key 1
        EXEC
        MULTI
        WATCH key
        EXEC
        DISCARD""",
    "what a transaction cannot have": """
        MULTI
        CLIENT REPLY ON
        EXEC""",
    "what a transaction asks of all": f"""
        MULTI
        SET key 1
        CONFIG GET list-compress-depth
        PUBSUB NUMPAT
        PUBSUB CHANNELS nothing*
        GET key
        SCRIPT EXISTS {SHA}
        LATENCY RESET nothing
        CONFIG GET nosuch*
        PING
        EXEC
        HELLO 3
        MULTI
        CONFIG GET list-compress-depth
        PUBSUB NUMSUB nothing
        GET key
        EXEC
        WATCH key
        SET key 2
        MULTI
        GET key
        CONFIG GET list-compress-depth
        EXEC""",
    "scripts that nobody knows": f"""
        EVALSHA {SHA} 0
        EVALSHA_RO {SHA} 0
        SELECT 1
        EVALSHA {SHA} 0
        EVALSHA_RO {SHA} 0""",
    "types that nobody knows": """
        SCAN 0 TYPE other
        SCAN 0 TYPE STRING
        SELECT 1
        SCAN 0 TYPE other
        SCAN 0 TYPE STRING""",
    "cursors that nobody has given": """
        SCAN -1
        SCAN ""
        SCAN -1 NOSUCH
        SCAN -1 COUNT x
        SCAN 18446744073709551615
        SCAN 18446744073709551616
        SCAN +0
        SCAN -0
        SCAN x COUNT 0
        SELECT 1
        SCAN -1
        SCAN -1 NOSUCH
        SCAN 18446744073709551616""",
    "the script's own server": """
        EVAL return(type(redis)) 0
        EVAL return(type(server)) 0
        SELECT 1
        EVAL return(type(server)) 0
        EVAL return(type(redis)) 0""",
    "facts about commands": """
        COMMAND INFO get nosuch
        COMMAND INFO client|list get|x
        HELLO 3
        COMMAND INFO get nosuch""",
    "what clients are capable of": """
        CLIENT CAPA redirect
        CLIENT CAPA foo
        CLIENT CAPA
        CLIENT IMPORT-SOURCE ON
        CLIENT IMPORT-SOURCE OFF
        CLIENT IMPORT-SOURCE x""",
    "CLIENT LIST's options": """
        CLIENT LIST USER nosuch
        CLIENT LIST MAXAGE 0
        CLIENT LIST MAXAGE x
        CLIENT LIST NAME x
        CLIENT LIST ID 1000 x
        CLIENT LIST ID x
        CLIENT LIST ID
        CLIENT LIST TYPE foo
        CLIENT LIST TYPE primary
        CLIENT LIST TYPE master NAME x
        CLIENT LIST SKIPME maybe
        CLIENT LIST FLAGS ?
        CLIENT LIST FLAGS Nx
        CLIENT LIST CAPA r
        CLIENT LIST CAPA z
        CLIENT LIST NOT-CAPA z
        CLIENT LIST IDLE x
        CLIENT LIST IDLE 0
        CLIENT LIST IP x
        CLIENT LIST DB 99
        CLIENT LIST DB x
        CLIENT LIST NOT-DB 99
        CLIENT LIST LIB-NAME q
        CLIENT LIST NOT-USER default
        CLIENT LIST NOT-TYPE normal
        CLIENT LIST NOT-IP 127.0.0.1
        CLIENT LIST ADDR x
        CLIENT LIST foo x
        CLIENT LIST NAME
        CLIENT LIST NOT-MAXAGE 1""",
    "CLIENT KILL's options": """
        CLIENT KILL USER nosuch
        CLIENT KILL MAXAGE 0
        CLIENT KILL MAXAGE x
        CLIENT KILL ID 0
        CLIENT KILL ID x
        CLIENT KILL ID 99999 99998
        CLIENT KILL ID 99999 SKIPME maybe
        CLIENT KILL TYPE foo
        CLIENT KILL TYPE primary
        CLIENT KILL NAME x
        CLIENT KILL FLAGS ?
        CLIENT KILL CAPA z
        CLIENT KILL IDLE x
        CLIENT KILL IDLE -1
        CLIENT KILL IP x
        CLIENT KILL DB 99
        CLIENT KILL LIB-VER q
        CLIENT KILL NOT-USER default
        CLIENT KILL NOT-ID 1 x
        CLIENT KILL NOT-TYPE normal
        CLIENT KILL foo x
        CLIENT KILL SKIPME yes foo
        CLIENT KILL x y""",
    "COMMANDLOG": """
        COMMANDLOG LEN large-reply
        COMMANDLOG LEN foo
        COMMANDLOG GET 10 foo
        COMMANDLOG GET x slow
        COMMANDLOG GET -2 slow
        COMMANDLOG GET
        COMMANDLOG GET 10 LARGE-REQUEST
        COMMANDLOG RESET large-request
        COMMANDLOG RESET foo
        COMMANDLOG HELP""",
    "settings of the logs": """
        CONFIG GET commandlog-execution-slower-than
        CONFIG GET commandlog-reply-larger-than
        CONFIG GET commandlog-large-reply-max-len
        CONFIG GET slowlog-log-slower-than""",
}

# What MONITOR shows of one client; each line one request. Answers do not matter.
MONITORED = """
    SeT a 1
    PING
    ECHO x
    TIME
    select 3
    PING
    select 99
    AUTH default secret
    HELLO 2 AUTH nobody secret
    CONFIG GET port
    CLIENT ID
    CLIENT LIST
    NOSUCH
    GET
    MULTI
    SET b 1
    SELECT 2
    PING
    EXEC
    MULTI
    SET q 1
    DISCARD
    MULTI
    GET
    EXEC
    EXEC
    WATCH w
    SET w 1
    MULTI
    SET w 2
    EXEC
    EVAL return(redis.call('set',KEYS[1],'1')) 1 k
    LPUSH a x
    XREAD COUNT 1 STREAMS s 0
    MGET a b c
    DBSIZE
    INFO server
    ACL WHOAMI
    SLOWLOG GET
    COMMAND COUNT
    PUBLISH a b
    WAIT 0 1
    SCRIPT EXISTS f
    COPY a a2
    BLPOP nothing 0.01
    RESET"""

site = oracle = None


def setUpModule():
    global site, oracle
    site = fixture.open_site()
    oracle = fixture.start_oracle()


def tearDownModule():
    if oracle:
        oracle[0].kill()
    fixture.close_site()


def requests(text):
    return [line.split() for line in text.strip().splitlines()]


def on_oracle():
    return resp.Connection(HOST, oracle[1], PASSWORD)


def answers(connection, text):
    """Without what differs from connection to connection."""
    with connection:
        got = []
        for request in requests(text):
            answer = connection.raw(*request)
            page = request[0] == "SCAN" and answer.startswith(b"*2")
            if answer.startswith(b"-EXECABORT "):
                answer = re.sub(rb" The first: [^\r]*", b"", answer)  # what one server does not say
            got.append((" ".join(request), b"a page" if page else re.sub(rb"(id\r\n:)\d+", rb"\1N", answer)))
        return got


def monitored(monitor, client):
    """The lines that MONITOR shows of that client, and of what its scripts run, without times and addresses."""
    with monitor, client:
        address = "%s:%d" % client.socket.getsockname()
        assert monitor.command("MONITOR") == b"OK"
        lines = []

        def read_to(part):
            while not lines or part not in lines[-1]:
                line = monitor.read().decode()
                if address in line or " lua]" in line:
                    lines.append(re.sub(r"^[0-9.]+ ", "", line).replace(address, "client"))

        for request in requests(MONITORED):
            client.raw(*request)
            if request[0] == "EVAL":
                read_to(" lua]")  # from its node, so perhaps behind what is sent next
        client.command("AUTH", PASSWORD)
        client.command("ECHO", "the end")
        read_to("the end")
        return lines


class AsOneServer(unittest.TestCase):
    maxDiff = None

    def test_what_is_said(self):
        for name, text in CONVERSATIONS.items():
            with self.subTest(name):
                self.assertEqual(answers(site.connect(), text), answers(on_oracle(), text))

    def test_what_info_says_of_the_server(self):
        def facts(connection):
            with connection:
                lines = connection.command("INFO", "server").decode().splitlines()
            wanted = ("redis_version", "server_name", "valkey_version", "valkey_release_stage", "redis_mode", "server_mode")
            return [line for line in lines if line.split(":")[0] in wanted]

        self.assertEqual(facts(site.connect()), facts(on_oracle()))

    def test_what_client_list_shows(self):
        def fields(connection):
            with connection:
                line = connection.command("CLIENT", "INFO").decode()
            # The proxy takes CLIENT SETINFO from clients of older servers, too.
            return [field.split("=")[0] for field in line.split() if not field.startswith(("lib-name=", "lib-ver="))]

        self.assertEqual(fields(site.connect()), fields(on_oracle()))

    def test_what_monitor_shows(self):
        self.assertEqual(monitored(site.connect(), site.connect()), monitored(on_oracle(), on_oracle()))

    def test_monitor_shows_the_clients_of_all_workers_and_of_others_once(self):
        with site.connect() as monitor:
            self.assertEqual(monitor.command("MONITOR"), b"OK")
            clients = [site.connect() for _ in range(4)]
            for client in clients:
                self.addCleanup(client.close)
            for number, client in enumerate(clients):
                client.command("ECHO", f"said {number}")
                client.command("SET", f"key {number}", "1")
            if site.cluster:
                with site.cluster.masters()[0].connect() as direct:
                    direct.command("ECHO", "said 4")
            clients[0].command("ECHO", "the end")
            seen = []
            while not any("the end" in line for line in seen):
                seen.append(monitor.read().decode())

            def complete():
                if all(any(f"said {number}" in line for line in seen) for number in range(5 if site.cluster else 4)):
                    return True
                seen.append(monitor.read().decode())
                return False

            wait_until(complete, 10, "all that was said")
            for number in range(4):
                self.assertEqual(sum(f'"key {number}"' in line for line in seen), 1, seen)
            # The cluster's own tests ask nodes for ROLE.
            others = [line for line in seen if not re.search(r'"(AUTH|ECHO|SET|PING|ROLE)"', line)]
            self.assertEqual(others, [])

    def test_what_acl_log_shows_of_a_refused_login(self):
        if not site.cluster:
            self.skipTest("asks two servers")
        administrated = Proxy(site.cluster.addresses(), ["--allow-admin-commands", "yes"])
        self.addCleanup(administrated.stop)

        def entries(connection):
            with connection:
                connection.command("ACL", "LOG", "RESET")
                for _ in range(2):
                    self.assertIn("WRONGPASS", connection.error("AUTH", "nobody", "wrong"))
                self.assertIn("WRONGPASS", connection.error("HELLO", "2", "AUTH", "somebody", "wrong"))
                log = [dict(zip(entry[::2], entry[1::2])) for entry in connection.command("ACL", "LOG")]
            changing = (b"age-seconds", b"client-info", b"timestamp-created", b"timestamp-last-updated", b"entry-id")
            return [(list(entry), {key: value for key, value in entry.items() if key not in changing}) for entry in log]

        self.assertEqual(entries(connect(administrated)), entries(on_oracle()))

    def test_a_script_that_is_not_for_clusters_is_run(self):
        script = "#!lua flags=no-writes,no-cluster\nreturn redis.sha1hex('x')"
        failing = "#!lua flags=no-cluster\nreturn redis.call('nosuch')"

        def said(connection):
            with connection:
                got = []
                for database in (0, 1):
                    connection.command("SELECT", database)
                    sha = connection.command("SCRIPT", "LOAD", script)
                    got += [connection.raw("EVAL", script, 0), connection.raw("EVALSHA", sha, 0),
                            connection.raw("SCRIPT", "EXISTS", sha), connection.raw("EVAL", failing, 0)]
                return got

        self.assertEqual(said(site.connect()), said(on_oracle()))

    def test_a_function_that_is_not_for_clusters_is_run(self):
        code = ("#!lua name=alone\n"
                "local flags = {'no-cluster', 'no-writes'}\n"
                "redis.register_function{function_name='alone_read', flags=flags, callback=function(k) return redis.call('get', k[1]) end}\n"
                "redis.register_function{function_name='alone_write', flags={'No-Cluster'},"
                " callback=function(k, a) return redis.call('set', k[1], a[1]) end}\n"
                "redis.register_function{function_name='alone_fail', flags={'no-cluster'}, callback=function() return redis.call('nosuch') end}")
        wrong = ("#!lua name=wrong\nredis.register_function{function_name='f', flags={'no-cluster', 'no-such'},"
                 " callback=function() return 1 end}")

        def said(connection):
            with connection:
                got = [connection.raw("FUNCTION", "LOAD", wrong), connection.raw("FUNCTION", "LOAD", code)]
                for database in (0, 1):
                    connection.command("SELECT", database)
                    got += [connection.raw("FCALL", "alone_write", 1, "k", f"value {database}"), connection.raw("FCALL", "alone_read", 1, "k"),
                            connection.raw("FCALL_RO", "alone_read", 1, "k"), connection.raw("FCALL_RO", "alone_write", 1, "k", "x"),
                            connection.raw("FCALL", "alone_fail", 0)]
                    connection.command("DEL", "k")
                listed = connection.command("FUNCTION", "LIST", "LIBRARYNAME", "alone", "WITHCODE")[0]
                got.append(dict(zip(listed[::2], listed[1::2]))[b"library_code"])
                connection.command("FUNCTION", "DELETE", "alone")
                return got

        self.assertEqual(said(site.connect()), said(on_oracle()))


if __name__ == "__main__":
    fixture.main()
