# H16: a restore drill on demand: the newest backup is restored aside, checked, reported and thrown away.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 1
$ aws rds create-db-instance --db-instance-identifier off --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host user=root1 dbname=app" -Xqc "create table t (x int primary key); insert into t select generate_series(1, 500)"
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].LatestRestorableTime =~ ^20
$ howdah drills a
$ howdah drill a
> Restore drill passed in * rows of 1 tables in * databases were read, * indexes and * MB of pages are sound.
> fingerprint of all rows: *
$ howdah drills a
> * a passed: Restore drill passed in *
$ aws rds describe-events --source-identifier a --source-type db-instance --event-categories backup --query 'Events[-1].Message' --output text
> Restore drill passed in *
$ ls $STATE/instances | grep -c drill- || true
> 0
! howdah drill off    # There is no automated backup of off to restore from yet.
! howdah drill nope    # DBInstance nope not found.
