# rds.logical_replication and the role rds_replication: a member makes slots and streams from them, as on RDS, although
# nobody is a superuser or was created with REPLICATION. Without the parameter nobody can.
# daemon: own
major = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].MajorEngineVersion' --output text
$ aws rds create-db-parameter-group --db-parameter-group-name logical --db-parameter-group-family postgres$major --description x
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --backup-retention-period 0 \
  --allocated-storage 20 --master-username root1 --master-user-password $PASSWORD --db-parameter-group-name logical --db-name app
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
url = $ echo "host=$host dbname=app"
$ psql "$url user=root1" -Xqc "create table t (id int primary key); create role dms login password '$PASSWORD'; grant select on t to dms; create publication p for table t"
! psql "$url user=root1" -Xqc "select pg_create_logical_replication_slot('s', 'test_decoding')"    # must be superuser or replication role
$ aws rds modify-db-parameter-group --db-parameter-group-name logical --parameters ParameterName=rds.logical_replication,ParameterValue=1,ApplyMethod=pending-reboot
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBParameterGroups[0].ParameterApplyStatus == pending-reboot
$ aws rds reboot-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
$ psql "$url user=root1" -XAtc 'show rds.logical_replication' -c 'show wal_level'
> 1
> logical

# The master is a member through rds_superuser, at once; others are when the role is granted to them.
$ psql "$url user=root1" -XAtc "select slot_name from pg_create_logical_replication_slot('s', 'test_decoding')"
> s
! psql "$url user=dms" -Xqc "select pg_create_logical_replication_slot('d', 'pgoutput')"    # replication role
$ psql "$url user=root1" -Xqc 'grant rds_replication to dms'
await 'psql "$url user=dms" -XAtc "select to_json(slot_name) from pg_create_logical_replication_slot(\$\$d\$\$, \$\$pgoutput\$\$)"' @ == d within 10s
$ psql "$url user=root1" -Xqc 'insert into t values (42)'
$ psql "$url user=root1" -XAtc "select data from pg_logical_slot_get_changes('s', null, null) where data like 'table%'"
> table public.t: INSERT: id[integer]:42
# A replication connection, as subscribers and DMS make one.
$ psql "$url user=dms replication=database" -XAtc 'IDENTIFY_SYSTEM' | wc -l
> 1
$ psql "$url user=dms replication=database" -XAtqc 'CREATE_REPLICATION_SLOT w LOGICAL pgoutput NOEXPORT_SNAPSHOT' | cut -d'|' -f1
> w
$ psql "$url user=dms replication=database" -Xqc 'DROP_REPLICATION_SLOT w'
! psql "$url user=root1 replication=true" -XAtc 'IDENTIFY_SYSTEM'    # no pg_hba.conf entry for replication connection
# Taken back, it is gone.
$ psql "$url user=root1" -Xqc "select pg_drop_replication_slot('d')" -Xqc 'revoke rds_replication from dms' >/dev/null
await 'psql "$url user=root1" -XAtc "select count(*) from pg_roles where rolreplication and rolname = \$\$dms\$\$"' @ == 0 within 10s
! psql "$url user=dms" -Xqc "select pg_create_logical_replication_slot('e', 'pgoutput')"    # replication role

# Reserved roles that somebody dropped or changed come back, and an event says so.
$ psql "$url user=root1" -Xqc 'drop role rds_password'
await 'aws rds describe-events --source-type db-instance --source-identifier a --query "Events[?contains(Message, \`Reserved roles\`)].Message"' length(@) == 1 within 90s
~ [0] == Reserved roles were changed and are as before: role rds_password, rds_superuser in rds_password.
$ psql "$url user=root1" -XAtc "select pg_has_role('rds_password', 'member')"
> t

# Off again, but for a slot that somebody forgot: the server can't start, says why, and can be had back.
$ aws rds reset-db-parameter-group --db-parameter-group-name logical --reset-all-parameters
$ aws rds reboot-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == incompatible-parameters within 60s
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[-1].Message'
~ @ =~ ^Database instance put into incompatible-parameters. .*logical replication slot "s" exists
$ aws rds modify-db-parameter-group --db-parameter-group-name logical --parameters ParameterName=rds.logical_replication,ParameterValue=1,ApplyMethod=pending-reboot
$ aws rds reboot-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
$ psql "$url user=root1" -Xqc "select pg_drop_replication_slot('s')" >/dev/null
# The attribute, with which a whole server can be copied, is nobody's when it is off.
$ aws rds reset-db-parameter-group --db-parameter-group-name logical --reset-all-parameters
$ aws rds reboot-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
$ psql "$url user=root1" -XAtc "select count(*) from pg_roles where rolreplication and not rolsuper"
> 0
