#!/usr/bin/env python3
"""The real Terraform with the real AWS provider 5.100.0 against a howdah: apply, a plan without changes, updates in
place, a plan without changes, destroy. Most of its five to seven minutes are the provider's own fixed waiting."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from daemon import PASSWORD, psql  # noqa: E402
from report import Report  # noqa: E402
from terraform import run_steps  # noqa: E402

NEW_PASSWORD = "another-Secret-7"


class Scenario:
    def __init__(self, daemon, terraform):
        self.daemon, self.tf, self.client = daemon, terraform, daemon and daemon.client()

    def steps(self):
        return [("init", self.init), ("apply", self.apply), ("plan after apply shows no changes", self.plan),
                ("the databases answer", self.answers), ("update in place", self.update),
                ("plan after update shows no changes", self.plan_changed), ("the update is real", self.updated),
                ("destroy", self.destroy)]

    def run(self, *args, changed=False):
        return self.tf.run(*args, "-no-color", changed="true" if changed else "false",
                           password=NEW_PASSWORD if changed else PASSWORD)

    def init(self):
        self.run("init")

    def apply(self):
        self.run("apply", "-auto-approve")

    def plan(self):
        self.run("plan", "-detailed-exitcode")

    def answers(self):
        out = self.tf.outputs()
        assert out["account"] == "123456789012" and len(out["zones"]) == 3, out
        assert psql(out["app"], 5432, "select current_user || current_database()", user="app_owner") == "app_ownerapp"
        assert psql(out["reports"], 5432, "select 1", user="reader", database="postgres") == "1"

    def update(self):
        self.ids = self.resource_ids()
        out = self.run("apply", "-auto-approve", changed=True)
        assert "0 destroyed" in out, f"something was replaced instead of updated:\n{out[-3000:]}"
        # An endpoint follows the identifier; the provider plans it as it was, so outputs of it follow with the next apply.
        again = self.run("apply", "-auto-approve", changed=True)
        assert "Resources: 0 added, 0 changed, 0 destroyed" in again, f"not the same a second time:\n{again[-3000:]}"

    def plan_changed(self):
        self.run("plan", "-detailed-exitcode", changed=True)

    def resource_ids(self):
        return sorted(i.findtext("DbiResourceId") for i in self.client.instances())

    def updated(self):
        assert self.resource_ids() == self.ids, "an instance was replaced"
        app = self.client.instance("app")
        assert app.findtext("DBInstanceClass") == "db.t3.small" and app.findtext("BackupRetentionPeriod") == "14"
        assert app.findtext("DeletionProtection") == "true"
        address = self.client.instance("reports2").findtext("Endpoint/Address")
        assert self.tf.outputs()["reports"] == address, "the output does not lead to the renamed instance"
        assert psql(address, 5432, "select 1", user="reader", database="postgres", password=NEW_PASSWORD) == "1"

    def destroy(self):
        # What protects the instance must go first, by whatever way; Terraform itself would refuse.
        self.client.rds("ModifyDBInstance", DBInstanceIdentifier="app", DeletionProtection=False, ApplyImmediately=True)
        self.run("destroy", "-auto-approve", changed=True)
        assert not self.client.instances(), "instances are left"
        groups = [g.findtext("groupName") for g in self.client.ec2("DescribeSecurityGroups").findall(".//securityGroupInfo/item")]
        assert groups == ["default"], f"security groups are left: {groups}"
        assert not self.daemon.postmasters(), "servers are left"


if __name__ == "__main__":
    run_steps(Report(), "tf", f"{HERE}/main.tf", lambda daemon, terraform: Scenario(daemon, terraform).steps())
