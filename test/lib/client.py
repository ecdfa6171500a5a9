"""A small signing client for the Query and EC2 protocols over one kept-alive connection: about 1 ms a call where the
real CLI costs 600. Answers are ElementTree nodes without namespaces. Not a validator: what the wire must look like is
the business of the real CLI's transcripts and of test/wire."""
import datetime
import hashlib
import hmac
import http.client
import json
import threading
import urllib.parse
import xml.etree.ElementTree as ET

VERSIONS = {"rds": "2014-10-31", "ec2": "2016-11-15", "sts": "2011-06-15"}


class AwsError(Exception):
    def __init__(self, status, code, message):
        super().__init__(f"{code} ({status}): {message}")
        self.status, self.code, self.message = status, code, message


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(method, host, path, body, *, service, region, key, secret, now=None, extra=None):
    """The headers of a SigV4 request. `now`: a datetime, for requests that are signed ahead or in the past."""
    stamp = (now or datetime.datetime.now(datetime.timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "host": host, "x-amz-date": stamp,
               **(extra or {})}
    names = ";".join(sorted(headers))
    canonical = "\n".join([method, path, "", *(f"{n}:{headers[n]}" for n in sorted(headers)), "", names,
                           hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    derived = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        derived = _hmac(derived, part)
    signature = hmac.new(derived, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, "
                                f"Signature={signature}")
    return headers


def flatten(prefix, value, out):
    """{"Tags.Tag": [{"Key": "a"}]} -> Tags.Tag.1.Key=a"""
    if isinstance(value, dict):
        for name, inner in value.items():
            flatten(f"{prefix}.{name}" if prefix else name, inner, out)
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value, 1):
            flatten(f"{prefix}.{i}", inner, out)
    elif isinstance(value, bool):
        out[prefix] = "true" if value else "false"
    elif value is not None:
        out[prefix] = str(value)


def bare(root):
    for node in root.iter():
        node.tag = node.tag.rsplit("}", 1)[-1]
    return root


class Client:
    """Thread-safe: each thread has its own connection. Connection errors are the caller's business (crash tests
    expect them), answers with an error status raise AwsError."""

    def __init__(self, host, port, key, secret, region="eu-west-2", timeout=60):
        self.host, self.port, self.key, self.secret, self.region = host, port, key, secret, region
        self.timeout, self.local = timeout, threading.local()

    def other(self, **changes):
        values = {n: getattr(self, n) for n in ("host", "port", "key", "secret", "region", "timeout")}
        return Client(**{**values, **changes})

    def connection(self):
        if getattr(self.local, "connection", None) is None:
            self.local.connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        return self.local.connection

    def close(self):
        if getattr(self.local, "connection", None) is not None:
            self.local.connection.close()
            self.local.connection = None

    def raw(self, method, path, body=b"", headers=None):
        """(status, headers, body). A kept-alive connection that the daemon's restart broke is opened again once."""
        for attempt in (1, 2):
            fresh = getattr(self.local, "connection", None) is None
            try:
                c = self.connection()
                c.request(method, path, body, headers or {})
                answer = c.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            except (OSError, http.client.HTTPException):
                self.close()
                if fresh or attempt == 2:
                    raise

    def request(self, service, action, now=None, **params):
        fields = {"Action": action, "Version": VERSIONS[service]}
        flatten("", params, fields)
        body = urllib.parse.urlencode(fields, quote_via=urllib.parse.quote).encode()
        headers = sign("POST", f"{self.host}:{self.port}", "/", body, service=service, region=self.region,
                       key=self.key, secret=self.secret, now=now)
        return body, headers

    def call(self, service, action, now=None, **params):
        body, headers = self.request(service, action, now, **params)
        status, _, text = self.raw("POST", "/", body, headers)
        root = bare(ET.fromstring(text))
        if status == 200:
            return root
        error = root.find(".//Error")
        raise AwsError(status, error.findtext("Code"), error.findtext("Message"))

    def rds(self, action, **params):
        return self.call("rds", action, **params)

    def control(self, operation, **params):
        """One of Howdah's own operations (model/control.json); its answer as a dictionary."""
        body = json.dumps(params).encode()
        headers = sign("POST", f"{self.host}:{self.port}", "/", body, service="howdah", region=self.region,
                       key=self.key, secret=self.secret,
                       extra={"content-type": "application/x-amz-json-1.1", "x-amz-target": f"Howdah.{operation}"})
        status, _, text = self.raw("POST", "/", body, headers)
        answer = json.loads(text)
        if status == 200:
            return answer
        raise AwsError(status, answer["__type"].rsplit("#", 1)[-1], answer.get("message", answer.get("Message")))

    def ec2(self, action, **params):
        return self.call("ec2", action, **params)

    # What nearly every test asks.

    def instances(self, **params):
        return self.rds("DescribeDBInstances", **params).findall(".//DBInstances/DBInstance")

    def instance(self, name):
        return self.instances(DBInstanceIdentifier=name)[0]

    def status(self, name):
        """DBInstanceStatus, or "gone"."""
        try:
            return self.instance(name).findtext("DBInstanceStatus")
        except AwsError as e:
            if e.code != "DBInstanceNotFound":
                raise
            return "gone"

    def events(self, name, minutes=20160):
        """Messages of the instance's events, oldest first; every page."""
        messages, marker = [], None
        while True:
            page = {"Marker": marker} if marker else {}
            found = self.rds("DescribeEvents", SourceIdentifier=name, SourceType="db-instance", Duration=minutes, **page)
            messages += [e.findtext("Message") for e in found.findall(".//Event")]
            marker = found.findtext(".//Marker")
            if not marker:
                return messages
