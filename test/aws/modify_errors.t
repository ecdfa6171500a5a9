# Every way to get ModifyDBInstance wrong, with AWS's code; the instance stays as it was.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 30 --preferred-backup-window 03:00-03:30 --preferred-maintenance-window tue:05:00-tue:05:30
$ aws rds wait db-instance-available --db-instance-identifier a
before = $ aws rds describe-db-instances --db-instance-identifier a | grep -v LatestRestorableTime | md5sum
! aws rds modify-db-instance --db-instance-identifier nope --backup-retention-period 3    # DBInstanceNotFound: DBInstance nope not found.
! aws rds modify-db-instance --db-instance-identifier a    # InvalidParameterCombination: No modifications were requested
! aws rds modify-db-instance --db-instance-identifier a --apply-immediately    # InvalidParameterCombination: No modifications were requested
! aws rds modify-db-instance --db-instance-identifier a --master-user-password short    # InvalidParameterValue: The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.
! aws rds modify-db-instance --db-instance-identifier a --master-user-password "$(printf 'a%.0s' {1..129})"    # InvalidParameterValue: longer than 128 characters
! aws rds modify-db-instance --db-instance-identifier a --master-user-password 'with/slash1'    # InvalidParameterValue: Only printable ASCII characters besides '/', '@', '"', ' ' may be used.
! aws rds modify-db-instance --db-instance-identifier a --master-user-password $PASSWORD --manage-master-user-password    # InvalidParameterCombination: You can't specify MasterUserPassword and ManageMasterUserPassword
! aws rds modify-db-instance --db-instance-identifier a --db-port-number 80    # InvalidParameterValue: Invalid database port: 80
! aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 36    # InvalidParameterValue: Retention period must be between 0 and 35
! aws rds modify-db-instance --db-instance-identifier a --preferred-backup-window 05:15-05:45    # InvalidParameterValue: The backup window and maintenance window must not overlap.
! aws rds modify-db-instance --db-instance-identifier a --preferred-backup-window 04:00-04:29    # InvalidParameterValue
! aws rds modify-db-instance --db-instance-identifier a --preferred-maintenance-window nonsense    # InvalidParameterValue
! aws rds modify-db-instance --db-instance-identifier a --db-instance-class db.x    # InvalidParameterValue: Invalid DB Instance class: db.x
! aws rds modify-db-instance --db-instance-identifier a --vpc-security-group-ids sg-0123456789abcdef0    # InvalidParameterValue: Invalid security group , groupId= sg-0123456789abcdef0, groupName=.
! aws rds modify-db-instance --db-instance-identifier a --allocated-storage 20    # InvalidParameterCombination: Invalid storage size for engine name postgres and storage type
! aws rds modify-db-instance --db-instance-identifier a --db-parameter-group-name nope    # DBParameterGroupNotFound
! aws rds modify-db-instance --db-instance-identifier a --db-parameter-group-name default.postgres12    # InvalidParameterCombination: The parameter group default.postgres12 with DBParameterGroupFamily postgres12 can't be used for this instance. Please use a parameter group with DBParameterGroupFamily postgres
! aws rds modify-db-instance --db-instance-identifier a --db-security-groups old    # InvalidParameterCombination: DBSecurityGroups exist only outside of a VPC
! aws rds modify-db-instance --db-instance-identifier a --max-allocated-storage 65537    # InvalidParameterValue: Invalid max storage size
! aws rds modify-db-instance --db-instance-identifier a --monitoring-interval 7    # InvalidParameterValue
! aws rds modify-db-instance --db-instance-identifier a --monitoring-interval 60    # InvalidParameterCombination: A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.
! aws rds modify-db-instance --db-instance-identifier a --enable-performance-insights --performance-insights-retention-period 8    # InvalidParameterValue
! aws rds modify-db-instance --db-instance-identifier a --new-db-instance-identifier 1bad    # InvalidParameterValue: is not a valid identifier
! aws rds modify-db-instance --db-instance-identifier a --engine-version 16.1 --apply-immediately    # InvalidParameterCombination: The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.
! aws rds modify-db-instance --db-instance-identifier a --engine-version 9.6 --allow-major-version-upgrade --apply-immediately    # InvalidParameterCombination: Cannot upgrade postgres from
! aws rds modify-db-instance --db-instance-identifier a --domain-iam-role-name r    # InvalidParameterCombination: Howdah does not offer Domain yet
! aws rds modify-db-instance --db-instance-identifier a --promotion-tier 1    # InvalidParameterCombination: PromotionTier applies to members of a DB cluster
! aws rds modify-db-instance --db-instance-identifier a --enable-customer-owned-ip    # InvalidParameterCombination: there are no Outposts
! aws rds modify-db-instance --db-instance-identifier a --aws-backup-recovery-point-arn arn:aws:backup:eu-west-2:123456789012:recovery-point:a1    # InvalidParameterCombination: AWS Backup is not there
! aws rds modify-db-instance --db-instance-identifier a --performance-insights-kms-key-id alias/aws/rds    # InvalidParameterCombination: only together with EnablePerformanceInsights
! aws rds modify-db-instance --db-instance-identifier a --enable-performance-insights --performance-insights-kms-key-id alias/mine    # KMSKeyNotAccessibleFault: [alias/mine]
$ aws rds describe-db-instances --db-instance-identifier a | grep -v LatestRestorableTime | md5sum
> $before
# Provisioned speed belongs to the size; it is recorded and not enforced, and an event says so.
$ aws rds create-db-instance --db-instance-identifier b --db-instance-class db.t3.micro --engine postgres --backup-retention-period 0 \
    --master-username root1 --master-user-password $PASSWORD --storage-type io1 --iops 1000 --allocated-storage 200
~ DBInstance.[Iops, StorageType] == [1000, "io1"]
$ aws rds wait db-instance-available --db-instance-identifier b
! aws rds modify-db-instance --db-instance-identifier b --allocated-storage 400    # InvalidParameterCombination: You must specify both the storage size and iops when modifying the storage size or iops on a DB instance that has iops.
! aws rds modify-db-instance --db-instance-identifier b --allocated-storage 3000 --iops 1000    # InvalidParameterCombination: Invalid iops to storage (GB) ratio for engine name postgres and storage type io1: 0.3333
! aws rds modify-db-instance --db-instance-identifier b --max-allocated-storage 4000    # InvalidParameterCombination: Invalid iops to max storage (GB) ratio for engine name postgres and storage type io1: 0.2500
$ aws rds modify-db-instance --db-instance-identifier b --allocated-storage 400 --iops 1000 --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier b' DBInstances[0].[AllocatedStorage, DBInstanceStatus] == [400, "available"] within 60s
$ aws rds describe-events --source-type db-instance --source-identifier b --query "Events[?contains(Message, 'not enforced')].Message"
~ length(@) == 1
