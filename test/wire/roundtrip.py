#!/usr/bin/env python3
"""Round-trips every operation of every model through botocore and our codecs, in every protocol of its service.

    roundtrip.py [path to wire_peer] [--seed N] [--rounds N]

Requests: a random input -> botocore's serializer and signer -> our router, signature check and decoder -> the same input.
Answers: a random output -> our encoder -> botocore's parser -> the same output. Errors likewise: code, message, status.
What the installed botocore does not know yet (Debian's 1.29 is older than the models) is skipped and counted.
"""
import argparse
import base64
import datetime
import gzip
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import urllib.parse

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    import botocore.parsers
    import botocore.serialize
    import botocore.session
    import botocore.signers
except ImportError:
    print("skipped: botocore is not installed (Debian: python3-botocore)\n0 passed, 0 failed, 1 skipped")
    sys.exit(0)

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
from sample import Sampler  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENDPOINT = "http://127.0.0.1:4566"
LONG_TERM = botocore.credentials.Credentials("AKIAROUNDTRIP", "secret/+key")
TEMPORARY = botocore.credentials.Credentials("ASIAROUNDTRIP", "temporary", "session/token+==")
DIFFERENCES_SHOWN = 15


class Peer:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"wire_peer died (exit {self.process.wait()}) on {json.dumps(what)[:2000]}")
        return json.loads(answer)


class Tally:
    def __init__(self):
        self.passed, self.failed = 0, 0
        self.skipped = {"operations": set(), "members": set(), "protocols": set(), "errors": set(),
                        "requests": set()}

    def check(self, what, got, want):
        if got == want:
            self.passed += 1
            return
        self.failed += 1
        if self.failed <= DIFFERENCES_SHOWN:
            print(f"FAILED {what}\n   got  {json.dumps(got, default=str, sort_keys=True)[:1500]}\n   want "
                  f"{json.dumps(want, default=str, sort_keys=True)[:1500]}")


def prune(value, shape, where, tally):
    """Without the members that the installed botocore's shape does not have."""
    if shape.type_name == "structure":
        for unknown in sorted(set(value) - set(shape.members)):
            tally.skipped["members"].add(f"{where}.{shape.name}.{unknown}")
        return {k: prune(v, shape.members[k], where, tally) for k, v in value.items() if k in shape.members}
    if shape.type_name == "list":
        return [prune(v, shape.member, where, tally) for v in value]
    if shape.type_name == "map":
        return {k: prune(v, shape.value, where, tally) for k, v in value.items()}
    return value


def has_empty(values):
    """Whether pruning left a nested structure without members, which a form cannot express."""
    nested = [v for v in values if isinstance(v, (dict, list))]
    return any(not v or has_empty(v.values() if isinstance(v, dict) else v) for v in nested)


def to_python(value, shape):
    """Texts of timestamps and blobs -> what botocore wants."""
    if shape.type_name == "structure":
        return {k: to_python(v, shape.members[k]) for k, v in value.items()}
    if shape.type_name == "list":
        return [to_python(v, shape.member) for v in value]
    if shape.type_name == "map":
        return {k: to_python(v, shape.value) for k, v in value.items()}
    if shape.type_name == "timestamp":
        return datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return base64.b64decode(value) if shape.type_name == "blob" else value


def from_python(value, shape):
    """What botocore parsed -> texts, as to_python() has them."""
    if shape.type_name == "structure":
        return {k: from_python(v, shape.members[k]) for k, v in value.items() if k in shape.members}
    if shape.type_name == "list":
        return [from_python(v, shape.member) for v in value]
    if shape.type_name == "map":
        return {k: from_python(v, shape.value) for k, v in value.items()}
    if shape.type_name == "timestamp":
        ms = round(value.timestamp() * 1000)
        t = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
        return t.strftime("%Y-%m-%dT%H:%M:%S.") + f"{t.microsecond // 1000:03}Z"
    return base64.b64encode(value).decode() if shape.type_name == "blob" else value


def same_numbers(value):
    """1.0 and 1 are the same on the wire."""
    if isinstance(value, dict):
        return {k: same_numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [same_numbers(v) for v in value]
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


def http_request(serialized, signing_name, credentials):
    """botocore's own preparation and signature of a serialized request."""
    botocore.awsrequest.prepare_request_dict(serialized, endpoint_url=ENDPOINT, context={})
    request = botocore.awsrequest.create_request_object(serialized)
    botocore.auth.SigV4Auth(credentials, signing_name, "eu-west-2").add_auth(request)
    prepared = request.prepare()
    url = urllib.parse.urlsplit(prepared.url)
    headers = [[k.lower(), v.decode() if isinstance(v, bytes) else str(v)] for k, v in prepared.headers.items()]
    if not any(k == "host" for k, _ in headers):
        headers.insert(0, ["host", url.netloc])
    body = prepared.body or b""
    body = body.encode() if isinstance(body, str) else body
    return {"method": prepared.method, "path": url.path or "/", "query": url.query, "headers": headers,
            "body": base64.b64encode(body).decode()}


def fill_results(output, model, op, api):
    """Our encoder sends pagination results even when a handler leaves them out."""
    keys = op.get("page", {}).get("result_key", [])
    for key in [keys] if isinstance(keys, str) else keys:
        known = api.output_shape and key in api.output_shape.members
        if known and api.output_shape.members[key].type_name == "list":
            output.setdefault(key, [])
    return output


class Service:
    def __init__(self, model, session, peer, tally, rng, rounds):
        self.model, self.peer, self.tally, self.rng, self.rounds = model, peer, tally, rng, rounds
        self.name = model["service"]
        self.api = session.get_service_model(self.name)
        self.signing_name = model["meta"].get("signingName", model["meta"]["endpointPrefix"])
        self.sampler = Sampler(model, rng)

    def protocols(self):
        for protocol in self.model["meta"]["protocols"]:
            needs_target = protocol in ("json", "smithy-rpc-v2-cbor")
            known = protocol in botocore.serialize.SERIALIZERS and protocol in botocore.parsers.PROTOCOL_PARSERS
            if not known or needs_target and "targetPrefix" not in self.api.metadata:
                self.tally.skipped["protocols"].add(f"{self.name}/{protocol}")
                continue
            yield protocol

    def run(self):
        for protocol in self.protocols():
            for name, op in self.model["ops"].items():
                if name not in self.api.operation_names:
                    self.tally.skipped["operations"].add(f"{self.name}.{name}")
                    continue
                api = self.api.operation_model(name)
                for i in range(self.rounds):
                    chance = (0.0, 1.0, 0.4)[i] if i < 3 else self.rng.random()
                    self.round_trip_request(protocol, name, op, api, chance)
                    self.round_trip_answer(protocol, name, op, api, chance)
                self.errors(protocol, name, op, api)

    def round_trip_request(self, protocol, name, op, api, chance):
        where = f"{self.name}.{name}"
        value = {}
        if "in" in op and api.input_shape:
            # botocore's JSON and CBOR have no fractions of a second in requests.
            whole_seconds = protocol in ("json", "smithy-rpc-v2-cbor")
            value = self.sampler.structure(op["in"], chance, whole_seconds)
            value = prune(value, api.input_shape, where, self.tally)
            if protocol in ("query", "ec2") and has_empty(value.values()):
                self.tally.skipped["requests"].add(f"{where} {chance}")
                return
        serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
        parameters = to_python(value, api.input_shape) if value else {}
        request = http_request(serializer.serialize_to_request(parameters, api), self.signing_name,
                               self.rng.choice([LONG_TERM, TEMPORARY]))
        got = self.peer.ask(do="decode", request=request)
        want = {"operation": name, "service": self.name, "protocol": protocol, "input": value}
        self.tally.check(f"request {where} {protocol}", same_numbers(got), same_numbers(want))

    def round_trip_answer(self, protocol, name, op, api, chance):
        where = f"{self.name}.{name}"
        value = {}
        if "out" in op and api.output_shape:
            value = prune(self.sampler.structure(op["out"], chance), api.output_shape, where, self.tally)
        answer = self.peer.ask(do="encode", service=self.signing_name, operation=name, protocol=protocol, output=value)
        if "fault" in answer:
            return self.tally.check(f"answer {where} {protocol}", answer, "an answer")
        want = fill_results(dict(value), self.model, op, api)
        try:
            got = self.parse(protocol, answer, api.output_shape)
        except botocore.parsers.ResponseParserError as e:
            return self.tally.check(f"answer {where} {protocol}", str(e), "an answer that botocore can parse")
        metadata = got.pop("ResponseMetadata", {})
        got = from_python(got, api.output_shape) if api.output_shape else got
        self.tally.check(f"answer {where} {protocol}", same_numbers(got), same_numbers(want))
        status = (op["http"] + [200])[2]
        request_id = "request-id-1"
        if protocol == "smithy-rpc-v2-cbor" and not api.output_shape:
            request_id = None  # botocore does not look for it then
        self.tally.check(f"metadata {where} {protocol}",
                         [metadata.get("RequestId"), metadata.get("HTTPStatusCode")], [request_id, status])

    def parse(self, protocol, answer, shape):
        headers = botocore.awsrequest.HeadersDict({k: v for k, v in answer["headers"]})
        raw = {"status_code": answer["status"], "headers": headers, "body": base64.b64decode(answer["body"]),
               "context": {"operation_name": "x"}}
        return botocore.parsers.create_parser(protocol).parse(raw, shape)

    def errors(self, protocol, name, op, api):
        json_names = protocol in ("json", "smithy-rpc-v2-cbor") and "awsQueryCompatible" not in self.model["meta"]
        known = {s.name for s in api.error_shapes}
        for shape_name in [*op["err"], None]:
            error = self.model["shapes"][shape_name]["error"] if shape_name else {"code": "Some.Code"}
            status = error.get("httpStatusCode", 500 if shape_name and self.model["shapes"][shape_name].get("fault")
                               else 400)
            code = shape_name if json_names and shape_name else error["code"]
            message = f"a <b> & \"c\" é {self.rng.randrange(1000)}"
            answer = self.peer.ask(do="error", service=self.signing_name, operation=name, protocol=protocol, code=code,
                                   message=message)
            got = self.parse(protocol, answer, api.output_shape)
            self.tally.check(f"error {self.name}.{name} {protocol} {code}",
                             [got["Error"].get("Code"), got["Error"].get("Message"), answer["status"],
                              got["ResponseMetadata"].get("RequestId")],
                             [code, message, status, "request-id-1"])
            if shape_name and shape_name not in known:
                self.tally.skipped["errors"].add(f"{self.name}.{shape_name}")


def special_requests(session, peer, tally):
    """What does not go through a serializer: presigned queries, database tokens, compressed bodies."""
    for credentials in (LONG_TERM, TEMPORARY):
        client = session.create_client("sts", region_name="eu-west-2", endpoint_url=ENDPOINT,
                                       aws_access_key_id=credentials.access_key,
                                       aws_secret_access_key=credentials.secret_key,
                                       aws_session_token=credentials.token)
        url = urllib.parse.urlsplit(client.generate_presigned_url("get_caller_identity", HttpMethod="GET"))
        request = {"method": "GET", "path": url.path, "query": url.query, "headers": [["host", url.netloc]], "body": ""}
        tally.check("presigned GetCallerIdentity", peer.ask(do="decode", request=request).get("operation"),
                    "GetCallerIdentity")
        rds = session.create_client("rds", region_name="eu-west-2", aws_access_key_id=credentials.access_key,
                                    aws_secret_access_key=credentials.secret_key, aws_session_token=credentials.token)
        token = rds.generate_db_auth_token(DBHostname="db.example", Port=5432, DBUsername="alice b")
        for user, ok in (("alice b", True), ("bob", False)):
            answer = peer.ask(do="db_token", token=token, endpoint="db.example:5432", user=user)
            tally.check(f"database token for {user}", answer["ok"], ok)
    body = gzip.compress(b"Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=m")
    compressed = {"url_path": "/", "query_string": {}, "method": "POST", "body": body,
                  "headers": {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}}
    answer = peer.ask(do="decode", request=http_request(compressed, "monitoring", LONG_TERM))
    tally.check("gzip PutMetricData", answer.get("input"), {"Namespace": "N", "MetricData": [{"MetricName": "m"}]})


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("peer", nargs="?", default=str(ROOT / os.environ.get("HOWDAH_BUILD", "build") / "wire_peer"))
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=4)
    options = arguments.parse_args()
    session = botocore.session.Session()
    peer, tally = Peer(options.peer), Tally()
    for path in sorted((ROOT / "model").glob("*.json")):
        if path.stem == "control":  # our own operations: no client of AWS's knows them
            continue
        rng = random.Random(f"{options.seed} {path.name}")
        Service(json.loads(path.read_text()), session, peer, tally, rng, options.rounds).run()
    special_requests(session, peer, tally)
    peer.process.stdin.close()
    peer.process.wait()
    skipped = ", ".join(f"{len(v)} {k}" for k, v in tally.skipped.items() if v)
    print(f"botocore {botocore.__version__}, seed {options.seed}" + (f"; unknown to it and skipped: {skipped}" if skipped else ""))
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
