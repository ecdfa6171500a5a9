"""Behind a pooler: PgBouncer of Debian, installed or unpacked from its package once."""
import os
import pwd
import shutil
import signal
import subprocess
import time

from project import ROOT, Project, Skip, test


def pgbouncer():
    found = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    home = f"{ROOT}/{os.environ.get('HOWDAH_BUILD', 'build')}/pgbouncer"
    unpacked = f"{home}/usr/sbin/pgbouncer"
    if not found and not os.path.exists(unpacked) and shutil.which("apt-get") and shutil.which("dpkg"):
        os.makedirs(home, exist_ok=True)
        subprocess.run("apt-get download pgbouncer && dpkg -x pgbouncer_*.deb . && rm pgbouncer_*.deb", shell=True, check=False,
                       cwd=home, capture_output=True, timeout=60)
    program = found or unpacked
    if not os.path.exists(program) or subprocess.run([program, "--version"], capture_output=True, check=False).returncode:
        raise Skip("there is no PgBouncer that runs here: apt-get install pgbouncer")
    return program


class Pooler:
    """In front of a server; a context that ends with it."""

    def __init__(self, pg, mode, drops_options, settings=""):
        """`settings`: SQL for each server process, for a pooler that gives it those of its clients."""
        program = pgbouncer()
        self.dir = f"{pg.dir}/pooler-{mode}-{drops_options}-{len(settings)}"
        os.makedirs(self.dir)
        ignored = "ignore_startup_parameters = options\n" if drops_options else ""
        if settings:
            ignored += "server_reset_query =\n"  # which would reset them before the next client
            settings = f"connect_query='{settings}'"
        with open(f"{self.dir}/pgbouncer.ini", "w", encoding="utf-8") as f:
            f.write(f"[databases]\n* = host={pg.dir} user=postgres {settings}\n[pgbouncer]\nunix_socket_dir = {self.dir}\nlisten_port = 6432\n"
                    f"auth_type = any\npool_mode = {mode}\n{ignored}")
        options = {}
        if os.geteuid() == 0:  # which PgBouncer refuses to be
            entry = pwd.getpwnam("postgres")
            shutil.chown(self.dir, entry.pw_uid, entry.pw_gid)
            options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.process = subprocess.Popen([program, "-q", f"{self.dir}/pgbouncer.ini"], stderr=subprocess.DEVNULL, cwd="/", **options)

    def url(self, database):
        return f"postgresql://postgres@/{database}?host={self.dir}&port=6432"

    def __enter__(self):
        for _ in range(100):
            if os.path.exists(f"{self.dir}/.s.PGSQL.6432"):
                return self
            time.sleep(0.05)
        raise RuntimeError("PgBouncer did not start")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def refused_behind(pg, mode, drops_options, message):
    p = Project(pg)
    p.file("1_a.sql", "create table a(id int);")
    direct = p.url
    with Pooler(pg, mode, drops_options) as pooler:
        p.url = pooler.url(p.name)
        done = subprocess.run([f"{pg.bin}/psql", "-XAtc", "select 1", p.url], capture_output=True, text=True, check=False)
        assert done.stdout == "1\n", done  # the pooler itself works
        for words in (["up"], ["status"], ["down"]):
            problem = p.json(*words, code=2)["problems"][0]
            assert message in problem["message"] and "pooler" in problem["hint"], problem
    assert p.tables() == "" and p.sql("select to_regclass('schema_history')") == ""
    p.url = direct
    p.run("up")
    assert p.tables() == "a"


@test
def behind_a_pooler_that_refuses_settings(pg):
    """PgBouncer as it comes: it lets nobody in who has settings."""
    refused_behind(pg, "transaction", False, "unsupported startup parameter")


@test
def behind_a_transaction_pooler_that_drops_settings(pg):
    """As its guides advise: the settings are gone without a word, and each transaction may be on another server process."""
    refused_behind(pg, "transaction", True, "do not arrive")


@test
def behind_a_session_pooler_that_drops_settings(pg):
    refused_behind(pg, "session", True, "do not arrive")


SETTINGS = "set howdah.session=on; set lock_timeout=2000"  # PgBouncer takes none from its clients


@test
def behind_a_transaction_pooler_that_passes_settings_on(pg):
    p = Project(pg)
    p.file("1_a.sql", "create table a(id int);")
    direct = p.url
    with Pooler(pg, "transaction", True, SETTINGS) as pooler:
        p.url = pooler.url(p.name)
        assert p.json("status")["migrations"][0]["status"] == "pending", "reading needs one transaction at a time"
        for words in (["up"], ["up", "--single-transaction"], ["baseline", "latest"]):
            problem = p.json(*words, code=2)["problems"][0]
            assert "another server process" in problem["message"] and "pooler" in problem["hint"], problem
    assert p.tables() == "" and p.sql("select to_regclass('schema_history')") == ""
    p.url = direct
    assert "pooler" not in p.run("up")
    assert p.tables() == "a"


@test
def behind_a_session_pooler_that_passes_settings_on(pg):
    """There a run is as good as without it, which nobody can see from here: it says so."""
    p = Project(pg)
    p.file("1_a.sql", "create table a(id int);")
    with Pooler(pg, "session", True, SETTINGS) as pooler:
        p.url = pooler.url(p.name)
        assert "there is a pooler" in p.run("up")
        assert "pooler" not in p.run("up"), "nothing to do, nothing to say"
    assert p.tables() == "a"
