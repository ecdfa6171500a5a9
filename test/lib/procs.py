"""What runs on this machine, read from /proc: the tests' own eyes, independent of what the daemon says."""
import ctypes
import os
import signal
import time


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _link(pid, name):
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return ""


def _read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            return f.read()
    except OSError:
        return b""


def cwd(pid):
    return _link(pid, "cwd").removesuffix(" (deleted)")


def exe(pid):
    return _link(pid, "exe").removesuffix(" (deleted)")


def cmdline(pid):
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def environ(pid):
    return _read(pid, "environ")


def parent(pid):
    text = _read(pid, "stat").decode(errors="replace")
    return int(text.rsplit(")", 1)[1].split()[1]) if text else 0


def state(pid):
    text = _read(pid, "stat").decode(errors="replace")
    return text.rsplit(")", 1)[1].split()[0] if text else ""


def alive(pid):
    return state(pid) not in ("", "Z", "X")


def cpu_seconds(pid):
    """User + system time of the whole process so far."""
    fields = _read(pid, "stat").decode().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid):
    for line in _read(pid, "status").decode().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def inside(path, root):
    return path == root or path.startswith(root + "/")


def using(root):
    """Every process that stands in `root` or names it on its command line, except ourselves."""
    root = os.path.realpath(root)
    found = []
    for pid in pids():
        if pid == os.getpid() or not alive(pid):
            continue
        if inside(cwd(pid), root) or f"{root}/" in cmdline(pid) + "/":
            found.append(pid)
    return found


def postmasters(root):
    """{data directory: pid} of every PostgreSQL main process whose data directory lies in `root`."""
    root, found = os.path.realpath(root), {}
    for pid in pids():
        where = cwd(pid)
        if not inside(where, root) or os.path.basename(exe(pid)) != "postgres" or not alive(pid):
            continue
        if os.path.basename(exe(parent(pid))) == "postgres" and cwd(parent(pid)) == where:
            continue  # a child of the postmaster
        if cmdline(pid).startswith("postgres: "):
            continue  # a child that outlives its postmaster for a moment
        found.setdefault(where, []).append(pid)
    return found


def listening(prefix):
    """(address, port) of every listening TCP socket whose IPv4 address starts with `prefix`, e.g. "127.33."."""
    found = set()
    with open("/proc/net/tcp", encoding="ascii") as f:
        for line in f.readlines()[1:]:
            local, status = line.split()[1], line.split()[3]
            raw, port = local.split(":")
            address = ".".join(str(b) for b in reversed(bytes.fromhex(raw)))
            if status == "0A" and address.startswith(prefix):
                found.add((address, int(port, 16)))
    return found


def wait_gone(pid, seconds):
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def send(pid, sig):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


def remove_shared_memory(uids):
    """What killed servers of these users left in the kernel. None of them may run any more."""
    for entry in os.scandir("/dev/shm"):
        try:
            if entry.name.startswith("PostgreSQL.") and entry.stat(follow_symlinks=False).st_uid in uids:
                os.unlink(entry.path)
        except FileNotFoundError:
            pass
    with open("/proc/sysvipc/shm", encoding="ascii") as f:
        segments = [line.split() for line in f.readlines()[1:]]
    for fields in segments:
        number, attached, uid = int(fields[1]), int(fields[6]), int(fields[7])
        if uid in uids and attached == 0:
            ctypes.CDLL(None).shmctl(number, 0, None)  # IPC_RMID


def stop_servers(root):
    """Ends everything that still uses `root`: servers by SIGQUIT, what is left by SIGKILL. Returns what it found."""
    found = using(root)
    for pid in found:
        send(pid, signal.SIGQUIT if os.path.basename(exe(pid)) == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + 5
    while using(root) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in using(root):
        send(pid, signal.SIGKILL)
    return found
