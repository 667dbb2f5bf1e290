"""The test suites of clients and frameworks that package registries have: how each is fetched, run and understood."""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree

HOST = "127.0.0.1"
RUN_SECONDS = 900

# fetch(folder): makes the suite's files in an empty folder. run(folder, server): {name of test: "passed" | "failed" | "skipped"}.
# databases: those in which it comes to its end. options: of the daemon.
Suite = collections.namedtuple("Suite", "name about fetch run databases options", defaults=((),))
# Where a suite finds Slotless: the listener's clients begin in the database that is tried.
Server = collections.namedtuple("Server", "port unix_socket database")


# Roots of what somebody has at hand, by suite: for those whose tests are in no package.
SOURCES = {}


class Unavailable(Exception):
    """The registry or a program is not there; the text says which."""


class NotEnded(Exception):
    """A suite has not come to its end; the text says in what time, and where its output is."""


def checked(command, folder, what, seconds=RUN_SECONDS, environment=None):
    try:
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds, check=False)
    except FileNotFoundError as missing:
        raise Unavailable(f"there is no program {missing.filename}") from missing
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"{what}: it has taken over {seconds} s") from late
    if done.returncode != 0:
        raise Unavailable(f"{what}: {done.stdout[-400:].strip()}")
    return done.stdout


def output_of(command, folder, environment=None):
    """What a suite printed; it ends with an error when a test fails, which the output tells better."""
    path = folder / "output"
    with open(path, "w+", encoding="utf-8", errors="replace") as out:
        try:
            child = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        except FileNotFoundError as missing:
            raise Unavailable(f"there is no program {missing.filename}") from missing
        try:
            child.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired as late:
            raise NotEnded(f"it has not come to its end in {RUN_SECONDS} s: see {path}") from late
        finally:
            if child.poll() is None:  # with what it has started
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        out.seek(0)
        return out.read()


def edit(path, before, after):
    text = path.read_text(encoding="utf-8")
    if before not in text:
        raise Unavailable(f"{path.name} is another version's: it has no {before!r}")
    path.write_text(text.replace(before, after), encoding="utf-8")


def source_package(name):
    """Debian's source package of this release: the upstream project's files."""
    library = pathlib.Path(__file__).resolve().parents[3] / "scripts" / "lib.sh"

    def fetch(folder):
        script = f"""
          . {library}; cd "$1"; . /etc/os-release
          own_package_lists "$1/apt" deb-src "$VERSION_CODENAME" || {{ tail -n 3 "$1/apt/log"; exit 1; }}
          apt-get "${{own_apt[@]}}" --quiet source --download-only {name}
          tar -xf {name}_*.orig.tar.*
        """
        checked(["bash", "-c", script, "fetch", str(folder)], folder, f"Debian's source package {name} cannot be had")

    return fetch


def checkout(name, version):
    """The root of the project's repository at that version, which no registry has."""

    def fetch(folder):
        if name not in SOURCES:
            raise Unavailable(f"its tests are in no package: give --source {name}=DIR, the project's repository at {version}")
        shutil.copytree(SOURCES[name], folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", "node_modules"))

    return fetch


def only(folder, pattern):
    found = sorted(folder.glob(pattern))
    if not found:
        raise Unavailable(f"the package has no {pattern}")
    return found[-1]


def fetch_phpredis(folder):
    source_package("php-redis")(folder)
    tests = only(folder, "redis-*/tests/TestRedis.php").parent
    edit(tests / "RedisTest.php", "$host . ':6379'", "$host . ':' . getenv('SUITE_PORT')")
    for program in ("getSessionData.php", "regenerateSessionId.php", "startSession.php"):
        edit(tests / program, "'tcp://localhost:6379'", "'tcp://localhost:' . getenv('SUITE_PORT')")


def run_phpredis(folder, server):
    tests = only(folder, "redis-*/tests/TestRedis.php").parent
    # Its session tests start PHP, with what the system has loaded unless this says something.
    environment = {**os.environ, "SUITE_PORT": str(server.port), "TEST_PHP_ARGS": "-d display_errors=0"}
    command = ["php", "TestRedis.php", "--class", "Redis", "--nocolors", "--host", HOST, "--port", str(server.port)]
    words = {"PASSED": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
    # What PHP thinks of the tests' code may stand in between.
    line = re.compile(r"^(test\w+) (?:(?!^test\w).)*?\[(PASSED|FAILED|SKIPPED)\]", re.M | re.S)
    return {name: words[word] for name, word in line.findall(output_of(command, tests, environment))}


def fetch_hiredis(folder):
    source_package("hiredis")(folder)
    checked(["make", "hiredis-test", "-j2"], only(folder, "hiredis-*/test.c").parent, "hiredis' tests do not build")


def run_hiredis(folder, server):
    tests = only(folder, "hiredis-*/test.c").parent
    command = ["./hiredis-test", "-h", HOST, "-p", str(server.port), "-s", server.unix_socket, "--skip-throughput"]
    found, counts = {}, collections.Counter()
    for name, word in re.findall(r"^#\d+ (.*?): .*?(PASSED|FAILED|SKIPPED)", output_of(command, tests), re.M):
        counts[name] += 1  # the same tests over TCP and over the socket
        found[f"{name} ({counts[name]})"] = word.lower()
    return found


def fetch_node_resque(folder):
    checked(["npm", "pack", "--silent", "node-resque@9.7.1"], folder, "npm has no node-resque")
    checked(["tar", "-xf", "node-resque-9.7.1.tgz"], folder, "the package is broken")
    package = folder / "package"
    checked(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], package, "npm cannot install what node-resque's tests need")
    helper = package / "__tests__" / "utils" / "specHelper.ts"
    for file in (helper, package / "__tests__" / "integration" / "ioredis.ts"):
        edit(file, "port: 6379", "port: parseInt(process.env.SUITE_PORT!)")
    edit(helper, 'parseInt(process.env.JEST_WORKER_ID || "0")', "parseInt(process.env.SUITE_DATABASE!)")


def run_node_resque(folder, server):
    package = folder / "package"
    environment = {**os.environ, "SUITE_PORT": str(server.port), "SUITE_DATABASE": str(server.database),
                   "NODE_OPTIONS": "--unhandled-rejections=warn"}  # one test's forgotten error would end all
    report = package / "report.json"
    report.unlink(missing_ok=True)
    output_of(["npx", "jest", "--runInBand", "--forceExit", "--json", "--outputFile", str(report)], package, environment)
    if not report.exists():
        raise Unavailable(f"jest could not run: see {package / 'output'}")
    found = {}
    for file in json.loads(report.read_text(encoding="utf-8"))["testResults"]:
        for test in file["assertionResults"]:
            found[f"{pathlib.Path(file['name']).stem}: {test['fullName']}"] = {"pending": "skipped"}.get(test["status"], test["status"])
    return found


def run_redis_py(folder, server):
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    # The others want a cluster, modules, TLS or replicas beside the server.
    command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "60", "--junitxml", str(report),
               "--redis-url", f"redis://{HOST}:{server.port}/0", "-m", "not redismod and not onlycluster and not ssl and not replica",
               "--ignore", "tests/test_graph_utils", "--ignore", "tests/test_cluster.py", "--ignore", "tests/test_asyncio/test_cluster.py"]
    output_of(command, folder)
    if not report.exists():
        raise Unavailable(f"pytest could not run (python3-pytest, -asyncio and -timeout): see {folder / 'output'}")
    found = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        result = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        found[f"{case.get('classname')}: {case.get('name')}"] = result
    return found


def fetch_ioredis(folder):
    checkout("ioredis", "v5.11.1")(folder)
    edit(folder / "lib" / "redis" / "RedisOptions.ts", "port: 6379,", "port: parseInt(process.env.SUITE_PORT!),")
    checked(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], folder, "npm cannot install what ioredis' tests need")


def run_ioredis(folder, server):
    environment = {**os.environ, "SUITE_PORT": str(server.port), "TS_NODE_TRANSPILE_ONLY": "true", "NODE_ENV": "test"}
    found, counts = {}, collections.Counter()
    # File by file: an error that comes too late, in the hook behind the next test, ends all that are run together.
    for file in ["test/unit/**/*.ts", *sorted(str(path.relative_to(folder)) for path in (folder / "test" / "functional").rglob("*.ts"))]:
        report = folder / "report.json"
        report.unlink(missing_ok=True)
        output_of(["npx", "mocha", "--exit", "--reporter", "json", "--reporter-option", f"output={report}", "test/helpers/*.ts", file],
                  folder, environment)
        if not report.exists():
            raise Unavailable(f"mocha could not run: see {folder / 'output'}")
        outcome = json.loads(report.read_text(encoding="utf-8"))
        for word, key in (("passed", "passes"), ("failed", "failures"), ("skipped", "pending")):
            for test in outcome[key]:
                name = f"{pathlib.Path(test.get('file', file)).stem}: {test['fullTitle']}"  # a hook for all is in no file
                counts[name] += 1  # a name may be there twice, as may one that calls back twice
                found[name if counts[name] == 1 else f"{name} ({counts[name]})"] = word
    return found


def fetch_redis_rb(folder):
    checkout("redis-rb", "v4.8.0")(folder)
    helper = folder / "test" / "helper.rb"
    edit(helper, "PORT        = 6381", "PORT        = Integer(ENV['SUITE_PORT'])")
    edit(helper, 'require "mocha/minitest"\n', "")  # five tests of its inner workings want it
    connection = folder / "test" / "redis" / "connection_test.rb"
    edit(connection, "assert_equal 6381,", "assert_equal PORT,")
    edit(connection, "6381", "#{PORT}")


def run_redis_rb(folder, server):
    environment = {**os.environ, "SUITE_PORT": str(server.port), "REDIS_SOCKET_PATH": server.unix_socket}
    found = {}
    # File by file: what ends one leaves the others.
    for file in sorted((folder / "test" / "redis").glob("*_test.rb")):
        output = output_of(["ruby", "-Ilib", "-Itest", str(file), "--verbose"], folder, environment)
        for name, sign in re.findall(r"^(\w+#test_\w+) = [\d.]+ s = ([.FES])$", output, re.M):
            found[f"{file.stem}: {name}"] = {".": "passed", "S": "skipped"}.get(sign, "failed")
    return found


# For suites that make users.
WITH_USERS = ("--users", "user default on nopass ~* &* +@all")

SUITES = [
    Suite("redis-py", "redis-py 4.3.4, from its repository", checkout("redis-py", "v4.3.4"), run_redis_py, (0, 1), WITH_USERS),
    Suite("ioredis", "ioredis 5.11.1, from its repository", fetch_ioredis, run_ioredis, (0, 1), WITH_USERS),
    # Its clients choose database 15 themselves.
    Suite("redis-rb", "redis-rb 4.8.0, from its repository", fetch_redis_rb, run_redis_rb, (1,), WITH_USERS),
    Suite("phpredis", "phpredis 5.3.7 of Debian 12, 6.2.0 of Debian 13", fetch_phpredis, run_phpredis, (0, 1)),
    Suite("hiredis", "hiredis 0.14.1 of Debian 12, 1.2.0 of Debian 13", fetch_hiredis, run_hiredis, (0, 1)),
    Suite("node-resque", "node-resque 9.7.1 with ioredis, from npm", fetch_node_resque, run_node_resque, (1,)),
]
