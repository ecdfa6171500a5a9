"""What the benchmarks share: libpq without a process start, medians, the last line of each result."""
import ctypes
import ctypes.util
import math
import os
import signal
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/test/lib")

median = statistics.median


def percentile(values, p):
    """The nearest rank: the smallest value that p per cent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * p / 100) - 1)]


def install(packages):
    """Debian packages that a benchmark compares with or measures by; needs root."""
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], check=True,
                   stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def end_as_interrupted():
    """SIGTERM ends this benchmark as ^C does: servers, mounts and directories go first. A second one changes nothing."""
    def end(*_):
        for n in (signal.SIGINT, signal.SIGTERM):
            signal.signal(n, signal.SIG_IGN)
        raise KeyboardInterrupt
    for n in (signal.SIGINT, signal.SIGTERM):
        signal.signal(n, end)


def verdict(name, ratio, peer, goal, met, unit="x of"):
    """The line that a benchmark ends with."""
    print(f"{name}: {ratio:.2f}{unit} {peer}, goal {goal}: {'met' if met else 'missed'}", flush=True)
    return met


def limit(name, value, unit, goal, met):
    print(f"{name}: {value:.3g} {unit}, goal {goal}: {'met' if met else 'missed'}", flush=True)
    return met


class Libpq:
    """Connect and query from this process: a psql start would add 20 ms to each figure."""

    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
        for name, result in (("PQconnectdb", ctypes.c_void_p), ("PQexec", ctypes.c_void_p),
                             ("PQgetvalue", ctypes.c_char_p), ("PQerrorMessage", ctypes.c_char_p)):
            getattr(self.lib, name).restype = result
        for name in ("PQstatus", "PQfinish", "PQclear", "PQresultStatus", "PQerrorMessage"):
            getattr(self.lib, name).argtypes = [ctypes.c_void_p]
        self.lib.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self.lib.PQgetvalue.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]

    def connect(self, conninfo):
        """A connection, or None and the reason."""
        connection = self.lib.PQconnectdb(conninfo.encode())
        if self.lib.PQstatus(connection) == 0:
            return connection, ""
        why = self.lib.PQerrorMessage(connection).decode()
        self.lib.PQfinish(connection)
        return None, why

    def query(self, connection, sql):
        """The first value; "" of a command that returns none."""
        result = self.lib.PQexec(connection, sql.encode())
        try:
            status = self.lib.PQresultStatus(result)
            if status == 1:
                return ""
            if status != 2:
                raise RuntimeError(self.lib.PQerrorMessage(connection).decode())
            return self.lib.PQgetvalue(result, 0, 0).decode()
        finally:
            self.lib.PQclear(result)

    def first_query(self, conninfo, seconds=30):
        """Tries every 2 ms until a query is answered."""
        deadline = time.monotonic() + seconds
        while True:
            connection, why = self.connect(conninfo)
            if connection:
                value = self.query(connection, "select 1")
                self.lib.PQfinish(connection)
                return value
            if time.monotonic() > deadline:
                raise RuntimeError(why)
            time.sleep(0.002)
