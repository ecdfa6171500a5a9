# Snapshot, another row, restore, by name and by ARN (H10): the old rows only, in a new instance; the source is untouched.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --port 5433 \
    --backup-retention-period 0 --tags Key=team,Value=red
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host port=5433 user=root1 dbname=app" -Xqc "create table t (x int); insert into t values (1)"
$ aws rds create-db-snapshot --db-snapshot-identifier s --db-instance-identifier a --tags Key=from,Value=snapshot
$ aws rds wait db-snapshot-available --db-snapshot-identifier s
$ psql "host=$host port=5433 user=root1 dbname=app" -Xqc "insert into t values (2)"

! aws rds restore-db-instance-from-db-snapshot --db-instance-identifier a --db-snapshot-identifier s    # DBInstanceAlreadyExists: DB instance already exists
! aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier s --allocated-storage 21    # InvalidParameterCombination: at least 10 % more
! aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier s --engine mysql    # InvalidParameterCombination: Cannot restore postgres data into the engine mysql
! aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier s --db-name other    # InvalidParameterCombination: DBName
! aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier s --db-instance-class db.x    # InvalidParameterValue: Invalid DB Instance class: db.x
! aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier s --multi-az    # InvalidParameterCombination: Howdah does not offer MultiAZ yet
watch r
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier arn:aws:rds:$REGION:123456789012:snapshot:s
~ DBInstance.DBInstanceStatus == creating
~ DBInstance.DBInstanceClass == db.t3.micro
~ DBInstance.MasterUsername == root1
~ DBInstance.DBName == app
~ DBInstance.TagList == [{"Key": "from", "Value": "snapshot"}]
$ aws rds wait db-instance-available --db-instance-identifier r
states r == (gone), creating, available
$ aws rds describe-db-instances --db-instance-identifier r
~ DBInstances[0].Endpoint.Port == 5433
~ DBInstances[0].BackupRetentionPeriod == 0
~ DBInstances[0].DBParameterGroups[0].DBParameterGroupName =~ ^default.postgres
~ DBInstances[0].ReadReplicaSourceDBInstanceIdentifier ==
~ DBInstances[0].PendingModifiedValues == {}
rhost = $ aws rds describe-db-instances --db-instance-identifier r --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$rhost port=5433 user=root1 dbname=app" -Atc 'select x from t order by x'
> 1
$ psql "host=$host port=5433 user=root1 dbname=app" -Atc 'select x from t order by x'
> 1
> 2
$ psql "host=$rhost port=5433 user=root1 dbname=app" -Xqc 'insert into t values (3)'
$ aws rds describe-events --source-type db-instance --source-identifier r --query 'Events[].Message' --output json
~ @ == ["Restored from snapshot s", "DB instance created"]
# Terraform sends equal values right after a restore.
$ aws rds modify-db-instance --db-instance-identifier r --allocated-storage 20 --backup-retention-period 0 \
    --master-user-password $PASSWORD --storage-type gp3 --apply-immediately
$ aws rds wait db-instance-available --db-instance-identifier r
# A snapshot of the restored one, restored.
$ aws rds create-db-snapshot --db-snapshot-identifier s2 --db-instance-identifier r
$ aws rds wait db-snapshot-available --db-snapshot-identifier s2
# Without its instance, into a larger one elsewhere.
$ aws rds delete-db-instance --db-instance-identifier r --skip-final-snapshot
$ aws rds wait db-instance-deleted --db-instance-identifier r
# A copy with a key is encrypted as an instance is that was created so, and so is what is restored from it.
! aws rds copy-db-snapshot --source-db-snapshot-identifier s2 --target-db-snapshot-identifier s3 --kms-key-id alias/mine    # KMSKeyNotAccessibleFault: The specified KMS key [alias/mine]
$ aws rds copy-db-snapshot --source-db-snapshot-identifier s2 --target-db-snapshot-identifier s3 --kms-key-id alias/aws/rds
~ DBSnapshot.Encrypted == true
~ DBSnapshot.KmsKeyId =~ ^arn:aws:kms:[a-z0-9-]+:123456789012:key/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$
key = $ aws rds describe-db-snapshots --db-snapshot-identifier s3 --query 'DBSnapshots[0].KmsKeyId' --output text
$ aws rds copy-db-snapshot --source-db-snapshot-identifier s3 --target-db-snapshot-identifier s4 --kms-key-id $key
~ DBSnapshot.[Encrypted, KmsKeyId] == [true, "$key"]
$ aws rds describe-db-snapshots --db-snapshot-identifier s2
~ DBSnapshots[0].Encrypted == false
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r4 --db-snapshot-identifier s3
~ DBInstance.[StorageEncrypted, KmsKeyId] == [true, "$key"]
$ aws rds wait db-instance-available --db-instance-identifier r4
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r2 --db-snapshot-identifier s2 --port 5444 \
    --allocated-storage 30 --db-instance-class db.t3.small --deletion-protection --tags Key=k,Value=v
~ DBInstance.AllocatedStorage == 30
~ DBInstance.DBInstanceClass == db.t3.small
~ DBInstance.DeletionProtection == true
~ DBInstance.TagList == [{"Key": "k", "Value": "v"}]
$ aws rds wait db-instance-available --db-instance-identifier r2
host2 = $ aws rds describe-db-instances --db-instance-identifier r2 --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host2 port=5444 user=root1 dbname=app" -Atc 'select x from t order by x'
> 1
> 3
