# daemon: own
# The time for which an instance is stopped does not count for retention, as on AWS: what was there when it was stopped is
# there when it starts again, and goes as much later.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 2
$ aws rds wait db-instance-available --db-instance-identifier a
await 'aws rds describe-db-snapshots --db-instance-identifier a' DBSnapshots[0].Status == available
first = $ aws rds describe-db-snapshots --query 'DBSnapshots[0].DBSnapshotIdentifier' --output text
clock +1d
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 2
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available
$ for n in $(seq 1200); do [ $(ls $STATE/bases | wc -l) = 2 ] && break; sleep 0.1; done; ls $STATE/bases | wc -l
> 2
$ aws rds stop-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == stopped
clock +6d
$ aws rds start-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 3
clock +1d
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 4
$ sleep 6; aws rds describe-db-snapshots --db-snapshot-identifier $first
~ DBSnapshots[0].Status == available
clock +1d
await 'aws rds describe-db-snapshots --db-snapshot-identifier $first' fails DBSnapshotNotFound
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 3
