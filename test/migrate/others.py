"""Other people's migration tools as plain clients of a database that came from a dump."""
import os
import subprocess

from databases import Shell
from project import Skip, test

APP = """import os
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
app = Flask(__name__)
app.config.update(SQLALCHEMY_DATABASE_URI=os.environ["SQLALCHEMY_DATABASE_URI"], SQLALCHEMY_TRACK_MODIFICATIONS=False)
Migrate(app, SQLAlchemy(app))
"""
REVISION = """from alembic import op
revision, down_revision = "{name}", {before!r}
def upgrade():
    op.execute({up!r})
def downgrade():
    pass
"""


@test
def flask_db_upgrade_on_a_restored_copy(pg):
    """The runbook's last two lines: SQLALCHEMY_DATABASE_URI, then `flask db upgrade`."""
    found = subprocess.run(["/usr/bin/python3", "-c", "import flask_migrate, psycopg2"], capture_output=True, check=False)
    if found.returncode or not os.path.exists("/usr/bin/flask"):
        raise Skip("python3-flask-migrate and python3-psycopg2 are not installed")
    s = Shell(pg, "staging_flask")
    s.run("db-create")
    env = {**s.env, "FLASK_APP": "app.py", "PATH": f"/usr/bin:{s.env['PATH']}"}

    def upgrade(url):
        done = subprocess.run(["/usr/bin/flask", "db", "upgrade"], cwd=s.dir, capture_output=True, text=True, check=False,
                              env={**env, "SQLALCHEMY_DATABASE_URI": url})
        assert done.returncode == 0, done.stderr

    def revision(name, before, up):
        s.write(f"migrations/versions/{name}.py", REVISION.format(name=name, before=before, up=up))
    s.write("app.py", APP)
    subprocess.run(["/usr/bin/flask", "db", "init"], cwd=s.dir, capture_output=True, check=True,
                   env={**env, "SQLALCHEMY_DATABASE_URI": pg.url("staging_flask")})
    revision("0001_services", None, "create table services (id int primary key)")
    upgrade(pg.url("staging_flask"))
    pg.psql("staging_flask", "insert into services values (1), (2)")
    s.db("dump", "staging-db-dump")
    pg.psql("postgres", "create database local_flask")
    s.run("pg_restore", "-v", "--no-owner", "-d", pg.url("local_flask"), "staging-db-dump")
    revision("0002_name", "0001_services", "alter table services add column name text not null default 'x'")
    upgrade(pg.url("local_flask"))
    assert pg.psql("local_flask", "select version_num, (select count(name) from services) from alembic_version") == "0002_name|2"
    assert pg.psql("staging_flask", "select version_num from alembic_version") == "0001_services"
