#!/usr/bin/env python3
"""Restores by the real Terraform and AWS provider: an instance replaced by one from a snapshot, the new one first, the
old one with a final snapshot; instances from the past of another one, at the latest and at a given time. Each ends in a
plan without changes. Most of its time is the provider's own fixed waiting."""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from daemon import PASSWORD, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402
from terraform import run_steps  # noqa: E402

NEW_PASSWORD = "another-Secret-7"


class Restored:
    def __init__(self, daemon, terraform):
        self.daemon, self.tf, self.client = daemon, terraform, daemon and daemon.client()
        self.variables = {}

    def steps(self):
        return [("a past to restore", self.past), ("init", self.init),
                ("restore_to_point_in_time", self.apply), ("the restored databases hold their moment", self.moments),
                ("snapshot_identifier replaces the instance", self.replace),
                ("plan after the restores shows no changes", self.plan),
                ("the replacement holds the snapshot", self.replaced), ("destroy", self.destroy)]

    def run(self, *args):
        return self.tf.run(*args, "-no-color", **self.variables)

    def latest(self):
        return self.client.instance("past").findtext("LatestRestorableTime") or ""

    def past(self):
        create(self.client, "past", BackupRetentionPeriod=7)
        wait_for("the first backup", self.latest, 60)
        psql(*endpoint(self.client, "past"), "create table t as select 1 as x")
        time.sleep(1.2)
        instant = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        time.sleep(1.2)
        psql(*endpoint(self.client, "past"), "insert into t values (2)")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
        wait_for("the second row to be restorable", lambda: self.latest()[:19] > now[:19], 60)
        self.variables = {"password": PASSWORD, "source_name": "past", "instant": instant,
                          "source_resource": self.client.instance("past").findtext("DbiResourceId")}

    def init(self):
        self.run("init")

    def apply(self):
        self.run("apply", "-auto-approve")

    def moments(self):
        out = self.tf.outputs()
        assert psql(out["moment"], 5432, "select count(*) from t") == "1"
        assert psql(out["latest"], 5432, "select count(*) from t") == "2"

    def replace(self):
        out = self.tf.outputs()
        self.old = out["app_name"]
        psql(out["app"], 5432, "create table kept as select 1 as x")
        self.client.rds("CreateDBSnapshot", DBInstanceIdentifier=self.old, DBSnapshotIdentifier="good")
        wait_for("the snapshot", lambda: self.snapshot("good") == "available", 60)
        psql(out["app"], 5432, "drop table kept")
        self.variables |= {"snapshot": "good", "password": NEW_PASSWORD}
        said = self.run("apply", "-auto-approve")
        assert "1 added" in said and "1 destroyed" in said, said[-3000:]

    def plan(self):
        self.run("plan", "-detailed-exitcode")

    def snapshot(self, name):
        return self.client.rds("DescribeDBSnapshots", DBSnapshotIdentifier=name).findtext(".//DBSnapshot/Status")

    def replaced(self):
        out = self.tf.outputs()
        assert out["app_name"] != self.old and self.client.status(self.old) == "gone"
        assert psql(out["app"], 5432, "select x from kept", password=NEW_PASSWORD) == "1"
        assert self.snapshot("app-before") == "available", "the old one's final snapshot"

    def destroy(self):
        self.run("destroy", "-auto-approve")
        assert [i.findtext("DBInstanceIdentifier") for i in self.client.instances()] == ["past"]
        assert self.snapshot("app-after") == "available"


if __name__ == "__main__":
    run_steps(Report(), "tfr", f"{HERE}/restored/main.tf", lambda daemon, terraform: Restored(daemon, terraform).steps())
