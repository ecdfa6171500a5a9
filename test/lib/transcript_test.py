"""Unit tests of the transcript runner, with a small shell function in place of the aws CLI."""
import os
import tempfile
import time
import unittest
import xml.etree.ElementTree

from cli_model import CliModel
from client import AwsError
from transcript import Failure, Transcript

FAKE_AWS = """#!/bin/sh
case "$1" in
  say) shift; echo "$@";;
  rds) echo "Unknown options: --colour, red" >&2; exit 252;;
  *) echo "An error occurred ($1) when calling the X operation (reached max retries: 2): it is $2, so no" >&2; exit 254;;
esac
"""


class FakeDaemon:
    base = state = "/nowhere"
    url = "http://nowhere"
    hooks = []

    def env(self):
        return {}

    def client(self, _):
        return self

    def instances(self):
        return []

    def hook(self, path, **body):
        self.hooks.append((path, body))


class SlowDaemon(FakeDaemon):
    """Its one instance is `after` once the file is there; it takes a while to say so."""

    def __init__(self, file):
        self.file = file

    def instances(self):
        status = "after" if os.path.exists(self.file) else "before"
        time.sleep(0.2)
        return [xml.etree.ElementTree.fromstring(
            f"<x><DBInstanceIdentifier>a</DBInstanceIdentifier><DBInstanceStatus>{status}</DBInstanceStatus></x>")]

    def rds(self, operation, **_):
        raise AwsError(404, "DBInstanceNotFound", operation)


class FakeCli:
    env = {}

    def __init__(self, directory, model):
        self.directory, self.model = directory, model
        with open(f"{directory}/aws", "w", encoding="utf-8") as f:
            f.write(FAKE_AWS)
        os.chmod(f"{directory}/aws", 0o755)


class OldModel(CliModel):
    """A CLI that knows one operation."""

    def service(self, name):
        return {"operations": {"DescribeThings": {"input": {"shape": "In"}, "output": {"shape": "Out"}}},
                "shapes": {"In": {"members": {"MaxRecords": {"shape": "S"}}}, "S": {"type": "string"},
                           "Out": {"members": {"Things": {"shape": "L"}}}, "L": {"type": "list", "member": {"shape": "T"}},
                           "T": {"members": {"Name": {"shape": "S"}}}}}


class OldCli(unittest.TestCase):
    def test_members_and_options(self):
        old = OldModel("python3")
        for path, lacks in (("Things[0].Name", False), ("Things[0].Colour", True), ("Things[?Name=='a'].Name", False),
                            ("length(Things)", False), ("Others", True)):
            self.assertEqual(old.lacks_member("aws rds describe-things", path), lacks, path)
        self.assertFalse(old.lacks_option("aws rds describe-things", "--max-records"))
        self.assertTrue(old.lacks_option("aws rds describe-things", "--colour"))
        self.assertFalse(old.lacks_member("aws rds describe-others", "Others"))


class Run(unittest.TestCase):
    def run_text(self, text, model=CliModel(None), daemon=FakeDaemon()):
        with tempfile.TemporaryDirectory() as directory:
            with open(f"{directory}/x.t", "w", encoding="utf-8") as f:
                f.write(text)
            t = Transcript(f"{directory}/x.t")
            try:
                t.run(daemon, FakeCli(directory, model), "eu-test-1")
            except Failure:
                pass
            return t

    def good(self, text, passed):
        t = self.run_text(text)
        self.assertEqual((t.passed, t.failed, t.skipped), (passed, 0, 0), t.problems)

    def bad(self, text, fragment, skipped=0):
        t = self.run_text(text)
        self.assertEqual((t.failed, t.skipped), (1, skipped), t.problems)
        self.assertIn(fragment, "\n".join(t.problems))

    def test_success_and_failure(self):
        self.good("# a comment\n\n$ true\n$ aws say x\n", 2)
        self.bad("$ false\n$ true\n# end\n", "exit code 1", skipped=1)

    def test_error_codes(self):
        self.good("! aws DBInstanceNotFound a   # DBInstanceNotFound\n", 1)
        self.good("! aws Bad a   # Bad: it is a, so\n", 1)
        self.bad("! aws Bad a   # Bad: it is b\n", "it is a")
        self.bad("! aws Bad a   # Worse\n", "got Bad")
        self.bad("! aws say a   # Worse\n", "succeeded")
        self.bad("! aws say a\n", "which error")
        self.good("! echo no such thing >&2; false  # no such\n", 1)

    def test_options_that_the_cli_does_not_know(self):
        old, hint = OldModel("python3"), "x.t:2: this aws CLI is too old for --colour"
        for text, passed, skipped in (("! aws $paint # Ugly\n$ true\n", 2, 1), ("$ aws $paint\n$ true\n$ true\n", 1, 2)):
            t = self.run_text("paint = $ echo rds describe-things --colour red\n" + text, old)
            self.assertEqual((t.passed, t.failed, t.skipped), (passed, 0, skipped), t.problems)
            self.assertIn(hint, t.problems[0])
        self.bad("! aws rds describe-things --colour red # Ugly\n", "Unknown options")  # of a CLI that may know it

    def test_checks(self):
        self.good("""$ aws say '{"a": [{"b": 1}, {"b": "x y"}], "c": true}'\n~ a[0].b == 1\n~ a[1].b == x y\n~ a[1].b =~ ^x
                     ~ c == true\n~ d ==\n~ a[].b == [1, "x y"]\n~ c != false\n""", 8)
        self.bad("""$ aws say '{"a": 1}'\n~ a == 2\n""", "a is 1")
        self.bad("$ aws say text\n~ a == 2\n", "output: text")

    def test_output(self):
        self.good("$ printf 'one\\ntwo  2\\n'\n> one\n> two*\n", 2)
        self.good("$ printf 'one\\ntwo\\n'\n> one\n> ...\n", 2)
        self.good("$ echo '[a]'\n> [a]\n", 2)
        self.bad("$ printf 'one\\ntwo\\n'\n> one\n", "more output")
        self.bad("$ echo one\n> one\n> two\n", "no more lines")

    def test_variables_and_joined_lines(self):
        self.good("x = $ aws say \\\n   5\n$ echo $x$REGION\n> 5eu-test-1\n! aws E $x # E: it is $x\n", 4)

    def test_await(self):
        self.good("await 'echo {}' a ==\n$ await 'echo {}' a == within 3s\n", 2)
        self.good("await 'aws Gone x' fails Gone within 3s\n", 1)
        self.bad("await 'echo {}' a == 1 within 1s\n$ true", "not within 1 s", skipped=1)

    def test_states_of_a_daemon_that_answers_late(self):
        with tempfile.TemporaryDirectory() as directory:
            text = f"watch a\n$ sleep 0.3\n$ touch {directory}/x\nstates a == before, after\n"
            t = self.run_text(text, daemon=SlowDaemon(f"{directory}/x"))
        self.assertEqual((t.passed, t.failed), (3, 0), t.problems)

    def test_a_state_too_short_to_be_seen(self):
        with tempfile.TemporaryDirectory() as directory:
            for states, right in (("before, (during), after", True), ("before, (x), before, after", True),
                                  ("before, x, before, after", False),
                                  ("before, (after)", True), ("(before), (x)", False)):
                text = f"watch a\n$ sleep 0.3\n$ touch {directory}/x\nstates a == {states}\n"
                t = self.run_text(text, daemon=SlowDaemon(f"{directory}/x"))
                self.assertEqual(t.failed, 0 if right else 1, f"{states}: {t.problems}")
                os.unlink(f"{directory}/x")

    def test_hooks(self):
        FakeDaemon.hooks.clear()
        self.good("clock +7d\n", 1)
        self.assertEqual(FakeDaemon.hooks, [("/_test/clock", {"advance": "7d"})])

    def test_options(self):
        with tempfile.NamedTemporaryFile("w", suffix=".t") as f:
            f.write('# daemon: own, region = "us-east-1"; engine_version_policy = "nearest-minor"\n# region: us-east-1\n')
            f.flush()
            t = Transcript(f.name)
        self.assertEqual(t.settings(), {"region": "us-east-1", "engine_version_policy": "nearest-minor"})
        self.assertEqual(t.option("region"), "us-east-1")
        self.assertIsNone(t.option("root"))

    def test_unknown_line(self):
        self.bad("what is this\n", "unknown kind of line")


if __name__ == "__main__":
    unittest.main()
