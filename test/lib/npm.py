"""Packages of npm for tests and benchmarks, fetched once into build/npm."""
import fcntl
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOME = os.environ.get("HOWDAH_NPM", f"{ROOT}/{os.environ.get('HOWDAH_BUILD', 'build')}/npm")


def modules(name, *packages, seconds=120):
    """A node_modules directory with these packages ("kysely@0.29.9") and the reason when there is none. `name` is the
    directory that they share; no package's install script runs, so that nothing else is downloaded."""
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "node and npm are not installed"
    home = f"{HOME}/{name}"
    os.makedirs(home, exist_ok=True)
    done, wanted = f"{home}/fetched", "\n".join(packages)
    with open(f"{home}/lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(done) and open(done, encoding="utf-8").read() == wanted:
            return f"{home}/node_modules", None
        try:
            got = subprocess.run(["npm", "install", "--no-save", "--silent", "--no-audit", "--no-fund", "--ignore-scripts",
                                  "--prefix", home, *packages], timeout=seconds, capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired:
            return None, "npm did not answer"
        if got.returncode:
            return None, f"npm install {' '.join(packages)} failed: {(got.stderr.strip().splitlines() or [''])[0]}"
        with open(done, "w", encoding="utf-8") as f:
            f.write(wanted)
    return f"{home}/node_modules", None
