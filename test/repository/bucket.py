#!/usr/bin/env python3
"""`howdah backup` with a real S3 server (s3rver from npm, in node): store, restore, kill, verify, expire; a wrong secret; a
server that is busy, loses answers or goes away. Signatures are checked with botocore. The bucket's content, copied to a directory, is a repository that the reader script restores."""
import os
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]

import npm  # noqa: E402
from repository import Place, tree  # noqa: E402
from s3_front import Front  # noqa: E402

SERVER = """
const S3rver = require('s3rver');
const [directory, port] = process.argv.slice(2);
const server = new S3rver({address: '127.0.0.1', port: Number(port), silent: true, directory,
                           configureBuckets: [{name: 'backups'}]});
server.run((err, {port} = {}) => { if (err) { console.error(err); process.exit(1); } console.log(port); });
"""


class BucketPlace(Place):
    def __init__(self, modules, trouble):
        super().__init__()
        self.modules, self.server = modules, None
        self.front = Front("S3RVER", "S3RVER", "us-east-1", trouble)
        os.mkdir(f"{self.root}/bucket")
        with open(f"{self.root}/server.js", "w", encoding="utf-8") as f:
            f.write(SERVER)
        self.credentials("S3RVER")
        with open(f"{self.root}/howdah.toml", "w", encoding="utf-8") as f:
            f.write(f'[repository]\nlocation = "s3://backups/some/where"\nkey_file = "{self.key}"\n'
                    f'credentials_file = "{self.root}/credentials"\n')
        self.start()

    def credentials(self, secret):
        with open(f"{self.root}/credentials", "w", encoding="utf-8") as f:
            f.write(f"[other]\naws_access_key_id = x\n[default]\naws_access_key_id = S3RVER\n"
                    f"aws_secret_access_key = {secret}\n")

    def start(self):
        self.server = subprocess.Popen(["node", f"{self.root}/server.js", f"{self.root}/bucket", "0"],
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                       env={**os.environ, "NODE_PATH": self.modules})
        said = self.server.stdout.readline().strip()
        assert said.isdigit(), f"s3rver does not start: {said}{self.server.stdout.read()}"
        self.front.port_behind = int(said)

    def stop(self):
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()

    def command(self):
        return [*super().command()[:2], "--config", f"{self.root}/howdah.toml", "--state-dir", f"{self.root}/state",
                "--endpoint", f"http://127.0.0.1:{self.front.port}"]

    def copied(self):
        """What `aws s3 sync` would bring: the server keeps an object as <name>._S3rver_object."""
        to, end = f"{self.root}/repository", "._S3rver_object"
        shutil.rmtree(to, ignore_errors=True)
        top = f"{self.root}/bucket/backups/some/where"
        for folder, _, files in os.walk(top):
            for name in (n for n in files if n.endswith(end)):
                path = os.path.join(to, os.path.relpath(folder, top), name.removesuffix(end))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                shutil.copy(os.path.join(folder, name), path)


def everything(place):
    place.put("one", code=-signal.SIGKILL, fault="repository.manifest,kill,1")
    assert "; 0.0 MB written" in place.put("one"), "what was stored is not stored again"
    first = tree(place.source)
    assert place.restored("one") == first
    place.write("data/base/5/1259", b"changed" * 30_000)
    place.put("two")
    second = tree(place.source)
    assert place.restored("two") == second
    assert "is stored already" in place.put("two")
    assert "2 backups" in place.run("verify")
    vault = f"{place.root}/state/vault/db-A/wal"
    os.makedirs(vault)
    with open(f"{vault}/000000010000000000000003", "wb") as f:
        f.write(b"segment" * 100_000)
    assert "1 WAL files stored" in place.run("wal-put", "db-A")
    assert "0 WAL files stored" in place.run("wal-put", "db-A")
    place.copied()
    place.reader("db-A", "one", f"{place.root}/by-reader")
    assert tree(f"{place.root}/by-reader") == first
    place.run("drop", "db-A", "one")
    for _ in range(2):
        place.run("gc", "--grace-hours", "0")
    assert place.restored("two") == second
    place.run("drop", "db-A", "two")
    for _ in range(2):
        place.run("gc", "--grace-hours", "0")
    place.copied()
    assert not os.path.exists(f"{place.repository}/instances"), place.files()


def differences(place):
    """Stored only where the settings say that the bucket is near: reading there may cost more than it saves."""
    place.write("data/base/5/1259", os.urandom(2 << 20))
    place.put("one")

    def change(at):
        with open(f"{place.source}/data/base/5/1259", "r+b") as f:
            for chunk in range(16):
                f.seek(chunk * (128 << 10) + at)
                f.write(b"a few bytes")
    change(100)
    far = place.put("far")
    assert "; 2.1 MB written" in far, far
    change(200)
    with open(f"{place.root}/howdah.toml", "a", encoding="utf-8") as f:
        f.write("near = true\n")
    near, content = place.put("near"), tree(place.source)
    assert "; 0.0 MB written" in near, near
    assert place.restored("near") == content
    assert "3 backups" in place.run("verify")
    place.copied()
    place.reader("db-A", "near", f"{place.root}/by-reader")
    assert tree(f"{place.root}/by-reader") == content


def refusals(place):
    place.put("one")
    place.credentials("wrong")
    said = place.run("list", code=2)
    assert "SignatureDoesNotMatch" in said, said
    place.credentials("S3RVER")
    place.stop()
    said = place.put("two", code=2)
    assert "no answer from 127.0.0.1 port" in said, said
    place.start()
    assert " one " in place.run("list") and " two " not in place.run("list")
    said = place.run("list", "--repository", "s3://nowhere/x", code=2)
    assert "NoSuchBucket" in said, said


def main():
    modules, why_not = npm.modules("s3rver", "s3rver@3.7.1")
    if modules is None:
        print(f"SKIPPED repository/bucket: {why_not}\n0 passed, 0 failed, 3 skipped")
        return
    passed = failed = 0
    for check, trouble in ((everything, 6), (differences, 6), (refusals, 0)):
        place = BucketPlace(modules, trouble)
        try:
            check(place)
            passed += 1
            print(f"ok {check.__name__}", flush=True)
        except AssertionError as why:
            failed += 1
            print(f"FAILED {check.__name__}: {why}", flush=True)
        finally:
            place.stop()
            place.front.close()
            shutil.rmtree(place.root)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
