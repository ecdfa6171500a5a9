#!/usr/bin/env python3
"""`ssh -i KEY -fNL PORT:HOST:PORT USER@BASTION` without a bastion: forwards connections from $BASTION_IP, which stands for
its private address. It goes to the background once it listens, and ends with SIGTERM, or after ten minutes."""
import os
import socket
import sys
import threading
import time

LIFE = 600


def carry(source, to):
    try:
        while data := source.recv(1 << 16):
            to.sendall(data)
    except OSError:
        pass
    for end in (source, to):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(listener, host, port):
    while True:
        near, _ = listener.accept()
        try:
            far = socket.create_connection((host, port), source_address=(os.environ["BASTION_IP"], 0))
        except OSError:
            near.close()
            continue
        for ends in ((near, far), (far, near)):
            threading.Thread(target=carry, args=ends, daemon=True).start()


def main():
    mine, host, port = sys.argv[sys.argv.index("-fNL") + 1].split(":")
    with socket.create_server(("127.0.0.1", int(mine))) as listener:
        if os.fork():
            os._exit(0)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for n in range(3):
            os.dup2(nowhere, n)
        threading.Thread(target=serve, args=(listener, host, int(port)), daemon=True).start()
        time.sleep(LIFE)


main()
