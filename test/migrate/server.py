"""A throw-away PostgreSQL for the tests of migrations: unix socket only, stopped and removed at the end."""
import glob
import os
import pwd
import shutil
import subprocess
import tempfile


def bindir():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda p: float(p.split("/")[4]))
    return os.path.dirname(found[-1]) if found else None


class Server:
    """`server`: where initdb, pg_ctl and postgres are; clients are always those of the machine."""

    def __init__(self, fsync="off", server=None, base="/var/tmp"):
        self.bin = bindir()
        self.server_bin = server or self.bin
        self.dir = tempfile.mkdtemp(prefix="howdah-migrate-", dir=base)
        os.chmod(self.dir, 0o755)
        self.user = None
        if os.geteuid() == 0:
            self.user = "postgres"
            shutil.chown(self.dir, "postgres", "postgres")
        self.data = f"{self.dir}/data"
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-N", "--locale=C.UTF-8", "-E", "UTF8")
        with open(f"{self.data}/postgresql.conf", "a", encoding="utf-8") as f:
            f.write(f"listen_addresses=''\nunix_socket_directories='{self.dir}'\nfsync={fsync}\nshared_buffers=32MB\n"
                    "max_connections=50\nwal_writer_delay=10s\n")
        self.start()

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-l", f"{self.dir}/log", "-w", "start")

    def crash(self):
        """Every server process dies at once; what was not written is lost. Then it recovers."""
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        self.start()

    def run(self, program, *args):
        self.run_in("/", f"{self.server_bin}/{program}", *args)

    def run_in(self, directory, *command):
        """As the server's user."""
        options = {}
        if self.user:
            entry = pwd.getpwnam(self.user)
            options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=directory, **options)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")

    def url(self, database):
        return f"postgresql://postgres@/{database}?host={self.dir}"

    def psql(self, database, sql):
        """Rows as printed by psql -At; raises with what psql said when it fails."""
        done = subprocess.run([f"{self.bin}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, self.url(database)],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def stop(self):
        try:
            if os.path.exists(f"{self.data}/postmaster.pid"):
                self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)
