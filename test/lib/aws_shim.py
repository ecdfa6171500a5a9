"""What `aws` means in a transcript: hands the command to cli_server.py and adds --endpoint-url, as the shell function
of `howdah env` does (CLI v1 ignores AWS_ENDPOINT_URL for rds in us-east-1)."""
import array
import json
import os
import socket
import sys

argv = sys.argv[1:]
env = dict(os.environ)
if "--endpoint-url" not in argv:
    argv = ["--endpoint-url", env["AWS_ENDPOINT_URL"]] + argv
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
    s.connect(env["HOWDAH_TEST_CLI"])
    s.sendmsg([json.dumps({"argv": argv, "env": env, "cwd": os.getcwd()}).encode()],
              [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
    answer = s.recv(64)
sys.exit(int(answer) if answer else 70)
