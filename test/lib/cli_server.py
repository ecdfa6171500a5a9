"""Runs the real aws CLI without paying half a second of imports for each call: this process imports it once, parses
the service models once, then forks for every command. Started with the CLI's own interpreter: cli_server.py SOCKET.

A request is one datagram of JSON {"argv", "env", "cwd"} with the descriptors of stdin, stdout and stderr; the answer is
the exit code."""
import array
import contextlib
import functools
import gc
import io
import json
import os
import signal
import socket
import sys


def receive(connection):
    fds = array.array("i")
    message, ancillary, _, _ = connection.recvmsg(1 << 20, socket.CMSG_SPACE(3 * fds.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
    return json.loads(message) if message else None, list(fds)


def run(clidriver, request, fds):
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
    data_path = os.environ["AWS_DATA_PATH"]  # set by awscli when it was imported
    os.environ.clear()
    os.environ.update(request["env"], AWS_DATA_PATH=data_path)
    os.chdir(request["cwd"])
    sys.argv = ["aws"] + request["argv"]
    try:
        code = clidriver.main()
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code or 0


def without_native_logging():
    """CLI v2 starts a native log thread for each command and first joins the one before, which no fork inherits."""
    with contextlib.suppress(ImportError):
        import awscrt.io  # pylint: disable=import-outside-toplevel
        awscrt.io.init_logging = lambda *_: None


def warm_up(clidriver):
    """Calls to a closed port: import everything that a call needs, and keep every model file that it read."""
    from botocore.loaders import JSONFileLoader  # pylint: disable=import-outside-toplevel
    load = functools.cache(lambda path, loader=JSONFileLoader(), read=JSONFileLoader.load_file: read(loader, path))
    JSONFileLoader.load_file = lambda self, path: load(path)
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_MAX_ATTEMPTS="1", AWS_PAGER="")
    for command in (["rds", "describe-db-instances"], ["ec2", "describe-vpcs"], ["sts", "get-caller-identity"]):
        sys.argv = ["aws", "--region", "eu-west-2", "--endpoint-url", "http://127.0.0.1:9", *command]
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            with contextlib.suppress(SystemExit):
                clidriver.main()
    gc.freeze()


def main(path):
    import awscli.clidriver as clidriver  # pylint: disable=import-outside-toplevel
    without_native_logging()
    warm_up(clidriver)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # the CLI may start programs of its own
            listener.close()
            request, fds = receive(connection)
            code = run(clidriver, request, fds) if request else 0
            connection.send(str(code).encode())
            os._exit(0)
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
