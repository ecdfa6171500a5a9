# Every way to get CreateDBInstance wrong that belongs to what is offered, with AWS's code. Nothing is left behind.
ok = $ echo "--db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20"

# Identifiers
! aws rds create-db-instance --db-instance-identifier 1abc $ok    # InvalidParameterValue: The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.
! aws rds create-db-instance --db-instance-identifier a--b $ok    # InvalidParameterValue: DBInstanceIdentifier is not a valid identifier
! aws rds create-db-instance --db-instance-identifier abc- $ok    # InvalidParameterValue: DBInstanceIdentifier is not a valid identifier
! aws rds create-db-instance --db-instance-identifier a_b $ok    # InvalidParameterValue: DBInstanceIdentifier is not a valid identifier
! aws rds create-db-instance --db-instance-identifier 'a/../../etc' $ok    # InvalidParameterValue: DBInstanceIdentifier is not a valid identifier
! aws rds create-db-instance --db-instance-identifier "$(printf 'a%.0s' {1..64})" $ok    # InvalidParameterValue: DBInstanceIdentifier is not a valid identifier

# Engine, class, storage
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine oracle-postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20    # InvalidParameterValue: Invalid DB engine
! aws rds create-db-instance --db-instance-identifier a $ok --engine-version 14.6    # InvalidParameterCombination: Cannot find version 14.6 for postgres
! aws rds create-db-instance --db-instance-identifier a $ok --db-instance-class db.x    # InvalidParameterValue: Invalid DB Instance class: db.x
# B11
! aws rds create-db-instance --db-instance-identifier a $ok --db-instance-class db.r6i.24xlarge    # InsufficientDBInstanceCapacity
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type gp2 --allocated-storage 5    # InvalidParameterValue: Invalid storage size for engine name postgres and storage type gp2: 5
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type gp3 --allocated-storage 65537    # InvalidParameterValue: Invalid storage size for engine name postgres and storage type gp3: 65537
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type io1 --iops 1000 --allocated-storage 99    # InvalidParameterValue: Invalid storage size for engine name postgres and storage type io1: 99
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type standard --allocated-storage 4    # InvalidParameterValue: Invalid storage size for engine name postgres and storage type standard: 4
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type standard --allocated-storage 3073    # InvalidParameterValue: Invalid storage size
! aws rds create-db-instance --db-instance-identifier a $ok --max-allocated-storage 65537    # InvalidParameterValue: Invalid max storage size for engine name postgres and storage type gp3: 65537
! aws rds create-db-instance --db-instance-identifier a $ok --max-allocated-storage 19    # InvalidParameterCombination: Max storage size must be greater than storage size
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type floppy    # InvalidParameterValue: Invalid storage type
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD    # MissingParameter: The request must contain the parameter AllocatedStorage

# Speed of storage, as AWS sells it
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type gp2 --iops 1000    # InvalidParameterCombination: You can't specify IOPS or storage throughput for storage type gp2.
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type gp2 --storage-throughput 125    # InvalidParameterCombination: You can't specify IOPS or storage throughput for storage type gp2.
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type gp3 --iops 3000    # InvalidParameterCombination: You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400.
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type gp3 --allocated-storage 400 --iops 3000    # InvalidParameterValue: It is 12000 to 64000
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type gp3 --allocated-storage 400 --storage-throughput 4001    # InvalidParameterValue: Invalid storage throughput
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type io1 --allocated-storage 100    # InvalidParameterCombination: The storage type io1 requires iops to be specified.
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type io1 --allocated-storage 100 --iops 999    # InvalidParameterValue: It is 1000 to 256000
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type io1 --allocated-storage 100 --iops 5001    # InvalidParameterCombination: Invalid iops to storage (GB) ratio for engine name postgres and storage type io1: 50.0100
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type io1 --allocated-storage 1000 --max-allocated-storage 4000 --iops 1000    # InvalidParameterCombination: Invalid iops to max storage (GB) ratio for engine name postgres and storage type io1: 0.2500
! aws rds create-db-instance --db-instance-identifier a $ok --storage-type io2 --allocated-storage 100 --iops 5001 --storage-throughput 500    # InvalidParameterCombination: You can't specify storage throughput for storage type io2.

# Encryption: there is one key.
! aws rds create-db-instance --db-instance-identifier a $ok --kms-key-id alias/aws/rds    # InvalidParameterCombination: KmsKeyId can be given only together with StorageEncrypted
! aws rds create-db-instance --db-instance-identifier a $ok --storage-encrypted --kms-key-id alias/mine    # KMSKeyNotAccessibleFault: The specified KMS key [alias/mine] does not exist, is not enabled or you do not have permissions to access it.
! aws rds create-db-instance --db-instance-identifier a $ok --storage-encrypted --kms-key-id 'no key at all'    # KMSKeyNotAccessibleFault: The specified KMS key [no key at all] does not exist
! aws rds create-db-instance --db-instance-identifier a $ok --storage-encrypted --kms-key-id arn:aws:kms:$REGION:999999999999:alias/aws/rds    # KMSKeyNotAccessibleFault
! aws rds create-db-instance --db-instance-identifier a $ok --enable-performance-insights --performance-insights-kms-key-id alias/mine    # KMSKeyNotAccessibleFault: [alias/mine]
! aws rds create-db-instance --db-instance-identifier a $ok --performance-insights-kms-key-id alias/aws/rds    # InvalidParameterCombination: only together with EnablePerformanceInsights

# Master user and password
! aws rds create-db-instance --db-instance-identifier a $ok --master-username admin    # InvalidParameterValue: MasterUsername admin cannot be used as it is a reserved word used by the engine
! aws rds create-db-instance --db-instance-identifier a $ok --master-username rdsadmin    # InvalidParameterValue: MasterUsername rdsadmin cannot be used as it is a reserved word used by the engine
! aws rds create-db-instance --db-instance-identifier a $ok --master-username rds_x    # InvalidParameterValue: cannot be used as it is a reserved word used by the engine
! aws rds create-db-instance --db-instance-identifier a $ok --master-username pg_x    # InvalidParameterValue: cannot be used as it is a reserved word used by the engine
! aws rds create-db-instance --db-instance-identifier a $ok --master-username 1root    # InvalidParameterValue: MasterUsername
! aws rds create-db-instance --db-instance-identifier a $ok --master-username seventeen_letters    # InvalidParameterValue: MasterUsername
! aws rds create-db-instance --db-instance-identifier a $ok --master-username "x'; drop"    # InvalidParameterValue: MasterUsername
! aws rds create-db-instance --db-instance-identifier a $ok --master-user-password short12    # InvalidParameterValue: The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.
! aws rds create-db-instance --db-instance-identifier a $ok --master-user-password "$(printf 'a%.0s' {1..129})"    # InvalidParameterValue: The parameter MasterUserPassword is not a valid password because it is longer than 128 characters.
! aws rds create-db-instance --db-instance-identifier a $ok --master-user-password 'with/slash1'    # InvalidParameterValue: The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '"', ' ' may be used.
! aws rds create-db-instance --db-instance-identifier a $ok --master-user-password 'with@at1234'    # InvalidParameterValue: Only printable ASCII characters besides '/', '@', '"', ' ' may be used.
! aws rds create-db-instance --db-instance-identifier a $ok --master-user-password 'with"quote1'    # InvalidParameterValue: Only printable ASCII characters besides '/', '@', '"', ' ' may be used.
! aws rds create-db-instance --db-instance-identifier a $ok --master-user-password 'with blank1'    # InvalidParameterValue: Only printable ASCII characters besides '/', '@', '"', ' ' may be used.
! aws rds create-db-instance --db-instance-identifier a $ok --master-user-password 'pässwörter'    # InvalidParameterValue: Only printable ASCII characters besides '/', '@', '"', ' ' may be used.
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --master-username root1 --allocated-storage 20    # MissingParameter: The request must contain the parameter MasterUserPassword
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --master-user-password $PASSWORD --allocated-storage 20    # MissingParameter: The request must contain the parameter MasterUsername
! aws rds create-db-instance --db-instance-identifier a $ok --manage-master-user-password    # InvalidParameterCombination: You can't specify MasterUserPassword and ManageMasterUserPassword

# Database, port, zone
! aws rds create-db-instance --db-instance-identifier a $ok --db-name 1app    # InvalidParameterValue: DBName must begin with a letter and contain only alphanumeric characters
! aws rds create-db-instance --db-instance-identifier a $ok --db-name my-app    # InvalidParameterValue: DBName must begin with a letter and contain only alphanumeric characters
! aws rds create-db-instance --db-instance-identifier a $ok --db-name "$(printf 'a%.0s' {1..64})"    # InvalidParameterValue: DBName must begin with a letter
! aws rds create-db-instance --db-instance-identifier a $ok --db-name select    # InvalidParameterValue: reserved word
! aws rds create-db-instance --db-instance-identifier a $ok --port 1149    # InvalidParameterValue: Invalid database port: 1149
! aws rds create-db-instance --db-instance-identifier a $ok --port 80    # InvalidParameterValue: Invalid database port: 80
! aws rds create-db-instance --db-instance-identifier a $ok --multi-az --availability-zone ${REGION}a    # InvalidParameterCombination: Requesting a specific availability zone is not valid for Multi-AZ instances.
! aws rds create-db-instance --db-instance-identifier a $ok --availability-zone mars-1a    # InvalidParameterValue: mars-1a

# Backups and windows
! aws rds create-db-instance --db-instance-identifier a $ok --backup-retention-period 36    # InvalidParameterValue: Invalid backup retention period: 36. Retention period must be between 0 and 35
! aws rds create-db-instance --db-instance-identifier a $ok --backup-retention-period -1    # InvalidParameterValue: Retention period must be between 0 and 35
! aws rds create-db-instance --db-instance-identifier a $ok --preferred-backup-window 25:00-26:00    # InvalidParameterValue
! aws rds create-db-instance --db-instance-identifier a $ok --preferred-backup-window 04:00-04:29    # InvalidParameterValue
! aws rds create-db-instance --db-instance-identifier a $ok --preferred-maintenance-window sun:05:00    # InvalidParameterValue
! aws rds create-db-instance --db-instance-identifier a $ok --preferred-maintenance-window sun:05:00-sun:05:29    # InvalidParameterValue
! aws rds create-db-instance --db-instance-identifier a $ok --preferred-backup-window 04:45-05:15 --preferred-maintenance-window sun:05:00-sun:06:00    # InvalidParameterValue: The backup window and maintenance window must not overlap.
! aws rds create-db-instance --db-instance-identifier a $ok --preferred-backup-window 23:50-00:20 --preferred-maintenance-window mon:00:00-mon:00:30    # InvalidParameterValue: The backup window and maintenance window must not overlap.
# One that leaves no room for the other, which is not given
! aws rds create-db-instance --db-instance-identifier a $ok --preferred-maintenance-window mon:06:00-tue:06:00    # InvalidParameterValue: The backup window and maintenance window must not overlap: what was given for one of them leaves no half hour
! aws rds create-db-instance --db-instance-identifier a $ok --preferred-backup-window 01:00-00:45    # InvalidParameterValue: The backup window and maintenance window must not overlap: what was given for one of them leaves no half hour

# Performance Insights and monitoring
! aws rds create-db-instance --db-instance-identifier a $ok --enable-performance-insights --performance-insights-retention-period 8    # InvalidParameterValue
! aws rds create-db-instance --db-instance-identifier a $ok --enable-performance-insights --performance-insights-retention-period 744    # InvalidParameterValue
! aws rds create-db-instance --db-instance-identifier a $ok --monitoring-interval 7    # InvalidParameterValue
! aws rds create-db-instance --db-instance-identifier a $ok --monitoring-interval 60    # InvalidParameterCombination: A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.

# References to other resources
! aws rds create-db-instance --db-instance-identifier a $ok --db-parameter-group-name default.postgres12    # InvalidParameterCombination: The parameter group default.postgres12 with DBParameterGroupFamily postgres12 can't be used for this instance.
! aws rds create-db-instance --db-instance-identifier a $ok --db-parameter-group-name nope    # DBParameterGroupNotFound
! aws rds create-db-instance --db-instance-identifier a $ok --vpc-security-group-ids sg-0123456789abcdef0    # InvalidParameterValue: Invalid security group , groupId= sg-0123456789abcdef0, groupName=.
! aws rds create-db-instance --db-instance-identifier a $ok --db-subnet-group-name nope    # DBSubnetGroupNotFoundFault: nope
! aws rds create-db-instance --db-instance-identifier a $ok --ca-certificate-identifier nope    # CertificateNotFound
! aws rds create-db-instance --db-instance-identifier a $ok --tags Key=aws:x,Value=1    # InvalidParameterValue
! aws rds create-db-instance --db-instance-identifier a $ok --license-model bring-your-own    # InvalidParameterValue

! aws rds create-db-instance --db-instance-identifier a $ok --engine-lifecycle-support forever    # InvalidParameterValue: Invalid EngineLifecycleSupport: forever
! aws rds create-db-instance --db-instance-identifier a $ok --db-security-groups old    # InvalidParameterCombination: DBSecurityGroups exist only outside of a VPC

# What this version has not: said, never half done.
! aws rds create-db-instance --db-instance-identifier a $ok --multi-az    # InvalidParameterCombination: Howdah does not offer MultiAZ yet
! aws rds create-db-instance --db-instance-identifier a $ok --domain d-1    # InvalidParameterCombination: Howdah does not offer Domain yet
! aws rds create-db-instance --db-instance-identifier a $ok --domain-iam-role-name r    # InvalidParameterCombination: Howdah does not offer Domain yet
! aws rds create-db-instance --db-instance-identifier a $ok --domain-ou o --domain-dns-ips 10.0.0.1 10.0.0.2    # InvalidParameterCombination: Howdah does not offer Domain yet
! aws rds create-db-instance --db-instance-identifier a $ok --promotion-tier 1    # InvalidParameterCombination: PromotionTier applies to members of a DB cluster
! aws rds create-db-instance --db-instance-identifier a $ok --tde-credential-password x    # InvalidParameterCombination: do not apply to PostgreSQL
! aws rds create-db-instance --db-instance-identifier a $ok --master-user-secret-kms-key-id alias/aws/secretsmanager    # InvalidParameterCombination: You can't specify MasterUserSecretKmsKeyId without ManageMasterUserPassword
! aws rds create-db-instance --db-instance-identifier a $ok --db-system-id x    # InvalidParameterCombination: do not apply to PostgreSQL
! aws rds create-db-instance --db-instance-identifier a $ok --enable-iam-database-authentication    # InvalidParameterCombination: Howdah does not offer
! aws rds create-db-instance --db-instance-identifier a $ok --enable-cloudwatch-logs-exports postgresql    # InvalidParameterCombination: Howdah does not offer

! aws rds create-db-instance --db-instance-identifier a $ok --backup-target outposts    # InvalidParameterCombination: Howdah does not offer BackupTarget

$ aws rds describe-db-instances
~ DBInstances == []

# A name that is taken; identifiers ignore case.
$ aws rds create-db-instance --db-instance-identifier Taken $ok
~ DBInstance.DBInstanceIdentifier == taken
! aws rds create-db-instance --db-instance-identifier taken $ok    # DBInstanceAlreadyExists: DB instance already exists
! aws rds create-db-instance --db-instance-identifier TAKEN $ok    # DBInstanceAlreadyExists: DB instance already exists
$ aws rds wait db-instance-available --db-instance-identifier taken
! aws rds create-db-instance --db-instance-identifier taken $ok    # DBInstanceAlreadyExists: DB instance already exists
