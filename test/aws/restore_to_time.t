# H2, H3, H7: any second between the first automated backup and now, always into a new instance. B5: without backups, none.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --tags Key=team,Value=red
$ aws rds create-db-instance --db-instance-identifier off --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
id = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text
# The first automated snapshot is taken right after creation; from then on there is a restore window.
await 'aws rds describe-db-snapshots --db-instance-identifier a --snapshot-type automated' DBSnapshots[0].Status == available
$ aws rds describe-db-snapshots --db-instance-identifier a
~ length(DBSnapshots) == 1
~ DBSnapshots[0].DBSnapshotIdentifier =~ ^rds:a-20\d\d-\d\d-\d\d-\d\d-\d\d$
~ DBSnapshots[0].SnapshotType == automated
~ DBSnapshots[0].DBSnapshotArn =~ :snapshot:rds:a-20
auto = $ aws rds describe-db-snapshots --db-instance-identifier a --query 'DBSnapshots[0].DBSnapshotIdentifier' --output text
! aws rds delete-db-snapshot --db-snapshot-identifier $auto    # InvalidDBSnapshotState: Automated snapshots can't be deleted
! aws rds modify-db-snapshot-attribute --db-snapshot-identifier $auto --attribute-name restore --values-to-add all    # InvalidDBSnapshotState
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].LatestRestorableTime =~ ^20
$ aws rds describe-db-instance-automated-backups --db-instance-identifier a
~ length(DBInstanceAutomatedBackups) == 1
~ DBInstanceAutomatedBackups[0].Status == active
~ DBInstanceAutomatedBackups[0].DbiResourceId == $id
~ DBInstanceAutomatedBackups[0].RestoreWindow.EarliestTime =~ ^20
~ DBInstanceAutomatedBackups[0].RestoreWindow.LatestTime =~ ^20
~ DBInstanceAutomatedBackups[0].BackupRetentionPeriod == 1
~ DBInstanceAutomatedBackups[0].DBInstanceAutomatedBackupsArn =~ :auto-backup:ab-
$ aws rds describe-db-instance-automated-backups --db-instance-identifier A --filters Name=status,Values=active Name=dbi-resource-id,Values=$id Name=db-instance-id,Values=a
~ DBInstanceAutomatedBackups[].DbiResourceId == ["$id"]
$ aws rds describe-db-instance-automated-backups --filters Name=status,Values=creating,retained Name=db-instance-id,Values=a
~ DBInstanceAutomatedBackups == []
! aws rds describe-db-instance-automated-backups --filters Name=color,Values=red    # InvalidParameterValue: Unrecognized filter name: color
arn = $ aws rds describe-db-instance-automated-backups --dbi-resource-id $id --query 'DBInstanceAutomatedBackups[0].DBInstanceAutomatedBackupsArn' --output text
! aws rds delete-db-instance-automated-backup --dbi-resource-id $id    # InvalidDBInstanceAutomatedBackupState

$ psql "host=$host user=root1 dbname=app" -Xqc "create table t (x int); insert into t values (1)"
between = $ sleep 1.2; date -u +%Y-%m-%dT%H:%M:%SZ
$ psql "host=$host user=root1 dbname=app" -Xqc "insert into t values (2)"
# The window follows the clock, also while the server is idle.
$ for n in $(seq 120); do now=$(aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].LatestRestorableTime' --output text); [[ "${now:0:19}" > "${between:0:19}" ]] && break; sleep 0.25; done; [[ "${now:0:19}" > "${between:0:19}" ]]

! aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier a --target-db-instance-identifier a --use-latest-restorable-time    # DBInstanceAlreadyExists
! aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier a --target-db-instance-identifier r    # InvalidParameterCombination: Either RestoreTime or UseLatestRestorableTime
! aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier a --target-db-instance-identifier r --use-latest-restorable-time --restore-time $between    # InvalidParameterCombination
! aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier a --target-db-instance-identifier r --restore-time 2035-01-01T00:00:00Z    # InvalidParameterValue: cannot be restored to a time later than 20
! aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier a --target-db-instance-identifier r --restore-time 2023-10-02T10:00:00Z    # InvalidParameterValue: cannot be restored to a time earlier than 20
! aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier off --target-db-instance-identifier r --use-latest-restorable-time    # PointInTimeRestoreNotEnabled

watch r
$ aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier a --target-db-instance-identifier r --restore-time $between --backup-retention-period 0
~ DBInstance.DBInstanceStatus == creating
~ DBInstance.TagList == [{"Key": "team", "Value": "red"}]
~ DBInstance.ReadReplicaSourceDBInstanceIdentifier ==
$ aws rds restore-db-instance-to-point-in-time --source-dbi-resource-id $id --target-db-instance-identifier l --use-latest-restorable-time --no-copy-tags-to-snapshot --port 5440
$ aws rds wait db-instance-available --db-instance-identifier r
states r == (gone), creating, available
rhost = $ aws rds describe-db-instances --db-instance-identifier r --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$rhost user=root1 dbname=app" -Atc 'select x from t order by x'
> 1
$ aws rds describe-events --source-type db-instance --source-identifier r --query 'Events[].Message' --output json
~ @ == ["Restored from DB instance a to r", "DB instance created"]
$ aws rds wait db-instance-available --db-instance-identifier l
lhost = $ aws rds describe-db-instances --db-instance-identifier l --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$lhost port=5440 user=root1 dbname=app" -Atc 'select x from t order by x'
> 1
> 2

# B18: a deleted instance's backups are kept when asked, and bring it back.
$ aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot --no-delete-automated-backups
$ aws rds wait db-instance-deleted --db-instance-identifier a
$ aws rds describe-db-instance-automated-backups --filters Name=status,Values=retained
~ DBInstanceAutomatedBackups[0].DbiResourceId == $id
~ DBInstanceAutomatedBackups[0].Status == retained
~ DBInstanceAutomatedBackups[0].RestoreWindow.LatestTime =~ ^20
$ aws rds restore-db-instance-to-point-in-time --source-db-instance-automated-backups-arn $arn --target-db-instance-identifier a --use-latest-restorable-time
$ aws rds wait db-instance-available --db-instance-identifier a
ahost = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$ahost user=root1 dbname=app" -Atc 'select x from t order by x'
> 1
> 2
# An automated snapshot can be copied, and the copy outlives it.
$ aws rds copy-db-snapshot --source-db-snapshot-identifier $auto --target-db-snapshot-identifier copied
~ DBSnapshot.SnapshotType == manual
$ aws rds delete-db-instance-automated-backup --dbi-resource-id $id
~ DBInstanceAutomatedBackup.Status == deleting
! aws rds describe-db-instance-automated-backups --dbi-resource-id $id    # DBInstanceAutomatedBackupNotFound
# By the resource: the restored instance's first snapshot may have the same name, when it is made in the same minute.
$ aws rds describe-db-snapshots --dbi-resource-id $id --snapshot-type automated
~ DBSnapshots == []
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier c --db-snapshot-identifier copied --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier c
