# daemon: own, names = "hosts"
# The whole story of restoring a database from a snapshot and giving it the name of the one it replaces (seed 2, the way by
# the console: H8-H11, H17, H21, I1-I6). Commands as a person would type them.
$ aws rds create-db-parameter-group --db-parameter-group-name app-pg --db-parameter-group-family postgres15 --description "TLS is not enforced"
$ aws rds modify-db-parameter-group --db-parameter-group-name app-pg --parameters ParameterName=rds.force_ssl,ParameterValue=0,ApplyMethod=immediate
$ aws rds create-db-instance --db-instance-identifier app5ec7032 --db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --db-parameter-group-name app-pg --tags Key=stack,Value=staging
$ aws rds wait db-instance-available --db-instance-identifier app5ec7032
host = $ aws rds describe-db-instances --db-instance-identifier app5ec7032 --query 'DBInstances[0].Endpoint.Address' --output text
old = $ aws rds describe-db-instances --db-instance-identifier app5ec7032 --query 'DBInstances[0].DbiResourceId' --output text
$ curl -s $URL/global-bundle.pem > $BASE/bundle.pem
# The application: resolves the endpoint's name, verifies certificate and name, asks. It never learns anything else.
$ printf '%s\n' 'psql "host=$1 hostaddr=$(awk -v n=$1 "\$2 == n { print \$1 }" $BASE/hosts) user=root1 dbname=app sslmode=verify-full sslrootcert=$BASE/bundle.pem" -XAtqc "$2"' > $BASE/application
$ bash $BASE/application $host "create table flows (id int primary key, data text); insert into flows select g, 'flow ' || g from generate_series(1, 500) g"
$ aws rds create-db-snapshot --db-instance-identifier app5ec7032 --db-snapshot-identifier nightly
$ aws rds wait db-snapshot-available --db-snapshot-identifier nightly

# The accident.
$ bash $BASE/application $host "drop table flows"

# H8: decide on the snapshot. H9: take one of the database that is to be replaced, whatever state it is in.
$ aws rds describe-db-snapshots --db-instance-identifier app5ec7032 --snapshot-type manual
~ DBSnapshots[0].DBSnapshotIdentifier == nightly
$ aws rds create-db-snapshot --db-instance-identifier app5ec7032 --db-snapshot-identifier evidence
$ aws rds wait db-snapshot-available --db-snapshot-identifier evidence

# H10: restore by name; H11: the parameter group has to be named, else it is the default one.
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier nightly-restored --db-snapshot-identifier nightly --db-parameter-group-name app-pg --no-multi-az --tags Key=stack,Value=staging
~ DBInstance.DBInstanceStatus == creating
~ DBInstance.MultiAZ == false
$ aws rds wait db-instance-available --db-instance-identifier nightly-restored
rhost = $ aws rds describe-db-instances --db-instance-identifier nightly-restored --query 'DBInstances[0].Endpoint.Address' --output text
$ bash $BASE/application $rhost "show rds.force_ssl"
> 0
# I5: it has no connections but the one that asks. H21: the damaged one was not touched.
$ bash $BASE/application $rhost "select count(*) from pg_stat_activity where usename = 'root1' and pid <> pg_backend_pid()"
> 0
! bash $BASE/application $host "select count(*) from flows"    # relation "flows" does not exist

# I1: rename the original, at once. I3: its name is free at once, nobody has to wait.
$ aws rds modify-db-instance --db-instance-identifier app5ec7032 --new-db-instance-identifier app5ec7032-original --apply-immediately
$ aws rds modify-db-instance --db-instance-identifier nightly-restored --new-db-instance-identifier app5ec7032 --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier app5ec7032' DBInstances[0].DBInstanceStatus == available
await 'aws rds describe-db-instances --db-instance-identifier app5ec7032-original' DBInstances[0].DBInstanceStatus == available

# I4: the same endpoint leads to the restored database; the application was not told anything.
$ aws rds describe-db-instances --db-instance-identifier app5ec7032
~ DBInstances[0].Endpoint.Address == $host
~ DBInstances[0].TagList == [{"Key": "stack", "Value": "staging"}]
~ DBInstances[0].DBParameterGroups[0].DBParameterGroupName == app-pg
$ bash $BASE/application $host "select count(*) from flows"
> 500
$ aws rds describe-db-instances --db-instance-identifier app5ec7032-original
~ DBInstances[0].DbiResourceId == $old
# I6: what a program reads back twice is the same.
$ for n in 1 2; do aws rds describe-db-instances --db-instance-identifier app5ec7032 --query 'DBInstances[0].[Endpoint,DBInstanceClass,AllocatedStorage,DBParameterGroups,VpcSecurityGroups,TagList,PendingModifiedValues]' | md5sum; done | sort -u | wc -l
> 1

# H17: the old one goes with a last snapshot, which can be restored. Snapshots know whose they are by the resource.
$ aws rds delete-db-instance --db-instance-identifier app5ec7032-original --final-db-snapshot-identifier app5ec7032-final
$ aws rds wait db-instance-deleted --db-instance-identifier app5ec7032-original
$ aws rds describe-db-snapshots --db-snapshot-identifier app5ec7032-final
~ DBSnapshots[0].Status == available
~ DBSnapshots[0].DbiResourceId == $old
$ aws rds describe-db-snapshots --db-snapshot-identifier nightly
~ DBSnapshots[0].DbiResourceId == $old
$ bash $BASE/application $host "insert into flows values (501, 'life goes on') returning id"
> 501
