# daemon: own
# Where clients are told addresses (nobody may write the hosts file), an identifier keeps its address: seed 2's two renames
# lead the application, which knows nothing but the endpoint, to the restored database (I1, I3, I4; B18).
$ aws rds create-db-instance --db-instance-identifier app --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier app
host = $ aws rds describe-db-instances --db-instance-identifier app --query 'DBInstances[0].Endpoint.Address' --output text
old = $ aws rds describe-db-instances --db-instance-identifier app --query 'DBInstances[0].DbiResourceId' --output text
$ psql "host=$host user=root1 dbname=app" -Xqc 'create table flows as select 1 as x'
$ aws rds create-db-snapshot --db-instance-identifier app --db-snapshot-identifier nightly
$ aws rds wait db-snapshot-available --db-snapshot-identifier nightly
$ psql "host=$host user=root1 dbname=app" -Xqc 'drop table flows'
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier restored --db-snapshot-identifier nightly
$ aws rds wait db-instance-available --db-instance-identifier restored
rhost = $ aws rds describe-db-instances --db-instance-identifier restored --query 'DBInstances[0].Endpoint.Address' --output text

$ aws rds modify-db-instance --db-instance-identifier app --new-db-instance-identifier app-original --apply-immediately
$ aws rds modify-db-instance --db-instance-identifier restored --new-db-instance-identifier app --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier app' DBInstances[0].DBInstanceStatus == available
await 'aws rds describe-db-instances --db-instance-identifier app-original' DBInstances[0].DBInstanceStatus == available
$ aws rds describe-db-instances --db-instance-identifier app
~ DBInstances[0].Endpoint.Address == $host
$ psql "host=$host user=root1 dbname=app" -XAtc 'select x from flows'
> 1
# The other one is elsewhere: neither at the application's address nor where the restored one was.
ohost = $ aws rds describe-db-instances --db-instance-identifier app-original --query 'DBInstances[0].Endpoint.Address' --output text
$ test $ohost != $host -a $ohost != $rhost
! psql "host=$ohost user=root1 dbname=app" -XAtc 'select x from flows'    # relation "flows" does not exist
! psql "host=$rhost user=root1 dbname=app" -XAtc 'select 1'    # Connection refused
$ curl -s $URL/global-bundle.pem > $BASE/bundle.pem
$ psql "host=$ohost user=root1 dbname=app sslmode=verify-full sslrootcert=$BASE/bundle.pem" -XAtc 'select 1'
> 1

# Back again, and a swap: the address follows the identifier whatever brought it.
$ aws rds modify-db-instance --db-instance-identifier app --new-db-instance-identifier restored --apply-immediately
$ aws rds modify-db-instance --db-instance-identifier app-original --new-db-instance-identifier app --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier restored' DBInstances[0].DBInstanceStatus == available
await 'aws rds describe-db-instances --db-instance-identifier app' DBInstances[0].DBInstanceStatus == available
$ aws rds describe-db-instances --query 'DBInstances[].[DBInstanceIdentifier,Endpoint.Address]'
~ [0] == ["app", "$host"]
~ [1] == ["restored", "$rhost"]
$ howdah swap app restored
> app is db-* at $host port 5432: available
> restored is $old at $rhost port 5432: available

# The database is deleted; what is restored under its name is found where it was.
$ aws rds delete-db-instance --db-instance-identifier app --skip-final-snapshot
$ aws rds wait db-instance-deleted --db-instance-identifier app
$ aws rds create-db-instance --db-instance-identifier another --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier app --db-snapshot-identifier nightly
$ aws rds wait db-instance-available --db-instance-identifier app
$ psql "host=$host user=root1 dbname=app" -XAtc 'select x from flows'
> 1
# A server that does not stop at once keeps its address until it does: the one that comes waits for it.
fault flow.begin:rename-instance/shut-down hold
$ aws rds modify-db-instance --db-instance-identifier app --new-db-instance-identifier app-old --apply-immediately
$ aws rds modify-db-instance --db-instance-identifier restored --new-db-instance-identifier app --apply-immediately
$ sleep 1
$ aws rds describe-db-instances --query "DBInstances[?DBInstanceIdentifier != 'another'].DBInstanceStatus"
~ @ == ["rebooting", "renaming"]
fault flow.begin:rename-instance/shut-down release
await 'aws rds describe-db-instances --db-instance-identifier app' DBInstances[0].DBInstanceStatus == available
await 'aws rds describe-db-instances --db-instance-identifier app-old' DBInstances[0].DBInstanceStatus == available
$ psql "host=$host user=root1 dbname=app" -XAtc "select to_regclass('flows') is null"
> t
$ aws rds describe-db-instances --db-instance-identifier app
~ DBInstances[0].DbiResourceId == $old
