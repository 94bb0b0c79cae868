# SPDX-License-Identifier: MIT
"""tools/unpack-suite.sh, with a debootstrap that only pretends and packages made here."""

import os
import shutil
import stat
import unittest

import host

SCRIPT = host.tree("tools", "unpack-suite.sh")
# "Downloads" the packages that $PACKAGES has. FAILS: after the first one the network is gone.
DEBOOTSTRAP = """#!/bin/bash
echo "$@" >>"$CALLS"
script=${!#} target=${@: -3:1}
grep -q '^work_out_debs' "$script" || exit 3
archives=$target/var/cache/apt/archives
mkdir -p "$archives"
for word; do
	case $word in --include=*) IFS=, read -ra names <<<"libc6,${word#*=}" ;; esac
done
for name in "${names[@]}"; do
	cp "$PACKAGES/${name}_1_all.deb" "$archives" 2>/dev/null
	[ -z "$FAILS" ] || { echo "I: trying" && echo "E: no route to $name" && exit 1; }
done
exit 0
"""
# The suite's loader, which shows what it was asked to start.
LOADER = '#!/bin/sh\nprintf "%s|" "$@"\n'
APT = """#!/bin/sh
[ "$1" = indextargets ] || exit 100
echo http://security.example.org/debian-security/
echo http://near.example.org/debian/
"""
TOOLS = "bash dirname readlink"


class Case(host.Case):
    def setUp(self):
        super().setUp()
        for name in ("bin", "packages", "a place"):
            os.mkdir(self.path(name))
        os.chmod(self.write("bin/debootstrap", DEBOOTSTRAP), 0o755)
        os.chmod(self.write("bin/apt-get", APT), 0o755)
        self.package("libc6", {"usr/lib64/ld-linux-x.so.2": LOADER, "usr/lib/x/libc.so.6": ""})
        self.package("tool", {"usr/bin/tool": "#!/bin/sh\n", "lib/x/libtool.so.1": ""})
        self.package("other", {"usr/bin/other": "#!/bin/sh\n"})

    def package(self, name, files):
        """A Debian package with these files, each with the set-user-ID bit and a foreign owner."""
        tree = self.path("packages", name)
        control = f"Package: {name}\nVersion: 1\nArchitecture: all\n"
        control += "Maintainer: nobody <nobody@example.org>\nDescription: for a test\n"
        for path, text in {**files, "DEBIAN/control": control}.items():
            os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
            self.write(os.path.join(tree, path), text)
            if path in files:
                if os.getuid() == 0:
                    os.chown(os.path.join(tree, path), 12345, 12345)
                os.chmod(os.path.join(tree, path), 0o4755)
        os.chmod(os.path.join(tree, "DEBIAN"), 0o755)
        deb = f"{tree}_1_all.deb"
        done = host.call("dpkg-deb", "--build", tree, deb)
        self.assertEqual(done.returncode, 0, done.stderr)

    def unpack(self, *packages, suite="trixie", where=None, path=None, fails=""):
        env = {
            **os.environ,
            "PATH": path or f"{self.path('bin')}:{os.environ['PATH']}",
            "CALLS": self.path("calls"),
            "PACKAGES": self.path("packages"),
            "FAILS": fails,
        }
        return host.call(SCRIPT, suite, where or self.suite(), *packages, env=env)

    def suite(self, *names):
        return self.path("a place", "suite", *names)

    def calls(self):
        if not os.path.exists(self.path("calls")):
            return []
        with open(self.path("calls"), encoding="utf-8") as file:
            return file.read().splitlines()

    def beside(self):
        """What lies beside the unpacked suite."""
        return sorted(set(os.listdir(self.path("a place"))) - {"debs"})


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is missing: this is no Debian")
class Unpacked(Case):
    def setUp(self):
        super().setUp()
        done = self.unpack("tool")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_program_gets_the_suites_loader_and_libraries(self):
        done = host.call(self.suite("run"), "tool", "-x", "a b")
        root = self.suite("root", "usr")
        wanted = ["--library-path", f"{root}/lib/x", f"{root}/bin/tool", "-x", "a b"]
        self.assertEqual(done.stdout.split("|")[:-1], wanted)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_program_that_is_none_of_it(self):
        done = host.call(self.suite("run"), "other")
        self.assertEqual(done.returncode, 127)
        self.assert_one_line(done.stderr, self.suite("root", "usr", "bin", "other"))

    def test_by_a_link(self):
        os.symlink(self.suite("run"), self.path("link"))
        self.assertEqual(host.call(self.path("link"), "tool").returncode, 0)

    def test_nobody_becomes_root_by_it(self):
        mode = os.stat(self.suite("root", "usr", "bin", "tool")).st_mode
        self.assertEqual(stat.S_IMODE(mode) & ~0o022, 0o755)
        self.assertEqual(os.stat(self.suite("root", "usr", "bin", "tool")).st_uid, os.getuid())

    def test_nothing_else_stays(self):
        self.assertEqual(self.beside(), ["suite", "suite.lock", "suite.log"])
        self.assertEqual(sorted(os.listdir(self.suite())), ["root", "run", "unpacked"])

    def test_what_is_there_is_not_fetched_again(self):
        done = self.unpack("tool")
        self.assertEqual((done.returncode, done.stdout, len(self.calls())), (0, "", 1))

    def test_other_packages_take_its_place(self):
        self.assertEqual(self.unpack("other").returncode, 0)
        self.assertEqual(os.listdir(self.suite("root", "usr", "bin")), ["other"])

    def test_what_cannot_be_had_leaves_what_is_there(self):
        self.assertEqual(self.unpack("other", fails="yes").returncode, 2)
        self.assertEqual(self.unpack("nothing").returncode, 2)
        self.assertEqual(host.call(self.suite("run"), "tool").returncode, 0)
        self.assertEqual(self.unpack("tool").returncode, 0)
        self.assertEqual(len(self.calls()), 3)


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is missing: this is no Debian")
class Asked(Case):
    def test_the_packages_and_their_own_suite(self):
        self.unpack("tool", "other")
        words = self.calls()[0].split()
        self.assertIn("--include=tool,other", words)
        self.assertIn("--force-check-gpg", words)
        mirrors = [word for word in words if word.startswith("http")]
        self.assertEqual(mirrors, ["http://near.example.org/debian/"])
        self.assertNotIn("--extra-suites", self.calls()[0])

    def test_backports_take_the_rest_from_their_base(self):
        self.unpack("tool", suite="trixie-backports")
        self.assertIn("--extra-suites=trixie", self.calls()[0].split())
        self.assertIn("trixie-backports", self.calls()[0].split())


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is missing: this is no Debian")
class Refused(Case):
    def refused(self, done, *parts, beside=()):
        self.assertEqual(done.returncode, 2, done)
        self.assert_one_line(done.stderr, "unpack-suite.sh: ", *parts)
        self.assertEqual(self.beside(), list(beside))

    def test_a_download_that_fails(self):
        done = self.unpack("tool", fails="yes")
        parts = ("cannot download trixie (E: no route to libc6)", self.suite() + ".log")
        self.refused(done, *parts, beside=["suite.lock", "suite.log"])

    def test_a_package_that_the_suite_has_not(self):
        done = self.unpack("tool", "nothing")
        self.refused(done, "trixie has no package nothing", beside=["suite.lock", "suite.log"])

    def test_a_damaged_package(self):
        """Also when sound ones come behind it."""
        os.truncate(self.path("packages", "other_1_all.deb"), 200)
        done = self.unpack("other", "tool")
        self.refused(done, "cannot unpack", beside=["suite.lock", "suite.log"])

    def test_no_debootstrap(self):
        os.mkdir(self.path("bare"))
        for tool in TOOLS.split():
            os.symlink(shutil.which(tool), self.path("bare", tool))
        done = self.unpack("tool", path=self.path("bare"))
        self.refused(done, "debootstrap is missing", "apt-get install debootstrap")

    def test_a_colon_in_the_path(self):
        where = self.path("a place", "1:2", "suite")
        self.refused(self.unpack("tool", where=where), where)

    def test_where_nothing_can_be_written(self):
        where = self.path("bin", "debootstrap", "suite")
        self.refused(self.unpack("tool", where=where), self.path("bin", "debootstrap"))
        os.makedirs(self.suite() + ".lock")
        self.refused(self.unpack("tool"), self.path("a place"), beside=["suite.lock"])
        self.assertEqual(self.calls(), [])

    def test_too_few_words(self):
        self.refused(self.unpack(), "usage", "SUITE DIR PACKAGE")


if __name__ == "__main__":
    unittest.main()
