# daemon: own
# A restore that can't be done says why, rests in incompatible-restore, and leaves source and snapshot alone.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds create-db-snapshot --db-snapshot-identifier s --db-instance-identifier a
$ aws rds wait db-snapshot-available --db-snapshot-identifier s
# Somebody damages the snapshot.
$ rm $STATE/bases/*/wal/*
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier s
~ DBInstance.DBInstanceStatus == creating
await 'aws rds describe-db-instances --db-instance-identifier r' DBInstances[0].DBInstanceStatus == incompatible-restore
$ aws rds describe-events --source-type db-instance --source-identifier r --query 'Events[-1].Message' --output text
> The restore failed, the source is untouched: *
! aws rds create-db-snapshot --db-snapshot-identifier t --db-instance-identifier r    # InvalidDBInstanceState
! aws rds start-db-instance --db-instance-identifier r    # InvalidDBInstanceState
! aws rds modify-db-instance --db-instance-identifier r --backup-retention-period 3    # InvalidDBInstanceState
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceStatus == available
$ aws rds delete-db-instance --db-instance-identifier r --skip-final-snapshot
$ aws rds wait db-instance-deleted --db-instance-identifier r
$ aws rds describe-db-snapshots --db-snapshot-identifier s
~ DBSnapshots[0].Status == available
$ aws rds delete-db-snapshot --db-snapshot-identifier s
