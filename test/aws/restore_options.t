# H5: what a restore may choose and what it takes from the source, from a snapshot and to a point in time alike.
sg = $ aws ec2 create-security-group --group-name mine --description x --query GroupId --output text
$ aws ec2 authorize-security-group-ingress --group-id $sg --protocol tcp --port 5000-6000 --cidr 127.0.0.0/8
a = $ aws ec2 describe-subnets --filters Name=availability-zone,Values=${REGION}a --query 'Subnets[0].SubnetId' --output text
b = $ aws ec2 describe-subnets --filters Name=availability-zone,Values=${REGION}b --query 'Subnets[0].SubnetId' --output text
$ aws rds create-db-subnet-group --db-subnet-group-name two --db-subnet-group-description x --subnet-ids $a $b
major = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].MajorEngineVersion' --output text
$ aws rds create-db-parameter-group --db-parameter-group-name tuned --db-parameter-group-family postgres$major --description x
$ aws rds modify-db-parameter-group --db-parameter-group-name tuned --parameters ParameterName=max_connections,ParameterValue=33,ApplyMethod=pending-reboot ParameterName=work_mem,ParameterValue=9216,ApplyMethod=immediate
$ aws rds create-db-instance --db-instance-identifier s --db-instance-class db.t3.micro --engine postgres --port 5433 \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --storage-type gp2 \
    --backup-retention-period 2 --copy-tags-to-snapshot --tags Key=team,Value=red --no-auto-minor-version-upgrade --deletion-protection
$ aws rds wait db-instance-available --db-instance-identifier s
host = $ aws rds describe-db-instances --db-instance-identifier s --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host port=5433 user=root1 dbname=app" -Xqc 'create table t as select 42 as x'
$ aws rds create-db-snapshot --db-snapshot-identifier snap --db-instance-identifier s
$ aws rds wait db-snapshot-available --db-snapshot-identifier snap
from = $ echo "restore-db-instance-from-db-snapshot --db-snapshot-identifier snap --db-instance-identifier"
to = $ echo "restore-db-instance-to-point-in-time --source-db-instance-identifier arn:aws:rds:$REGION:123456789012:db:s --use-latest-restorable-time --target-db-instance-identifier"

# Wrong in either way, as in a creation; nothing is left behind.
! aws rds $from r_1    # InvalidParameterValue: is not a valid identifier
! aws rds $to r_1    # InvalidParameterValue: is not a valid identifier
! aws rds $from r --iops 3000    # InvalidParameterCombination: You can't specify IOPS or storage throughput for storage type gp2.
! aws rds $to r --storage-type io1 --allocated-storage 100    # InvalidParameterCombination: The storage type io1 requires iops to be specified.
! aws rds $from r --domain-iam-role-name r    # InvalidParameterCombination: Howdah does not offer Domain yet
! aws rds $to r --domain-iam-role-name r    # InvalidParameterCombination: Howdah does not offer Domain yet
! aws rds $from r --port 80    # InvalidParameterValue: Invalid database port: 80
! aws rds $to r --port 80    # InvalidParameterValue: Invalid database port: 80
! aws rds $from r --vpc-security-group-ids sg-0123456789abcdef0    # InvalidParameterValue: Invalid security group , groupId= sg-0123456789abcdef0, groupName=.
! aws rds $to r --vpc-security-group-ids sg-0123456789abcdef0    # InvalidParameterValue: Invalid security group , groupId= sg-0123456789abcdef0, groupName=.
! aws rds $from r --db-subnet-group-name nope    # DBSubnetGroupNotFoundFault: DBSubnetGroup nope not found.
! aws rds $to r --db-subnet-group-name nope    # DBSubnetGroupNotFoundFault: DBSubnetGroup nope not found.
! aws rds $from r --db-parameter-group-name nope    # DBParameterGroupNotFound
! aws rds $to r --db-parameter-group-name nope    # DBParameterGroupNotFound
! aws rds $from r --db-parameter-group-name default.postgres12    # InvalidParameterCombination: can't be used for this instance
! aws rds $to r --db-parameter-group-name default.postgres12    # InvalidParameterCombination: can't be used for this instance
! aws rds $from r --multi-az --availability-zone ${REGION}a    # InvalidParameterCombination: Requesting a specific availability zone is not valid for Multi-AZ instances.
! aws rds $to r --multi-az --availability-zone ${REGION}a    # InvalidParameterCombination: Requesting a specific availability zone is not valid for Multi-AZ instances.
! aws rds $from r --db-subnet-group-name two --availability-zone ${REGION}c    # InvalidParameterValue
! aws rds $from r --allocated-storage 19    # InvalidParameterCombination: too small
! aws rds $to r --allocated-storage 21    # InvalidParameterCombination: at least 10 % more
! aws rds $to r --max-allocated-storage 19    # InvalidParameterCombination: Max storage size must be greater than storage size
! aws rds $from r --backup-retention-period 36    # InvalidParameterValue: Retention period must be between 0 and 35
! aws rds $to r --engine mysql    # InvalidParameterCombination: Cannot restore postgres data into the engine mysql
! aws rds $to r --ca-certificate-identifier nope    # CertificateNotFound
! aws rds $from r --enable-iam-database-authentication    # InvalidParameterCombination: Howdah does not offer
! aws rds $from r --tags Key=aws:x,Value=1    # InvalidParameterValue
$ aws rds describe-db-instances --query 'DBInstances[].DBInstanceIdentifier'
~ @ == ["s"]

# Nothing chosen: class, port, storage, user and retention of the source, the default groups, its tags, no protection.
await 'aws rds describe-db-instances --db-instance-identifier s' DBInstances[0].LatestRestorableTime =~ ^20
$ aws rds $from plain
$ aws rds $to plain-pitr
fields = $ echo '[DBInstanceClass,AllocatedStorage,StorageType,MasterUsername,DBName,BackupRetentionPeriod,DeletionProtection,MultiAZ,TagList[].Value,DBSubnetGroup.DBSubnetGroupName,PubliclyAccessible,AutoMinorVersionUpgrade,CopyTagsToSnapshot]'
# All chosen.
all = $ echo "--db-instance-class db.t3.small --port 5444 --vpc-security-group-ids $sg --db-subnet-group-name TWO --availability-zone ${REGION}b --db-parameter-group-name Tuned --allocated-storage 30 --storage-type gp3 --deletion-protection --copy-tags-to-snapshot --no-auto-minor-version-upgrade --publicly-accessible --backup-retention-period 0 --tags Key=k,Value=v"
$ aws rds $from all $all
$ aws rds $to all-pitr $all --max-allocated-storage 50
$ for i in plain plain-pitr all all-pitr; do aws rds wait db-instance-available --db-instance-identifier $i || exit 1; done
$ for i in plain plain-pitr; do aws rds describe-db-instances --db-instance-identifier $i --query "DBInstances[0].$fields" | tr -d ' \n'; echo; done
> ["db.t3.micro",20,"gp2","root1","app",2,false,false,["red"],"default",true,true,false]
> ["db.t3.micro",20,"gp2","root1","app",2,false,false,["red"],"default",true,true,false]
$ for i in all all-pitr; do aws rds describe-db-instances --db-instance-identifier $i --query "DBInstances[0].$fields" | tr -d ' \n'; echo; done
> ["db.t3.small",30,"gp3","root1","app",0,true,false,["v"],"two",true,false,true]
> ["db.t3.small",30,"gp3","root1","app",0,true,false,["v"],"two",true,false,true]
$ aws rds describe-db-instances --query "DBInstances[?starts_with(DBInstanceIdentifier, 'all')].[AvailabilityZone,Endpoint.Port,DBParameterGroups[0].DBParameterGroupName,DBParameterGroups[0].ParameterApplyStatus,VpcSecurityGroups[].VpcSecurityGroupId,MaxAllocatedStorage]"
~ [0] == ["${REGION}b", 5444, "tuned", "in-sync", ["$sg"], null]
~ [1] == ["${REGION}b", 5444, "tuned", "in-sync", ["$sg"], 50]
# The servers do what the descriptions say.
$ for i in plain plain-pitr; do h=$(aws rds describe-db-instances --db-instance-identifier $i --query 'DBInstances[0].Endpoint.Address' --output text); psql "host=$h port=5433 user=root1 dbname=app" -XAtc 'select x from t' || exit 1; done
> 42
> 42
$ for i in all all-pitr; do h=$(aws rds describe-db-instances --db-instance-identifier $i --query 'DBInstances[0].Endpoint.Address' --output text); psql "host=$h port=5444 user=root1 dbname=app" -XAtc "select x, current_setting('max_connections'), current_setting('work_mem') from t" || exit 1; done
> 42|33|9MB
> 42|33|9MB
# Four resources of their own; the source is as it was.
$ aws rds describe-db-instances --query 'DBInstances[].DbiResourceId' --output text | tr '\t' '\n' | sort -u | wc -l
> 5
$ aws rds describe-db-instances --db-instance-identifier s --query "DBInstances[0].$fields" | tr -d ' \n'
> ["db.t3.micro",20,"gp2","root1","app",2,true,false,["red"],"default",true,false,true]
# What a group of these is used by can't go; what uses it is protected as chosen.
! aws rds delete-db-parameter-group --db-parameter-group-name tuned    # InvalidDBParameterGroupState
! aws rds delete-db-subnet-group --db-subnet-group-name two    # InvalidDBSubnetGroupStateFault
! aws ec2 delete-security-group --group-id $sg    # DependencyViolation
! aws rds delete-db-instance --db-instance-identifier all --skip-final-snapshot    # InvalidParameterCombination: Cannot delete protected DB Instance
