#!/usr/bin/env python3
"""Every parameter of a group against a real server: what the API shows can be set, what it refuses is refused, and no
value that it accepts leaves an instance that can't be brought back."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from client import AwsError  # noqa: E402
from daemon import PASSWORD, Daemon, available, create, wait_for  # noqa: E402
from report import Report  # noqa: E402

GROUP = "fuzz"
GARBAGE = {"integer": ["", "x", "1.5", "8MB", "99999999999999999999", "{Nope}", "{1/0}"],
           "float": ["", "x", "nan", "1,5"], "boolean": ["", "2", "maybe"]}


class Parameters:
    def __init__(self, daemon):
        self.client = daemon.client()
        family = self.client.rds("DescribeDBEngineVersions", DefaultOnly=True).findtext(".//DBParameterGroupFamily")
        self.client.rds("CreateDBParameterGroup", DBParameterGroupName=GROUP, DBParameterGroupFamily=family, Description="x")
        create(self.client, "a", DBParameterGroupName=GROUP)
        available(self.client, "a")
        self.host = self.client.instance("a").findtext("Endpoint/Address")
        self.rows = self.all_pages()

    def all_pages(self, **more):
        rows, marker = {}, None
        while True:
            page = self.client.rds("DescribeDBParameters", DBParameterGroupName=GROUP, MaxRecords=20, Marker=marker, **more)
            for p in page.findall(".//Parameters/Parameter"):
                name = p.findtext("ParameterName")
                assert name not in rows, f"{name} is on two pages"
                rows[name] = {c.tag: c.text or "" for c in p}
            marker = page.findtext(".//Marker")
            if not marker:
                return rows

    def sql(self, text):
        url = f"host={self.host} user=root1 dbname=postgres connect_timeout=10"
        done = subprocess.run(["psql", url, "-XAtc", text], capture_output=True, text=True, check=False,
                              env={**os.environ, "PGPASSWORD": PASSWORD})
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return done.stdout.strip()

    def modify(self, changes):
        changes = [{"ParameterName": n, "ParameterValue": v, "ApplyMethod": m} for n, v, m in changes]
        for at in range(0, len(changes), 20):
            self.client.rds("ModifyDBParameterGroup", DBParameterGroupName=GROUP,
                            **{"Parameters.Parameter": changes[at:at + 20]})

    def refused(self, name, value):
        try:
            self.modify([(name, value, "pending-reboot")])
        except AwsError as e:
            assert e.code == "InvalidParameterValue", f"{name}={value}: {e}"
            return
        raise AssertionError(f"{name}={value!r} was accepted")

    def modifiable(self):
        return {n: p for n, p in self.rows.items() if p["IsModifiable"] == "true"}

    def status(self):
        return self.client.instance("a").findtext("DBInstanceStatus")

    def reboot(self):
        self.client.rds("RebootDBInstance", DBInstanceIdentifier="a")
        return wait_for("the end of the reboot", lambda: self.status() != "rebooting" and self.status(), 90)

    def reset(self):
        self.client.rds("ResetDBParameterGroup", DBParameterGroupName=GROUP, ResetAllParameters=True)

    # Tests

    def pages_hold_everything(self):
        assert len(self.rows) > 300, len(self.rows)
        for name, p in self.rows.items():
            assert name == name.lower(), name
            for field in ("Source", "ApplyType", "DataType", "IsModifiable", "ApplyMethod"):
                assert p.get(field), f"{name} has no {field}"
        assert self.all_pages(Source="user") == {}
        sources = [self.all_pages(Source=s) for s in ("system", "engine-default")]
        assert sum(map(len, sources)) == len(self.rows)

    def server_has_what_is_shown(self):
        """The formulas' results, and RDS's defaults, are what the server runs with."""
        for name, has in (("max_wal_senders", "20"), ("track_activity_query_size", "4kB"), ("autovacuum_max_workers", "3"),
                          ("rds.force_ssl", self.rows["rds.force_ssl"]["ParameterValue"]), ("max_connections", "85")):
            assert self.sql(f"show {name}") == has, f"{name}: {self.sql(f'show {name}')} instead of {has}"
        shared = int(self.sql("select setting from pg_settings where name = 'shared_buffers'"))
        assert 2 ** 30 / 8192 * 0.15 < shared < 2 ** 30 / 8192 * 0.25, shared

    def garbage_is_refused(self):
        count = 0
        for name, p in self.modifiable().items():
            values = list(GARBAGE.get(p["DataType"], []))
            allowed = p.get("AllowedValues", "")
            if p["DataType"] in ("integer", "float") and allowed.count("-") == 1 and not allowed.startswith("-"):
                low, high = allowed.split("-")
                values += [str(float(low) - 1), str(float(high) * 2 + 1)] if p["DataType"] == "float" else \
                    [str(int(low) - 1), str(int(high) + 1)]
            if p["DataType"] == "string" and allowed:
                values.append("certainly-not-this")
            for value in values + ["a\nb", "a\x01b"]:
                self.refused(name, value)
                count += 1
        assert count > 500, count
        assert self.all_pages(Source="user") == {}

    def what_is_reserved_is_refused(self):
        for name, p in self.rows.items():
            if p["IsModifiable"] != "true":
                self.refused(name, p.get("ParameterValue") or "1")

    def own_values_are_accepted(self):
        """Each parameter set to what the server has: accepted, and a reboot finds nothing wrong with it."""
        separator = "\x1f"
        text = self.sql("select string_agg(lower(name) || '%s' || setting, '%s%s') from pg_settings where source <> "
                        "'client' and setting !~ '[[:cntrl:]]'" % (separator, separator, separator))
        has = dict(line.split(separator, 1) for line in text.split(separator * 2) if separator in line)
        changes = []
        for name, p in self.modifiable().items():
            value = has.get(name)
            if value is None or (value == "" and p["DataType"] != "string") or value == "(disabled)":
                continue
            if p["DataType"] == "boolean":
                value = "1" if value in ("on", "1") else "0"
            if p.get("AllowedValues") and p["DataType"] == "string" and value not in p["AllowedValues"].split(","):
                continue
            changes.append((name, value, "immediate" if p["ApplyType"] == "dynamic" else "pending-reboot"))
        assert len(changes) > 200, len(changes)
        self.modify([c for c in changes if c[2] == "immediate"])
        self.modify([c for c in changes if c[2] != "immediate"])
        assert len(self.all_pages(Source="user")) == len(changes)
        assert self.reboot() == "available"
        self.reset()
        assert self.reboot() == "available"

    def every_choice_of_a_list(self):
        for name, p in self.modifiable().items():
            allowed = p.get("AllowedValues", "")
            if p["DataType"] != "string" or not allowed:
                continue
            for value in allowed.split(","):
                self.modify([(name, value, "pending-reboot")])
        self.reset()

    def extremes_never_brick(self):
        """All minima, then all maxima, at once: the instance may say incompatible-parameters, and a reset mends it."""
        for end in (0, 1):
            changes = []
            for name, p in self.modifiable().items():
                allowed = p.get("AllowedValues", "")
                if p["DataType"] in ("integer", "float") and allowed.count("-") == 1 and not allowed.startswith("-"):
                    changes.append((name, allowed.split("-")[end], "pending-reboot"))
                elif p["DataType"] == "boolean":
                    changes.append((name, str(end) if str(end) in allowed.split(",") else allowed, "pending-reboot"))
            self.modify(changes)
            state = self.reboot()
            assert state in ("available", "incompatible-parameters"), state
            self.reset()
            assert self.reboot() == "available", f"after {state}"
            assert self.sql("select 1") == "1"

    def hostile_defaults_do_not_stop_us(self):
        """Defaults for sessions apply to the daemon's own sessions too: it must still be able to work."""
        self.modify([("default_transaction_read_only", "1", "immediate"), ("statement_timeout", "1", "immediate"),
                     ("lock_timeout", "1", "immediate"), ("search_path", "nowhere", "immediate"),
                     ("idle_session_timeout", "1", "immediate"), ("row_security", "0", "immediate")])
        wait_for("the change", lambda: "nowhere" in self.show_search_path(), 10)
        self.client.rds("ModifyDBInstance", DBInstanceIdentifier="a", MasterUserPassword=PASSWORD + "x",
                        ApplyImmediately=True)
        wait_for("the new password", lambda: self.status() == "available" and self.logs_in(PASSWORD + "x"), 60)
        self.client.rds("ModifyDBInstance", DBInstanceIdentifier="a", MasterUserPassword=PASSWORD, ApplyImmediately=True)
        wait_for("the old password", lambda: self.status() == "available" and self.logs_in(PASSWORD), 60)
        assert self.reboot() == "available"
        self.reset()
        assert self.reboot() == "available"

    def show_search_path(self):
        url = f"host={self.host} user=root1 dbname=postgres options='-c statement_timeout=0 -c idle_session_timeout=0'"
        return subprocess.run(["psql", url, "-XAtc", "select reset_val from pg_catalog.pg_settings where name='search_path'"],
                              capture_output=True, text=True, check=False, env={**os.environ, "PGPASSWORD": PASSWORD}).stdout

    def logs_in(self, password):
        url = f"host={self.host} user=root1 dbname=postgres options='-c statement_timeout=0 -c idle_session_timeout=0'"
        return subprocess.run(["psql", url, "-XAtc", "select 1"], capture_output=True, check=False,
                              env={**os.environ, "PGPASSWORD": password}).returncode == 0


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    with Daemon("parameters") as daemon:
        t = Parameters(daemon)
        for test in (t.pages_hold_everything, t.server_has_what_is_shown, t.garbage_is_refused,
                     t.what_is_reserved_is_refused, t.own_values_are_accepted, t.every_choice_of_a_list,
                     t.extremes_never_brick, t.hostile_defaults_do_not_stop_us):
            report.run(test.__name__.replace("_", " "), test)
    report.finish()


main()
