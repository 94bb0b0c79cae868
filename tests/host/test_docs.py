# SPDX-License-Identifier: MIT
"""What the documents say of the tree is true of it: paths, links, kernel words, ids of rules."""

import glob
import os
import re
import unittest

import host

FOLDERS = ("boot", "docs", "kernel", "lib", "tests", "tools")
# A path in backticks, unless a part of it stands for the reader's own.
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)}|\.ci)/[\w./*-]*)`")
PLACEHOLDER = re.compile("NAME|PLATFORM|SUBJECT")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
RULE = re.compile(r"^- `([A-Z][0-9]{2})` ", re.MULTILINE)
CITED = re.compile(r"\b(?!X87)[A-Z][0-9]{2}\b")
WORD_OF_TABLE = re.compile(r"^\| `(\w+=?)", re.MULTILINE)
WORD_OF_KERNEL = re.compile(r'\{ "(\w+)", take_\w+, (true|false) \}')

EXAMPLE = re.compile(r"^```c\n(/\*.*?)^```\n\n```\n\$ \./(\w+)(.*?)\n(.*?)^```$", re.M | re.S)


def read(*names):
    with open(host.tree(*names), encoding="utf-8") as file:
        return file.read()


def entries():
    """What lies at the root: of a checkout what git knows, else all but what was built."""
    try:
        tracked = host.call("git", "-C", host.ROOT, "ls-files").stdout.splitlines()
    except OSError:
        tracked = []
    names = {name.split("/")[0] for name in tracked} or set(os.listdir(host.ROOT))
    return {name for name in names - {".git", "build"} if os.path.exists(host.tree(name))}


def documents():
    below = (glob.glob(host.tree(folder, "**", "*.md"), recursive=True) for folder in FOLDERS)
    found = [os.path.relpath(path, host.ROOT) for paths in below for path in paths]
    return ["README.md", *sorted(found)]


def section(text, title):
    """What stands below a heading, up to the next one."""
    return re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#+ |\Z)", text, re.M | re.S)[1]


def anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    headings = HEADING.findall(CODE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def map_paths():
    """The paths of the README's map: what stands before the first two blanks of a line."""
    lines = re.search(r"^```\n(.*?)^```", section(read("README.md"), "The tree"), re.M | re.S)[1]
    return [path for line in lines.splitlines() for path in line.strip().split("  ")[0].split()]


class Map(unittest.TestCase):
    def test_every_path_exists(self):
        self.assertGreater(len(map_paths()), 20)
        for path in map_paths():
            kind = os.path.isdir if path.endswith("/") else os.path.isfile
            self.assertTrue(kind(host.tree(path)), f"README.md, The tree: no {path}")

    def test_every_entry_is_in_it(self):
        self.assertGreater(len(entries()), 5)
        missing = entries() - {path.split("/")[0] for path in map_paths()}
        self.assertEqual(missing, set(), "README.md, The tree: add these")


class Documents(unittest.TestCase):
    def test_every_path_exists(self):
        for document in documents():
            for path in PATH.findall(CODE.sub("", read(document))):
                if not PLACEHOLDER.search(path):
                    self.assertTrue(glob.glob(host.tree(path)), f"{document}: no {path}")

    def test_every_link_leads_somewhere(self):
        links = 0
        for document in documents():
            for link in LINK.findall(CODE.sub("", read(document))):
                if re.match(r"\w+:", link):
                    continue
                links += 1
                name, _, anchor = link.partition("#")
                target = os.path.normpath(os.path.join(os.path.dirname(document), name))
                target = target if name else document
                self.assertTrue(os.path.exists(host.tree(target)), f"{document}: {link}")
                if anchor:
                    self.assertIn(anchor, anchors(read(target)), f"{document}: {link}")
        self.assertGreater(links, 5)


class KernelWords(unittest.TestCase):
    def test_the_table_is_the_kernels(self):
        table = WORD_OF_TABLE.findall(section(read("README.md"), "Kernel command line"))
        sources = sorted(glob.glob(host.tree("kernel", "*.c")))
        words = [word for path in sources for word in WORD_OF_KERNEL.findall(read(path))]
        known = [name + "=" * (has_value == "true") for name, has_value in words]
        self.assertGreater(len(known), 5)
        self.assertEqual(sorted(table), sorted(known), "README.md against kernel/*.c")


class Rules(unittest.TestCase):
    def test_no_id_twice(self):
        ids = RULE.findall(read("docs", "rules.md"))
        self.assertEqual(len(ids), len(set(ids)))

    def test_every_cited_id_is_in_the_list(self):
        ids = set(RULE.findall(read("docs", "rules.md")))
        cited = set()
        for path in glob.glob(host.tree("tests", "*.c")):
            for rules in re.findall(r'\.rules = "([^"]*)"', read(path)):
                cited |= set(rules.split())
        self.assertGreater(len(cited), 5)
        self.assertEqual(cited - ids, set(), "tests/*.c cite what docs/rules.md lacks")

    def test_what_the_library_cites_is_in_the_list(self):
        ids = set(RULE.findall(read("docs", "rules.md")))
        cited = set()
        for path in glob.glob(host.tree("lib", "**", "*.[ch]"), recursive=True):
            cited |= set(CITED.findall(read(path)))
        self.assertGreater(len(cited), 30)
        self.assertEqual(cited - ids, set(), "lib/ cites what docs/rules.md lacks")


def first_words(text):
    """Without the components that only some CPUs have."""
    known = r" (AVX|BNDREGS|BNDCSR|opmask|ZMM_Hi256|Hi16_ZMM|PKRU|XTILECFG|XTILEDATA|APX)\b"
    return re.sub(known + r"(?= |;)", "", text)


class Examples(host.Case):
    """What lib/README.md shows is built as it says and prints what it says."""

    def build(self, compiler, name, text):
        program = self.path(name)
        sources = sorted(glob.glob(host.tree("lib", "*.c")))
        command = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
        command += ["-I" + host.tree("lib"), "-o", program, self.write(name + ".c", text)]
        done = host.call(*command, *sources)
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def test_every_example(self):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            if " xsave " not in file.read():
                self.skipTest("CPUID.1:ECX[26] is clear")
        found = EXAMPLE.findall(read("lib", "README.md"))
        self.assertEqual([name for _, name, _, _ in found], ["clear", "stack", "foreign"])
        for text, name, arguments, said in found:
            for compiler in ("gcc", "clang"):
                with self.subTest(name, compiler=compiler):
                    program = self.build(compiler, name, text)
                    done = host.call(program, *arguments.split(), cwd=host.ROOT)
                    self.assertEqual((done.returncode, done.stderr), (0, ""), done)
                    self.assertEqual(first_words(done.stdout), first_words(said))


if __name__ == "__main__":
    unittest.main()
