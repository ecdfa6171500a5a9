#!/usr/bin/env python3
"""The daemon from outside: signatures, errors, local routes, hostile HTTP, start-up and stop. Standard library only; the
real CLI is used where its behaviour is what matters."""
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import AwsError, Client  # noqa: E402
from daemon import BINARY, Daemon, free_port, wait_for  # noqa: E402
from report import Report, Skip  # noqa: E402


def refused(code, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except AwsError as e:
        assert e.code == code, f"expected {code}, got {e}"
        return e
    raise AssertionError(f"accepted; expected {code}")


class Cases:
    def __init__(self, daemon):
        self.d, self.c = daemon, daemon.client()

    def identity(self):
        answer = self.c.call("sts", "GetCallerIdentity")
        assert answer.findtext(".//Arn") == "arn:aws:iam::123456789012:user/admin"
        assert answer.findtext(".//Account") == "123456789012"
        key = self.c.call("sts", "GetAccessKeyInfo", AccessKeyId=self.c.key)
        assert key.findtext(".//Account") == "123456789012"
        refused("ValidationError", self.c.call, "sts", "GetAccessKeyInfo", AccessKeyId="AKIAAAAAAAAAAAAAAAAA")

    def signatures(self):
        assert refused("SignatureDoesNotMatch", self.c.other(secret="wrong").call, "sts", "GetCallerIdentity").status == 403
        assert refused("InvalidClientTokenId", self.c.other(key="AKIAX").call, "sts", "GetCallerIdentity").status == 403
        body = b"Action=GetCallerIdentity&Version=2011-06-15"
        status, _, text = self.c.raw("POST", "/", body, {"content-type": "application/x-www-form-urlencoded"})
        assert status == 403 and b"MissingAuthenticationToken" in text, text
        # A body that was changed on the way.
        good, headers = self.c.request("sts", "GetCallerIdentity")
        status, _, text = self.c.raw("POST", "/", good + b"&X=1", headers)
        assert status == 403 and b"SignatureDoesNotMatch" in text, text

    def unimplemented(self):
        """4xx, never 5xx: SDKs repeat those for minutes."""
        e = refused("InvalidAction", self.c.call, "sts", "AssumeRole", RoleArn="arn:aws:iam::123456789012:role/rrrr",
                    RoleSessionName="abc")
        assert e.status == 400 and e.message == "AssumeRole is not implemented by Howdah yet.", e
        assert refused("InvalidAction", self.c.rds, "NoSuchAction").status == 400
        e = refused("InvalidParameterCombination", self.c.rds, "SwitchoverReadReplica", DBInstanceIdentifier="x")
        assert "Oracle" in e.message
        assert self.c.rds("DescribeReservedDBInstances").findall(".//ReservedDBInstance") == []
        refused("ReservedDBInstanceNotFound", self.c.rds, "DescribeReservedDBInstances", ReservedDBInstanceId="x")

    def local_routes(self):
        for path, want in (("/my-ip", b"127.0.0.1\n"), ("/health", b"ok\n")):
            status, headers, text = self.c.raw("GET", path)
            assert (status, text) == (200, want), (path, status, text)
            assert headers["Server"] == "howdah" and headers["Date"].endswith("GMT"), headers

    def clock(self):
        self.d.hook("/_test/clock", advance="7d")
        self.c.call("sts", "GetCallerIdentity")  # signatures are about the real time

    def hostile(self):
        """Clients that send rubbish or nothing do not disturb the next one."""
        held = []
        for rubbish in (b"", b"GET / HTTP/1.1\r\nHost:", b"\x16\x03\x01\x02\x00", b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 4000,
                        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n",
                        b"GET / HTTP/9.9\r\n\r\n", b"GET /%00%ff HTTP/1.1\r\nHost: h\r\n\r\n"):
            s = socket.create_connection(("127.0.0.1", self.d.port))
            s.sendall(rubbish)
            held.append(s)
        start = time.monotonic()
        self.c.call("sts", "GetCallerIdentity")
        assert time.monotonic() - start < 1
        for s in held:
            s.close()

    def command_line(self):
        """What a user types: the real CLI after `eval "$(howdah env)"`, in a POSIX shell."""
        if not shutil.which("aws"):
            raise Skip("the aws CLI is not installed")
        flags = f"--state-dir {self.d.state} --config {self.d.base}/howdah.toml --listen 127.0.0.1:{self.d.port}"
        script = f"""set -e; eval "$('{BINARY}' env {flags})"
            aws sts get-caller-identity --query Arn --output text
            aws rds describe-db-security-groups --region us-east-1 --query 'length(DBSecurityGroups)'
            AWS_SECRET_ACCESS_KEY=wrong aws sts get-caller-identity || true"""
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.split() == ["arn:aws:iam::123456789012:user/admin", "0"], (done.stdout, done.stderr)
        assert "(SignatureDoesNotMatch)" in done.stderr, done.stderr

    def secrets_on_disk(self):
        for name in os.listdir(self.d.state):
            mode = os.stat(f"{self.d.state}/{name}").st_mode
            if stat.S_ISREG(mode):
                assert not mode & 0o077, f"{name} has mode {oct(mode)}"
        status = open(f"/proc/{self.d.pid}/limits", encoding="utf-8").read()
        core = next(line for line in status.splitlines() if line.startswith("Max core"))
        assert core.split()[4] == "0", core


def same_identity_after_restart():
    with Daemon("api") as d:
        before = d.env()["AWS_ACCESS_KEY_ID"]
        d.kill()
        os.remove(f"{d.state}/credentials")
        d.start()
        assert d.env()["AWS_ACCESS_KEY_ID"] == before
        d.client().call("sts", "GetCallerIdentity")


def one_daemon_a_state_directory():
    with Daemon("api") as d:
        second = subprocess.run([BINARY, "serve", "--config", f"{d.base}/howdah.toml", "--state-dir", d.state, "--listen",
                                 f"127.0.0.1:{free_port()}"], capture_output=True, text=True, timeout=20, check=False)
        assert second.returncode == 1 and str(d.pid) in second.stderr, second.stderr


def clear_start_errors():
    base = tempfile.mkdtemp(prefix="/var/tmp/howdah-test-start-")
    try:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for flags, want in ((["--listen", address], address), (["--listen", "0.0.0.0:0"], "without TLS"),
                                (["--listen", "4566"], "ADDRESS:PORT"), (["--config", "/nonexistent.toml"], "/nonexistent.toml"),
                                (["--config", f"{base}/bad.toml"], "bad.toml:2: there is no setting 'prot'")):
                with open(f"{base}/bad.toml", "w", encoding="utf-8") as f:
                    f.write("\nprot = 1\n")
                done = subprocess.run([BINARY, "serve", "--state-dir", f"{base}/s", *flags], capture_output=True, text=True,
                                      timeout=20, check=False)
                assert done.returncode in (1, 2) and want in done.stderr, (flags, done.returncode, done.stderr)
    finally:
        shutil.rmtree(base)


def hooks_are_off_by_default():
    with Daemon("api", hooks=False) as d:
        c = Client("127.0.0.1", d.port, "x", "y")
        for path in ("/_test/clock", "/_test/fault", "/_test/reset", "/moto-api/reset"):
            status, _, _ = c.raw("POST", path, json.dumps({"advance": "7d", "point": "a", "action": "kill"}).encode())
            assert status == 404, (path, status)


def fault_points_are_known():
    """Every step of every flow is armed by its name; a name that nothing passes is refused, naming what is there."""
    with Daemon("api") as d:
        c = Client("127.0.0.1", d.port, "x", "y")

        def arm(point, action="release"):
            status, _, body = c.raw("POST", "/_test/fault", json.dumps({"point": point, "action": action}).encode())
            return status, body.decode()

        steps = [f"{table}/{step}" for table, all_steps in d.flows().items() for step in all_steps]
        assert "create-instance/open-to-clients" in steps, steps
        for point in ["pg.volume", "pg.volume:made", *(f"flow.{kind}:{s}" for kind in ("begin", "act", "step") for s in steps)]:
            assert arm(point)[0] == 200, (point, arm(point))
        for wrong, near in (("flow.act:create-instance", "flow.act:create-instance/start-server"),
                            ("flow.begin:create-snapshot/copy", "flow.begin:create-snapshot/copy-files"),
                            ("pg.volume:mode", "pg.volume:made")):
            status, body = arm(wrong, "hold")
            assert status == 400 and near in body, (wrong, status, body)


def reports_to_systemd():
    base = tempfile.mkdtemp(prefix="/var/tmp/howdah-test-notify-")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(f"{base}/notify")
            s.settimeout(20)
            p = subprocess.Popen([BINARY, "serve", "--state-dir", f"{base}/s", "--listen", f"127.0.0.1:{free_port()}"],
                                 env={**os.environ, "NOTIFY_SOCKET": f"{base}/notify"}, stderr=subprocess.DEVNULL)
            try:
                assert s.recv(100) == b"READY=1"
                p.send_signal(signal.SIGTERM)
                assert s.recv(100) == b"STOPPING=1"
                assert p.wait(20) == 0
            finally:
                if p.poll() is None:
                    p.kill()
    finally:
        shutil.rmtree(base)


def tls():
    base = tempfile.mkdtemp(prefix="/var/tmp/howdah-test-tls-")
    try:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=howdah",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{base}/key.pem", "-out", f"{base}/cert.pem"],
                       check=True, capture_output=True)
        d = Daemon("api", settings={"tls_certificate": f"{base}/cert.pem", "tls_key": f"{base}/key.pem"})
        try:
            d.start(wait=False)
            curl = ["curl", "-sS", "-m", "5", "--cacert", f"{base}/cert.pem", f"https://127.0.0.1:{d.port}/my-ip"]
            wait_for("TLS", lambda: subprocess.run(curl, capture_output=True, check=False).stdout == b"127.0.0.1\n", 20)
            env = subprocess.run([BINARY, "env", "--state-dir", d.state, "--config", f"{d.base}/howdah.toml", "--listen",
                                  f"127.0.0.1:{d.port}"], capture_output=True, text=True, check=True).stdout
            assert f"AWS_CA_BUNDLE='{base}/cert.pem'" in env and f"https://127.0.0.1:{d.port}" in env, env
            with socket.create_connection(("127.0.0.1", d.port)) as plain:  # not TLS: closed, and nobody else suffers
                plain.settimeout(10)
                plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
                plain.recv(100)
            assert subprocess.run(curl, capture_output=True, check=False).stdout == b"127.0.0.1\n"
            if shutil.which("aws"):
                script = f"{env}\naws sts get-caller-identity --query Account --output text"
                done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
                assert done.stdout == "123456789012\n", (done.stdout, done.stderr)
        finally:
            d.cleanup()
    finally:
        shutil.rmtree(base)


def doctor():
    base = tempfile.mkdtemp(prefix="/var/tmp/howdah-test-doctor-")
    try:
        os.chmod(base, 0o711)
        done = subprocess.run([BINARY, "doctor", "--state-dir", f"{base}/s", "--listen", f"127.0.0.1:{free_port()}"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        bad = subprocess.run([BINARY, "doctor", "--state-dir", "/proc/nothing"], capture_output=True, text=True,
                             timeout=60, check=False)
        assert bad.returncode == 1 and "MISSING state directory" in bad.stdout, bad.stdout
    finally:
        shutil.rmtree(base)


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    with Daemon("api") as d:
        cases = Cases(d)
        for name in ("identity", "signatures", "unimplemented", "local_routes", "hostile", "command_line",
                     "secrets_on_disk", "clock"):
            report.run(name, getattr(cases, name))
    for test in (same_identity_after_restart, one_daemon_a_state_directory, clear_start_errors, hooks_are_off_by_default,
                 fault_points_are_known, reports_to_systemd, tls, doctor):
        report.run(test.__name__, test)
    report.finish()


if __name__ == "__main__":
    main()
