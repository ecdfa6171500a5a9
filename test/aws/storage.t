# daemon: own
# AllocatedStorage is enforced, grows and never shrinks (B4). A file without blocks stands for a table that large.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
id = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text
$ psql "host=$host user=root1 dbname=app" -Xqc "create table t (id int)"
boot = $ psql "host=$host user=root1 dbname=app" -XAtc "select pg_postmaster_start_time()"
$ aws rds describe-valid-db-instance-modifications --db-instance-identifier a
~ ValidDBInstanceModificationsMessage.Storage[0].StorageSize[0].To == 65536
! aws rds modify-db-instance --db-instance-identifier a --allocated-storage 19    # InvalidParameterValue: Invalid storage size
! aws rds modify-db-instance --db-instance-identifier a --storage-type io1 --allocated-storage 100 --iops 1000    # InvalidParameterCombination: StorageType

# Full: read-only, and it says so. Enlarged, at once: available, and nothing was restarted.
$ mkdir $STATE/instances/$id/data/base/pgsql_tmp && truncate -s 19500M $STATE/instances/$id/data/base/pgsql_tmp/large
restart-daemon
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == storage-full within 20s
await 'psql "host=$host user=root1 dbname=app" -Xqc "insert into t values (1)" 2>&1 | grep -c "read-only transaction"' @ == 1 within 10s
$ aws rds create-db-snapshot --db-snapshot-identifier full --db-instance-identifier a
$ aws rds wait db-snapshot-available --db-snapshot-identifier full
$ aws rds modify-db-instance --db-instance-identifier a --allocated-storage 21 --apply-immediately
~ DBInstance.PendingModifiedValues.AllocatedStorage == 22
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 20s
await 'psql "host=$host user=root1 dbname=app" -XAtqc "insert into t values (2) returning id"' @ == 2 within 10s
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].AllocatedStorage == 22
~ DBInstances[0].PendingModifiedValues == {}
! aws rds modify-db-instance --db-instance-identifier a --allocated-storage 20    # InvalidParameterCombination: storage can't shrink
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[].Message'
~ contains(@, 'Finished applying modification to allocated storage') == true
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[].Message' --output text | grep -c 'There is storage again'
> 1

# In the window: it is pending until then, and asking for the present size takes it back.
$ aws rds modify-db-instance --db-instance-identifier a --allocated-storage 40
~ DBInstance.AllocatedStorage == 22
~ DBInstance.PendingModifiedValues.AllocatedStorage == 40
$ aws rds modify-db-instance --db-instance-identifier a --allocated-storage 22
~ DBInstance.PendingModifiedValues == {}

# A limit that equals the size means that it does not grow by itself, and is in the way of nothing.
$ aws rds modify-db-instance --db-instance-identifier a --max-allocated-storage 22
~ DBInstance.MaxAllocatedStorage ==
$ aws rds modify-db-instance --db-instance-identifier a --allocated-storage 40 --max-allocated-storage 40
~ DBInstance.MaxAllocatedStorage ==
~ DBInstance.PendingModifiedValues.AllocatedStorage == 40
$ aws rds modify-db-instance --db-instance-identifier a --allocated-storage 22
~ DBInstance.PendingModifiedValues == {}

# With MaxAllocatedStorage it grows before it is short.
! aws rds modify-db-instance --db-instance-identifier a --max-allocated-storage 20    # InvalidParameterCombination: Max storage size must be greater than storage size
$ aws rds modify-db-instance --db-instance-identifier a --max-allocated-storage 35
$ truncate -s 21G $STATE/instances/$id/data/base/pgsql_tmp/large
restart-daemon
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].AllocatedStorage == 32 within 20s
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceStatus == available
$ truncate -s 34G $STATE/instances/$id/data/base/pgsql_tmp/large
restart-daemon
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].AllocatedStorage == 35 within 20s
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == storage-full within 20s
$ rm $STATE/instances/$id/data/base/pgsql_tmp/large
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 20s
$ psql "host=$host user=root1 dbname=app" -XAtc "select pg_postmaster_start_time()"
> $boot

# Full, it can be deleted with a final snapshot; both that were made of it can be restored.
$ truncate -s 34900M $STATE/instances/$id/data/base/pgsql_tmp/large
restart-daemon
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == storage-full within 20s
$ aws rds delete-db-instance --db-instance-identifier a --final-db-snapshot-identifier last
$ aws rds wait db-instance-deleted --db-instance-identifier a
$ for n in full last; do aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r-$n --db-snapshot-identifier $n > /dev/null || exit 1; done
$ for n in full last; do aws rds wait db-instance-available --db-instance-identifier r-$n || exit 1; done
$ for n in full last; do h=$(aws rds describe-db-instances --db-instance-identifier r-$n --query 'DBInstances[0].Endpoint.Address' --output text); psql "host=$h user=root1 dbname=app" -XAtc "select count(*) from t" || exit 1; done
> 0
> 1
