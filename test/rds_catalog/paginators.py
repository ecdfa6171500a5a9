#!/usr/bin/env python3
"""The SDK's own paginators over what the catalogue lists: small pages hold the same as large ones, each item once."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

try:
    import botocore.session
except ImportError:
    print("skipped: botocore is not installed (Debian: python3-botocore)\n0 passed, 0 failed, 1 skipped")
    sys.exit(0)

from daemon import Daemon  # noqa: E402
from report import Report  # noqa: E402


class Paginators:
    def __init__(self, daemon):
        env = daemon.env()
        self.rds = botocore.session.get_session().create_client(
            "rds", region_name=daemon.region, endpoint_url=daemon.url, aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"])
        versions = self.rds.describe_db_engine_versions(Engine="postgres", DefaultOnly=True)["DBEngineVersions"]
        self.family = versions[0]["DBParameterGroupFamily"]
        for n in range(30):
            self.rds.create_db_parameter_group(DBParameterGroupName=f"g{n}", DBParameterGroupFamily=self.family,
                                               Description="x")
        changes = [{"ParameterName": "work_mem", "ParameterValue": str(1000 + n), "ApplyMethod": "immediate"}
                   for n in range(45)]
        for change in changes:
            self.rds.modify_db_parameter_group(DBParameterGroupName="g0", Parameters=[change])

    def same(self, operation, at_least, **args):
        paginator = self.rds.get_paginator(operation)
        result = paginator.result_keys[0]
        lists = []
        for size in (20, 100):
            found, pages = [], 0
            for page in paginator.paginate(**args, PaginationConfig={"PageSize": size}):
                items = result.search(page) or []
                assert len(items) <= size, f"a page of {len(items)}"
                found += [json.dumps(i, sort_keys=True, default=str) for i in items]
                pages += 1
            assert len(found) >= at_least, f"{len(found)} items"
            assert at_least <= size or pages > 1, "one page only"
            assert len(set(found)) == len(found), "an item is on two pages"
            lists.append(found)
        assert lists[0] == lists[1]

    def refuses(self, size):
        try:
            self.rds.describe_db_parameter_groups(MaxRecords=size)
        except self.rds.exceptions.ClientError as e:
            assert e.response["Error"]["Code"] == "InvalidParameterValue", e
            return
        raise AssertionError(f"MaxRecords={size} was accepted")

    def bad_markers(self):
        for marker in ("x", "!!!!", "eA==" * 100):
            try:
                self.rds.describe_events(Marker=marker)
            except self.rds.exceptions.ClientError as e:
                assert e.response["Error"]["Code"] == "InvalidParameterValue", e
            else:
                raise AssertionError(f"marker {marker} was accepted")


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    with Daemon("paginators") as daemon:
        t = Paginators(daemon)
        for operation, at_least, args in (
                ("describe_db_parameter_groups", 31, {}),
                ("describe_db_parameters", 300, {"DBParameterGroupName": "g0"}),
                ("describe_db_parameters", 1, {"DBParameterGroupName": "g0", "Source": "user"}),
                ("describe_engine_default_parameters", 300, {"DBParameterGroupFamily": t.family}),
                ("describe_orderable_db_instance_options", 10, {"Engine": "postgres"}),
                ("describe_events", 45, {"SourceType": "db-parameter-group"}),
                ("describe_events", 45, {"SourceType": "db-parameter-group", "SourceIdentifier": "g0", "Duration": 9}),
                ("describe_events", 45, {"EventCategories": ["configuration change"]}),
                ("describe_db_engine_versions", 1, {}),
                ("describe_certificates", 1, {}),
                ("describe_option_groups", 1, {}),
                ("describe_pending_maintenance_actions", 0, {}),
                ("describe_source_regions", 0, {})):
            report.run(f"{operation} {args}", lambda o=operation, n=at_least, a=args: t.same(o, n, **a))
        for size in (0, 19, 101):
            report.run(f"MaxRecords {size}", lambda s=size: t.refuses(s))
        report.run("bad markers", t.bad_markers)
    report.finish()


main()
