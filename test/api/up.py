#!/usr/bin/env python3
"""`make up` and `make down`: twice, and where nobody waits for processes whose parent has ended (a container without an
init), which this program makes itself the one for."""
import ctypes
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import procs  # noqa: E402
from daemon import BINARY, ROOT, Daemon  # noqa: E402
from report import Report, Skip  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36


def up(daemon, what):
    env = {**os.environ, "HOWDAH": BINARY, "HOWDAH_STATE_DIR": daemon.state,
           "HOWDAH_LISTEN": f"127.0.0.1:{daemon.port}", "HOWDAH_CONFIG": f"{daemon.base}/howdah.toml"}
    done = subprocess.run([f"{ROOT}/tools/up.sh", what], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, f"{what}: {done.stdout}{done.stderr}"
    return done.stdout


def up_and_down():
    if not shutil.which("aws") or not shutil.which("psql"):
        raise Skip("needs the aws CLI and psql")
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    daemon = Daemon("up", hooks=False)
    try:
        first = up(daemon, "up")
        assert "creating cruddur-db-instance" in first and "users: 2" in first, first
        with open(f"{daemon.state}/lock", encoding="ascii") as lock, open(f"/proc/{lock.read().strip()}/cmdline", "rb") as words:
            assert b"howdah\0serve\0" in words.read(), "the README's `pgrep -f 'howdah serve'` does not find it"
        again = up(daemon, "up")
        assert "runs already" in again and "is there already" in again and "users: 2" in again, again
        down = up(daemon, "down")
        assert "howdah is stopped" in down and "stopping the server" in down, down
        assert "no howdah runs" in up(daemon, "down")
        back = up(daemon, "up")
        assert "is there already" in back and "users: 2" in back, back
        up(daemon, "down")
    finally:
        left = daemon.cleanup()
    assert not left, f"still running: {left}"


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    report.run("up_and_down", up_and_down)
    report.finish()


if __name__ == "__main__":
    main()
