#!/usr/bin/env python3
"""The real Terraform makes, changes and destroys a network (network.tf); each plan in between shows no changes."""
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, os.path.join(HERE, "..", "terraform"))

from daemon import Daemon  # noqa: E402
from report import Report, Skip  # noqa: E402
from scenario import Terraform, mirror  # noqa: E402


class Network:
    def __init__(self, daemon, terraform):
        self.client, self.tf = daemon.client(), terraform

    def apply(self):
        self.tf.run("init", "-no-color")
        self.tf.run("apply", "-auto-approve", "-no-color")
        self.before = self.tf.outputs()
        assert self.before["groups"] == 3 and self.before["coverage"] == "Complete", self.before

    def plan(self):
        self.tf.run("plan", "-detailed-exitcode", "-no-color")

    def update(self):
        out = self.tf.run("apply", "-auto-approve", "-no-color", changed=True)
        assert "0 added, 5 changed, 0 destroyed" in out, out[-3000:]
        after = self.tf.outputs()
        assert after["rule"] == self.before["rule"], f"the rule was replaced: {self.before['rule']}, {after['rule']}"
        self.tf.run("plan", "-detailed-exitcode", "-no-color", changed=True)

    def destroy(self):
        self.tf.run("destroy", "-auto-approve", "-no-color", changed=True)
        left = [v.findtext("cidrBlock") for v in self.client.ec2("DescribeVpcs").findall(".//vpcSet/item")]
        assert left == ["172.31.0.0/16"], f"VPCs are left: {left}"


def main():
    report, plugins = Report(), mirror()
    steps = ["apply", "plan", "update", "destroy"]
    missing = "terraform is not on PATH" if not shutil.which("terraform") else \
        "the provider hashicorp/aws 5.100.0 is in no filesystem mirror (set TF_PLUGIN_MIRROR)" if not plugins else None
    if missing:
        for step in steps:
            report.skip(f"network {step}", missing)
        report.finish()
    folder = tempfile.mkdtemp(prefix="howdah-test-tfnet-", dir="/var/tmp")
    try:
        with Daemon("tfnet") as daemon:
            terraform = Terraform(daemon, folder, plugins)
            shutil.copy(f"{HERE}/network.tf", f"{folder}/main.tf")
            network = Network(daemon, terraform)
            for step in steps:
                report.run(f"network {step}", getattr(network, step) if not report.failed else not_reached)
            if report.failed:
                print(f"--- end of the daemon's log:\n{daemon.tail(60)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.finish()


def not_reached():
    raise Skip("an earlier step failed")


if __name__ == "__main__":
    main()
