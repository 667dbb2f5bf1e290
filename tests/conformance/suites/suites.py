"""The test suites of clients and frameworks that package registries have: how each is fetched, run and understood."""

import collections
import json
import os
import pathlib
import re
import subprocess

HOST = "127.0.0.1"
RUN_SECONDS = 900

# fetch(folder): makes the suite's files in an empty folder. run(folder, server): {name of test: "passed" | "failed" | "skipped"}.
# databases: those in which it comes to its end.
Suite = collections.namedtuple("Suite", "name about fetch run databases")
# Where a suite finds Slotless: the listener's clients begin in the database that is tried.
Server = collections.namedtuple("Server", "port unix_socket database")


class Unavailable(Exception):
    """The registry or a program is not there; the text says which."""


def checked(command, folder, what, seconds=RUN_SECONDS, environment=None):
    try:
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds, check=False)
    except FileNotFoundError as missing:
        raise Unavailable(f"there is no program {missing.filename}") from missing
    if done.returncode != 0:
        raise Unavailable(f"{what}: {done.stdout[-400:].strip()}")
    return done.stdout


def output_of(command, folder, environment=None):
    """What a suite printed; it ends with an error when a test fails, which the output tells better."""
    with open(folder / "output", "w+", encoding="utf-8", errors="replace") as out:
        try:
            subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                           stderr=subprocess.STDOUT, timeout=RUN_SECONDS, check=False)
        except FileNotFoundError as missing:
            raise Unavailable(f"there is no program {missing.filename}") from missing
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


SUITES = [
    Suite("phpredis", "phpredis 5.3.7 of Debian 12, 6.2.0 of Debian 13", fetch_phpredis, run_phpredis, (0, 1)),
    Suite("hiredis", "hiredis 0.14.1 of Debian 12, 1.2.0 of Debian 13", fetch_hiredis, run_hiredis, (0, 1)),
    Suite("node-resque", "node-resque 9.7.1 with ioredis, from npm", fetch_node_resque, run_node_resque, (1,)),
]
