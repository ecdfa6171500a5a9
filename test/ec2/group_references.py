#!/usr/bin/env python3
"""Rules that refer to a group, as the servers enforce them (seed 004, C24: "allowed_services_sg_ids"; seed 001, C16:
existing connections are unaffected). Connections are made from the very address of another instance."""
import os
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from client import AwsError  # noqa: E402
from daemon import PASSWORD, Daemon, available, create, endpoint, wait_for  # noqa: E402
from report import Report  # noqa: E402

LIMIT = 2.0  # seconds until a changed rule is in force for new connections


def connect(source, target):
    """A connection of PostgreSQL's protocol from the address `source`, up to the server's first answer:
    (socket, None) when it asks for a password, (None, its error) when it refuses."""
    raw = socket.create_connection(target, timeout=10, source_address=(source, 0))
    raw.sendall(struct.pack("!ii", 8, 80877103))  # SSLRequest
    assert raw.recv(1) == b"S", "the server has no TLS"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    s = context.wrap_socket(raw)
    body = struct.pack("!i", 196608) + b"user\0root1\0database\0app\0\0"
    s.sendall(struct.pack("!i", len(body) + 4) + body)
    answer = s.recv(4096)
    if answer[:1] == b"R":
        return s, None
    s.close()
    return None, answer.decode(errors="replace")


def admitted(source, target):
    s, error = connect(source, target)
    if s:
        s.close()
        return True
    assert "no pg_hba.conf entry" in error, error
    return False


class References:
    def __init__(self, client):
        self.client = client
        self.app, self.db, self.other = (self.group(n) for n in ("app", "db", "other"))
        for name, group in (("app", self.app), ("db", self.db)):
            create(client, name, wait=False, **{"VpcSecurityGroupIds.VpcSecurityGroupId": [group]})
        for name in ("app", "db"):
            available(client, name)
        self.target = endpoint(client, "db")
        self.member = endpoint(client, "app")[0]

    def group(self, name):
        return self.client.ec2("CreateSecurityGroup", GroupName=name, GroupDescription=name).findtext("groupId")

    def rule(self, action, group, **source):
        port = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
        return self.client.ec2(action, GroupId=group, IpPermissions=[{**port, **source}])

    def members_only(self):
        assert not admitted(self.member, self.target), "admitted without a rule"
        self.rule("AuthorizeSecurityGroupIngress", self.db, Groups=[{"GroupId": self.app}])
        wait_for("the member of app is admitted", lambda: admitted(self.member, self.target), LIMIT)
        assert not admitted("127.0.0.1", self.target), "who is in no group was admitted"
        assert not admitted(self.target[0], self.target), "who is in another group was admitted"

    def group_in_use(self):
        for group in (self.app, self.db):
            try:
                self.client.ec2("DeleteSecurityGroup", GroupId=group)
            except AwsError as e:
                assert e.code == "DependencyViolation", e
            else:
                raise AssertionError(f"{group} is in use and was deleted")

    def leaving(self):
        """A member that leaves the group is refused from then on; one that joins is admitted."""
        for group, expected in ((self.other, False), (self.app, True)):
            self.client.rds("ModifyDBInstance", DBInstanceIdentifier="app", ApplyImmediately=True,
                            **{"VpcSecurityGroupIds.VpcSecurityGroupId": [group]})
            wait_for(f"admitted: {expected}", lambda e=expected: admitted(self.member, self.target) == e, LIMIT)
            wait_for("the change is complete", lambda: self.client.status("app") == "available")

    def open_stays_open(self):
        """A session outlives the rule that admitted it."""
        here = {"IpRanges": [{"CidrIp": "127.0.0.1/32"}]}
        self.rule("AuthorizeSecurityGroupIngress", self.db, **here)
        wait_for("this machine is admitted", lambda: admitted("127.0.0.1", self.target), LIMIT)
        host, port = self.target
        with subprocess.Popen(["psql", "-XAtq", f"host={host} port={port} user=root1 dbname=app sslmode=require"],
                              env={**os.environ, "PGPASSWORD": PASSWORD}, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
            def ask(sql):
                session.stdin.write(sql + ";\n")
                session.stdin.flush()
                return session.stdout.readline().strip()

            assert ask("select 'open'") == "open"
            self.rule("RevokeSecurityGroupIngress", self.db, **here)
            wait_for("new connections are refused", lambda: not admitted("127.0.0.1", self.target), LIMIT)
            assert ask("select 'still open'") == "still open", "the session that was open ended"
            session.stdin.close()

    def how_soon(self):
        """Opens and closes ten times; nothing is restarted."""
        self.rule("RevokeSecurityGroupIngress", self.db, Groups=[{"GroupId": self.app}])
        wait_for("the member of app is refused", lambda: not admitted(self.member, self.target), LIMIT)
        took = []
        for n in range(10):
            opened = n % 2 == 0
            action = "AuthorizeSecurityGroupIngress" if opened else "RevokeSecurityGroupIngress"
            self.rule(action, self.db, IpRanges=[{"CidrIp": self.member + "/32"}])
            start = time.monotonic()
            wait_for(f"admitted: {opened}", lambda o=opened: admitted(self.member, self.target) == o, LIMIT, 0.005)
            took.append(time.monotonic() - start)
        print(f"in force after: median {statistics.median(took) * 1000:.0f} ms, worst {max(took) * 1000:.0f} ms")


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    with Daemon("groups") as daemon:
        r = References(daemon.client())
        report.run("only members of the group are admitted (C24)", r.members_only)
        report.run("groups in use are not deleted", r.group_in_use)
        report.run("leaving and joining the group", r.leaving)
        report.run("an open connection stays open (C16)", r.open_stays_open)
        report.run("in force within 2 s", r.how_soon)
    report.finish()


if __name__ == "__main__":
    main()
