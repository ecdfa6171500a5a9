"""Reads and runs one transcript. The syntax is in test/README.md."""
import fnmatch
import itertools
import json
import os
import re
import subprocess
import threading
import time
import tomllib

from client import AwsError
from daemon import BINARY, PASSWORD
from jmes import search

HERE = os.path.dirname(os.path.abspath(__file__))
AWAIT = re.compile(r"""^(?:\$\s*)?await\s+'(?P<command>[^']*)'\s+(?P<check>.*?)(?:\s+within\s+(?P<seconds>\d+)s)?$""")
CHECK = re.compile(r"^(?P<path>.*?)\s+(?P<op>==|!=|=~)(?:\s+(?P<value>.*))?$")
CAPTURE = re.compile(r"^(?P<name>[A-Za-z][A-Za-z0-9_]*)\s*=\s*\$\s+(?P<command>.*)$")
NEEDS = re.compile(r"^needs\s+'(?P<command>[^']*)'\s+#\s*(?P<what>.*)$")
STATES = re.compile(r"^states\s+(?P<name>\S+)\s+==\s+(?P<states>.*)$")
UNKNOWN = re.compile(r"^Unknown options: (--[\w-]+)", re.M)
ERROR = re.compile(r"An error occurred \(([^)]+)\) when calling the (\S+) operation[^:]*: (.*)", re.S)
COMMAND_LIMIT = 180


class Failure(Exception):
    """The rest of the file makes no sense any more."""


class Missing(Failure):
    """Something that this file needs is not on this machine, or too old; nothing failed."""


class Watch:
    """Writes down every status that one instance shows, as fast as the daemon answers."""

    def __init__(self, client, name):
        self.client, self.name, self.seen, self.stopped = client, name, [], False
        self.rounds = 0
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.stopped:
            try:
                # Without an identifier: such an answer is never held back.
                found = {i.findtext("DBInstanceIdentifier"): i.findtext("DBInstanceStatus")
                         for i in self.client.instances()}
                self.note(found.get(self.name, "gone"))
            except (OSError, AwsError):
                pass
            self.rounds += 1
            time.sleep(0.004)

    def catch_up(self, seconds=30):
        """Returns when it has asked once more: on a busy machine, its last answer may be old."""
        wanted, deadline = self.rounds + 2, time.monotonic() + seconds  # one of the two began after this call
        while self.rounds < wanted and time.monotonic() < deadline:
            time.sleep(0.002)

    def note(self, status):
        if not self.seen or self.seen[-1] != status:
            self.seen.append(status)


def shown(words):
    """What a Watch writes down of these statuses, None being one that it missed."""
    return [word for word, _ in itertools.groupby(word for word in words if word)]


def value_of(text):
    """The right side of a check: JSON where it is JSON, else the text as it stands. Nothing = absent."""
    try:
        return json.loads(text) if text else None
    except json.JSONDecodeError:
        return text


class Transcript:
    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)
        self.passed = self.failed = self.skipped = 0
        self.problems, self.variables, self.watches = [], {}, {}
        self.output, self.errors, self.code = "", "", 0
        with open(path, encoding="utf-8") as f:
            self.lines = self.join(f.read().splitlines())

    @staticmethod
    def join(lines):
        """[(number, line)]; a backslash at the end joins a line with the next one."""
        joined, pending, start = [], "", 0
        for number, line in enumerate(lines, 1):
            start = start if pending else number
            if line.endswith("\\"):
                pending += line[:-1].rstrip() + " "
                continue
            joined.append((start, (pending + line.strip() if pending else line).strip()))
            pending = ""
        return joined

    def option(self, name):
        """The value of a line `# name: value`, or None."""
        for _, line in self.lines:
            m = re.match(rf"^#\s*{name}:\s*(.*)$", line)
            if m:
                return m.group(1)
        return None

    def settings(self):
        """`# daemon: own` or `# daemon: own, setting = value; ...`: further lines of the configuration file."""
        text = self.option("daemon").removeprefix("own").lstrip(", ")
        return tomllib.loads(text.replace(";", "\n"))

    # Running

    def run(self, daemon, cli, region, verbose=False):
        self.daemon, self.region, self.verbose, self.model = daemon, region, verbose, cli.model
        env = daemon.env()
        self.env = {**os.environ, **env, **cli.env, "AWS_REGION": region, "AWS_DEFAULT_REGION": region,
                    "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                    "PATH": f"{cli.directory}:{os.path.dirname(BINARY)}:{os.environ['PATH']}", "PASSWORD": PASSWORD, "PGPASSWORD": PASSWORD,
                    "PGCONNECT_TIMEOUT": "10", "PGSSLMODE": "require", "REGION": region, "URL": daemon.url,
                    "BASE": daemon.base, "TEST": os.path.dirname(HERE), "STATE": daemon.state, "LC_ALL": "C.UTF-8"}
        self.client = daemon.client(region)
        todo = list(self.lines)
        try:
            while todo:
                number, line = todo.pop(0)
                self.number = number
                if not line or line.startswith("#"):
                    continue
                if line.startswith(">"):
                    expected = [line[1:].strip()]
                    while todo and todo[0][1].startswith(">"):
                        expected.append(todo.pop(0)[1][1:].strip())
                    self.expect_output(expected)
                else:
                    self.step(line)
        except Failure:
            rest = sum(1 for _, line in todo if line and not line.startswith("#"))
            self.skipped += rest
            if rest:
                self.problems.append(f"{rest} more lines were not reached")
            raise
        finally:
            for watch in self.watches.values():
                watch.stopped = True
            self.clean()

    def step(self, line):
        m = CAPTURE.match(line)
        if m:
            self.must_succeed(m["command"])
            self.variables[m["name"]] = self.output.strip()
        elif AWAIT.match(line):
            self.wait(AWAIT.match(line))
        elif NEEDS.match(line):
            self.need(**NEEDS.match(line).groupdict())
        elif line.startswith("$ "):
            self.must_succeed(line[2:])
        elif line.startswith("! "):
            self.must_fail(line[2:])
        elif line.startswith("~ "):
            self.check(line[2:])
        elif line.startswith("watch "):
            name = line.split()[1]
            self.watches[name] = Watch(self.daemon.client(self.region), name)
        elif STATES.match(line):
            self.states(STATES.match(line))
        elif line.startswith("clock "):
            self.daemon.hook("/_test/clock", advance=line.split()[1].lstrip("+"))
            self.passed += 1
        elif line.startswith("fault "):
            _, point, action = line.split()
            self.daemon.hook("/_test/fault", point=point, action=action, nth=1)
            self.passed += 1
        elif line == "restart-daemon":
            self.daemon.stop()
            self.daemon.start()
            self.passed += 1
        elif line == "kill-daemon":
            self.daemon.kill()
            self.daemon.start()
            self.passed += 1
        else:
            self.stop(f"unknown kind of line: {line}")

    def execute(self, command):
        env = {**self.env, **self.variables}
        try:
            done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, cwd="/",
                                  stdin=subprocess.DEVNULL, timeout=COMMAND_LIMIT, check=False)
            self.output, self.errors, self.code = done.stdout, done.stderr, done.returncode
        except subprocess.TimeoutExpired:
            self.output, self.errors, self.code = "", f"not done after {COMMAND_LIMIT} s", 124
        self.command = command
        if self.verbose:
            print(f"{self.name}:{self.number}: {command}\n{self.output}{self.errors}", flush=True)

    def cli_is_too_old(self):
        """Whether the last command failed because the CLI does not know one of its options. Says so."""
        unknown = UNKNOWN.search(self.errors) if self.code != 0 else None
        if not unknown or not self.model.lacks_option(self.expand(self.command), unknown[1]):
            return False
        self.problems.append(f"{self.path}:{self.number}: this aws CLI is too old for {unknown[1]}")
        return True

    def must_succeed(self, command):
        self.execute(command)
        if self.cli_is_too_old():
            raise Missing
        if self.code != 0:
            self.stop(f"exit code {self.code}: {self.errors.strip() or self.output.strip()}")
        self.passed += 1

    def need(self, command, what):
        self.execute(command)
        if self.code != 0:
            self.problems.append(f"{self.path}:{self.number}: this machine lacks {what}")
            raise Missing

    def must_fail(self, line):
        """`! command  # Code`, `! command  # Code: part of the message`, other commands: `# part of stderr`."""
        command, _, expected = line.rpartition(" # ")
        if not command:
            self.stop("a line with ! says after ' # ' which error must come")
        command, expected = command.strip(), expected.strip()
        self.execute(command)
        if self.code == 0:
            return self.problem(f"succeeded, but must fail with {expected}")
        if self.cli_is_too_old():
            self.skipped += 1
            return None
        m = ERROR.search(self.errors)
        if not m:
            if command.startswith("aws ") or expected not in self.errors:
                return self.problem(f"must fail with {expected}, but said: {self.errors.strip()}")
            self.passed += 1
            return None
        code, _, fragment = expected.partition(":")
        fragment = os.path.expandvars(self.expand(fragment.strip()))
        if m[1] != code or fragment not in " ".join(m[3].split()):
            return self.problem(f"must fail with {code}: {fragment}\n    but got {m[1]}: {m[3].strip()}")
        self.passed += 1
        return None

    def expand(self, text):
        return re.sub(r"\$\{?([a-zA-Z_][a-zA-Z0-9_]*)\}?",
                      lambda m: self.variables.get(m[1], self.env.get(m[1], m[0])), text)

    def holds(self, check):
        """None when the check holds for the last output, else what is there instead."""
        m = CHECK.match(check)
        if not m:
            self.stop(f"cannot read the check {check!r}")
        try:
            found = search(self.expand(m["path"]), json.loads(self.output or "null"))
        except (ValueError, KeyError, TypeError) as e:
            return f"{e}; output: {self.output.strip()[:300]}"
        wanted = value_of(self.expand(m["value"] or ""))
        if m["op"] == "=~":
            good = isinstance(found, str) and re.search(str(wanted), found) is not None
        else:
            same = found == wanted or (isinstance(found, str) and found == self.expand(m["value"] or ""))
            good = same == (m["op"] == "==")
        return None if good else f"{m['path']} is {json.dumps(found)}, wanted {m['op']} {m['value'] or 'nothing'}"

    def check(self, text):
        wrong = self.holds(text)
        if wrong and self.model.lacks_member(self.command, CHECK.match(text)["path"]):
            self.skipped += 1
        elif wrong:
            self.problem(wrong)
        else:
            self.passed += 1

    def wait(self, m):
        deadline, wrong = time.monotonic() + int(m["seconds"] or 60), None
        pause = 0.1
        while time.monotonic() < deadline:
            self.execute(m["command"])
            failed = ERROR.search(self.errors) if self.code else None
            wrong = (f"{failed[1]}: {failed[3].strip()}" if failed else self.errors) if self.code else self.holds(m["check"])
            # `await '...' fails CODE`: the error is what we wait for.
            if m["check"].startswith("fails ") and failed and failed[1] == m["check"][6:].strip():
                wrong = None
            if wrong is None:
                self.passed += 1
                return
            time.sleep(pause)
            pause = min(0.5, pause * 1.5)
        self.stop(f"not within {m['seconds'] or 60} s: {wrong}")

    def states(self, m):
        """The watched instance showed exactly these statuses, in this order; "(x)" may be missing (too short to see)."""
        watch = self.watches.get(m["name"])
        if not watch:
            self.stop(f"no `watch {m['name']}` before this line")
        words = [word.strip() for word in m["states"].replace("->", ",").split(",")]
        choices = [(word[1:-1], None) if word.startswith("(") else (word,) for word in words]
        watch.catch_up()
        if not any(shown(chosen) == watch.seen for chosen in itertools.product(*choices)):
            return self.problem(f"{m['name']} showed {' -> '.join(watch.seen)}")
        watch.seen[:] = watch.seen[-1:]
        self.passed += 1
        return None

    def expect_output(self, expected):
        actual = [line.rstrip() for line in self.output.rstrip("\n").splitlines()]
        for i, want in enumerate(expected):
            if want == "...":
                break
            got = actual[i] if i < len(actual) else "(no more lines)"
            pattern = self.expand(want).replace("[", "[[]")
            if not fnmatch.fnmatchcase(" ".join(got.split()), " ".join(pattern.split())):
                self.problem(f"line {i + 1} is {got!r}, wanted {want!r}")
                return
        else:
            if len(actual) > len(expected):
                self.problem(f"more output than expected: {actual[len(expected)]!r}")
                return
        self.passed += 1

    # Telling

    def problem(self, why):
        self.failed += 1
        self.problems.append(f"{self.path}:{self.number}: {getattr(self, 'command', '')}\n    {why}")

    def stop(self, why):
        self.problem(why)
        raise Failure

    def summary(self, seconds):
        word = "FAILED  " if self.failed else "ok      "
        text = f"{word} {self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped ({seconds:.0f} s)"
        if self.option("seed"):
            text += f"\n           seed {self.option('seed')}"
        return "\n".join([text] + ["  " + line for p in self.problems for line in p.splitlines()])

    def clean(self):
        """Deletes every instance of the region, so that a long run does not gather servers."""
        try:
            for i in self.client.instances():
                name = i.findtext("DBInstanceIdentifier")
                if i.findtext("DeletionProtection") == "true":
                    self.client.rds("ModifyDBInstance", DBInstanceIdentifier=name, DeletionProtection=False)
                self.client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        except (OSError, AwsError):
            pass  # whatever is left ends with the daemon
