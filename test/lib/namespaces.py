"""Tests with file systems of their own: in a private mount namespace, which needs root."""
import contextlib
import os
import subprocess
import sys
import tempfile

import procs
from report import Skip


SKIPPED = 75  # how the program below ends then


def in_namespace(name):
    """Runs this program again with `--inner name`, inside a private mount namespace. See run_inner()."""
    def run():
        if os.geteuid() != 0:
            raise Skip("needs root for a mount namespace")
        if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
            raise Skip("this machine does not allow unshare -m")
        done = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, os.path.abspath(sys.argv[0]),
                               "--inner", name], capture_output=True, text=True, check=False, timeout=600)
        if done.returncode == SKIPPED:
            raise Skip(done.stdout.strip())
        assert done.returncode == 0, done.stdout + done.stderr
    return run


def run_inner(functions):
    """Whether this is such a program; then the function {name: function} has been run."""
    inner = "--inner" in sys.argv
    if inner:
        try:
            functions[sys.argv[sys.argv.index("--inner") + 1]]()
        except Skip as why:
            print(why)
            sys.exit(SKIPPED)
    return inner


def mount_tmpfs(where, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "howdah-test", where], check=True)


@contextlib.contextmanager
def small_disk(name, size):
    """A file system of that size, gone at the end with all servers in it: give it to Daemon(base=)."""
    base = tempfile.mkdtemp(prefix=f"howdah-test-{name}-", dir="/var/tmp")
    os.chmod(base, 0o711)
    mount_tmpfs(base, size)
    try:
        yield base
    finally:
        procs.stop_servers(base)
        subprocess.run(["umount", "-l", base], check=False)
        os.rmdir(base)


@contextlib.contextmanager
def with_disk_for_the_vault(daemon, size):
    """Runs the daemon with its vault on a file system of that size; the vault's directory."""
    vault = f"{daemon.state}/vault"
    os.makedirs(vault)
    os.chmod(daemon.state, 0o711)
    mount_tmpfs(vault, size)
    with daemon:
        try:
            yield vault
        finally:
            subprocess.run(["umount", "-l", vault], check=False)
