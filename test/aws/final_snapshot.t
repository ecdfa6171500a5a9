# H17: the final snapshot of a deleted instance brings it back; so does the one taken at a stop.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host user=root1 dbname=app" -Xqc "create table t as select 42 as x"
! aws rds delete-db-instance --db-instance-identifier a --final-db-snapshot-identifier 1x    # InvalidParameterValue: FinalDBSnapshotIdentifier
! aws rds stop-db-instance --db-instance-identifier a --db-snapshot-identifier 1x    # InvalidParameterValue: DBSnapshotIdentifier

$ aws rds stop-db-instance --db-instance-identifier a --db-snapshot-identifier at-stop
~ DBInstance.DBInstanceStatus == stopping
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == stopped
$ aws rds describe-db-snapshots --db-snapshot-identifier at-stop
~ DBSnapshots[0].Status == available
# Of a stopped instance.
$ aws rds create-db-snapshot --db-snapshot-identifier while-stopped --db-instance-identifier a
$ aws rds wait db-snapshot-available --db-snapshot-identifier while-stopped
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == stopped
$ aws rds start-db-instance --db-instance-identifier a
$ aws rds wait db-instance-available --db-instance-identifier a
$ psql "host=$host user=root1 dbname=app" -Xqc "insert into t values (43)"

! aws rds delete-db-instance --db-instance-identifier a --final-db-snapshot-identifier at-stop    # DBSnapshotAlreadyExists
watch a
$ aws rds delete-db-instance --db-instance-identifier a --final-db-snapshot-identifier last
~ DBInstance.DBInstanceStatus == deleting
$ aws rds wait db-instance-deleted --db-instance-identifier a
states a == available, deleting, gone
$ aws rds describe-db-snapshots --db-snapshot-identifier last
~ DBSnapshots[0].Status == available
~ DBSnapshots[0].SnapshotType == manual
$ aws rds describe-events --source-type db-snapshot --source-identifier last --query 'Events[].Message' --output json
~ @ == ["Creating manual snapshot", "Manual snapshot created"]

# Under the same name again, by name of the snapshot.
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier a --db-snapshot-identifier last
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier b --db-snapshot-identifier at-stop
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier c --db-snapshot-identifier while-stopped
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds wait db-instance-available --db-instance-identifier b
$ aws rds wait db-instance-available --db-instance-identifier c
ahost = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
bhost = $ aws rds describe-db-instances --db-instance-identifier b --query 'DBInstances[0].Endpoint.Address' --output text
chost = $ aws rds describe-db-instances --db-instance-identifier c --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$ahost user=root1 dbname=app" -Atc 'select x from t order by x'
> 42
> 43
$ psql "host=$bhost user=root1 dbname=app" -Atc 'select x from t order by x'
> 42
$ psql "host=$chost user=root1 dbname=app" -Atc 'select x from t order by x'
> 42
