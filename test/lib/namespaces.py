"""Tests with file systems of their own: in a private mount namespace, which needs root."""
import os
import subprocess
import sys

from report import Skip


def in_namespace(name):
    """Runs this program again with `--inner name`, inside a private mount namespace. See run_inner()."""
    def run():
        if os.geteuid() != 0:
            raise Skip("needs root for a mount namespace")
        if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
            raise Skip("this machine does not allow unshare -m")
        done = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, os.path.abspath(sys.argv[0]),
                               "--inner", name], capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    return run


def run_inner(functions):
    """Whether this is such a program; then the function {name: function} has been run."""
    inner = "--inner" in sys.argv
    if inner:
        functions[sys.argv[sys.argv.index("--inner") + 1]]()
    return inner


def mount_tmpfs(where, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "howdah-test", where], check=True)
