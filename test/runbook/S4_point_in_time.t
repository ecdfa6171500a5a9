# daemon: own, names = "hosts"
# The whole story of going back to an instant (seed 4: H1-H7, H18, I8, I10, I12): 31 days of backups, restore to the second
# before the mistake, usually copy what is missing, in the worst case cut over to the restored database and stop the old
# one. Commands as a person would type them.
$ aws rds create-db-instance --db-instance-identifier notifydb --db-instance-class db.t3.micro --engine postgres --master-username notifydb --master-user-password $PASSWORD --allocated-storage 20 --db-name notify --backup-retention-period 31 --deletion-protection
$ aws rds wait db-instance-available --db-instance-identifier notifydb
host = $ aws rds describe-db-instances --db-instance-identifier notifydb --query 'DBInstances[0].Endpoint.Address' --output text
old = $ aws rds describe-db-instances --db-instance-identifier notifydb --query 'DBInstances[0].DbiResourceId' --output text
$ curl -s $URL/global-bundle.pem > $BASE/bundle.pem
$ printf '%s\n' 'echo "host=$1 hostaddr=$(awk -v n=$1 "\$2 == n { print \$1 }" $BASE/hosts) user=notifydb dbname=notify sslmode=verify-full sslrootcert=$BASE/bundle.pem"' > $BASE/place
$ psql "$(bash $BASE/place $host)" -XAtqc "create table services (id int primary key); create table notifications (id int primary key, service int references services); insert into services values (1), (2); insert into notifications select g, 1 + g % 2 from generate_series(1, 1000) g"
await 'aws rds describe-db-instances --db-instance-identifier notifydb' DBInstances[0].LatestRestorableTime =~ ^20
# RestoreTime is in whole seconds.
then = $ sleep 1.1; date -u +%Y-%m-%dT%H:%M:%SZ; sleep 0.1
$ psql "$(bash $BASE/place $host)" -XAtqc "delete from notifications where id > 10"
$ for n in $(seq 240); do now=$(aws rds describe-db-instances --db-instance-identifier notifydb --query 'DBInstances[0].LatestRestorableTime' --output text); [[ "${now:0:19}" > "${then:0:19}" ]] && break; sleep 0.25; done; [[ "${now:0:19}" > "${then:0:19}" ]]

# H3: a restore always makes a new instance. H6: to an instant.
! aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier notifydb --target-db-instance-identifier notifydb --restore-time $then    # DBInstanceAlreadyExists
! aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier notifydb --target-db-instance-identifier notifydb-restore --restore-time $then --use-latest-restorable-time    # InvalidParameterCombination
$ aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier notifydb --target-db-instance-identifier notifydb-restore --restore-time $then
$ aws rds wait db-instance-available --db-instance-identifier notifydb-restore
rhost = $ aws rds describe-db-instances --db-instance-identifier notifydb-restore --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "$(bash $BASE/place $rhost)" -XAtqc "select count(*) from notifications"
> 1000

# H18: in most cases this is enough: what is missing is dumped from the restored one into the original.
$ pg_dump "$(bash $BASE/place $rhost)" --data-only --table notifications --inserts --on-conflict-do-nothing > $BASE/missing.sql
$ psql "$(bash $BASE/place $host)" -XAtq -v ON_ERROR_STOP=1 -f $BASE/missing.sql > $BASE/out
$ psql "$(bash $BASE/place $host)" -XAtqc "select count(*) from notifications"
> 1000

# The worst case. I8: both change names in one step; sessions on the old server end, so that nobody goes on writing there.
$ psql "$(bash $BASE/place $host)" -XAtqc "truncate notifications"
$ (sleep 1; howdah swap notifydb notifydb-restore > $BASE/swap; echo "select 'still here'";) | psql "$(bash $BASE/place $host)" -XAtq > $BASE/session 2>&1 || true; grep -c 'still here' $BASE/session || true
> 0
$ cat $BASE/swap
> notifydb is db-* at $host port 5432: available
> notifydb-restore is $old at $rhost port 5432: available
$ psql "$(bash $BASE/place $host)" -XAtqc "select count(*) from notifications"
> 1000
# I12, I10: the old one is stopped temporarily: an open session sees it, new ones are refused; it starts again in a week.
$ aws rds stop-db-instance --db-instance-identifier notifydb-restore
~ DBInstance.DBInstanceStatus == stopping
await 'aws rds describe-db-instances --db-instance-identifier notifydb-restore' DBInstances[0].DBInstanceStatus == stopped
$ aws rds describe-db-instances --db-instance-identifier notifydb-restore
~ DBInstances[0].AutomaticRestartTime =~ ^20
~ DBInstances[0].Endpoint.Address == $rhost
! psql "$(bash $BASE/place $rhost)" -XAtqc "select 1"    # Connection refused
# The protection stayed with the instance that has it; the old one goes with a last snapshot.
! aws rds delete-db-instance --db-instance-identifier notifydb-restore --final-db-snapshot-identifier last    # InvalidParameterCombination: Cannot delete protected DB Instance
$ aws rds start-db-instance --db-instance-identifier notifydb-restore
await 'aws rds describe-db-instances --db-instance-identifier notifydb-restore' DBInstances[0].DBInstanceStatus == available
$ aws rds modify-db-instance --db-instance-identifier notifydb-restore --no-deletion-protection
$ aws rds delete-db-instance --db-instance-identifier notifydb-restore --final-db-snapshot-identifier last
$ aws rds wait db-instance-deleted --db-instance-identifier notifydb-restore
$ aws rds describe-db-snapshots --db-snapshot-identifier last
~ DBSnapshots[0].DbiResourceId == $old
