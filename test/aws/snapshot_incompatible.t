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
# Its data in a working instance, with the default parameter group.
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier g --db-snapshot-identifier wreck
$ aws rds wait db-instance-available --db-instance-identifier g
ghost = $ aws rds describe-db-instances --db-instance-identifier g --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$ghost user=root1 dbname=app" -Atc 'select x from t'
> 42
