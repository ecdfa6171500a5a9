# daemon: own
# While a snapshot is being taken the instance is backing-up: clients go on, changes wait (contract of the status machine).
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
# A snapshot is available when the keeper has copied its position: here it is made to wait.
$ aws rds create-db-snapshot --db-snapshot-identifier first --db-instance-identifier a
$ aws rds wait db-snapshot-available --db-snapshot-identifier first
$ for n in $(seq 600); do ls $STATE/bases | grep -vq '[.]' && break; sleep 0.1; done
keeper = $ pgrep -f "[k]eeper .*$STATE"
$ kill -STOP $keeper
watch a
$ aws rds create-db-snapshot --db-snapshot-identifier s --db-instance-identifier a
~ DBSnapshot.PercentProgress == 0
$ aws rds describe-db-instances
~ DBInstances[0].DBInstanceStatus == backing-up
$ psql "host=$host user=root1 dbname=app" -Atc 'select 1'
> 1
# No backup would hold a tablespace: nobody can make one.
! psql "host=$host user=root1 dbname=app" -Atc "create tablespace away location '/tmp'"    # permission denied to create tablespace
! aws rds create-db-snapshot --db-snapshot-identifier t --db-instance-identifier a    # InvalidDBInstanceState: Cannot create a snapshot because the database instance a is not currently in the available state.
! aws rds modify-db-instance --db-instance-identifier a --copy-tags-to-snapshot    # InvalidDBInstanceState: Database instance is not in available state.
! aws rds reboot-db-instance --db-instance-identifier a    # InvalidDBInstanceState: in-progress management operation
! aws rds stop-db-instance --db-instance-identifier a    # InvalidDBInstanceState: is not in available state
# A snapshot that is being made is no source of anything, and stays.
! aws rds delete-db-snapshot --db-snapshot-identifier s    # InvalidDBSnapshotState: not currently in the available or failed state
! aws rds copy-db-snapshot --source-db-snapshot-identifier s --target-db-snapshot-identifier t    # InvalidDBSnapshotState: Cannot copy the snapshot s because it is not currently in the available state.
! aws rds restore-db-instance-from-db-snapshot --db-snapshot-identifier s --db-instance-identifier r    # InvalidDBSnapshotState: Cannot restore from the snapshot s
! aws rds modify-db-snapshot-attribute --db-snapshot-identifier s --attribute-name restore --values-to-add all    # InvalidDBSnapshotState
$ kill -CONT $keeper
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-snapshots --db-snapshot-identifier s
~ DBSnapshots[0].Status == available
~ DBSnapshots[0].PercentProgress == 100
states a == available, backing-up, available
$ aws rds describe-events --source-identifier a --source-type db-instance --event-categories backup --query 'Events[].Message' --output json
~ @ == ["Backing up DB instance", "Finished DB instance backup", "Backing up DB instance", "Finished DB instance backup"]
# The daemon's end in the middle changes nothing.
fault flow.act:create-snapshot/take kill
$ aws rds create-db-snapshot --db-snapshot-identifier u --db-instance-identifier a
restart-daemon
$ aws rds wait db-snapshot-available --db-snapshot-identifier u
$ aws rds describe-db-instances
~ DBInstances[0].DBInstanceStatus == available
$ aws rds modify-db-instance --db-instance-identifier a --copy-tags-to-snapshot

# A new instance with backups is backed up before it is available; nothing waits for the backup of a restored one.
fault flow.act:create-snapshot/take hold
watch b
$ aws rds create-db-instance --db-instance-identifier b --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 2
await 'aws rds describe-db-instances' DBInstances[1].DBInstanceStatus == backing-up
fault flow.act:create-snapshot/take release
$ aws rds wait db-instance-available --db-instance-identifier b
states b == (gone), creating, backing-up, available
$ aws rds describe-events --source-identifier b --source-type db-instance --query 'Events[].Message' --output json
~ @ == ["DB instance created", "Backing up DB instance", "Finished DB instance backup"]
$ aws rds describe-events --source-type db-snapshot --query "Events[?starts_with(SourceIdentifier, 'rds:b-')].Message" --output json
~ @ == ["Creating automated snapshot", "Automated snapshot created"]
watch c
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier c --db-snapshot-identifier s --backup-retention-period 3 --db-instance-class db.t3.micro
$ aws rds wait db-instance-available --db-instance-identifier c
# What a client of infrastructure as code sends next: the same values once more, and a password.
$ aws rds modify-db-instance --db-instance-identifier c --backup-retention-period 3 --allocated-storage 20 --db-instance-class db.t3.micro \
    --db-port-number 5432 --apply-immediately
$ aws rds modify-db-instance --db-instance-identifier c --master-user-password another-Secret-7 --apply-immediately
$ aws rds wait db-instance-available --db-instance-identifier c
states c == (gone), creating, available, (resetting-master-credentials), available
await 'aws rds describe-db-snapshots --db-instance-identifier c' DBSnapshots[0].Status == available
