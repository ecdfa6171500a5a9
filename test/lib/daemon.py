"""A howdah of one's own: fresh state directory, free port, own address range; gone without a trace afterwards."""
import glob
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import procs
from client import AwsError, Client

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("HOWDAH", os.path.join(ROOT, os.environ.get("HOWDAH_BUILD", "build"), "howdah"))
PASSWORD = "correct-horse-battery-9"
PREFIX = "/var/tmp/howdah-test-"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def free_range():
    """A /16 in 127.0.0.0/8 where nothing listens; two runs at a time practically never meet."""
    while True:
        prefix = f"127.{random.randrange(32, 250)}."
        if not procs.listening(prefix):
            return prefix


def wait_for(what, check, seconds=30, every=0.05, describe=None):
    """The first true answer of check(); fails saying `what` did not come, and what describe() says then."""
    deadline, last = time.monotonic() + seconds, None
    while True:
        last = check()
        if last:
            return last
        if time.monotonic() > deadline:
            seen = describe() if describe else f"last answer: {last!r}"
            raise AssertionError(f"{what}: not within {seconds} s ({seen})")
        time.sleep(every)


class Daemon:
    """`settings`: further lines of its configuration file (TOML). `hooks`: run with --test-hooks."""

    def __init__(self, name="t", region="eu-west-2", hooks=True, settings=None, base=None):
        if base is None:
            self.base = tempfile.mkdtemp(prefix=f"{PREFIX}{name}-")
        else:
            self.base = tempfile.mkdtemp(prefix=f"{name}-", dir=base)
        os.chmod(self.base, 0o711)
        self.state, self.log = f"{self.base}/state", f"{self.base}/daemon.log"
        self.region, self.hooks = region, hooks
        self.port, self.prefix = free_port(), free_range()
        self.process = None
        self.hosts = f"{self.base}/hosts"
        self.settings = {"region": region, "instance_addresses": f"{self.prefix}0.0/16", "names": "address",
                         "hosts_file": self.hosts, "instance_uid_base": 100000 + 1000 * int(self.prefix.split(".")[1]),
                         **(settings or {})}
        with open(self.hosts, "w", encoding="utf-8") as f:
            f.write("127.0.0.1 localhost\n")
        self.write_config()

    def write_config(self):
        top = [(n, v) for n, v in self.settings.items() if not isinstance(v, dict)]
        tables = [(n, v) for n, v in self.settings.items() if isinstance(v, dict)]
        with open(f"{self.base}/howdah.toml", "w", encoding="utf-8") as f:
            for name, value in top:
                f.write(f"{name} = {json.dumps(value)}\n")
            for name, table in tables:
                f.write(f"[{name}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in table.items()))

    # Life

    def command(self):
        line = [BINARY, "serve", "--config", f"{self.base}/howdah.toml", "--state-dir", self.state,
                "--listen", f"127.0.0.1:{self.port}"]
        return line + (["--test-hooks"] if self.hooks else [])

    def start(self, wait=True):
        with open(self.log, "ab") as log:
            # A group of its own: Ctrl-C at the tests must not reach it before cleanup() does.
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd="/", start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    @property
    def pid(self):
        return self.process.pid

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"howdah ended with {self.process.returncode}:\n{self.tail()}")
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            c.request("GET", "/my-ip")
            ok = c.getresponse().status == 200
            c.close()
            return ok
        except (OSError, http.client.HTTPException):
            return False

    def wait_ready(self, seconds=30):
        wait_for("first answer of howdah", self.answers, seconds, 0.01)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """A clean end; instances keep running (static stability)."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"howdah did not end within 15 s of SIGTERM:\n{self.tail()}") from None

    def dead(self):
        return self.process.poll() is not None

    def cleanup(self, keep=False):
        """Ends the daemon and every server that it started. Returns the pids that were still there."""
        if self.process and not self.dead():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        left = procs.stop_servers(self.base)
        if os.geteuid() == 0:  # else all servers of the machine may be this user's
            first = self.settings["instance_uid_base"]
            procs.remove_shared_memory(range(first, first + 1000))
        if not keep:
            shutil.rmtree(self.base, ignore_errors=True)
        return left

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind and kind is not KeyboardInterrupt:
            print(f"--- end of {self.log}:\n{self.tail()}\n---", flush=True)
        self.cleanup()

    def tail(self, lines=40):
        """The log's last lines, without those about requests."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return "\n".join([line.rstrip()[:500] for line in f if " info audit " not in line][-lines:])
        except OSError:
            return "(no log)"

    # Ways in

    def env(self):
        """What `howdah env` exports, as a dictionary."""
        text = subprocess.run([BINARY, "env", "--state-dir", self.state, "--config", f"{self.base}/howdah.toml"],
                              check=True, capture_output=True, text=True).stdout
        shell = subprocess.run(["env", "-i", "bash", "-c", text + "\nenv -0"], check=True, capture_output=True)
        found = dict(item.split("=", 1) for item in shell.stdout.decode().split("\0") if "=" in item)
        found = {n: v for n, v in found.items() if n.startswith("AWS_") or n.startswith("HOWDAH_")}
        # The file says the configured address; this run listens where --listen said.
        found["AWS_ENDPOINT_URL"] = self.url
        return found

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, region=None):
        env = self.env()
        return Client("127.0.0.1", self.port, env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"],
                      region or self.region)

    def hook(self, path, **body):
        """POST to a test hook; its answer as text."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            answer = c.getresponse()
            text = answer.read().decode()
        finally:
            c.close()
        assert answer.status == 200, f"{path} {body}: {answer.status} {text}"
        return text

    def flows(self):
        """{table: [step, ...]} of the daemon's workflow tables."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request("GET", "/_test/flows")
            answer = c.getresponse()
            text = answer.read()
        finally:
            c.close()
        assert answer.status == 200, f"/_test/flows: {answer.status} {text!r}"
        return json.loads(text)

    # What the machine says

    def postmasters(self):
        return procs.postmasters(self.base)

    def listening(self):
        return procs.listening(self.prefix)

    def interim_bases(self):
        """What the manifests say of the complete bases that no snapshot names."""
        found = []
        for path in glob.glob(f"{self.state}/bases/*/manifest.json"):
            if "." in os.path.basename(os.path.dirname(path)):
                continue
            try:
                with open(path, encoding="utf-8") as f:
                    base = json.load(f)["base"]
            except FileNotFoundError:
                continue  # it went meanwhile
            if base.get("interim"):
                found.append(base)
        return found

    def files(self):
        """Every directory and file name in the state directory, but the inside of data directories."""
        found = set()
        for where, directories, files in os.walk(self.state):
            if "PG_VERSION" in files:
                directories[:] = []
                files = []
            for name in directories + files:
                found.add(os.path.relpath(os.path.join(where, name), self.state))
        return found


def create(client, name, wait=True, seconds=60, **more):
    """CreateDBInstance with small defaults; waits until it is available."""
    params = {"DBInstanceClass": "db.t3.micro", "Engine": "postgres", "MasterUsername": "root1",
              "MasterUserPassword": PASSWORD, "AllocatedStorage": 20, "BackupRetentionPeriod": 0, "DBName": "app"}
    client.rds("CreateDBInstance", DBInstanceIdentifier=name, **{**params, **more})
    if wait:
        available(client, name, seconds)


def far_windows():
    """Of an instance whose windows are not to begin by themselves while a test runs."""
    hour = time.gmtime().tm_hour
    backup, maintenance = (hour + 12) % 24, (hour + 6) % 24
    return {"PreferredBackupWindow": f"{backup:02}:00-{backup:02}:30",
            "PreferredMaintenanceWindow": f"sun:{maintenance:02}:00-sun:{maintenance:02}:30"}


def available(client, name, seconds=60):
    reach(client, name, "available", seconds)


def reach(client, name, status, seconds=60):
    wait_for(f"{name} {status}", lambda: client.status(name) == status, seconds)


def endpoint(client, name):
    node = client.instance(name)
    return node.findtext("Endpoint/Address"), int(node.findtext("Endpoint/Port"))


def psql(address, port, sql, user="root1", password=PASSWORD, database="app", check=True, options="sslmode=require",
         timeout=30):
    """Output of one psql call, unaligned, or its CompletedProcess when `check` is off."""
    done = subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql,
         f"host={address} port={port} user={user} dbname={database} connect_timeout=10 {options}"],
        env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True, timeout=timeout, check=False)
    if not check:
        return done
    assert done.returncode == 0, f"psql -c {sql!r}: {done.stderr}"
    return done.stdout.strip()


__all__ = ["AwsError", "BINARY", "Client", "Daemon", "PASSWORD", "ROOT", "available", "create", "endpoint", "free_port",
           "psql", "reach", "wait_for"]
