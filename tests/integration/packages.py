"""What is shipped: the Debian packages that scripts/package makes, with the man page, the completion and the list of libraries.

The packages are made of the daemon that has been built, however it has been; and of a stand-in for it, which is built as
what is shipped is, in two folders.
"""

import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SLOTLESS_BINARY", ROOT / "build/release/slotless"))
UNIT = "usr/lib/systemd/system/slotless.service"
CONFFILE = "etc/slotless/slotless.env"
FILES = {"usr/bin/slotless", UNIT, CONFFILE, "usr/lib/sysusers.d/slotless.conf", "usr/share/man/man1/slotless.1.gz",
         "usr/share/bash-completion/completions/slotless", "usr/share/doc/slotless/changelog.gz",
         "usr/share/doc/slotless/SECURITY.md", "usr/share/doc/slotless/slotless.spdx.json", "usr/share/doc/slotless/copyright",
         "usr/share/doc/slotless/examples/password.conf"}
NEEDED = ["cpack", "dpkg-deb", "dpkg-shlibdeps", "file"]


def run(*command, **options):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=240,
                            **{"stdin": subprocess.DEVNULL, **options})
    if result.returncode != 0:
        raise AssertionError(f"{command} exited with {result.returncode}: {result.stdout}{result.stderr}")
    return result.stdout


def need(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        raise unittest.SkipTest(f"no {', '.join(missing)} (scripts/install-deps package)")


def package(built, output, *options, scripts=ROOT / "scripts", **environment):
    """The packages that are made of what has been built, by the name of each."""
    names = run(scripts / "package", "--built", built, "--output", output, "--", *options,
                env={**os.environ, **environment}).split()
    return {pathlib.Path(name).name.split("_")[0]: pathlib.Path(name) for name in names}


def contents(deb):
    """Mode and owner of each file in a package, by its path."""
    lines = [line.split(None, 5) for line in run("dpkg-deb", "--contents", deb).splitlines()]
    return {path.removeprefix("./"): (mode, owner) for mode, owner, *_, path in lines if not mode.startswith("d")}


def field(deb, name):
    return run("dpkg-deb", "--field", deb, name).strip()


class Scratch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.scratch)


class Manual(unittest.TestCase):
    text = (ROOT / "deploy/package/slotless.1").read_text().replace("\\-", "-")

    def test_it_is_what_the_configuration_reference_says(self):
        run(ROOT / "scripts/generate-manual", "--check")

    def test_troff_finds_no_fault_in_it(self):
        need("groff")
        result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", ROOT / "deploy/package/slotless.1"],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(("", 0), (result.stderr, result.returncode))

    def test_it_has_all_that_the_daemon_says_of_itself(self):
        shown = run(BINARY, "--help")
        for option in re.findall(r"^  (--[a-z-]+)", shown, re.M):
            self.assertRegex(self.text, rf"(?m)^\.B[IR]? .*{option}\b", option)
        listed = shown[shown.index("Instead of the daemon"):]
        for name, sentence in re.findall(r"^  ([a-z]\S*)\n      (.*)$", listed, re.M):
            self.assertIn(f"\n.TP\n.B {name}\n{sentence.split('. ')[0].rstrip('.')}.", self.text)
            self.assertIn(f"\n.B slotless {name}", self.text)
            usage = re.match(rf"Usage: slotless {name} ([a-z|-]+) ", run(BINARY, name, "--help"))
            for action in usage[1].split("|") if usage else []:
                self.assertRegex(self.text, rf"(?m)^\.B (slotless {name} .*)?{action}\b", action)


class Completion(Scratch):
    def complete(self, *words):
        """What is offered for the last of the words."""
        script = f"""source {ROOT}/deploy/package/slotless.bash
          compopt() {{ :; }}
          COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _slotless; printf '%s\\n' "${{COMPREPLY[@]}}" """
        folder = self.scratch / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "slotless").unlink(missing_ok=True)
        (folder / "slotless").symlink_to(BINARY)
        return run("bash", "-c", script, "bash", "slotless", *words, cwd=self.scratch,
                   env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}).split()

    def test_options_of_the_daemon(self):
        everything = self.complete("--")
        self.assertEqual(sorted(set(re.findall(r"^  (--[a-z-]+)", run(BINARY, "--help"), re.M))), sorted(set(everything)))
        self.assertEqual(["--cross-slot", "--cross-slot-max-bytes", "--cross-slot-transactions"],
                         sorted(self.complete("--listen", ":6379", "--cross")))

    def test_words_that_an_option_takes(self):
        self.assertEqual(["master", "prefer-replica", "replica"], self.complete("--read-from", ""))
        self.assertEqual(["prefer-replica"], self.complete("--read-from", "=", "p"))
        self.assertEqual(["master", "prefer-replica", "replica"], self.complete("--read-from", "="))
        self.assertEqual(["yes", "no"], self.complete("--links-warm-up", ""))
        self.assertEqual([], self.complete("--hold-timeout", ""))

    def test_files(self):
        (self.scratch / "slotless.yaml").touch()
        self.assertEqual(["slotless.yaml"], self.complete("--config", "slot"))
        self.assertEqual(["slotless.yaml"], self.complete("--tls-key-file", "=", "slot"))

    def test_sub_commands_with_their_actions_and_options(self):
        listed = re.findall(r"^  ([a-z]\S*)$", run(BINARY, "--help").split("Instead of the daemon")[1], re.M)
        self.assertEqual(listed, self.complete(""))
        actions = re.match(r"Usage: slotless migrate (\S+)", run(BINARY, "migrate", "--help"))[1].split("|")
        self.assertIn("check", actions)
        self.assertEqual(actions, self.complete("migrate", ""))
        for name in listed:
            options = re.findall(r"^  (--[a-z-]+)", run(BINARY, name, "--help"), re.M)
            self.assertEqual(sorted(set(options)), sorted(set(self.complete(name, "--"))), name)


class Package(Scratch):
    """Of the daemon itself."""

    @classmethod
    def setUpClass(cls):
        need(*NEEDED)
        super().setUpClass()
        # Quick instead of small, and without the symbols, which the stand-in shows.
        cls.deb = package(BINARY.parent, cls.scratch / "packages", "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip",
                          "-D", "CPACK_COMPONENTS_ALL=daemon;package")["slotless"]
        cls.root = cls.scratch / "root"
        run("dpkg-deb", "--extract", cls.deb, cls.root)

    def test_it_has_these_files_and_no_others_all_of_them_root_s(self):
        found = contents(self.deb)
        self.assertEqual(FILES, set(found))
        self.assertEqual({"root/root"}, {owner for _, owner in found.values()})
        modes = {path: mode for path, (mode, _) in found.items()}
        self.assertEqual("-rwxr-xr-x", modes.pop("usr/bin/slotless"))
        self.assertEqual("-rw-------", modes.pop(CONFFILE), "passwords may be in it")
        self.assertEqual({"-rw-r--r--"}, set(modes.values()))

    def test_it_says_under_which_terms_it_and_what_is_compiled_in_may_be_used(self):
        text = (self.root / "usr/share/doc/slotless/copyright").read_text()
        licence = ROOT / "LICENSE"
        self.assertIn(licence.read_text() if licence.exists() else "No licence has been chosen for Slotless yet.", text)
        for name in ("nlohmann-json3-dev", "libspdlog-dev"):
            self.assertIn(pathlib.Path(f"/usr/share/doc/{name}/copyright").read_text().rstrip("\n"), text)
        document = json.loads((self.root / "usr/share/doc/slotless/slotless.spdx.json").read_text())
        declared = {each["name"]: each["licenseDeclared"] for each in document["packages"]}
        self.assertEqual(run(ROOT / "scripts/copyright", "--identifier").strip(), declared["slotless"])

    def test_the_binary_runs_and_is_stripped(self):
        binary = self.root / "usr/bin/slotless"
        self.assertEqual(run(BINARY, "--version"), run(binary, "--version"))
        sections = run("readelf", "--wide", "--sections", binary)
        self.assertNotIn(".debug_info", sections)
        self.assertNotIn(".symtab", sections)
        self.assertIn("Build ID", run("readelf", "--notes", binary))

    def test_it_depends_on_what_the_binary_loads_and_lists_all_of_that(self):
        depends = {part.split()[0] for part in field(self.deb, "Depends").split(", ")}
        self.assertLessEqual({"libc6", "libuv1", "libstdc++6"}, depends)
        document = json.loads((self.root / "usr/share/doc/slotless/slotless.spdx.json").read_text())
        self.assertEqual(("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"),
                         (document["spdxVersion"], document["dataLicense"], document["SPDXID"]))
        self.assertRegex(document["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        packages = {each["SPDXID"]: each for each in document["packages"]}
        ways = {each["relatedSpdxElement"]: each["relationshipType"] for each in document["relationships"]}
        self.assertEqual(set(packages), set(ways), "each is related to something")
        self.assertEqual("DESCRIBES", ways.pop("SPDXRef-slotless"))
        linked = {packages[identifier]["name"] for identifier, way in ways.items() if way == "DYNAMIC_LINK"}
        shown = run("dpkg-query", "--show", "--showformat=${Package}, ${Provides}, ", *linked)
        provided = {each.split()[0] for each in shown.split(", ") if each.strip()}
        self.assertLessEqual(depends, provided)
        self.assertLessEqual({"nlohmann-json3-dev", "libspdlog-dev"}, {packages[each]["name"] for each in ways} - linked)
        for identifier in ways:
            each = packages[identifier]
            self.assertRegex(identifier, r"^SPDXRef-[A-Za-z0-9.-]+$")
            version = run("dpkg-query", "--show", "--showformat=${Version}\n", each["name"]).split()[0]
            self.assertEqual(version, each["versionInfo"])
            self.assertTrue(each["externalRefs"][0]["referenceLocator"].startswith(f"pkg:deb/debian/{each['name']}@"))

    def test_the_unit_starts_the_binary_that_is_in_the_package(self):
        unit = (self.root / UNIT).read_text()
        self.assertIn("\nExecStart=/usr/bin/slotless\n", unit)
        self.assertIn(f"\nEnvironmentFile=/{CONFFILE}\n", unit)
        self.assertNotIn("/usr/local", unit)
        user = re.search(r"^User=(\S+)$", unit, re.M)[1]
        self.assertRegex((self.root / "usr/lib/sysusers.d/slotless.conf").read_text(), rf"(?m)^u {user} ")
        lines = (self.root / CONFFILE).read_text().splitlines()
        environment = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        run(self.root / "usr/bin/slotless", "--check-config", env=environment)

    def test_the_man_page_is_the_one_of_the_sources(self):
        page = gzip.decompress((self.root / "usr/share/man/man1/slotless.1.gz").read_bytes())
        self.assertEqual((ROOT / "deploy/package/slotless.1").read_bytes(), page)

    def test_installed_changed_removed_and_purged(self):
        if os.geteuid() != 0:
            self.skipTest("dpkg wants root, whatever the folder")
        root = self.scratch / "system"
        for folder in ["info", "updates"]:
            (root / "var/lib/dpkg" / folder).mkdir(parents=True)
        (root / "var/lib/dpkg/status").touch()
        dpkg = ["dpkg", f"--root={root}", "--force-script-chrootless", "--force-depends", "--log=/dev/null"]
        run(*dpkg, "--install", self.deb)
        self.assertEqual(run(BINARY, "--version"), run(root / "usr/bin/slotless", "--version"))
        changed = "REDIS_CLUSTER_NODES=10.0.0.1:6379\n"
        (root / CONFFILE).write_text(changed)
        enabled = root / "etc/systemd/system/multi-user.target.wants/slotless.service"
        enabled.parent.mkdir(parents=True)
        enabled.symlink_to(f"/{UNIT}")
        run(*dpkg, "--install", self.deb)  # an upgrade
        self.assertEqual(changed, (root / CONFFILE).read_text())
        self.assertTrue(enabled.is_symlink(), "an upgrade leaves it enabled")
        run(*dpkg, "--remove", "slotless")
        self.assertEqual(changed, (root / CONFFILE).read_text())
        self.assertEqual(set(), {path for path in FILES - {CONFFILE} if (root / path).exists()})
        self.assertFalse(enabled.is_symlink(), "it would come back with the next installation")
        run(*dpkg, "--purge", "slotless")
        self.assertFalse((root / CONFFILE).exists())


class MaintainerScripts(Scratch):
    """With stand-ins for the programs of systemd, and a /run of their own."""

    def calls(self, script, *arguments, active=True, booted=True, **environment):
        """What the script calls."""
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
            self.skipTest("no mount namespace for a /run of its own")
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        for name in ["systemctl", "systemd-sysusers"]:
            fails = "" if active else '[ "$1" != is-active ]'
            (folder / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{folder}/log\n{fails}\n')
            (folder / name).chmod(0o755)
        (folder / "log").touch()
        stage = "mkdir -p /run/systemd/system &&" if booted else ""
        run("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none /run && {stage} exec "$@"', "sh",
            ROOT / "deploy/package" / script, *arguments,
            env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "DPKG_ROOT": "", **environment})
        return (folder / "log").read_text().splitlines()

    def test_installed_it_has_a_user_and_is_not_started(self):
        self.assertEqual(["systemd-sysusers slotless.conf", "systemctl daemon-reload"], self.calls("postinst", "configure", ""))

    def test_upgraded_it_hands_its_clients_over(self):
        self.assertEqual(["systemd-sysusers slotless.conf", "systemctl daemon-reload",
                          "systemctl is-active --quiet slotless.service",
                          "systemctl kill --signal=SIGUSR2 --kill-whom=main slotless.service"],
                         self.calls("postinst", "configure", "0.0.9"))
        self.assertEqual([], self.calls("prerm", "upgrade", "0.1.0"), "it must not be stopped")
        self.assertEqual([], self.calls("postrm", "upgrade", "0.1.0"))

    def test_upgraded_it_is_not_started_if_it_did_not_run(self):
        self.assertEqual(["systemd-sysusers slotless.conf", "systemctl daemon-reload",
                          "systemctl is-active --quiet slotless.service"],
                         self.calls("postinst", "configure", "0.0.9", active=False))

    def test_removed_it_is_stopped(self):
        self.assertEqual(["systemctl stop slotless.service"], self.calls("prerm", "remove"))
        self.assertEqual(["systemctl daemon-reload"], self.calls("postrm", "remove"))

    def test_without_systemd_nothing_is_asked_of_it(self):
        self.assertEqual(["systemd-sysusers slotless.conf"], self.calls("postinst", "configure", "0.0.9", booted=False))
        for script, action in [("prerm", "remove"), ("postrm", "purge")]:
            self.assertEqual([], self.calls(script, action, booted=False))

    def test_another_root_is_not_this_system(self):
        for script, action in [("postinst", "configure"), ("prerm", "remove"), ("postrm", "purge")]:
            self.assertEqual([], self.calls(script, action, DPKG_ROOT=str(self.scratch)))


class Reproducible(Scratch):
    """The same sources in two folders, built and packed as what is shipped is."""

    @classmethod
    def setUpClass(cls):
        need(*NEEDED, "cmake", "ninja", "g++")
        super().setUpClass()
        cls.trees = [cls.scratch / "one", cls.scratch / "another/folder"]
        cls.packages = [cls.build(tree) for tree in cls.trees]

    @staticmethod
    def build(tree):
        tree.mkdir(parents=True)
        for name in ["cmake", "scripts", "deploy/package", "deploy/systemd"]:
            shutil.copytree(ROOT / name, tree / name)
        for name in ["CHANGELOG.md", "SECURITY.md"]:
            shutil.copy(ROOT / name, tree)
        shutil.copytree(ROOT / "tests/packaging/standin", tree, dirs_exist_ok=True)
        run("cmake", "-G", "Ninja", "-S", tree, "-B", tree / "build", "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
        run("cmake", "--build", tree / "build")
        return package(tree / "build", tree / "packages", scripts=tree / "scripts", SOURCE_DATE_EPOCH="1700000000")

    def test_their_packages_are_the_same(self):
        for name in ["slotless", "slotless-dbgsym"]:
            one, another = (packages[name].read_bytes() for packages in self.packages)
            self.assertEqual(one, another, name)

    def test_no_folder_of_the_build_is_in_the_binary(self):
        binary = (self.trees[0] / "build/slotless").read_bytes()
        self.assertNotIn(str(self.scratch).encode(), binary)
        self.assertIn(b"/usr/src/slotless", binary)

    def test_the_symbols_are_those_of_the_binary(self):
        roots = {}
        for name, deb in self.packages[0].items():
            roots[name] = self.scratch / f"root-of-{name}"
            run("dpkg-deb", "--extract", deb, roots[name])
        notes = run("readelf", "--notes", roots["slotless"] / "usr/bin/slotless")
        build_id = re.search(r"Build ID: (\w+)", notes)[1]
        path = f"usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
        self.assertEqual({path}, set(contents(self.packages[0]["slotless-dbgsym"])))
        symbols = roots["slotless-dbgsym"] / path
        self.assertIn(".debug_info", run("readelf", "--wide", "--sections", symbols))
        self.assertRegex(run("nm", symbols), r"(?m) T main$")
        self.assertEqual("slotless (= 0.1.0)", field(self.packages[0]["slotless-dbgsym"], "Depends"))

    def test_cmake_installs_the_same_elsewhere(self):
        prefix = self.scratch / "installed"
        run("cmake", "--install", self.trees[0] / "build", "--strip", "--prefix", prefix)
        self.assertEqual({"bin/slotless", "lib/systemd/system/slotless.service", "share/man/man1/slotless.1.gz",
                          "share/bash-completion/completions/slotless", "share/doc/slotless/changelog.gz",
                          "share/doc/slotless/SECURITY.md"},
                         {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()})
        self.assertIn(f"\nExecStart={prefix}/bin/slotless\n", (prefix / "lib/systemd/system/slotless.service").read_text())
        self.assertNotIn(".symtab", run("readelf", "--wide", "--sections", prefix / "bin/slotless"))
        run("cmake", "--install", self.trees[0] / "build", "--component", "symbols", "--prefix", prefix)
        self.assertEqual(1, len(list((prefix / "lib/debug/.build-id").rglob("*.debug"))))


if __name__ == "__main__":
    unittest.main(verbosity=2)
