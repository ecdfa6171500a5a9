# daemon: own
# Clones, looks at the past and single tables brought back (H14): of the newest state, of an instant and of a snapshot.
$ aws rds create-db-instance --db-instance-identifier notifydb --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --tags Key=team,Value=red
$ aws rds wait db-instance-available --db-instance-identifier notifydb
host = $ aws rds describe-db-instances --db-instance-identifier notifydb --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host user=root1 dbname=app" -XAtqc "create table team (id int primary key); insert into team values (1); create table feedback (id serial primary key, team int not null references team, note text default 'none', unique (team, note)); create index feedback_note on feedback (note); insert into feedback (team, note) select 1, 'n' || g from generate_series(1, 1000) g; create table answer (feedback int references feedback (id)); insert into answer values (7)"
$ psql "host=$host user=root1 dbname=app" -XAtqc "create function mine(int) returns boolean language plpgsql as 'begin return current_user = \$\$root1\$\$; end'; create table guarded (x int check (public.mine(x))); insert into guarded values (1)"
await 'aws rds describe-db-instances --db-instance-identifier notifydb' DBInstances[0].LatestRestorableTime =~ ^20
then = $ sleep 1.1; date -u '+%Y-%m-%d %H:%M:%S.%3NZ'; sleep 0.1
$ psql "host=$host user=root1 dbname=app" -XAtqc "delete from feedback where id > 10"
# What was there at that instant; the local time zone counts unless the text says otherwise.
$ howdah query --at "$then" notifydb 'select count(*) as n, min(note) as first from feedback'
>   n   | first
> ------+-------
>  1000 | n1
> (1 row)
$ TZ=Asia/Tokyo howdah query --at "$(TZ=Asia/Tokyo date -d "$then" '+%Y-%m-%d %H:%M:%S.%3N')" --csv notifydb 'select count(*) as n, null as nothing from feedback'
> n,nothing
> 1000,
$ howdah query --json notifydb 'select count(*) as n from feedback'
> [{"n":"10"}]
# It is read-only, one statement, the master's rights; nothing of it stays.
! howdah query notifydb 'delete from feedback'    # cannot execute DELETE in a read-only transaction
! howdah query notifydb 'commit; delete from feedback'    # cannot insert multiple commands into a prepared statement
! howdah query notifydb "copy team to program 'id'"    # must be superuser
! howdah query --at '2031-01-01 10:00' notifydb 'select 1'    # is in the future
# What lies before the first backup is refused with both ends of what there is.
$ howdah query --at '2020-01-01 10:00Z' notifydb 'select 1' 2>&1 || true
> *2020-01-01T10:00:00.000Z can't be brought back: the requested instant lies before the earliest restorable time. notifydb can be looked back at from 20*Z to 20*Z. (InvalidRestoreFault)
! howdah clone --at '2020-01-01 10:00Z' notifydb early    # (InvalidRestoreFault)
! howdah restore-table --from notifydb --at '2020-01-01 10:00Z' --table team --into notifydb --as early    # notifydb can be looked back at from 20
$ ls $STATE/asides/instances | wc -l
> 0
$ aws rds describe-db-instances --query 'length(DBInstances)'
> 1
! howdah query --at yesterday notifydb 'select 1'    # 'yesterday' is no time
! howdah query nobody 'select 1'    # There is neither an instance nor a snapshot named nobody
$ ls $STATE/asides/instances | wc -l
> 0
$ aws rds describe-db-instances --query 'length(DBInstances)'
> 1

# One table, as it was. What is there is never overwritten.
! howdah restore-table --from notifydb --at "$then" --table public.feedback --into notifydb    # is there already in app of notifydb
! howdah restore-table --from notifydb --at "$then" --table nothing --into notifydb    # There is no table nothing in database app
# A name is written as in SQL. What backups hold nothing of, and what is PostgreSQL's own, is refused.
$ psql "host=$host user=root1 dbname=app" -XAtqc 'create schema "Odd One"; create table "Odd One"."It""s" ("Id Col" int generated always as identity primary key, note text); insert into "Odd One"."It""s" (note) values ($$a$$), ($$b$$); create unlogged table volatile (x int); insert into volatile values (1)'
$ howdah restore-table --from notifydb --table '"Odd One"."It""s"' --into notifydb --as 'Back Again'
> 2 rows of "Odd One"."It""s" from notifydb as of * are "Odd One"."Back Again" in notifydb
$ psql "host=$host user=root1 dbname=app" -XAtqc 'insert into "Odd One"."Back Again" (note) values ($$c$$) returning "Id Col" > 2'
> t
! howdah restore-table --from notifydb --table volatile --into notifydb --replace    # volatile is an unlogged table: backups hold none of its rows
! howdah restore-table --from notifydb --table pg_class --into notifydb --as mine    # pg_class is a table of PostgreSQL's own
! howdah restore-table --from notifydb --table information_schema.sql_features --into notifydb --as mine    # is a table of PostgreSQL's own
$ howdah restore-table --from notifydb --at "$then" --table public.feedback --into notifydb --as feedback_then
> 1000 rows of public.feedback from notifydb as of * are public.feedback_then in notifydb
$ psql "host=$host user=root1 dbname=app" -XAtqc "select count(*) from feedback_then; insert into feedback_then (team) values (1) returning id > 1000; select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'feedback_then'::regclass order by contype; select indexname from pg_indexes where tablename = 'feedback_then' order by 1; select tableowner from pg_tables where tablename = 'feedback_then'"
> 1000
> t
> FOREIGN KEY (team) REFERENCES team(id)
> PRIMARY KEY (id)
> UNIQUE (team, note)
> feedback_then_note
> feedback_then_pkey
> feedback_then_team_note_key
> root1
# A table's checks are its owner's code and run in his name, never as rdsadmin.
$ howdah restore-table --from notifydb --at "$then" --table guarded --into notifydb --as guarded_then
> 1 rows of guarded from notifydb as of * are public.guarded_then in notifydb
$ howdah restore-table --from notifydb --at "$then" --table feedback --into notifydb.app --replace
> 1000 rows of feedback from notifydb as of * are public.feedback in notifydb.app
$ psql "host=$host user=root1 dbname=app" -XAtqc "select count(*) from feedback; select count(*) from pg_class where relname like 'feedback\_replaced\_%' and relkind = 'r'; select confrelid::regclass from pg_constraint where conrelid = 'answer'::regclass"
> 1000
> 1
> feedback

# A clone is a database of its own: identity, password, no side effects on others. Subscriptions let go of the
# publisher's slot, jobs rest. (An extension of pg_cron's name and tables stands in for it.)
id = $ aws rds describe-db-instances --db-instance-identifier notifydb --query 'DBInstances[0].DbiResourceId' --output text
$ cd $(dirname $(find $STATE/engines -name plpgsql.control)) && printf "default_version = '1'\nrelocatable = false\n" > pg_cron.control && echo "create schema cron; create table cron.job (jobid int, active bool default true); select pg_extension_config_dump('cron.job', '');" > pg_cron--1.sql && chmod 644 pg_cron*
$ psql "host=$STATE/instances/$id/run user=rdsadmin dbname=app" -XAtqc "create extension pg_cron; insert into cron.job values (1)" -c "create subscription feed connection 'host=127.0.0.1 port=1 dbname=nowhere' publication p with (connect = false, slot_name = 'precious')" -c "alter subscription feed enable"
$ psql "host=$host user=root1 dbname=app" -XAtqc "create database other" -c "create role app login"
$ aws rds create-db-snapshot --db-instance-identifier notifydb --db-snapshot-identifier mark
$ aws rds wait db-snapshot-available --db-snapshot-identifier mark
$ echo my-own-password > $BASE/password
$ howdah clone notifydb scratch --password-file $BASE/password
> scratch is db-* at * port 5432: available
$ aws rds describe-db-instances --db-instance-identifier scratch
~ DBInstances[0].DBInstanceStatus == available
~ DBInstances[0].BackupRetentionPeriod == 0
~ DBInstances[0].PendingModifiedValues == {}
~ DBInstances[0].TagList == [{"Key": "howdah:clone-of", "Value": "notifydb"}, {"Key": "team", "Value": "red"}]
$ aws rds describe-events --source-identifier scratch --source-type db-instance --query 'Events[].Message'
~ [0] =~ Cloned from notifydb as of 20
~ [1] == DB instance created
chost = $ aws rds describe-db-instances --db-instance-identifier scratch --query 'DBInstances[0].Endpoint.Address' --output text
! PGPASSWORD=$PASSWORD psql "host=$chost user=root1 dbname=app" -XAtqc 'select 1'    # password authentication failed
$ PGPASSWORD=my-own-password psql "host=$chost user=root1 dbname=app" -XAtqc 'select count(*) from feedback; select count(*) from pg_replication_slots where slot_name <> $$howdah_vault$$; drop table answer'
> 1000
> 0
$ psql "host=$host user=root1 dbname=app" -XAtqc "select count(*) from answer"
> 1
same = $ PGPASSWORD=my-own-password psql "host=$chost user=root1 dbname=app" -XAtqc 'select system_identifier from pg_control_system()'; psql "host=$host user=root1 dbname=app" -XAtqc 'select system_identifier from pg_control_system()'
$ echo "$same" | sort -u | wc -l
> 2
! howdah clone notifydb scratch    # DB instance already exists (DBInstanceAlreadyExists)
# Of a snapshot, and with a password made for it.
$ howdah query mark 'select count(*) from feedback' --csv
> count
> 1000
! howdah query mark 'select 1' --at '2026-01-01 10:00'    # is a snapshot, which has one instant of its own
cid = $ aws rds describe-db-instances --db-instance-identifier scratch --query 'DBInstances[0].DbiResourceId' --output text
$ for i in $id $cid; do psql "host=$STATE/instances/$i/run user=rdsadmin dbname=app" -XAtqc "select subenabled, subslotname from pg_subscription" -c "select active from cron.job"; done
> t|precious
> t
> f|
> f
password = $ howdah clone mark second | sed -n 's/^master password, shown only now: //p'
shost = $ aws rds describe-db-instances --db-instance-identifier second --query 'DBInstances[0].Endpoint.Address' --output text
$ PGPASSWORD=$password psql "host=$shost user=root1 dbname=app" -XAtqc 'select count(*) from feedback'
> 1000
$ howdah restore-table --from mark --table feedback --into second --as once_more
> 1000 rows of feedback from snapshot mark of * are public.once_more in second
