"""The whole way, step by step, and what came out."""

import dataclasses
import json
import re
import time

from waiting import DeadlinePassed, wait_until

from . import clients, rivals
from .data import Data
from .probe import percentile
from .rivals import Pace
from .stage import program_of
from .upheaval import EVERYTHING, Upheaval

SAMPLE = 1000
WAITED = re.compile(r"clients have waited for (\d+) ms")


@dataclasses.dataclass
class Pause:
    name: str
    begin: float
    end: float
    said_ms: int
    tries: int


@dataclasses.dataclass
class Outcome:
    paces: list = dataclasses.field(default_factory=list)
    pauses: list = dataclasses.field(default_factory=list)
    verdict: object = None
    jobs: dict = dataclasses.field(default_factory=dict)  # framework → how many
    complaints: list = dataclasses.field(default_factory=list)
    waits: list = dataclasses.field(default_factory=list)  # of the probes


class Walk:
    def __init__(self, stage, options, say):
        self._stage, self._options, self._say = stage, options, say
        self._data = Data(options.keys, options.big_hashes, options.big_bytes)
        self.outcome = Outcome()

    def play(self):
        stage, options = self._stage, self._options
        self._step("servers", stage.start_servers)
        self._step(f"{options.keys} keys", lambda: stage.fill(self._data))
        self._step("proxies", stage.start_proxies)
        self._step("clients", stage.start_clients)
        self._step("check", self._check)
        self._step("clients without a copy", self._baseline)
        if options.rival_seconds:
            self._step("rivals", self._rivals)
        self._step("run", self._first_run)
        self._step("verify", self._verify)
        kills_before = (options.kills + 1) // 2
        self._step("faults before the cut-over", lambda: self._upheaval(kills_before))
        self._step("verify", self._verify)
        self._step("cut-over", lambda: self._go_over("cut-over", stage.cut_over, "the cluster is in force"))
        self._step("faults behind the cut-over", lambda: self._upheaval(options.kills - kills_before))
        self._step("verify", self._verify)
        self._step("roll-back", lambda: self._go_over("roll-back", stage.roll_back, "the server is in force again"))
        self._step("cut-over", lambda: self._go_over("second cut-over", stage.cut_over, "the cluster is in force"))
        self._step("clients end", self._end_clients)
        self._step("verify", self._verify)
        self._step("finish", lambda: stage.finish(stage.run))
        self._step("what is there", self._read_all)
        self._step("proxies end", stage.stop_proxies)
        return self.outcome

    def _step(self, name, call):
        began = time.monotonic()
        self._say(f"{self._stage.notes.clock(began):>9}  {name}")
        call()

    def _check(self):
        said = self._stage.ask("check", "--json", code=None)
        found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        problems = [f"{each['subject']}: {each['text']}" for each in found if each.get("level") == "problem"]
        if not any(each.get("event") == "finding" for each in found):
            self.outcome.complaints.append(f"check said {said[-500:]}")
        for problem in problems:
            self._say(f"           problem  {problem}")

    def _baseline(self):
        began = time.monotonic()
        time.sleep(self._options.baseline_seconds)
        self.outcome.paces.append(Pace("no copy", 0, time.monotonic() - began, began))

    def _rivals(self):
        for pace in rivals.measure(self._stage.port, self._options.rival_seconds, program_of(self._options.target_server)):
            self.outcome.paces.append(pace)
            self._say(f"           {pace.name}: {pace.keys_per_second} keys a second {pace.note}")

    def _first_run(self):
        began = time.monotonic()
        self._stage.ensure_run()
        took = self._stage.wait_until_level()
        self._walk_seconds = took
        self.outcome.paces.append(Pace("slotless migrate run", self._options.keys, took, began))
        self._say(f"           {self.outcome.paces[-1].keys_per_second} keys a second")

    def _verify(self):
        """Clients are at work, so what it finds may be on its way; a difference that lasts is one."""
        self._stage.wait_until_level()
        for _ in range(3):
            said = self._stage.ask("verify", "--settle", self._options.settle, code=None)
            if " 0 differences" in f" {said}":
                self._say(f"           {said.splitlines()[-1] if said else ''}")
                return
        self.outcome.complaints.append(f"verify: {said[-2000:]}")

    def _upheaval(self, kills):
        stage = self._stage
        Upheaval(stage, kills, min(self._options.longest_seconds, 1 + 1.2 * self._walk_seconds)).play(EVERYTHING)
        stage.wait_until_level()

    def _go_over(self, name, call, text):
        stage = self._stage
        stage.wait_until_level()
        stage.wait_until_ready()
        tries = []
        begin = time.monotonic()

        def goes():
            tries.append(call("--max-pause", self._options.max_pause, code=None))
            if text in tries[-1]:
                return True
            if tries.count(tries[-1]) == 1:
                self._say(f"           not yet: {tries[-1].strip()[-600:]}")
            return False

        try:
            wait_until(goes, stage.seconds, f"it to say {text}")
        except DeadlinePassed as late:
            raise AssertionError(f"{late}: {tries[-1]}") from late
        end = time.monotonic()
        found = WAITED.search(tries[-1])
        self.outcome.pauses.append(Pause(name, begin, end, int(found[1]) if found else -1, len(tries)))
        self._say(f"           {next(line for line in tries[-1].splitlines() if text in line)}")
        stage.cluster_is_in_force = "cut-over" in name
        time.sleep(1)  # clients go on
        stage.check_clients()

    def _end_clients(self):
        stage = self._stage
        for framework in stage.frameworks:
            count, missing, repeated = framework.finish()
            self.outcome.jobs[framework.name] = (count, len(missing), repeated)
            if missing and not stage.notes.windows:
                self.outcome.complaints.append(f"{framework.name}: {len(missing)} of {count} jobs were never done, such as {missing[:5]}")
        self._record = stage.load.stop()
        for probe in stage.probes:
            probe.stop()
            self.outcome.waits.extend(probe.waits)
            for moment, error in probe.errors:
                if not stage.notes.is_upgrading(moment) and not any(abs(moment - end) < 5 for end in stage.notes.ends):
                    self.outcome.complaints.append(f"a probe at {stage.notes.clock(moment)}: {error}")

    def _read_all(self):
        stage = self._stage
        finals = clients.read_finals(stage.load.plan, self._record.ops, stage.by_proxy)
        self.outcome.verdict = clients.judge(self._record, finals, stage.notes)
        self.outcome.complaints += self.outcome.verdict.complaints
        gone = self._data.missing(stage.by_proxy)
        if gone:
            self.outcome.complaints.append(f"{gone} of the server's keys are missing")
        changed = self._data.differences(stage.by_proxy, SAMPLE, self._options.seed)
        if changed:
            self.outcome.complaints.append(f"{len(changed)} of a sample are not what they were: {changed[:5]}")

    def longest_waits(self, pause):
        """In milliseconds: of the recorded clients, and of the probes."""
        recorded = clients.longest_wait(self._stage.load.plan, self._record.ops, pause.begin, pause.end)
        probes = [took for sent, took in self.outcome.waits if sent < pause.end and sent + took > pause.begin]
        return round(1000 * recorded), round(1000 * max(probes, default=0))

    def p99(self, pace):
        waits = [took for sent, took in self.outcome.waits if pace.begin <= sent <= pace.end]
        return percentile(waits, 0.99), percentile(waits, 0.5), percentile(waits, 1)
