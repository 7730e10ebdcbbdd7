#!/usr/bin/env python3
"""Histories that e2e/linearizable.py has to take, and those that it has to refuse."""
import itertools
import json
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import linearizable
import registers


def op(client, kind, value, begin, end, outcome="ok", old=None, key="x"):
    entry = {"client": client, "key": key, "kind": kind, "value": value, "begin": begin, "end": end, "outcome": outcome}
    return entry if old is None else {**entry, "old": old}


def write(value, begin, end, outcome="ok", client="w"):
    return op(client, "write", value, begin, end, outcome)


def read(value, begin, end, outcome="ok", client="r"):
    return op(client, "read", value, begin, end, outcome)


def swap(old, value, begin, end, outcome="ok", client="s"):
    return op(client, "swap", value, begin, end, outcome, old)


def verdict(*entries):
    return linearizable.check_register(list(entries)).is_linearizable


def by_trying_all(entries):
    """The definition itself: every order of them that keeps who ended before whom."""
    operations = linearizable.operations_of(entries)
    certain = [each for each in operations if each.end != linearizable.FOREVER]
    uncertain = [each for each in operations if each.end == linearizable.FOREVER]
    for count in range(len(uncertain) + 1):
        for some in itertools.combinations(uncertain, count):
            for order in itertools.permutations(certain + list(some)):
                if any(later.end < earlier.begin for earlier, later in itertools.combinations(order, 2)):
                    continue
                value = linearizable.INITIAL
                for each in order:
                    value = each.after(value) if value is not None else None
                if value is not None:
                    return True
    return False


class Taken(unittest.TestCase):
    def test_nothing_at_all(self):
        self.assertTrue(verdict())

    def test_one_after_the_other(self):
        self.assertTrue(verdict(read("0", 0, 1), write("a", 2, 3), read("a", 4, 5), write("b", 6, 7), read("b", 8, 9)))

    def test_while_it_is_written_a_read_may_see_either(self):
        for value in ("0", "a"):
            self.assertTrue(verdict(write("a", 0, 10), read(value, 2, 3)))

    def test_writes_at_one_time_come_in_any_order(self):
        for last in ("a", "b"):
            self.assertTrue(verdict(write("a", 0, 10), write("b", 0, 10), read(last, 11, 12)))

    def test_a_write_whose_answer_was_lost_happens_late_or_never(self):
        lost = write("a", 0, 1, "unknown")
        self.assertTrue(verdict(lost, read("0", 50, 60)))
        self.assertTrue(verdict(lost, read("0", 50, 60), read("a", 100, 110)))

    def test_of_two_swaps_at_one_time_one_fails(self):
        self.assertTrue(verdict(swap("0", "a", 0, 10), swap("0", "b", 0, 10, "failed"), read("a", 11, 12)))

    def test_what_failed_leaves_no_trace(self):
        self.assertTrue(verdict(write("a", 0, 1, "failed"), read("", 0, 1, "failed"), read("0", 2, 3)))

    def test_registers_are_looked_at_one_by_one(self):
        entries = [op("c", "write", "a", 0, 1, key="x"), op("c", "read", "0", 2, 3, key="y")]
        self.assertEqual([each.is_linearizable for each in linearizable.check(entries).values()], [True, True])


class Refused(unittest.TestCase):
    def test_a_read_of_what_is_old(self):
        self.assertFalse(verdict(write("a", 0, 1), read("0", 2, 3)))

    def test_a_read_of_what_was_never_written(self):
        self.assertFalse(verdict(read("a", 0, 1)))

    def test_a_read_before_its_write(self):
        self.assertFalse(verdict(read("a", 0, 1), write("a", 2, 3)))

    def test_a_write_that_is_lost(self):
        self.assertFalse(verdict(write("a", 0, 1), write("b", 2, 3), read("a", 4, 5)))

    def test_a_value_that_is_seen_and_then_not_any_more(self):
        # Both reads are while it is written, but one after the other.
        self.assertFalse(verdict(write("a", 0, 10), read("a", 1, 2), read("0", 3, 4)))

    def test_two_who_see_two_writes_in_two_orders(self):
        writes = [write("a", 0, 10, client="v"), write("b", 0, 10, client="w")]
        one = [read("a", 11, 12, client="p"), read("b", 13, 14, client="p")]
        self.assertFalse(verdict(*writes, *one, read("a", 15, 16, client="q")))

    def test_both_sides_of_a_cut_that_go_on(self):
        self.assertFalse(verdict(write("left", 0, 1), write("right", 2, 3, client="v"), read("left", 4, 5)))

    def test_two_swaps_of_the_same_value(self):
        self.assertFalse(verdict(swap("0", "a", 0, 10), swap("0", "b", 0, 10)))

    def test_a_write_that_failed_and_is_seen(self):
        self.assertFalse(verdict(write("a", 0, 1, "failed"), read("a", 2, 3)))

    def test_a_lost_answer_does_not_happen_before_its_question(self):
        self.assertFalse(verdict(read("a", 0, 1), write("a", 2, 3, "unknown")))

    def test_it_says_where_it_is_stuck(self):
        explanation = linearizable.check_register([write("a", 0, 1), read("0", 2, 3)]).explanation
        self.assertIn("1 of 2 operations can be ordered; then it holds a", explanation)
        self.assertIn("r: read 0, from 2 to 3", explanation)


class Searching(unittest.TestCase):
    def test_agrees_with_the_definition(self):
        """Small histories of all kinds, half of them wrong."""
        verdicts = set()
        for seed in range(400):
            draw = random.Random(seed)
            entries = []
            for number in range(draw.randint(2, 6)):
                begin = draw.randint(0, 12)
                end = begin + draw.randint(1, 8)
                value = draw.choice("0ab")
                kind = draw.choice(["read", "write", "write", "swap"])
                outcome = draw.choice(["ok", "ok", "ok", "failed", "unknown"])
                entries.append(op(f"c{number}", kind, value, begin, end, outcome,
                                  draw.choice("0ab") if kind == "swap" else None))
            expected = by_trying_all(entries)
            self.assertEqual(linearizable.check_register(entries).is_linearizable, expected, f"seed {seed}: {entries}")
            verdicts.add(expected)
        self.assertEqual(verdicts, {True, False})

    def test_a_long_history_of_many_clients(self):
        draw = random.Random(1)
        entries, value, now = [], "0", 0
        for number in range(3000):
            now += 10  # Its moment; it began and ended up to three moments off.
            begin, end = now - draw.randint(1, 30), now + draw.randint(1, 30)
            if draw.random() < 0.3:
                value = f"v{number}"
                entries.append(write(value, begin, end))
            else:
                entries.append(read(value, begin, end))
        self.assertTrue(linearizable.check_register(entries).is_linearizable)
        entries.append(read("v-never", now + 100, now + 101))
        self.assertFalse(linearizable.check_register(entries).is_linearizable)

    def test_gives_up_where_there_is_too_much(self):
        entries = [write(str(number), 0, 100) for number in range(1, 20)] + [read("never", 101, 102)]
        self.assertIsNone(linearizable.check_register(entries, states_max=1000).is_linearizable)


class Command(unittest.TestCase):
    def run_on(self, *entries, arguments=(), tail=""):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "history")
            path.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + tail, encoding="utf-8")
            command = [sys.executable, Path(__file__).with_name("linearizable.py"), *arguments, path]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout

    def test_says_what_was_seen(self):
        code, said = self.run_on(write("a", 0, 1), read("a", 2, 3), read("", 4, 5, "failed"), tail='{"client": ')
        self.assertEqual(code, 0)
        self.assertIn("1 registers, linearizable: 2 clients read 1 times and wrote 1 times; 1 were refused", said)

    def test_refuses(self):
        code, said = self.run_on(write("a", 0, 1), read("0", 2, 3))
        self.assertEqual(code, 1)
        self.assertIn("x: NOT linearizable", said)

    def test_what_a_killed_client_had_sent_may_have_happened(self):
        sent = {"client": "w", "key": "x", "kind": "write", "value": "a", "begin": 2}
        self.assertEqual(self.run_on(write("b", 0, 1), sent, read("a", 4, 5))[0], 0)
        self.assertEqual(self.run_on(write("b", 0, 1), sent, read("a", 4, 5), read("b", 6, 7))[0], 1)
        self.assertEqual(self.run_on(write("b", 0, 1), sent, {**sent, "end": 3, "outcome": "failed"},
                                     read("a", 4, 5))[0], 1)

    def test_an_empty_history_proves_nothing(self):
        self.assertEqual(self.run_on()[0], 1)
        self.assertEqual(self.run_on(read("0", 0, 1), arguments=["--at-least=2"])[0], 1)


class Client(unittest.TestCase):
    def test_a_write_is_in_the_history_before_it_is_sent(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "history")
            worker = registers.Worker("w", None, registers.History(path))
            self.addCleanup(worker.history.file.close)
            seen = []

            def ask(_method, _path, body=None):
                seen.append([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
                return 200, body or {"data": {"value": "0"}}

            worker.ask = ask
            worker.write("x")
            worker.swap("x")
            (before_write,), (_, _), (*_, before_swap) = seen
            self.assertEqual((before_write["kind"], before_write["value"]), ("write", "w-1"))
            self.assertEqual((before_swap["kind"], before_swap["old"], before_swap["value"]), ("swap", "0", "w-2"))
            self.assertNotIn("outcome", before_write)


if __name__ == "__main__":
    unittest.main()
