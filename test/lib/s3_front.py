"""Stands before an S3 server that believes every signature: checks each request's with botocore's signer, and can lose
answers and be too busy."""
import hashlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REFUSED = (b"<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match."
           b"</Message></Error>")


class Front:
    """`trouble`: of every so many requests one is answered 503, and one is passed on and its answer lost (0 = never)."""

    def __init__(self, access_key, secret, region, trouble=0):
        self.port_behind = 0
        front, credentials, count, lock = self, Credentials(access_key, secret), [0], threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def signed_well(self, body):
                parts = dict(p.strip().split("=", 1) for p in self.headers["Authorization"].split(" ", 1)[1].split(","))
                names = parts["SignedHeaders"].split(";")
                request = AWSRequest(self.command, f"http://{self.headers['Host']}{self.path}",
                                     {n: self.headers[n] for n in names}, body)
                request.context["timestamp"] = self.headers["X-Amz-Date"]
                auth = S3SigV4Auth(credentials, "s3", region)
                signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
                return (signature == parts["Signature"] and "host" in names and
                        self.headers["X-Amz-Content-SHA256"] == hashlib.sha256(body).hexdigest())

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if not self.signed_well(body):
                    return self.answer(403, [], REFUSED)
                with lock:
                    count[0] += 1
                    turn = count[0] % trouble if trouble else -1
                if turn == 0:
                    return self.answer(503, [], b"<Error><Code>SlowDown</Code></Error>")
                behind = http.client.HTTPConnection("127.0.0.1", front.port_behind, timeout=60)
                try:
                    behind.request(self.command, self.path, body, dict(self.headers))
                    got = behind.getresponse()
                    status, headers, body = got.status, got.getheaders(), got.read()
                except OSError:
                    self.close_connection = True
                    return None
                finally:
                    behind.close()
                if turn == trouble // 2:
                    self.close_connection = True
                    return None
                return self.answer(status, headers, body)

            do_GET = do_PUT = do_DELETE = serve

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
