"""howdah migrate cfn: CloudFormation's custom resource, with a fake Lambda runtime and a fake ResponseURL."""
import http.server
import json
import os
import queue
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

from project import HOWDAH, Project, test

REQUIRED = {"Status", "PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId"}


class Fake:
    """An HTTP server on loopback whose requests end in a queue; `answers` gives the status of the next ones."""

    def __init__(self, certificate=None):
        self.got, self.answers, self.events = queue.Queue(), [], queue.Queue()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, body=b"", headers=()):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                event = fake.events.get()
                if event is None:
                    return self.reply(500)
                deadline = int((time.time() + event.pop("deadline", 60)) * 1000)
                return self.reply(200, json.dumps(event).encode(), [("Lambda-Runtime-Aws-Request-Id", "id-1"), (
                    "Lambda-Runtime-Deadline-Ms", str(deadline))])

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = fake.answers.pop(0) if fake.answers and self.command == "PUT" else 200
                fake.got.put((self.command, self.path, dict(self.headers), body, status))
                self.reply(status)

            do_PUT = do_POST

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.events.put(None)
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def next(self):
        return self.got.get(timeout=60)

    def answer(self):
        """The next delivered answer, checked against the contract."""
        command, path, headers, body, status = self.next()
        while command != "PUT" or status != 200:
            command, path, headers, body, status = self.next()
        assert path == "/put?X-Amz-Signature=a%2Fb&x=1", path
        assert headers["Content-Type"] == "" and int(headers["Content-Length"]) == len(body) <= 4096, headers
        out = json.loads(body)
        assert REQUIRED <= set(out) and out["Status"] in ("SUCCESS", "FAILED"), out
        assert out["Status"] == "SUCCESS" or out["Reason"]
        return out


class Stack:
    """The handler as Lambda's bootstrap, fed by CloudFormation."""

    def __init__(self, p):
        self.p, self.fake, self.physical = p, Fake(), None
        self.bootstrap = f"{p.dir}/../bootstrap-{p.name}"
        os.makedirs(self.bootstrap)
        os.symlink(HOWDAH, f"{self.bootstrap}/bootstrap")
        env = {"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": self.fake.address, "MIGRATIONS_DIR": p.dir,
               "DATABASE_URL": p.url, "AWS_LAMBDA_LOG_STREAM_NAME": "2026/stream"}
        self.process = subprocess.Popen([f"{self.bootstrap}/bootstrap"], env=env, stderr=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL)

    def send(self, kind, url=True, deadline=60, **properties):
        event = {"RequestType": kind, "RequestId": "r-1", "StackId": "arn:aws:cloudformation:x:1:stack/s/1",
                 "LogicalResourceId": "Migrations", "ResourceType": "Custom::Migrations", "deadline": deadline,
                 "ResourceProperties": {"ServiceToken": "arn:aws:lambda:x", **properties}}
        if url:
            event["ResponseURL"] = f"http://{self.fake.address}/put?X-Amz-Signature=a%2Fb&x=1"
        if kind != "Create":
            event["PhysicalResourceId"] = self.physical or "failed-to-create"
        self.fake.events.put(event)

    def ask(self, kind, status="SUCCESS", **properties):
        self.send(kind, **properties)
        out = self.fake.answer()
        command, path, headers, body, _ = self.fake.next()
        assert (command, path) == ("POST", "/2018-06-01/runtime/invocation/id-1/response"), (path, body)
        assert out["Status"] == status, out
        assert out["StackId"].startswith("arn:") and out["RequestId"] == "r-1" and out["LogicalResourceId"] == "Migrations"
        if kind == "Create":
            self.physical = self.physical or out["PhysicalResourceId"]
        assert out["PhysicalResourceId"] == (self.physical or "failed-to-create"), out
        return out

    def stop(self):
        self.fake.stop()
        self.process.wait(60)
        shutil.rmtree(self.bootstrap)


def project(pg):
    p = Project(pg)
    for number, table in enumerate("ab", 1):
        p.file(f"{number}_{table}.sql", f"-- migrate:up\ncreate table {table}(id int);\n-- migrate:down\ndrop table {table};\n")
    return p


@test
def cloudformation_creates_updates_and_deletes(pg):
    p = project(pg)
    s = Stack(p)
    try:
        out = s.ask("Create", Target="1_a")
        assert out["PhysicalResourceId"] == f"migrations:{pg.dir}/{p.name}/default", out
        assert p.tables() == "a" and out["Data"]["Migrations"] == "1", out
        s.ask("Create", Target="1_a")  # Lambda tries again
        s.ask("Update", Revision="2")
        assert p.tables() == "a,b"
        out = s.ask("Update", Target="1_a")
        assert "stays so" in out["Reason"] and p.tables() == "a,b", out
        s.ask("Update", Target="1_a", DownOnRollback="true")
        assert p.tables() == "a"
        p.file("3_bad.sql", "create table c(id int);\nselect * from nowhere;\n")
        out = s.ask("Update", "FAILED")
        assert "3_bad.sql:2:15" in out["Reason"] and "SQLSTATE 42P01" in out["Reason"] and "2026/stream" in out["Reason"], out
        os.unlink(f"{p.dir}/3_bad.sql")
        b = open(f"{p.dir}/2_b.sql", encoding="utf-8").read()
        os.unlink(f"{p.dir}/2_b.sql")  # the code of the older revision, after b was applied
        assert "stays so" in s.ask("Update")["Reason"] and p.tables() == "a,b"
        s.ask("Update", DownOnRollback="true")
        assert p.tables() == "a"
        p.file("2_b.sql", b)
        assert "no property Tagret" in s.ask("Update", "FAILED", Tagret="1_a")["Reason"]
        s.ask("Delete")
        s.ask("Delete", OnDelete="retain")
        assert p.tables() == "a"
        s.ask("Delete", OnDelete="down")
        assert p.tables() == ""
        s.ask("Delete", OnDelete="drop-database")
        assert pg.psql("postgres", f"select count(*) from pg_database where datname = '{p.name}'") == "0"
        assert "could not be reached" in s.ask("Delete", OnDelete="down")["Reason"]
    finally:
        s.stop()


@test
def cloudformation_always_gets_an_answer(pg):
    p = project(pg)
    s = Stack(p)
    try:
        out = s.ask("Create", "FAILED", Url="postgresql://nobody@127.0.0.1:1/none")
        assert out["PhysicalResourceId"] == "migrations:127.0.0.1/none/default" and "refused" in out["Reason"], out
        s.physical = None
        assert "never created" in s.ask("Delete", OnDelete="drop-database")["Reason"]
        s.fake.answers = [500, 503, 500]
        s.ask("Create")
        assert p.tables() == "a,b"
        p.file("3_long.sql", "create table c(id int); select pg_sleep(600);")
        start = time.monotonic()
        out = s.ask("Update", "FAILED", deadline=8)
        assert "out of time" in out["Reason"] and time.monotonic() - start < 30, out
        assert p.tables() == "a,b"
        p.file("3_long.sql", "do $$ begin raise exception '%', repeat('ä', 9000); end $$")
        out = s.ask("Update", "FAILED")
        assert "ä" * 1000 in out["Reason"], out
        s.fake.answers = [403]
        s.send("Delete")
        while (got := s.fake.next())[0] != "POST":
            assert got[4] == 403
        assert got[1].endswith("/error") and "could not be delivered" in json.loads(got[3])["errorMessage"], got
        s.send("Update", url=False)  # CDK's framework
        got = s.fake.next()
        assert got[1].endswith("/error") and got[2]["Lambda-Runtime-Function-Error-Type"] == "Howdah.MigrationFailed", got
        os.unlink(f"{p.dir}/3_long.sql")
        s.send("Update", url=False)
        assert json.loads(s.fake.next()[3])["PhysicalResourceId"] == s.physical
        s.fake.events.put({"hello": 1})
        assert s.fake.next()[1].endswith("/error")
    finally:
        s.stop()


def post(url, body, token="secret"):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


@test
def cloudformation_over_http(pg):
    p, pem = project(pg), f"{pg.dir}/response-url.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=s3", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", pem + ".crt"], check=True, capture_output=True)
    with open(pem, "a", encoding="utf-8") as whole, open(pem + ".crt", encoding="utf-8") as certificate:
        whole.write(certificate.read())
    fake = Fake(pem)
    process = subprocess.Popen(p.command("cfn", "--listen", "127.0.0.1:0"), stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL, env={**os.environ, "HOWDAH_CFN_TOKEN": "secret",
                                                                   "SSL_CERT_FILE": pem + ".crt"})
    try:
        url = process.stdout.readline().split()[-1]
        event = {"RequestType": "Create", "RequestId": "r", "StackId": "s", "LogicalResourceId": "l", "ResourceProperties": {},
                 "ResponseURL": f"https://{fake.address}/put?X-Amz-Signature=a%2Fb&x=1"}
        assert post(url, event, "wrong")[0] == 401 and p.tables() == ""
        status, body = post(url, {"Type": "Notification", "Message": json.dumps(event)})
        assert status == 200 and json.loads(body) == fake.answer() and p.tables() == "a,b", body
        assert post(url, {"Type": "SubscriptionConfirmation"})[0] == 400
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
        fake.stop()
