# seed: S3:48-67 aws rds create-db-instance --db-instance-identifier cruddur-db-instance --db-instance-class db.t3.micro ...
# region: us-east-1
# The seed's command with the seed's flags; its version 14.6 is not installed here, so the catalog's own is used (B2).
version = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].EngineVersion' --output text
watch cruddur-db-instance
$ aws rds create-db-instance \
    --db-instance-identifier cruddur-db-instance \
    --db-instance-class db.t3.micro \
    --engine postgres \
    --engine-version  $version \
    --master-username cruddurroot \
    --master-user-password $PASSWORD \
    --allocated-storage 20 \
    --availability-zone us-east-1a \
    --backup-retention-period 0 \
    --port 5432 \
    --no-multi-az \
    --db-name cruddur \
    --storage-type gp2 \
    --publicly-accessible \
    --storage-encrypted \
    --enable-performance-insights \
    --performance-insights-retention-period 7 \
    --no-deletion-protection
~ DBInstance.DBInstanceStatus == creating
~ DBInstance.Endpoint ==
~ DBInstance.InstanceCreateTime ==
~ DBInstance.PendingModifiedValues.MasterUserPassword == ****
$ aws rds wait db-instance-available --db-instance-identifier cruddur-db-instance
$ aws rds describe-db-instances --db-instance-identifier cruddur-db-instance
~ DBInstances[0].DBInstanceStatus == available
~ DBInstances[0].DBInstanceClass == db.t3.micro
~ DBInstances[0].Engine == postgres
~ DBInstances[0].EngineVersion == $version
~ DBInstances[0].MasterUsername == cruddurroot
~ DBInstances[0].AllocatedStorage == 20
~ DBInstances[0].AvailabilityZone == us-east-1a
~ DBInstances[0].BackupRetentionPeriod == 0
~ DBInstances[0].Endpoint.Port == 5432
~ DBInstances[0].MultiAZ == false
~ DBInstances[0].DBName == cruddur
~ DBInstances[0].StorageType == gp2
~ DBInstances[0].PubliclyAccessible == true
~ DBInstances[0].StorageEncrypted == true
~ DBInstances[0].KmsKeyId =~ ^arn:aws:kms:us-east-1:123456789012:
~ DBInstances[0].PerformanceInsightsEnabled == true
~ DBInstances[0].PerformanceInsightsRetentionPeriod == 7
~ DBInstances[0].DeletionProtection == false
~ DBInstances[0].PendingModifiedValues == {}
~ DBInstances[0].DBInstanceArn == arn:aws:rds:us-east-1:123456789012:db:cruddur-db-instance
~ DBInstances[0].DbiResourceId =~ ^db-[A-Z2-7]{26}$
~ DBInstances[0].InstanceCreateTime =~ ^20
# B5: no backups, so no LatestRestorableTime.
~ DBInstances[0].LatestRestorableTime ==
# With a retention of 0 days the states are creating -> available, nothing else.
states cruddur-db-instance == (gone), creating, available
host = $ aws rds describe-db-instances --db-instance-identifier cruddur-db-instance --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "postgresql://cruddurroot:$PASSWORD@$host:5432/cruddur" -Atc 'select current_database(), current_user'
> cruddur|cruddurroot
# The seed's schema, through the endpoint.
$ psql "postgresql://cruddurroot:$PASSWORD@$host:5432/cruddur" -Xq -v ON_ERROR_STOP=1 \
    -c 'create extension if not exists "uuid-ossp"' \
    -c 'create table users (uuid uuid default uuid_generate_v4() primary key, handle text not null, created_at timestamp default current_timestamp)' \
    -c "insert into users (handle) values ('andrewbrown')"
$ psql "postgresql://cruddurroot:$PASSWORD@$host:5432/cruddur" -Atc 'select handle from users'
> andrewbrown
# db-create of the seed: the master may create databases.
$ psql "postgresql://cruddurroot:$PASSWORD@$host:5432/postgres" -Xqc 'create database other' -c 'drop database other'
$ aws rds describe-events --source-identifier cruddur-db-instance --source-type db-instance --query 'Events[].Message' --output json
~ contains(@, 'DB instance created') == true
