#!/usr/bin/env python3
"""What the Terraform AWS provider 5.100.0 cannot do without, as tables (recorded with the real one): the statuses that
its waiters accept, the fields that it reads back, and the sequences that it sends. Needs no Terraform."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from client import AwsError  # noqa: E402
from daemon import PASSWORD, Daemon, available, create, far_windows, reach, wait_for  # noqa: E402
from report import Report  # noqa: E402

# Every other status during create or modify is an error for the provider and taints the resource.
CREATE_OR_MODIFY = {"available", "storage-optimization", "backing-up", "configuring-enhanced-monitoring",
                    "configuring-iam-database-auth", "configuring-log-exports", "creating", "maintenance", "modifying",
                    "moving-to-vpc", "rebooting", "renaming", "resetting-master-credentials", "starting", "stopping",
                    "storage-full", "upgrading"}
# Once a delete is accepted botocore's waiter fails on creating, modifying, rebooting, resetting-master-credentials.
DELETE = {"deleting"}

# Field -> what the provider's next plan does when it is missing.
FIELDS = {
    "DBInstanceStatus": "apply fails", "DbiResourceId": "apply fails",
    "Engine": "replacement", "DBName": "replacement", "MasterUsername": "replacement", "StorageEncrypted": "replacement",
    "KmsKeyId": "replacement", "AvailabilityZone": "replacement",
    "AllocatedStorage": "drift", "MaxAllocatedStorage": "drift", "Iops": "drift", "StorageThroughput": "drift",
    "StorageType": "drift", "DBInstanceClass": "drift", "EngineVersion": "drift", "LicenseModel": "drift",
    "AutoMinorVersionUpgrade": "drift",
    "BackupRetentionPeriod": "drift", "PreferredBackupWindow": "drift", "PreferredMaintenanceWindow": "drift",
    "CopyTagsToSnapshot": "drift", "DBSubnetGroup/DBSubnetGroupName": "drift", "DeletionProtection": "drift",
    "IAMDatabaseAuthenticationEnabled": "drift", "NetworkType": "drift", "PerformanceInsightsEnabled": "drift",
    "PerformanceInsightsRetentionPeriod": "drift", "Endpoint/Port": "drift", "PubliclyAccessible": "drift",
    "TagList/Tag/Key": "drift", "VpcSecurityGroups/VpcSecurityGroupMembership/VpcSecurityGroupId": "drift",
    "Endpoint/Address": "empty output", "Endpoint/HostedZoneId": "empty output", "DBInstanceArn": "empty output",
    "CACertificateIdentifier": "empty output", "MultiAZ": "empty output", "MonitoringInterval": "empty output",
    "OptionGroupMemberships/OptionGroupMembership/OptionGroupName": "empty output",
    "DBParameterGroups/DBParameterGroup/DBParameterGroupName": "empty output",
}

SETTINGS = {"DBInstanceClass": "db.t3.micro", "Engine": "postgres", "AllocatedStorage": 400, "MaxAllocatedStorage": 1000,
            "AutoMinorVersionUpgrade": True, "BackupRetentionPeriod": 0, "CopyTagsToSnapshot": True, "DBName": "app",
            "DeletionProtection": False, "StorageType": "gp3", "MasterUsername": "root1", "MasterUserPassword": PASSWORD,
            "PubliclyAccessible": False, "StorageEncrypted": True, "Iops": 12000, "StorageThroughput": 500,
            "EnablePerformanceInsights": True, "PerformanceInsightsRetentionPeriod": 7,
            "Tags.Tag": [{"Key": "team", "Value": "data"}]}


class Contract:
    def __init__(self, daemon):
        self.daemon, self.client = daemon, daemon.client()
        self.seen, self.stopped = {}, False
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        client = self.daemon.client()
        while not self.stopped:
            for i in client.instances():
                self.seen.setdefault(i.findtext("DbiResourceId"), []).append(i.findtext("DBInstanceStatus"))
            time.sleep(0.005)

    def create(self):
        """The provider's own create request; then it reads by the resource id only."""
        self.client.rds("CreateDBInstance", DBInstanceIdentifier="tf", **SETTINGS)
        available(self.client, "tf")
        self.id = self.client.instance("tf").findtext("DbiResourceId")
        assert self.id.startswith("db-") and self.id[3:].isalnum() and self.id == self.id[:3] + self.id[3:].upper(), self.id
        assert [i.findtext("DBInstanceIdentifier") for i in self.by_id()] == ["tf"]

    def by_id(self):
        return self.client.instances(**{"Filters.Filter": [{"Name": "dbi-resource-id", "Values.Value": [self.id]}]})

    def field(self, path, effect):
        value = self.by_id()[0].findtext(path)
        assert value not in (None, ""), f"{path} is missing: {effect}"

    def values_come_back(self):
        node = self.by_id()[0]
        for name, wanted in SETTINGS.items():
            if name in ("MasterUserPassword", "EnablePerformanceInsights", "Tags.Tag"):
                continue
            got = node.findtext(name)
            assert got == (str(wanted).lower() if isinstance(wanted, bool) else str(wanted)), f"{name}: {got}, sent {wanted}"
        window = node.findtext("PreferredMaintenanceWindow")
        assert window == window.lower(), window

    def resource_id_is_no_name(self):
        try:
            self.client.instances(DBInstanceIdentifier=self.id)
        except AwsError as e:
            assert (e.status, e.code) == (404, "DBInstanceNotFound"), e
        else:
            raise AssertionError("DescribeDBInstances by the resource id as a name must answer 404")

    def modify(self, **params):
        """An update, always with ApplyImmediately and DeletionProtection; polled by the resource id."""
        self.client.rds("ModifyDBInstance", DBInstanceIdentifier=self.name(), ApplyImmediately=True,
                        DeletionProtection=False, **params)
        wait_for(f"{params} applied", lambda: [i.findtext("DBInstanceStatus") for i in self.by_id()] == ["available"] and
                 len(self.by_id()[0].find("PendingModifiedValues")) == 0)

    def restorable(self):
        wait_for("LatestRestorableTime", lambda: self.by_id()[0].findtext("LatestRestorableTime"))

    def name(self):
        return self.by_id()[0].findtext("DBInstanceIdentifier")

    def rename(self):
        self.modify(NewDBInstanceIdentifier="tf2")
        assert self.name() == "tf2"

    def deferred(self):
        """apply_immediately = false: the instance stays available and carries the pending value."""
        self.client.rds("ModifyDBInstance", DBInstanceIdentifier=self.name(), ApplyImmediately=False,
                        DBInstanceClass="db.t3.medium")
        node = self.by_id()[0]
        assert node.findtext("DBInstanceStatus") == "available"
        assert node.findtext("PendingModifiedValues/DBInstanceClass") == "db.t3.medium"
        self.modify(DBInstanceClass="db.t3.micro")

    def stop_and_start(self):
        name = self.name()
        self.client.rds("StopDBInstance", DBInstanceIdentifier=name)
        reach(self.client, name, "stopped")
        self.client.rds("StartDBInstance", DBInstanceIdentifier=name)
        available(self.client, name)

    def statuses(self):
        seen = set(self.seen[self.id]) - {"stopped"}  # at rest only, never while the provider waits for available
        assert seen <= CREATE_OR_MODIFY, f"the provider does not accept {seen - CREATE_OR_MODIFY}"
        assert {"creating", "available", "modifying", "renaming", "stopping", "starting"} <= seen, f"only {seen} were seen"

    def delete(self):
        self.seen[self.id] = []
        self.client.rds("DeleteDBInstance", DBInstanceIdentifier=self.name(), SkipFinalSnapshot=True,
                        DeleteAutomatedBackups=True)
        at = len(self.seen[self.id])
        wait_for("gone", lambda: not self.by_id())
        after = set(self.seen[self.id][at + 1:])
        assert after <= DELETE, f"after the delete was accepted {after - DELETE} was shown"
        self.resource_id_is_no_name()

    def delete_while_creating(self):
        create(self.client, "early", wait=False)
        self.client.rds("DeleteDBInstance", DBInstanceIdentifier="early", SkipFinalSnapshot=True)
        wait_for("gone", lambda: self.client.status("early") == "gone")

    def security_group(self):
        """aws_security_group: create, describe, take the default egress away (IPv6 too, which is not there), authorize."""
        group = self.client.ec2("CreateSecurityGroup", GroupName="tf", GroupDescription="Managed by Terraform").findtext("groupId")
        everything = {"IpProtocol": "-1", "FromPort": 0, "ToPort": 0}
        self.client.ec2("RevokeSecurityGroupEgress", GroupId=group,
                        IpPermissions=[{**everything, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
        try:
            self.client.ec2("RevokeSecurityGroupEgress", GroupId=group,
                            IpPermissions=[{**everything, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])
        except AwsError as e:
            assert e.code == "InvalidPermission.NotFound", e
        rule = self.client.ec2("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
        rule_id = rule.findtext(".//securityGroupRuleSet/item/securityGroupRuleId")
        assert rule_id and rule_id.startswith("sgr-"), rule_id
        found = self.client.ec2("DescribeSecurityGroupRules", SecurityGroupRuleId=[rule_id])
        assert found.findtext(".//cidrIpv4") == "10.0.0.0/8"
        self.client.ec2("RevokeSecurityGroupIngress", GroupId=group, SecurityGroupRuleId=[rule_id])
        self.client.ec2("DeleteSecurityGroup", GroupId=group)

    def group_in_use(self):
        """aws_security_group's delete retries DependencyViolation while an instance uses the group."""
        group = self.client.ec2("CreateSecurityGroup", GroupName="used", GroupDescription="x").findtext("groupId")
        create(self.client, "uses", **{"VpcSecurityGroupIds.VpcSecurityGroupId": [group]})
        try:
            self.client.ec2("DeleteSecurityGroup", GroupId=group)
        except AwsError as e:
            assert e.code == "DependencyViolation", e
        else:
            raise AssertionError("a group in use was deleted")
        self.client.rds("DeleteDBInstance", DBInstanceIdentifier="uses", SkipFinalSnapshot=True)
        reach(self.client, "uses", "gone")
        self.client.ec2("DeleteSecurityGroup", GroupId=group)

    def subnet_group(self):
        subnets = [s.findtext("subnetId") for s in self.client.ec2("DescribeSubnets").findall(".//subnetSet/item")]
        self.client.rds("CreateDBSubnetGroup", DBSubnetGroupName="tf", DBSubnetGroupDescription="Managed by Terraform",
                        **{"SubnetIds.SubnetIdentifier": subnets})
        node = self.client.rds("DescribeDBSubnetGroups", DBSubnetGroupName="tf").find(".//DBSubnetGroup")
        assert {s.findtext("SubnetIdentifier") for s in node.findall("Subnets/Subnet")} == set(subnets)
        for name in ("VpcId", "DBSubnetGroupArn", "SubnetGroupStatus"):
            assert node.findtext(name), name
        assert node.findtext("SupportedNetworkTypes/member") == "IPV4"
        self.client.rds("DeleteDBSubnetGroup", DBSubnetGroupName="tf")
        try:
            self.client.rds("DescribeDBSubnetGroups", DBSubnetGroupName="tf")
        except AwsError as e:
            assert (e.status, e.code) == (404, "DBSubnetGroupNotFoundFault"), e
        else:
            raise AssertionError("the group is still there")

    def unknown_action(self):
        """Never a 5xx: the provider would retry it 25 times."""
        try:
            self.client.rds("NoSuchAction")
        except AwsError as e:
            assert (e.status, e.code) == (400, "InvalidAction"), e
        else:
            raise AssertionError("an unknown action was answered with success")


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    with Daemon("tfc") as daemon:
        c = Contract(daemon)
        report.run("create and read by resource id", c.create)
        for path, effect in FIELDS.items():
            report.run(f"field {path} ({effect} without it)", c.field, path, effect)
        report.run("values come back as they were sent", c.values_come_back)
        report.run("a resource id is no name", c.resource_id_is_no_name)
        for params in ({"MasterUserPassword": "another-Secret-7"}, {"BackupRetentionPeriod": 7},
                       far_windows(), {"DBInstanceClass": "db.t3.small"}, {"CopyTagsToSnapshot": False},
                       {"EnablePerformanceInsights": True, "PerformanceInsightsRetentionPeriod": 31},
                       {"CACertificateIdentifier": "rds-ca-rsa2048-g1"},
                       {"CloudwatchLogsExportConfiguration.DisableLogTypes": ""}):
            report.run(f"update {', '.join(params)}", lambda p=params: c.modify(**p))
        report.run("LatestRestorableTime, with backups", c.restorable)
        report.run("rename, found again by resource id", c.rename)
        report.run("update with apply_immediately = false", c.deferred)
        report.run("stop and start", c.stop_and_start)
        report.run("statuses during create and modify", c.statuses)
        report.run("statuses during delete", c.delete)
        report.run("delete while creating", c.delete_while_creating)
        report.run("security group sequence", c.security_group)
        report.run("security group in use", c.group_in_use)
        report.run("subnet group", c.subnet_group)
        report.run("unknown action", c.unknown_action)
        c.stopped = True
        time.sleep(0.05)
    report.finish()


if __name__ == "__main__":
    main()
