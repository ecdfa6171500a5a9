"""The real Terraform with the real AWS provider, against a daemon. Offline: the provider comes from a filesystem mirror,
TF_PLUGIN_MIRROR or a folder tf-plugins under /opt."""
import glob
import json
import os
import shutil
import subprocess
import tempfile
import time

from daemon import Daemon
from report import Skip


def mirror():
    """The folder with the provider, or None."""
    candidates = [os.environ["TF_PLUGIN_MIRROR"]] if os.environ.get("TF_PLUGIN_MIRROR") else \
        glob.glob("/opt/tf-plugins") + glob.glob("/opt/*/tf-plugins")
    for folder in candidates:
        if glob.glob(f"{folder}/registry.terraform.io/hashicorp/aws/5.100.0/*"):
            return folder
    return None


def missing():
    """Why Terraform cannot run here, or None."""
    if not shutil.which("terraform"):
        return "terraform is not on PATH"
    if not mirror():
        return "the provider hashicorp/aws 5.100.0 is in no filesystem mirror (set TF_PLUGIN_MIRROR)"
    return None


class Terraform:
    """Runs in `folder`, with the program copied there."""

    def __init__(self, daemon, folder, program):
        self.folder = folder
        shutil.copy(program, folder)
        with open(f"{folder}/cli.tfrc", "w", encoding="utf-8") as f:
            f.write('provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' % mirror())
        env = {**os.environ, **daemon.env()}
        self.env = {**env, "AWS_REGION": daemon.region, "TF_CLI_CONFIG_FILE": f"{folder}/cli.tfrc", "TF_IN_AUTOMATION": "1",
                    "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
        self.env.pop("AWS_CA_BUNDLE", None)

    def run(self, *args, **variables):
        """What it said; it must succeed, and a `plan -detailed-exitcode` must find no changes."""
        env = {**self.env, **{f"TF_VAR_{name}": value for name, value in variables.items()}}
        start = time.monotonic()
        done = subprocess.run(["terraform", *args], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=800, check=False)
        print(f"         terraform {args[0]}: {time.monotonic() - start:.0f} s", flush=True)
        assert done.returncode == 0, f"terraform {' '.join(args)}: exit code {done.returncode}\n" + \
            (done.stdout + done.stderr)[-6000:]
        return done.stdout

    def outputs(self):
        return {name: o["value"] for name, o in json.loads(self.run("output", "-json")).items()}


def run_steps(report, name, program, make):
    """`make(daemon, terraform)` answers a list of (step, function). The last one is run whatever happened before. All
    are skipped, saying so, where Terraform or the provider is not there."""
    why = missing()
    if why:
        for step, _ in make(None, None):
            report.skip(f"terraform {step}", why)
        report.finish()
    folder = tempfile.mkdtemp(prefix="howdah-test-tf-", dir="/var/tmp")
    try:
        with Daemon(name) as daemon:
            steps = make(daemon, Terraform(daemon, folder, program))
            for step, function in steps:
                skipped = report.failed and function != steps[-1][1]
                report.run(f"terraform {step}", not_reached if skipped else function)
            if report.failed:
                print(f"--- end of the daemon's log:\n{daemon.tail(60)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.finish()


def not_reached():
    raise Skip("an earlier step failed")
