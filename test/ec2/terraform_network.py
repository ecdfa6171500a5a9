#!/usr/bin/env python3
"""The real Terraform makes, changes and destroys a network (network.tf); each plan in between shows no changes."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from report import Report  # noqa: E402
from terraform import run_steps  # noqa: E402


class Network:
    def __init__(self, daemon, terraform):
        self.client, self.tf = daemon and daemon.client(), terraform

    def steps(self):
        return [("init", self.init), ("apply a network", self.apply), ("plan shows no changes", self.plan),
                ("update the network", self.update), ("destroy the network", self.destroy)]

    def run(self, *args, changed=False):
        return self.tf.run(*args, "-no-color", changed="true" if changed else "false")

    def init(self):
        self.run("init")

    def apply(self):
        self.run("apply", "-auto-approve")
        self.before = self.tf.outputs()
        assert self.before["groups"] == 3 and self.before["coverage"] == "Complete", self.before

    def plan(self):
        self.run("plan", "-detailed-exitcode")

    def update(self):
        out = self.run("apply", "-auto-approve", changed=True)
        assert "0 added, 5 changed, 0 destroyed" in out, out[-3000:]
        after = self.tf.outputs()
        assert after["rule"] == self.before["rule"], f"the rule was replaced: {self.before['rule']}, {after['rule']}"
        self.run("plan", "-detailed-exitcode", changed=True)

    def destroy(self):
        self.run("destroy", "-auto-approve", changed=True)
        left = [v.findtext("cidrBlock") for v in self.client.ec2("DescribeVpcs").findall(".//vpcSet/item")]
        assert left == ["172.31.0.0/16"], f"VPCs are left: {left}"


if __name__ == "__main__":
    run_steps(Report(), "tfnet", f"{HERE}/network.tf", lambda daemon, terraform: Network(daemon, terraform).steps())
