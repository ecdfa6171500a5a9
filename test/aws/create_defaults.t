# What AWS fills in when a request says little, and what the answer to the request itself looks like.
watch a
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --tags Key=team,Value=data Key=empty,Value=
~ DBInstance.DBInstanceStatus == creating
~ DBInstance.Endpoint ==
~ DBInstance.PendingModifiedValues.MasterUserPassword == ****
~ DBInstance.MasterUserPassword ==
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].Endpoint.Port == 5432
~ DBInstances[0].Endpoint.Address =~ .
~ DBInstances[0].Endpoint.HostedZoneId =~ ^Z
~ DBInstances[0].DbInstancePort == 0
~ DBInstances[0].BackupRetentionPeriod == 1
~ DBInstances[0].MultiAZ == false
~ DBInstances[0].PubliclyAccessible == true
~ DBInstances[0].StorageType == gp3
~ DBInstances[0].StorageEncrypted == false
~ DBInstances[0].KmsKeyId ==
~ DBInstances[0].IAMDatabaseAuthenticationEnabled == false
~ DBInstances[0].PerformanceInsightsEnabled == false
~ DBInstances[0].AutoMinorVersionUpgrade == true
~ DBInstances[0].DeletionProtection == false
~ DBInstances[0].CopyTagsToSnapshot == false
~ DBInstances[0].CACertificateIdentifier == rds-ca-rsa2048-g1
~ DBInstances[0].CertificateDetails.CAIdentifier == rds-ca-rsa2048-g1
~ DBInstances[0].CertificateDetails.ValidTill =~ ^20
~ DBInstances[0].LicenseModel == postgresql-license
~ DBInstances[0].EngineLifecycleSupport == open-source-rds-extended-support
~ DBInstances[0].NetworkType == IPV4
~ DBInstances[0].MonitoringInterval == 0
~ DBInstances[0].DBSubnetGroup.DBSubnetGroupName == default
~ DBInstances[0].DBSubnetGroup.SubnetGroupStatus == Complete
~ length(DBInstances[0].DBSubnetGroup.Subnets) == 3
~ DBInstances[0].DBParameterGroups[0].DBParameterGroupName =~ ^default\.postgres\d+$
~ DBInstances[0].DBParameterGroups[0].ParameterApplyStatus == in-sync
~ DBInstances[0].OptionGroupMemberships[0].OptionGroupName =~ ^default:postgres-\d+$
~ DBInstances[0].VpcSecurityGroups[0].Status == active
~ length(DBInstances[0].VpcSecurityGroups) == 1
~ DBInstances[0].DBSecurityGroups == []
~ DBInstances[0].ReadReplicaDBInstanceIdentifiers == []
~ DBInstances[0].PreferredBackupWindow =~ ^\d\d:\d\d-\d\d:\d\d$
~ DBInstances[0].PreferredMaintenanceWindow =~ ^[a-z]{3}:\d\d:\d\d-[a-z]{3}:\d\d:\d\d$
~ DBInstances[0].AvailabilityZone =~ ^eu-test-\d+[abc]$
~ DBInstances[0].TagList[?Key=='team'].Value | [0] == data
~ length(DBInstances[0].TagList) == 2
~ DBInstances[0].DBName ==
~ DBInstances[0].AutomaticRestartTime ==
~ DBInstances[0].PendingModifiedValues == {}
# Without --db-name there is the database postgres, and only that.
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host user=root1 dbname=postgres" -Atc "select datname from pg_database where not datistemplate and datname <> 'rdsadmin' order by 1"
> postgres
# The default security group of a VPC lets in its own members only (AWS's default): nobody from outside.
states a == (gone), creating, (backing-up), available
