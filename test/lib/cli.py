"""The real aws CLI of this machine, warm where its Python can be found (see cli_server.py), else started for each call.
HOWDAH_TEST_COLD_CLI=1 forces the latter."""
import os
import shutil
import subprocess
import sys

from cli_model import CliModel
from daemon import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))


def interpreter(aws):
    """The Python that runs `aws`, or None when it is no Python script."""
    with open(aws, "rb") as f:
        first = f.readline().decode(errors="replace")
    if first.startswith("#!") and "bash" in first and shutil.which("pyenv"):  # a pyenv shim
        found = subprocess.run(["pyenv", "which", "aws"], capture_output=True, text=True, check=False).stdout.strip()
        return interpreter(found) if found and found != aws else None
    if not first.startswith("#!") or "python" not in first:
        return None
    python = first[2:].split()
    python = python[1] if python[0].endswith("/env") else python[0]
    usable = subprocess.run([python, "-c", "import awscli.clidriver"], capture_output=True, check=False)
    return python if usable.returncode == 0 else None


class Cli:
    """`directory` gets a command named aws that belongs first in PATH."""

    def __init__(self, directory):
        self.server, self.directory = None, directory
        self.real = shutil.which("aws")
        if not self.real:
            raise SystemExit("the transcripts need the aws CLI on PATH: apt-get install awscli")
        python = interpreter(self.real)
        self.model = CliModel(python)
        os.makedirs(directory, exist_ok=True)
        if python and not os.environ.get("HOWDAH_TEST_COLD_CLI"):
            self.warm(python)
        else:
            self.cold()

    def write(self, text):
        with open(f"{self.directory}/aws", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(f"{self.directory}/aws", 0o755)

    def cold(self):
        self.env = {}
        self.write(f'#!/bin/sh\nexec "{self.real}" --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n')

    def warm(self, python):
        socket = f"{self.directory}/cli.sock"
        log = open(f"{self.directory}/cli.log", "wb")
        self.server = subprocess.Popen([python, f"{HERE}/cli_server.py", socket], stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log)
        wait_for("the warm aws CLI", lambda: os.path.exists(socket) or self.server.poll() is not None, 120)
        if self.server.poll() is not None:
            raise SystemExit(f"the warm aws CLI did not start, see {self.directory}/cli.log")
        self.env = {"HOWDAH_TEST_CLI": socket}
        self.write(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{HERE}/aws_shim.py" "$@"\n')

    def close(self):
        if self.server:
            self.server.terminate()
            self.server.wait()
