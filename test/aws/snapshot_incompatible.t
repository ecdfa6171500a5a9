# H9: the database that is about to be replaced is snapshotted, even in a bad state. It crashed, and does not start again.
$ aws rds create-db-parameter-group --db-parameter-group-name bad --db-parameter-group-family postgres15 --description x
$ aws rds create-db-instance --db-instance-identifier h --db-instance-class db.t3.micro --engine postgres \
  --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app \
  --db-parameter-group-name bad --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier h
host = $ aws rds describe-db-instances --db-instance-identifier h --query 'DBInstances[0].Endpoint.Address' --output text
id = $ aws rds describe-db-instances --db-instance-identifier h --query 'DBInstances[0].DbiResourceId' --output text
$ psql "host=$host user=root1 dbname=app" -Xqc "create table t as select 42 as x"
$ aws rds modify-db-parameter-group --db-parameter-group-name bad --parameters ParameterName=shared_buffers,ParameterValue=1073741823,ApplyMethod=pending-reboot
$ kill -9 $(head -1 $STATE/instances/$id/data/postmaster.pid)
await 'aws rds describe-db-instances --db-instance-identifier h' DBInstances[0].DBInstanceStatus == incompatible-parameters within 60s
$ aws rds create-db-snapshot --db-snapshot-identifier wreck --db-instance-identifier h
~ DBSnapshot.Status == creating
$ aws rds wait db-snapshot-available --db-snapshot-identifier wreck
$ aws rds describe-events --source-type db-snapshot --source-identifier wreck --query 'Events[].Message' --output json
~ [1] == Manual snapshot created
~ [2] =~ crash-consistent
await 'aws rds describe-db-instances --db-instance-identifier h' DBInstances[0].DBInstanceStatus == incompatible-parameters
# What the server can't end in order makes no final snapshot.
! aws rds delete-db-instance --db-instance-identifier h --final-db-snapshot-identifier last    # InvalidDBInstanceState: Cannot create a snapshot because the database instance h is not currently in the available state.
# Its data in a working instance, with the default parameter group.
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier g --db-snapshot-identifier wreck
$ aws rds wait db-instance-available --db-instance-identifier g
ghost = $ aws rds describe-db-instances --db-instance-identifier g --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$ghost user=root1 dbname=app" -Atc 'select x from t'
> 42

# The same of one that failed: what keeps its server from starting belongs to no snapshot.
$ aws rds create-db-instance --db-instance-identifier f --db-instance-class db.t3.micro --engine postgres \
  --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier f
fhost = $ aws rds describe-db-instances --db-instance-identifier f --query 'DBInstances[0].Endpoint.Address' --output text
fid = $ aws rds describe-db-instances --db-instance-identifier f --query 'DBInstances[0].DbiResourceId' --output text
$ psql "host=$fhost user=root1 dbname=app" -Xqc "create table t as select 43 as x"
$ mkdir $STATE/instances/$fid/data/pg_replslot/broken && echo 'no slot' > $STATE/instances/$fid/data/pg_replslot/broken/state
$ kill -9 $(head -1 $STATE/instances/$fid/data/postmaster.pid)
await 'aws rds describe-db-instances --db-instance-identifier f' DBInstances[0].DBInstanceStatus == failed within 60s
! aws rds delete-db-instance --db-instance-identifier f --final-db-snapshot-identifier last    # InvalidDBInstanceState: Cannot create a snapshot
! aws rds modify-db-instance --db-instance-identifier f --copy-tags-to-snapshot    # InvalidDBInstanceState: Database instance is not in available state.
! aws rds stop-db-instance --db-instance-identifier f    # InvalidDBInstanceState: Instance f is not in available state.
$ aws rds create-db-snapshot --db-snapshot-identifier ruin --db-instance-identifier f
$ aws rds wait db-snapshot-available --db-snapshot-identifier ruin
$ aws rds describe-events --source-type db-snapshot --source-identifier ruin --query 'Events[-1].Message' --output text
> The snapshot is crash-consistent: *
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier e --db-snapshot-identifier ruin
$ aws rds wait db-instance-available --db-instance-identifier e
ehost = $ aws rds describe-db-instances --db-instance-identifier e --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$ehost user=root1 dbname=app" -Atc 'select x from t'
> 43
$ aws rds delete-db-instance --db-instance-identifier f --skip-final-snapshot
$ aws rds wait db-instance-deleted --db-instance-identifier f
