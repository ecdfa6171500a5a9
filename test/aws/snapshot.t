# daemon: own
# A manual snapshot from birth to deletion: fields, filters, copies, tags, sharing, events.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app \
    --backup-retention-period 0 --copy-tags-to-snapshot --tags Key=team,Value=red
$ aws rds wait db-instance-available --db-instance-identifier a
id = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text
version = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].EngineVersion' --output text
$ aws rds create-db-snapshot --db-snapshot-identifier Before-Upgrade --db-instance-identifier a --tags Key=why,Value=upgrade
~ DBSnapshot.DBSnapshotIdentifier == before-upgrade
~ DBSnapshot.Status == creating
~ DBSnapshot.SnapshotType == manual
~ DBSnapshot.SnapshotCreateTime ==
! aws rds create-db-snapshot --db-snapshot-identifier before-upgrade --db-instance-identifier a    # DBSnapshotAlreadyExists
$ aws rds wait db-snapshot-available --db-snapshot-identifier before-upgrade
$ aws rds describe-db-snapshots --db-snapshot-identifier before-upgrade
~ DBSnapshots[0].Status == available
~ DBSnapshots[0].PercentProgress == 100
~ DBSnapshots[0].DBInstanceIdentifier == a
~ DBSnapshots[0].DbiResourceId == $id
~ DBSnapshots[0].Engine == postgres
~ DBSnapshots[0].EngineVersion == $version
~ DBSnapshots[0].AllocatedStorage == 20
~ DBSnapshots[0].Port == 5432
~ DBSnapshots[0].MasterUsername == root1
~ DBSnapshots[0].Encrypted == false
~ DBSnapshots[0].LicenseModel == postgresql-license
~ DBSnapshots[0].StorageType == gp3
~ DBSnapshots[0].OptionGroupName =~ ^default:postgres-
~ DBSnapshots[0].SnapshotCreateTime =~ ^20
~ DBSnapshots[0].OriginalSnapshotCreateTime =~ ^20
~ DBSnapshots[0].SnapshotDatabaseTime =~ ^20
~ DBSnapshots[0].InstanceCreateTime =~ ^20
~ DBSnapshots[0].DBSnapshotArn == arn:aws:rds:$REGION:123456789012:snapshot:before-upgrade
~ length(DBSnapshots[0].TagList) == 2
# The instance stayed available, and shows that nothing restores it to an instant.
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceStatus == available
~ DBInstances[0].LatestRestorableTime ==

# Every way to ask for it.
$ aws rds describe-db-snapshots --db-instance-identifier a --query 'DBSnapshots[].DBSnapshotIdentifier' --output text
> before-upgrade
$ aws rds describe-db-snapshots --dbi-resource-id $id --query 'length(DBSnapshots)'
~ @ == 1
$ aws rds describe-db-snapshots --db-snapshot-identifier arn:aws:rds:$REGION:123456789012:snapshot:before-upgrade --query 'length(DBSnapshots)'
~ @ == 1
$ aws rds describe-db-snapshots --snapshot-type manual --query 'length(DBSnapshots)'
~ @ == 1
$ aws rds describe-db-snapshots --snapshot-type automated --query 'length(DBSnapshots)'
~ @ == 0
$ aws rds describe-db-snapshots --filters Name=db-instance-id,Values=a Name=snapshot-type,Values=manual Name=engine,Values=postgres --query 'length(DBSnapshots)'
~ @ == 1
$ aws rds describe-db-snapshots --filters Name=dbi-resource-id,Values=db-OTHER --query 'length(DBSnapshots)'
~ @ == 0
$ aws rds describe-db-snapshots --filters Name=db-snapshot-id,Values=before-upgrade,other --query 'length(DBSnapshots)'
~ @ == 1

# A copy is a snapshot of its own.
$ aws rds copy-db-snapshot --source-db-snapshot-identifier before-upgrade --target-db-snapshot-identifier kept --copy-tags --tags Key=why,Value=audit
~ DBSnapshot.DBSnapshotIdentifier == kept
~ DBSnapshot.SourceDBSnapshotIdentifier == arn:aws:rds:$REGION:123456789012:snapshot:before-upgrade
~ DBSnapshot.SourceRegion == $REGION
! aws rds copy-db-snapshot --source-db-snapshot-identifier before-upgrade --target-db-snapshot-identifier kept    # DBSnapshotAlreadyExists
$ aws rds list-tags-for-resource --resource-name arn:aws:rds:$REGION:123456789012:snapshot:kept
~ TagList == [{"Key": "team", "Value": "red"}, {"Key": "why", "Value": "audit"}]
$ aws rds add-tags-to-resource --resource-name arn:aws:rds:$REGION:123456789012:snapshot:kept --tags Key=x,Value=y
$ aws rds remove-tags-from-resource --resource-name arn:aws:rds:$REGION:123456789012:snapshot:kept --tag-keys team why
$ aws rds describe-db-snapshots --db-snapshot-identifier kept
~ DBSnapshots[0].TagList == [{"Key": "x", "Value": "y"}]

# Sharing.
$ aws rds describe-db-snapshot-attributes --db-snapshot-identifier kept
~ DBSnapshotAttributesResult.DBSnapshotAttributes == [{"AttributeName": "restore", "AttributeValues": []}]
$ aws rds modify-db-snapshot-attribute --db-snapshot-identifier kept --attribute-name restore --values-to-add 111122223333 all
~ DBSnapshotAttributesResult.DBSnapshotAttributes[0].AttributeValues == ["111122223333", "all"]
$ aws rds describe-db-snapshots --snapshot-type public --query 'DBSnapshots[].DBSnapshotIdentifier' --output text
> kept
$ aws rds describe-db-snapshots --include-public --include-shared --query 'DBSnapshots[].DBSnapshotIdentifier'
~ @ == ["before-upgrade", "kept"]
$ for type in shared awsbackup automated; do aws rds describe-db-snapshots --snapshot-type $type --query 'length(DBSnapshots)'; done
> 0
> 0
> 0
$ aws rds modify-db-snapshot-attribute --db-snapshot-identifier kept --attribute-name restore --values-to-remove all
~ DBSnapshotAttributesResult.DBSnapshotAttributes[0].AttributeValues == ["111122223333"]

# Engine versions of snapshots are not changed.
$ aws rds modify-db-snapshot --db-snapshot-identifier kept --engine-version $version
~ DBSnapshot.EngineVersion == $version
! aws rds modify-db-snapshot --db-snapshot-identifier kept --engine-version 99.1    # InvalidParameterCombination: upgrades of snapshots

# The quota shows them; the events tell.
$ aws rds describe-account-attributes --query "AccountQuotas[?AccountQuotaName=='ManualSnapshots'].Used | [0]"
~ @ == 2
$ aws rds describe-events --source-type db-snapshot --source-identifier before-upgrade --query 'Events[].Message' --output json
~ @ == ["Creating manual snapshot", "Manual snapshot created"]

# One directory serves both, and goes with the last.
$ ls $STATE/bases | wc -l
> 1
$ aws rds delete-db-snapshot --db-snapshot-identifier before-upgrade
~ DBSnapshot.Status == deleted
! aws rds describe-db-snapshots --db-snapshot-identifier before-upgrade    # DBSnapshotNotFound
$ ls $STATE/bases | wc -l
> 1
$ aws rds delete-db-snapshot --db-snapshot-identifier kept
$ for n in $(seq 300); do ls $STATE/bases | grep -q . || break; sleep 0.1; done; ls $STATE/bases | wc -l
> 0
$ aws rds describe-events --source-type db-snapshot --source-identifier kept --query 'Events[-1].Message' --output text
> Deleted user snapshot
