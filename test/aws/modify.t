# What ModifyDBInstance changes at once, what waits for the window, and what --apply-immediately does (contract 2.7).
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 1 --db-name app
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
boot = $ psql "host=$host user=root1 dbname=app" -Atc 'select pg_postmaster_start_time()'

# At once, without --apply-immediately and without an outage: password
$ aws rds modify-db-instance --db-instance-identifier a --master-user-password another-Secret-7
await 'PGPASSWORD=another-Secret-7 psql "host=$host user=root1 dbname=app" -Atc "select 5"' @ == 5 within 20s
! psql "host=$host user=root1 dbname=app" -c 'select 1'    # password authentication failed
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].PendingModifiedValues == {}
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[].Message'
~ contains(@, 'Reset master credentials') == true

# ... deletion protection, tags copying, public access, minor upgrades, retention between two figures, windows
# (neither of which comes while this runs)
day = $ date -u -d '+3 days' +%a
lower = $ date -u -d '+3 days' +%a | tr A-Z a-z; true
hour = $ date -u -d '+12 hours' +%H
other = $ date -u -d '+6 hours' +%H
$ aws rds modify-db-instance --db-instance-identifier a --copy-tags-to-snapshot --no-publicly-accessible \
    --no-auto-minor-version-upgrade --backup-retention-period 3 --preferred-backup-window $hour:00-$hour:30 --preferred-maintenance-window $day:$other:00-$lower:$other:30
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].CopyTagsToSnapshot == true
~ DBInstances[0].PubliclyAccessible == false
~ DBInstances[0].AutoMinorVersionUpgrade == false
~ DBInstances[0].BackupRetentionPeriod == 3
~ DBInstances[0].PreferredBackupWindow == $hour:00-$hour:30
~ DBInstances[0].PreferredMaintenanceWindow == $lower:$other:00-$lower:$other:30
~ DBInstances[0].PendingModifiedValues == {}

# ... security groups, live within 2 s
sg = $ aws ec2 create-security-group --group-name nobody --description x --query GroupId --output text
$ aws rds modify-db-instance --db-instance-identifier a --vpc-security-group-ids $sg
~ DBInstance.VpcSecurityGroups[0].VpcSecurityGroupId == $sg
$ sleep 2
! PGPASSWORD=another-Secret-7 psql "host=$host user=root1 dbname=app" -c 'select 1'    # no pg_hba.conf entry
$ aws ec2 authorize-security-group-ingress --group-id $sg --protocol tcp --port 5432 --cidr 127.0.0.0/8
await 'PGPASSWORD=another-Secret-7 psql "host=$host user=root1 dbname=app" -Atc "select 5"' @ == 5 within 2s
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[-2:].Message' --output json
~ @ == ["Applying change to security group", "Finished applying change to security group"]

# ... the parameter group: which one, at once; its values with the next reboot. Its name is written in any case.
major = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].MajorEngineVersion' --output text
$ aws rds create-db-parameter-group --db-parameter-group-name mine --db-parameter-group-family postgres$major --description x
$ aws rds modify-db-instance --db-instance-identifier a --db-parameter-group-name Mine
~ DBInstance.DBParameterGroups[0].DBParameterGroupName == mine
~ DBInstance.PendingModifiedValues == {}
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[-1].Message' --output text
> Updated to use DBParameterGroup mine
$ aws rds modify-db-instance --db-instance-identifier a --db-parameter-group-name DEFAULT.postgres$major
~ DBInstance.DBParameterGroups == [{"DBParameterGroupName": "default.postgres$major", "ParameterApplyStatus": "in-sync"}]
# Nothing of all this restarted the server.
$ PGPASSWORD=another-Secret-7 psql "host=$host user=root1 dbname=app" -Atc 'select pg_postmaster_start_time()'
> $boot

# Class: waits for the maintenance window.
$ aws rds modify-db-instance --db-instance-identifier a --db-instance-class db.t3.small
~ DBInstance.DBInstanceClass == db.t3.micro
~ DBInstance.PendingModifiedValues.DBInstanceClass == db.t3.small
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceStatus == available
~ DBInstances[0].PendingModifiedValues.DBInstanceClass == db.t3.small
# Asking for the old one again takes it back.
$ aws rds modify-db-instance --db-instance-identifier a --db-instance-class db.t3.micro
~ DBInstance.PendingModifiedValues.DBInstanceClass ==
# Queued again; then another change with --apply-immediately applies what was queued too.
$ aws rds modify-db-instance --db-instance-identifier a --db-instance-class db.t3.small
~ DBInstance.PendingModifiedValues.DBInstanceClass == db.t3.small
watch a
$ aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 4 --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceClass == db.t3.small
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].BackupRetentionPeriod == 4
~ DBInstances[0].PendingModifiedValues == {}
states a == available, modifying, available
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[].Message'
~ contains(@, 'Applying modification to database instance class') == true
~ contains(@, 'Finished applying modification to DB instance class') == true

# Retention to 0 and back: at the window, or at once when asked.
$ aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 0
~ DBInstance.BackupRetentionPeriod == 4
~ DBInstance.PendingModifiedValues.BackupRetentionPeriod == 0
$ aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 0 --apply-immediately
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].BackupRetentionPeriod == 0
~ DBInstances[0].PendingModifiedValues == {}
$ aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 2 --apply-immediately
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].BackupRetentionPeriod'
> 2
$ aws rds describe-events --source-identifier a --source-type db-instance --event-categories backup --query 'Events[].Message'
~ contains(@, 'Disabled automated backups') == true
~ contains(@, 'Enabled automated backups') == true
