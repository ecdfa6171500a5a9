# From the moment an instance exists its WAL is kept twice: by a process beside the server, not by a command that the server
# runs. What waits for the vault is held back, but never so much that it fills the disk.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
id = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text
own = $ echo "host=$STATE/instances/$id/run user=rdsadmin dbname=app"
$ psql "$own" -XAtc "show archive_mode" -c "show archive_command" -c "select slot_name, restart_lsn is not null from pg_replication_slots" -c "select setting::int between 1 and 10240 from pg_settings where name = 'max_slot_wal_keep_size'"
> off
> (disabled)
> howdah_vault|t
> t
# All of it since the creation, byte by byte: what the server still has and what the vault has.
$ psql "$own" -XAtqc "create table t as select g as x from generate_series(1, 100000) g" -c "select pg_switch_wal() is not null" -c "insert into t values (0)"
> t
$ ls $STATE/vault/$id/wal | head -1 | cut -c1-24 > $BASE/first; ls $STATE/instances/$id/data/pg_wal | grep -E '^[0-9A-F]{24}$' | head -1 | diff - $BASE/first && echo same
> same
$ for try in $(seq 300); do ok=yes; for f in $STATE/vault/$id/wal/*; do cmp -s -n $(stat -c %s $f) $f $STATE/instances/$id/data/pg_wal/$(basename $f .partial) || ok=no; done; [ $ok = yes ] && [ $(ls $STATE/vault/$id/wal | wc -l) -ge 2 ] && break; sleep 0.1; done; echo $ok
> yes
