# rds.adaptive_autovacuum: a server whose transaction ids get old hurries, says so, and does as its group says when that is
# switched off. Its ids are made old by PostgreSQL's own tool while it is stopped.
# daemon: own
needs 'test $(id -u) = 0'  # root: the tool must run as the server's user
major = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].MajorEngineVersion' --output text
$ aws rds create-db-parameter-group --db-parameter-group-name g --db-parameter-group-family postgres$major --description x
$ aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=max_prepared_transactions,ParameterValue=2,ApplyMethod=pending-reboot ParameterName=autovacuum_vacuum_cost_limit,ParameterValue=300,ApplyMethod=immediate
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --backup-retention-period 0 \
  --allocated-storage 20 --master-username root1 --master-user-password $PASSWORD --db-parameter-group-name g
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
url = $ echo "host=$host user=root1 dbname=postgres"
# What is prepared keeps vacuum from making the ids young again.
$ psql "$url" -Xqc "begin; create table t (x int); prepare transaction 'old'"
$ psql "$url" -XAtc 'show autovacuum_vacuum_cost_limit'
> 300
$ aws rds stop-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == stopped within 60s
data = $ echo $STATE/instances/$(aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text)/data
as = $ echo "setpriv --reuid=$(stat -c %u $data) --regid=$(stat -c %g $data) --clear-groups"
resetwal = $ ls -d $STATE/engines/*/lib/postgresql/$major/bin/pg_resetwal $STATE/engines/*/bin/pg_resetwal 2>/dev/null | head -1
$ $as $resetwal -f -x 700000000 $data >/dev/null && $as dd if=/dev/zero of=$data/pg_xact/029B bs=256k count=1 status=none
$ aws rds start-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
await 'psql "$url" -XAtc "show autovacuum_vacuum_cost_limit"' @ == 2000 within 60s
$ aws rds describe-events --source-type db-instance --source-identifier a --query 'Events[-1].Message'
~ @ =~ ^The oldest transaction id is 69\d{7} transactions old: autovacuum hurries
$ aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.adaptive_autovacuum,ParameterValue=0,ApplyMethod=immediate
await 'psql "$url" -XAtc "show autovacuum_vacuum_cost_limit"' @ == 300 within 10s
