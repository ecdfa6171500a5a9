"""What the installed aws CLI knows: its copy of the service models. Debian's is years older than the services, leaves out
output members that it does not know and refuses options that it does not know."""
import functools
import gzip
import json
import re
import subprocess

FIND = """
try: import awscli.botocore as botocore
except ImportError: import botocore
print(botocore.__path__[0])
"""


class CliModel:
    """`python` runs the CLI; None: nothing can be said about it, so it is taken to know everything."""

    def __init__(self, python):
        self.python = python

    @functools.cached_property
    def directory(self):
        return subprocess.run([self.python, "-c", FIND], capture_output=True, text=True, check=True).stdout.strip()

    @functools.cache
    def service(self, name):
        """The newest API version of the service, or None."""
        listing = subprocess.run(["sh", "-c", f"ls -d {self.directory}/data/{name}/*/service-2.json*"], text=True,
                                 capture_output=True, check=False).stdout.split()
        if not listing:
            return None
        opened = gzip.open if listing[-1].endswith(".gz") else open
        with opened(listing[-1], "rt", encoding="utf-8") as f:
            return json.load(f)

    def operation(self, command):
        """(model, operation) of a command line such as `aws rds describe-db-instances ...`, or (None, None)."""
        m = re.match(r"aws (\w+) ([\w-]+)", command)
        model = self.service(m[1]) if m and self.python else None
        for name, operation in (model or {"operations": {}})["operations"].items():
            if name.lower() == m[2].replace("-", ""):
                return model, operation
        return None, None

    def lacks_member(self, command, path):
        """True when the command's output has no such member in this CLI's model. Follows `A[0].B` up to the first thing
        that is no name or index."""
        model, operation = self.operation(command)
        if not model:
            return False
        shape = model["shapes"][operation["output"]["shape"]] if "output" in operation else {"members": {}}
        plain, rest = re.match(r"([\w.\[\]*]*)(.*)", path).groups()
        for name in ("" if rest.startswith("(") else plain).replace("[", ".[").split("."):
            if name.startswith("[") or not name:
                continue
            while shape.get("type") == "list":
                shape = model["shapes"][shape["member"]["shape"]]
            if name not in shape.get("members", {}):
                return True
            shape = model["shapes"][shape["members"][name]["shape"]]
        return False

    def lacks_option(self, command, option):
        """True when the operation has no input member for --option in this CLI's model."""
        model, operation = self.operation(command)
        if not model or "input" not in operation:
            return False
        members = model["shapes"][operation["input"]["shape"]]["members"]
        return option.removeprefix("--").removeprefix("no-").replace("-", "") not in {m.lower() for m in members}
