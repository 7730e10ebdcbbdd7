#!/usr/bin/env python3
"""What e2e/tour.py takes of a page, and what it does not let pass."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tour


def played(page, *marks, **environment):
    """The exit code and all that was said."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "page.md")
        path.write_text(page, encoding="utf-8")
        done = subprocess.run([sys.executable, Path(__file__).with_name("tour.py"), path, *marks], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "TMPDIR": directory, "TOUR_PATIENCE": "1", **environment})
        return done.returncode, done.stdout


class Reading(unittest.TestCase):
    def test_commands_and_what_is_seen(self):
        chapters = tour.chapters_of("# Page\n\n    e2e/tour.sh\n\n## 1. One\n\nText `$ not`.\n\n    $ echo a\n    a\n\n"
                                    "    $ for x in b; do\n    >   echo $x\n    > done\n    b ...\n\n## 2. None\n")
        self.assertEqual([chapter.title for chapter in chapters], ["1. One"])
        first, second = chapters[0].steps
        self.assertEqual((first.command, first.seen, first.line), ("echo a", ["a"], 9))
        self.assertEqual((second.command, second.seen), ("for x in b; do\n  echo $x\ndone", ["b ..."]))

    def test_lines_match_by_words_and_dots(self):
        self.assertIsNone(tour.missing(["web-... 1/1 Running"], "NAME\nweb-x5   1/1     Running\n"))
        self.assertIsNone(tour.missing(["...", "a", "c"], "a\nb\nc\n"))
        self.assertEqual(tour.missing(["a", "b"], "b\na\n"), "b")
        self.assertEqual(tour.missing(["a"], "ab\n"), "a")
        self.assertEqual(tour.missing(["1.5"], "1x5\n"), "1.5")
        self.assertEqual(tour.missing(["a", "a"], "a\n"), "a")
        # A blank beside the dots ends a word.
        self.assertIsNone(tour.missing(["... Ready ..."], "tour   Ready   control-plane\n"))
        self.assertEqual(tour.missing(["... Ready ..."], "tour   NotReady   control-plane\n"), "... Ready ...")
        self.assertEqual(tour.missing(["db-0 1/1 ... 0"], "db-0 1/1 Running 10\n"), "db-0 1/1 ... 0")
        self.assertIsNone(tour.missing(["... Ready", "a ... b"], "Ready\na b\n"))

    def test_only_looking_is_done_again(self):
        def looks(command):
            return tour.Step(command, 1).looks_only()

        for command in ["kubectl get pods", "curl -s http://a/", "kubectl exec a -- ping b", "skiff why deployment/web",
                        "iptables-save -t nat | grep web", "kubectl rollout status deployment/web", "skiff chaos ls"]:
            self.assertTrue(looks(command), command)
        for command in ["kubectl apply -f x", "kubectl -n a delete pod x", "skiff up", "skiff chaos stop", "rm -r x",
                        "skiff chaos clock node/a --offset=+5m --for=5s",
                        "kubectl exec a -- sh -c 'echo x > y'", "kubectl create -f x", "etcd --name=a &"]:
            self.assertFalse(looks(command), command)


class Playing(unittest.TestCase):
    def test_one_shell_types_all_of_it(self):
        code, said = played("## 1.\n\n    $ x=4; f() { echo $x; }\n    $ sleep 60 & p=$!\n    $ f; kill $p\n    4\n")
        self.assertEqual(code, 0, said)
        self.assertIn("3 commands were typed, and 1 lines seen", said)

    def test_what_is_not_seen_fails(self):
        code, said = played("## 1.\n\n    $ echo a\n    b\n")
        self.assertEqual(code, 1)
        self.assertIn("page.md:3: echo a\n  one does not see: b", said)

    def test_so_does_a_command_that_fails(self):
        code, said = played("## 1.\n\n    $ false\n")
        self.assertEqual((code, "exit code 1" in said), (1, True))

    def test_and_one_that_should_be_refused(self):
        self.assertEqual(played("## 1.\n\n    $ false  # refused\n")[0], 0)
        code, said = played("## 1.\n\n    $ true  # refused\n")
        self.assertEqual((code, "it should have been refused" in said), (1, True))

    def test_nothing_is_typed_after_a_failure(self):
        self.assertNotIn("after", played("## 1.\n\n    $ false\n    $ echo after\n")[1].split("FAILED")[0])

    def test_looks_again_until_it_is_seen(self):
        code, said = played("## 1.\n\n    $ cat() { n=$((n + 1)); echo $n; }\n    $ cat\n    3\n")
        self.assertEqual(code, 0, said)

    def test_chapters_by_mark(self):
        page = "## 1.\n\n    $ echo one\n\n## 2.\n<!-- tour: docker -->\n\n    $ echo two\n"
        self.assertEqual([word in played(page)[1] for word in ("echo one", "echo two")], [True, False])
        self.assertEqual([word in played(page, "docker")[1] for word in ("echo one", "echo two")], [False, True])
        self.assertEqual([word in played(page, CHAPTERS="2")[1] for word in ("echo one", "echo two")], [False, True])


if __name__ == "__main__":
    unittest.main()
