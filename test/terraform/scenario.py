#!/usr/bin/env python3
"""The real Terraform with the real AWS provider 5.100.0 against a howdah: apply, a plan without changes, updates in
place, a plan without changes, destroy. Offline: the provider comes from a filesystem mirror, TF_PLUGIN_MIRROR or a
folder tf-plugins under /opt. Most of its five to seven minutes are the provider's own fixed waiting."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from daemon import PASSWORD, Daemon, psql  # noqa: E402
from report import Report, Skip  # noqa: E402

NEW_PASSWORD = "another-Secret-7"
STEPS = ["init", "apply", "plan after apply shows no changes", "the databases answer", "update in place",
         "plan after update shows no changes", "the update is real", "destroy"]


def mirror():
    """The folder with the provider, or None."""
    candidates = [os.environ["TF_PLUGIN_MIRROR"]] if os.environ.get("TF_PLUGIN_MIRROR") else \
        glob.glob("/opt/tf-plugins") + glob.glob("/opt/*/tf-plugins")
    for folder in candidates:
        if glob.glob(f"{folder}/registry.terraform.io/hashicorp/aws/5.100.0/*"):
            return folder
    return None


class Terraform:
    def __init__(self, daemon, folder, plugins):
        self.folder = folder
        shutil.copy(f"{HERE}/main.tf", folder)
        with open(f"{folder}/cli.tfrc", "w", encoding="utf-8") as f:
            f.write('provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' % plugins)
        env = {**os.environ, **daemon.env()}
        self.env = {**env, "AWS_REGION": daemon.region, "TF_CLI_CONFIG_FILE": f"{folder}/cli.tfrc", "TF_IN_AUTOMATION": "1",
                    "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
        self.env.pop("AWS_CA_BUNDLE", None)

    def run(self, *args, changed=False, codes=(0,)):
        env = {**self.env, "TF_VAR_changed": "true" if changed else "false",
               "TF_VAR_password": NEW_PASSWORD if changed else PASSWORD}
        start = time.monotonic()
        done = subprocess.run(["terraform", *args], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=800, check=False)
        print(f"         terraform {args[0]}: {time.monotonic() - start:.0f} s", flush=True)
        assert done.returncode in codes, f"terraform {' '.join(args)}: exit code {done.returncode}\n" + \
            (done.stdout + done.stderr)[-6000:]
        return done.stdout

    def outputs(self):
        return {name: o["value"] for name, o in json.loads(self.run("output", "-json")).items()}


class Scenario:
    def __init__(self, daemon, terraform):
        self.daemon, self.tf, self.client = daemon, terraform, daemon.client()

    def init(self):
        self.tf.run("init", "-no-color")

    def apply(self):
        self.tf.run("apply", "-auto-approve", "-no-color")

    def plan(self):
        self.tf.run("plan", "-detailed-exitcode", "-no-color")

    def answers(self):
        out = self.tf.outputs()
        assert out["account"] == "123456789012" and len(out["zones"]) == 3, out
        assert psql(out["app"], 5432, "select current_user || current_database()", user="app_owner") == "app_ownerapp"
        assert psql(out["reports"], 5432, "select 1", user="reader", database="postgres") == "1"

    def update(self):
        self.ids = self.resource_ids()
        out = self.tf.run("apply", "-auto-approve", "-no-color", changed=True)
        assert "0 destroyed" in out, f"something was replaced instead of updated:\n{out[-3000:]}"

    def plan_changed(self):
        self.tf.run("plan", "-detailed-exitcode", "-no-color", changed=True)

    def resource_ids(self):
        return sorted(i.findtext("DbiResourceId") for i in self.client.instances())

    def updated(self):
        assert self.resource_ids() == self.ids, "an instance was replaced"
        app = self.client.instance("app")
        assert app.findtext("DBInstanceClass") == "db.t3.small" and app.findtext("BackupRetentionPeriod") == "14"
        assert app.findtext("DeletionProtection") == "true"
        address = self.client.instance("reports2").findtext("Endpoint/Address")
        assert psql(address, 5432, "select 1", user="reader", database="postgres", password=NEW_PASSWORD) == "1"

    def destroy(self):
        # What protects the instance must go first, by whatever way; Terraform itself would refuse.
        self.client.rds("ModifyDBInstance", DBInstanceIdentifier="app", DeletionProtection=False, ApplyImmediately=True)
        self.tf.run("destroy", "-auto-approve", "-no-color", changed=True)
        assert not self.client.instances(), "instances are left"
        groups = [g.findtext("groupName") for g in self.client.ec2("DescribeSecurityGroups").findall(".//securityGroupInfo/item")]
        assert groups == ["default"], f"security groups are left: {groups}"
        assert not self.daemon.postmasters(), "servers are left"


def main():
    report = Report()
    plugins = mirror()
    missing = "terraform is not on PATH" if not shutil.which("terraform") else \
        "the provider hashicorp/aws 5.100.0 is in no filesystem mirror (set TF_PLUGIN_MIRROR)" if not plugins else None
    if missing:
        for step in STEPS:
            report.skip(f"terraform {step}", missing)
        report.finish()
    folder = tempfile.mkdtemp(prefix="howdah-test-tf-", dir="/var/tmp")
    try:
        with Daemon("tf") as daemon:
            s = Scenario(daemon, Terraform(daemon, folder, plugins))
            for step, function in zip(STEPS, [s.init, s.apply, s.plan, s.answers, s.update, s.plan_changed, s.updated,
                                              s.destroy]):
                if report.failed and function not in (s.destroy,):
                    report.run(f"terraform {step}", not_reached)
                else:
                    report.run(f"terraform {step}", function)
            if report.failed:
                print(f"--- end of the daemon's log:\n{daemon.tail(60)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.finish()


def not_reached():
    raise Skip("an earlier step failed")


if __name__ == "__main__":
    main()
