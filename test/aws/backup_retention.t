# daemon: own
# H1: a snapshot a day; those that the retention period no longer needs go; retention 0 has none.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 3
$ aws rds wait db-instance-available --db-instance-identifier a
await 'aws rds describe-db-snapshots --db-instance-identifier a' DBSnapshots[0].Status == available
first = $ aws rds describe-db-snapshots --query 'DBSnapshots[0].DBSnapshotIdentifier' --output text
clock +1d
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 2
clock +1d
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 3
clock +1d
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 4
clock +1d
$ for n in $(seq 600); do aws rds describe-db-snapshots --db-snapshot-identifier $first >/dev/null 2>&1 || break; sleep 0.1; done
! aws rds describe-db-snapshots --db-snapshot-identifier $first    # DBSnapshotNotFound
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 4
clock +1d
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 4
# Directories follow the records.
$ for n in $(seq 1200); do [ $(ls $STATE/bases | wc -l) = 4 ] && break; sleep 0.1; done; ls $STATE/bases | wc -l
> 4
# Without retention there is nothing automated.
$ aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 0 --apply-immediately
await 'aws rds describe-db-snapshots --db-instance-identifier a' DBSnapshots == []
$ aws rds describe-db-instance-automated-backups
~ DBInstanceAutomatedBackups == []
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].LatestRestorableTime ==
$ aws rds describe-db-snapshots
~ DBSnapshots == []
$ for n in $(seq 1200); do [ $(ls $STATE/bases | wc -l) = 0 ] && break; sleep 0.1; done; ls $STATE/bases | wc -l
> 0
# Switched on again, the first one is taken at once: the instance is available when it is there.
$ aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 7 --apply-immediately
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-snapshots --db-instance-identifier a
~ length(DBSnapshots) == 1
~ DBSnapshots[0].Status == available
$ aws rds describe-db-instance-automated-backups
~ DBInstanceAutomatedBackups[0].Status == active
# Nothing is taken while it is stopped; the day after it has started there is another one.
$ aws rds stop-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == stopped
clock +1d
$ sleep 1; aws rds describe-db-snapshots --db-instance-identifier a --query 'length(DBSnapshots)'
~ @ == 1
$ aws rds start-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 2
# What is kept of a deleted instance goes one by one, as if it were there, and for good after the retention period.
clock +3d
await 'aws rds describe-db-snapshots --db-instance-identifier a --query "DBSnapshots[?SnapshotCreateTime]"' length(@) == 3
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available
$ aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot --no-delete-automated-backups
await 'aws rds describe-db-instances --db-instance-identifier a' fails DBInstanceNotFound
earliest = $ aws rds describe-db-instance-automated-backups --query 'DBInstanceAutomatedBackups[0].RestoreWindow.EarliestTime' --output text
clock +5d
await 'aws rds describe-db-snapshots' length(DBSnapshots) == 2
$ aws rds describe-db-instance-automated-backups
~ DBInstanceAutomatedBackups[0].Status == retained
~ DBInstanceAutomatedBackups[0].RestoreWindow.EarliestTime != $earliest
clock +3d
await 'aws rds describe-db-instance-automated-backups' DBInstanceAutomatedBackups == []
await 'aws rds describe-db-snapshots' DBSnapshots == []
