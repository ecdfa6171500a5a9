#!/usr/bin/env python3
"""DescribeDBInstances against moto_server: requests signed beforehand and replayed over kept-alive connections, the two
servers in turns. The figure to compare is the server's CPU time a request, which a busy machine leaves alone."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from common import install, median, percentile, verdict
from client import Client
from daemon import Daemon, create, free_port, wait_for
import procs

ROUNDS = 3
SIZES = [1, 100, 1000]
REGION = {1: "eu-west-1", 100: "eu-west-2", 1000: "eu-west-3"}  # regions share nothing; moto knows AWS's only


class Moto:
    def __init__(self):
        self.port = free_port()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(["moto_server", "-p", str(self.port)], stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        wait_for("moto_server", self.answers, 30)
        self.pid = self.find()

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def find(self):
        """The process that listens: moto_server may stand behind a wrapper."""
        tree = [self.process.pid]
        for pid in sorted(procs.pids()):
            if procs.parent(pid) in tree:
                tree.append(pid)
        return tree[-1]

    def client(self, region):
        return Client("127.0.0.1", self.port, "AKIAIOSFODNN7EXAMPLE", "secret", region)

    def fill(self, region, count):
        client = self.client(region)
        for n in range(count):
            create(client, f"bench-{n:04}", wait=False)

    def close(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


class Ours:
    def __init__(self):
        self.daemon = Daemon("bench", settings={"quotas": {"DBInstances": 5000}}).start()
        self.pid = self.daemon.pid
        self.port = self.daemon.port

    def client(self, region):
        return self.daemon.client(region)

    def fill(self, region, count):
        self.daemon.hook("/_test/instances", count=count, region=region)

    def close(self):
        self.daemon.cleanup()


def raw_request(client, **params):
    body, headers = client.request("rds", "DescribeDBInstances", **params)
    lines = ["POST / HTTP/1.1"] + [f"{n}: {v}" for n, v in headers.items()] + [f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class Wire:
    """One connection; reconnects when the server closes it (moto does after each answer)."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def ask(self, request):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more()
        head, _, body = data.partition(b"\r\n\r\n")
        assert b" 200" in head.split(b"\r\n")[0], (head, body[:300])
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        while len(body) < length:
            body += self.more()
        if re.search(rb"(?i)connection: *close", head) or head.startswith(b"HTTP/1.0"):
            self.socket.close()
            self.socket = None
        return body

    def more(self):
        data = self.socket.recv(262144)
        assert data, "connection closed in the middle of an answer"
        return data


def replay(server, request, seconds):
    """(CPU ms a request, p50 ms, p99 ms) over one connection."""
    wire, took = Wire(server.port), []
    wire.ask(request)
    cpu, end = procs.cpu_seconds(server.pid), time.monotonic() + seconds
    while time.monotonic() < end or len(took) < 5:
        start = time.perf_counter()
        wire.ask(request)
        took.append(time.perf_counter() - start)
    cpu = procs.cpu_seconds(server.pid) - cpu
    return 1000 * cpu / len(took), 1000 * median(took), 1000 * percentile(took, 99)


def wrk(server, client, connections, **params):
    """Requests a second over `connections` connections, or None without wrk."""
    if not shutil.which("wrk"):
        return None
    body, headers = client.request("rds", "DescribeDBInstances", **params)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as f:
        f.write('wrk.method = "POST"\n' + f"wrk.body = [[{body.decode()}]]\n" +
                # wrk sends Host by itself; twice would break the signature
                "".join(f'wrk.headers["{n}"] = [[{v}]]\n' for n, v in headers.items() if n.lower() != "host"))
        f.flush()
        done = subprocess.run(["wrk", "-t", "1", "-c", str(connections), "-d", "3s", "-s", f.name,
                               f"http://127.0.0.1:{server.port}/"], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in done:
        raise AssertionError(done)
    return float(re.search(r"Requests/sec: *([\d.]+)", done)[1])


def cases():
    for n in SIZES:
        yield f"page, {n} instances", n, {"MaxRecords": 100}
    yield "by name, 1000 instances", 1000, {"DBInstanceIdentifier": "bench-0500"}


def measure(servers):
    results = {}
    for label, n, params in cases():
        for name, server in servers.items():
            client = server.client(REGION[n])
            if name == "howdah" and "DBInstanceIdentifier" in params:  # the hook chooses the names
                some = client.instances(MaxRecords=100)[50].findtext("DBInstanceIdentifier")
                asked = {"DBInstanceIdentifier": some}
            else:
                asked = params
            request = raw_request(client, **asked)
            runs = [replay(server, request, 2 if name == "howdah" else 3) for _ in range(ROUNDS)]
            rates = [wrk(server, client, c, **asked) for c in (1, 16)]
            results[label, name] = [median(r[i] for r in runs) for i in range(3)] + rates
            cpu, p50, p99, one, many = results[label, name]
            rate = f"{one:.0f} / {many:.0f} requests/s at 1 / 16 connections" if one else "wrk is not installed"
            print(f"  {label:<26} {name:<7} CPU {cpu:8.4f} ms/request, p50 {p50:7.2f} ms, p99 {p99:7.2f} ms, {rate}",
                  flush=True)
    return results


def main():
    if not shutil.which("wrk") and os.geteuid() == 0:
        install(["wrk"])
    servers = {"howdah": Ours()}
    if shutil.which("moto_server"):
        servers["moto"] = Moto()
    else:
        print("SKIPPED comparison: moto_server is not installed (pip install 'moto[server]')")
    try:
        for server in servers.values():
            for n in SIZES:
                server.fill(REGION[n], n)
        r = measure(servers)
    finally:
        for server in servers.values():
            server.close()
    page = r["page, 1000 instances", "howdah"][0] / r["page, 100 instances", "howdah"][0]
    verdict("describe page cost 1000 vs 100 instances", page, "its own cost", "<= 1.25x", page <= 1.25)
    if "moto" not in servers:
        return
    for label, goal in (("page, 1 instances", 20), ("page, 100 instances", 50), ("by name, 1000 instances", 50)):
        ratio = r[label, "moto"][0] / r[label, "howdah"][0]
        verdict(f"describe {label}", ratio, "moto_server's requests a CPU second", f">= {goal}x", ratio >= goal)


if __name__ == "__main__":
    main()
