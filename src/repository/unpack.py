#!/usr/bin/env python3
"""Restores a backup from a Howdah repository without Howdah: needs Python 3.8, OpenSSL's and zstd's shared libraries (or
their command-line programs openssl and zstd, slower), the repository as a directory, and the key file.

    unpack.py REPOSITORY KEY_FILE                              lists the backups
    unpack.py REPOSITORY KEY_FILE RESOURCE BACKUP DIRECTORY    restores one; DIRECTORY must not exist
    unpack.py REPOSITORY KEY_FILE RESOURCE --wal DIRECTORY     restores the WAL segments into DIRECTORY

A bucket is first copied to a directory, e.g. with `aws s3 sync`. Each byte is authenticated and each chunk's hash
compared: what is written is what was stored, or the script stops and says which object is damaged."""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import json
import os
import struct
import subprocess
import sys
import time

FORMAT = 2
IN_FULL = 0xFFFFFFFF  # instead of the number of a base
COMMANDS = os.environ.get("UNPACK_WITH") == "commands"  # openssl and zstd as programs instead of libraries


class Damaged(Exception):
    pass


def derive(key, salt, purpose):
    """HKDF-SHA256, 32 bytes."""
    first = hmac.new(salt or bytes(32), key, hashlib.sha256).digest()
    return hmac.new(first, purpose + b"\x01", hashlib.sha256).digest()


def program(*command, data):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Damaged(f"{command[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


class Programs:
    """openssl cannot do GCM on its command line, but GCM encrypts as CTR does with the counter starting at 2. The tag
    stays unchecked: what is wrong is found by the chunk's keyed hash, and in texts by zstd's checksum."""

    @staticmethod
    def decrypt(key, number, about, sealed):
        del about
        start = struct.pack(">IQI", 0, number, 2)
        return program("openssl", "enc", "-d", "-aes-256-ctr", "-K", key.hex(), "-iv", start.hex(), data=sealed[:-16])

    @staticmethod
    def gmac(key, data):
        said = program("openssl", "mac", "-cipher", "AES-256-GCM", "-macopt", f"hexkey:{key.hex()}", "-macopt",
                       f"hexiv:{bytes(12).hex()}", "GMAC", data=data)
        return bytes.fromhex(said.decode().strip())

    @staticmethod
    def decompress(frame):
        return program("zstd", "-dcq", data=frame)


class Libraries:
    def __init__(self):
        self.crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
        self.zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
        for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
            getattr(self.crypto, name).restype = ctypes.c_void_p
        self.zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
        self.zstd.ZSTD_decompress.restype = ctypes.c_size_t
        self.context = ctypes.c_void_p(self.crypto.EVP_CIPHER_CTX_new())
        self.gcm = ctypes.c_void_p(self.crypto.EVP_aes_256_gcm())

    def decrypt(self, key, number, about, sealed):
        size, n = len(sealed) - 16, ctypes.c_int()
        out = ctypes.create_string_buffer(max(size, 1))
        c, count = self.crypto, ctypes.byref(n)
        nonce = struct.pack(">IQ", 0, number)
        c.EVP_DecryptInit_ex(self.context, self.gcm, None, key, nonce)
        c.EVP_DecryptUpdate(self.context, None, count, about, len(about))
        c.EVP_DecryptUpdate(self.context, out, count, sealed, size)
        c.EVP_CIPHER_CTX_ctrl(self.context, 0x11, 16, sealed[size:])
        if c.EVP_DecryptFinal_ex(self.context, ctypes.create_string_buffer(16), count) <= 0:
            raise Damaged("not what was stored here")
        return out.raw[:size]

    def gmac(self, key, data):
        c, n, tag = self.crypto, ctypes.c_int(), ctypes.create_string_buffer(16)
        c.EVP_EncryptInit_ex(self.context, self.gcm, None, key, bytes(12))
        c.EVP_EncryptUpdate(self.context, None, ctypes.byref(n), data, len(data))
        c.EVP_EncryptFinal_ex(self.context, tag, ctypes.byref(n))
        c.EVP_CIPHER_CTX_ctrl(self.context, 0x10, 16, tag)
        return tag.raw

    def decompress(self, frame):
        size = self.zstd.ZSTD_getFrameContentSize(frame, ctypes.c_size_t(len(frame)))
        if size > 1 << 40:
            raise Damaged("no zstd frame")
        out = ctypes.create_string_buffer(max(size, 1))
        done = self.zstd.ZSTD_decompress(out, ctypes.c_size_t(size), frame, ctypes.c_size_t(len(frame)))
        if done != size:
            raise Damaged("cannot be decompressed")
        return out.raw[:size]


def too_new(what, form):
    return f"{what} has format {form}: this script reads up to {FORMAT}, use a newer one of the repository or of howdah"


def tools():
    if not COMMANDS:
        try:
            return Libraries()
        except (OSError, AttributeError) as why:
            print(f"using the programs openssl and zstd, since: {why}", file=sys.stderr)
    return Programs()


class Repository:
    def __init__(self, root, key_file):
        self.root, self.tools = root, tools()
        marker = os.path.join(root, "howdah-repository.json")
        form = json.loads(self.read("howdah-repository.json"))["format"] if os.path.exists(marker) else FORMAT
        if form > FORMAT:
            raise SystemExit(too_new(root, form))
        with open(key_file, encoding="ascii") as f:
            kek = bytes.fromhex(f.read().strip())
        key = derive(kek, b"", b"name").hex()[:16]
        try:
            wrapped = json.loads(self.read(f"keys/{key}.json"))
        except FileNotFoundError:
            retired = os.path.exists(os.path.join(root, f"keys/{key}.retired"))
            why = "was retired: use the one that replaced it" if retired else f"is none of {root}"
            raise SystemExit(f"the key in {key_file} ({key}) {why}") from None
        salt = bytes.fromhex(wrapped["salt"])
        self.key = self.tools.decrypt(derive(kek, salt, b"wrap"), 0, b"data key", bytes.fromhex(wrapped["wrapped"]))
        self.packs = {}  # name -> (open file, key), of the last few

    def read(self, name):
        with open(os.path.join(self.root, name), "rb") as f:
            return f.read()

    def names(self, prefix):
        path = os.path.join(self.root, prefix)
        return sorted(n for n in os.listdir(path) if not n.startswith(".")) if os.path.isdir(path) else []

    def text(self, name):
        """A manifest or WAL segment."""
        data = self.read(name)
        if data[:16] != b"HOWDAH-SEALED-1\n":
            raise Damaged(f"{name}: does not begin as an object of a repository")
        key = derive(self.key, data[16:32], b"object:" + name.encode())
        try:
            return self.tools.decompress(self.tools.decrypt(key, 0, name.encode(), data[32:]))
        except Damaged as why:
            raise Damaged(f"{name}: {why}") from None

    def manifest(self, resource, backup):
        lines = [json.loads(line) for line in self.text(f"instances/{resource}/manifests/{backup}").splitlines()]
        if lines[0]["format"] > FORMAT:
            raise SystemExit(too_new(f"the backup {backup}", lines[0]["format"]))
        if lines[-1].get("end") != len(lines) - 1:
            raise Damaged(f"the manifest of {backup} is cut")
        return lines[0], lines[1:-1]

    def pack(self, name):
        if name not in self.packs:
            if len(self.packs) >= 100:
                self.packs.pop(next(iter(self.packs)))[0].close()
            file = open(os.path.join(self.root, name), "rb")
            head = file.read(32)
            if head[:16] != b"HOWDAH-PACK-1\n\n\n":
                raise Damaged(f"{name}: does not begin as a pack")
            self.packs[name] = (file, derive(self.key, head[16:], b"pack:" + name.encode()))
        return self.packs[name]

    def chunk(self, resource, packs, bases, record):
        """One chunk; that of a record with a base is stored as its exclusive or with that one."""
        chunk_id, pack, offset, sealed, base = struct.unpack("<32sIIII", record)
        base = bases[base] if base != IN_FULL else b""
        name = packs[pack][0]
        file, key = self.pack(name)
        data = os.pread(file.fileno(), sealed, offset)
        try:
            plain = self.tools.decompress(self.tools.decrypt(key, offset, chunk_id + base[:32], data))
        except Damaged as why:
            raise Damaged(f"{name}, byte {offset}: {why}") from None
        if base:
            full = self.chunk(resource, packs, bases, base + struct.pack("<I", IN_FULL))
            full = full[:len(plain)].ljust(len(plain), b"\0")
            plain = (int.from_bytes(plain, "little") ^ int.from_bytes(full, "little")).to_bytes(len(plain), "little")
        if self.chunk_id(resource, plain, chunk_id[16:] != bytes(16)) != chunk_id:
            raise Damaged(f"{name}, byte {offset}: wrong hash")
        return plain

    def chunk_id(self, resource, plain, of_format_1):
        if of_format_1:
            key = derive(self.key, b"", b"chunk:" + resource.encode())
            return hashlib.blake2b(plain, digest_size=32, key=key).digest()
        return self.tools.gmac(derive(self.key, b"", b"chunk id:" + resource.encode()), plain) + bytes(16)

    def restore(self, resource, backup, target):
        head, entries = self.manifest(resource, backup)
        bases, size = [], 44
        if head["format"] > 1:  # before, all chunks stood in full
            raw, size = base64.b64decode(entries[0]["bases"]), 48
            bases = [raw[at:at + 44] for at in range(0, len(raw), 44)]
        os.mkdir(target, 0o700)
        for e in entries:
            if "dir" in e:
                os.mkdir(os.path.join(target, e["dir"]), 0o700)
        for e in (e for e in entries if "file" in e):
            path, records = os.path.join(target, e["file"]), base64.b64decode(e["chunks"])
            with open(path, "xb") as f:
                for at in range(0, len(records), size):
                    record = records[at:at + size].ljust(48, b"\xff")
                    f.write(self.chunk(resource, head["packs"], bases, record))
                if f.tell() != e["size"]:
                    raise Damaged(f"{e['file']}: {f.tell()} bytes instead of {e['size']}")
            os.utime(path, ns=(e["modified"], e["modified"]))
            os.chmod(path, e["mode"])
        for e in reversed([e for e in entries if "dir" in e]):
            os.chmod(os.path.join(target, e["dir"]), e["mode"])


def main():
    if len(sys.argv) not in (3, 6):
        sys.exit(__doc__)
    repository = Repository(sys.argv[1], sys.argv[2])
    if len(sys.argv) == 3:
        for resource in repository.names("instances"):
            for backup in repository.names(f"instances/{resource}/manifests"):
                head, _ = repository.manifest(resource, backup)
                made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(head["created"] / 1000))
                print(f"{resource} {backup}  {made}  {head['bytes'] / 1e6:.1f} MB")
        return
    resource, what, target = sys.argv[3:]
    if what != "--wal":
        repository.restore(resource, what, target)
        return
    os.makedirs(target, exist_ok=True)
    for name in repository.names(f"instances/{resource}/wal"):
        with open(os.path.join(target, name), "xb") as f:
            f.write(repository.text(f"instances/{resource}/wal/{name}"))


if __name__ == "__main__":
    try:
        main()
    except Damaged as damaged:
        sys.exit(f"damaged: {damaged}")
