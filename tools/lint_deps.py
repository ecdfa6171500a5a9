#!/usr/bin/env python3
"""Checks that #include arrows between the folders of src/ go one way. Run by `make lint` and `make check`.

A new arrow is a one-line change of ALLOWED below, reviewed together with docs/architecture.md.
"""
import pathlib
import re
import sys

SERVICES = ["rds", "ec2", "sts", "secretsmanager", "iam", "kms", "cloudwatch", "logs", "pi", "route53", "sns"]
BASE = {
    "util": [],
    "os": ["util"],
    "wire": ["util"],
    "domain": ["util", "store"],  # records and the rules on them, with their queries
    "store": ["util"],
    "net": ["util", "os", "wire"],
    "flow": ["util", "store", "domain"],
    "pg": ["util", "os", "domain"],
    "backup": ["util", "os", "pg"],
    "repository": ["util", "os", "wire", "net"],  # trees of files and WAL segments; knows nothing of PostgreSQL
    "api": ["util", "wire", "store", "domain", "flow"],
    "migrate": ["util", "os", "pg"],
    "console": ["util", "os", "net", "wire", "pg", "migrate"],
    "cli": ["util", "os", "net", "wire", "domain", "pg", "backup", "repository", "migrate"],
}
FOLDERS = list(BASE) + SERVICES
ALLOWED = {k: set(v) for k, v in BASE.items()}
for service in SERVICES:  # a service may use everything below it, never another service
    ALLOWED[service] = {"util", "os", "wire", "store", "net", "flow", "pg", "backup", "repository", "domain", "api"}
# Headers that cost seconds wherever they are included, and the files that may.
COSTLY = {
    "nlohmann/json.hpp": r"util/json\.h",
    "CLI/": r"cli/arguments\.cpp",
    "boost/": r"net/.*",
    "spdlog/": r"util/log\.cpp",
    "toml++/": r"domain/config\.cpp",
}
GENERATED_TYPES = set(SERVICES) | {"api"}  # who may include the generated "aws/<service>.h"


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent / "src"
    bad, files = [], 0
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".h", ".cpp") or path.parent == root:  # main.cpp may include everything
            continue
        files += 1
        folder = path.relative_to(root).parts[0]
        if folder not in ALLOWED:
            bad.append(f"{path}: folder '{folder}' is not in tools/lint_deps.py")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for header, owners in COSTLY.items():
                if line.startswith(f"#include <{header}") and not re.fullmatch(owners, str(path.relative_to(root))):
                    bad.append(f"{path}:{number}: <{header}...> is slow to compile and stays in {owners}")
            m = re.match(r'\s*#include "([a-z0-9_]+)/', line)
            if not m or m[1] == folder:
                continue
            if m[1] == "aws":
                if folder not in GENERATED_TYPES and not path.stem.endswith("_test"):
                    bad.append(f"{path}:{number}: {folder} must not use the generated service types")
            elif m[1] not in ALLOWED[folder]:
                bad.append(f"{path}:{number}: {folder} must not include {m[1]} (allowed: {sorted(ALLOWED[folder])})")
    print("\n".join(bad) if bad else f"lint_deps: {files} files, all arrows one way")
    return 1 if bad else 0


sys.exit(main())
