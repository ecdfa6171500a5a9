# Reboot, stop and start: statuses, events and what is refused meanwhile.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
! aws rds reboot-db-instance --db-instance-identifier nope    # DBInstanceNotFound: DBInstance nope not found.
! aws rds stop-db-instance --db-instance-identifier nope    # DBInstanceNotFound: DBInstance nope not found.
! aws rds start-db-instance --db-instance-identifier nope    # DBInstanceNotFound: DBInstance nope not found.
! aws rds reboot-db-instance --db-instance-identifier a --force-failover    # InvalidParameterCombination: Cannot force failover since the instance is not configured for Multi-AZ.
! aws rds start-db-instance --db-instance-identifier a    # InvalidDBInstanceState: Instance a is not stopped, cannot be started.

watch a
boot = $ psql "host=$host user=root1 dbname=app" -Atc 'select pg_postmaster_start_time()'
$ aws rds reboot-db-instance --db-instance-identifier a
~ DBInstance.DBInstanceStatus == rebooting
$ aws rds wait db-instance-available --db-instance-identifier a
$ psql "host=$host user=root1 dbname=app" -Atc "select pg_postmaster_start_time() > '$boot'"
> t
states a == available, rebooting, available
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[-2:].Message' --output text
> DB instance shutdown*DB instance restarted

$ psql "host=$host user=root1 dbname=app" -Xqc 'create table t as select 42 as x'
$ aws rds stop-db-instance --db-instance-identifier a
~ DBInstance.DBInstanceStatus == stopping
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == stopped
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].AutomaticRestartTime =~ ^20
~ DBInstances[0].Endpoint.Port == 5432
! psql "host=$host user=root1 dbname=app" -c 'select 1'    # Connection refused
! aws rds stop-db-instance --db-instance-identifier a    # InvalidDBInstanceState: Instance a is not in available state.
! aws rds reboot-db-instance --db-instance-identifier a    # InvalidDBInstanceState
! aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 3    # InvalidDBInstanceState: Database instance is not in available state.
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[-1].Message' --output text
> DB instance stopped
$ aws rds start-db-instance --db-instance-identifier a
~ DBInstance.DBInstanceStatus == starting
$ aws rds wait db-instance-available --db-instance-identifier a
$ psql "host=$host user=root1 dbname=app" -Atc 'select x from t'
> 42
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].AutomaticRestartTime ==
states a == available, stopping, stopped, starting, available
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[-1].Message' --output text
> DB instance started
# A stopped instance can be deleted.
$ aws rds stop-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == stopped
$ aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot
$ aws rds wait db-instance-deleted --db-instance-identifier a
