# What snapshots refuse, with AWS's codes. Nothing refused leaves anything behind.
! aws rds create-db-snapshot --db-snapshot-identifier s --db-instance-identifier nope    # DBInstanceNotFound: DBInstance nope not found.
! aws rds create-db-snapshot --db-snapshot-identifier rds:s --db-instance-identifier nope    # InvalidParameterValue: The parameter DBSnapshotIdentifier is not a valid identifier.
! aws rds create-db-snapshot --db-snapshot-identifier 1s --db-instance-identifier nope    # InvalidParameterValue: must begin with a letter
! aws rds create-db-snapshot --db-snapshot-identifier s- --db-instance-identifier nope    # InvalidParameterValue: must not end with a hyphen
! aws rds create-db-snapshot --db-snapshot-identifier s--s --db-instance-identifier nope    # InvalidParameterValue: two consecutive hyphens
! aws rds describe-db-snapshots --db-snapshot-identifier nope    # DBSnapshotNotFound: DBSnapshot nope not found.
! aws rds describe-db-snapshots --snapshot-type mine    # InvalidParameterValue: Invalid snapshot type: mine
! aws rds describe-db-snapshots --filters Name=color,Values=red    # InvalidParameterValue: Unrecognized filter name: color
! aws rds describe-db-snapshots --no-paginate --max-records 19    # InvalidParameterValue
$ aws rds describe-db-snapshots
~ DBSnapshots == []
$ aws rds describe-db-snapshots --snapshot-type shared
~ DBSnapshots == []
$ aws rds describe-db-snapshots --db-instance-identifier nope
~ DBSnapshots == []
! aws rds delete-db-snapshot --db-snapshot-identifier nope    # DBSnapshotNotFound: DBSnapshot nope not found.
! aws rds copy-db-snapshot --source-db-snapshot-identifier nope --target-db-snapshot-identifier t    # DBSnapshotNotFound
! aws rds copy-db-snapshot --source-db-snapshot-identifier nope --target-db-snapshot-identifier rds:t    # InvalidParameterValue: TargetDBSnapshotIdentifier
! aws rds copy-db-snapshot --source-db-snapshot-identifier nope --target-db-snapshot-identifier t --kms-key-id alias/x    # KMSKeyNotAccessibleFault: The specified KMS key [alias/x] does not exist
! aws rds copy-db-snapshot --source-db-snapshot-identifier arn:aws:rds:mars-1:123456789012:snapshot:s --target-db-snapshot-identifier t    # InvalidParameterCombination: a copy from another region
! aws rds modify-db-snapshot --db-snapshot-identifier nope    # DBSnapshotNotFound
! aws rds describe-db-snapshot-attributes --db-snapshot-identifier nope    # DBSnapshotNotFound
! aws rds modify-db-snapshot-attribute --db-snapshot-identifier nope --attribute-name restore --values-to-add all    # DBSnapshotNotFound
! aws rds modify-db-snapshot-attribute --db-snapshot-identifier nope --attribute-name color --values-to-add all    # InvalidParameterValue: Invalid snapshot attribute: color
! aws rds modify-db-snapshot-attribute --db-snapshot-identifier nope --attribute-name restore --values-to-add me    # InvalidParameterValue: Invalid account: me
! aws rds list-tags-for-resource --resource-name arn:aws:rds:$REGION:123456789012:snapshot:nope    # DBSnapshotNotFound
! aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier nope    # DBSnapshotNotFound: DBSnapshot nope not found.
! aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r    # MissingParameter: DBSnapshotIdentifier
! aws rds restore-db-instance-to-point-in-time --target-db-instance-identifier r --use-latest-restorable-time    # InvalidParameterCombination: Exactly one of SourceDBInstanceIdentifier
! aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier nope --target-db-instance-identifier r --use-latest-restorable-time    # DBInstanceNotFound: DBInstance nope not found.
! aws rds restore-db-instance-to-point-in-time --source-dbi-resource-id db-NOPE --target-db-instance-identifier r --use-latest-restorable-time    # DBInstanceAutomatedBackupNotFound
! aws rds delete-db-instance-automated-backup --dbi-resource-id db-NOPE    # DBInstanceAutomatedBackupNotFound
! aws rds delete-db-instance-automated-backup    # InvalidParameterCombination: Exactly one of
! aws rds describe-db-instance-automated-backups --dbi-resource-id db-NOPE    # DBInstanceAutomatedBackupNotFound
$ aws rds describe-db-instance-automated-backups
~ DBInstanceAutomatedBackups == []
$ aws rds describe-db-instances
~ DBInstances == []
