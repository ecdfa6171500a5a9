# daemon: own, names = "hosts"
# Two instances exchange names and endpoints as one operation; everything else stays with its instance.
$ for n in app app-restored; do aws rds create-db-instance --db-instance-identifier $n --db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --tags Key=of,Value=$n > $BASE/$n.json; done
$ aws rds wait db-instance-available --db-instance-identifier app
$ aws rds wait db-instance-available --db-instance-identifier app-restored
old = $ aws rds describe-db-instances --db-instance-identifier app --query 'DBInstances[0].DbiResourceId' --output text
new = $ aws rds describe-db-instances --db-instance-identifier app-restored --query 'DBInstances[0].DbiResourceId' --output text
host = $ aws rds describe-db-instances --db-instance-identifier app --query 'DBInstances[0].Endpoint.Address' --output text
rhost = $ aws rds describe-db-instances --db-instance-identifier app-restored --query 'DBInstances[0].Endpoint.Address' --output text
$ curl -s $URL/global-bundle.pem > $BASE/bundle.pem
# What an application does: the name from the hosts file, verify-full.
$ printf '%s\n' 'psql "host=$1 hostaddr=$(awk -v n=$1 "\$2 == n { print \$1 }" $BASE/hosts) user=root1 dbname=app sslmode=verify-full sslrootcert=$BASE/bundle.pem" -XAtqc "$2"' > $BASE/application
$ BASE=$BASE bash $BASE/application $host 'create table marker as select 1 as x'
$ BASE=$BASE bash $BASE/application $rhost 'create table marker as select 2 as x'
$ aws rds create-db-snapshot --db-instance-identifier app --db-snapshot-identifier before
$ aws rds wait db-snapshot-available --db-snapshot-identifier before
! howdah swap app nobody    # DBInstance nobody not found. (DBInstanceNotFound)
! howdah swap app app    # app can't be swapped with itself
$ howdah swap app app-restored
> app is $new at $host port 5432: available
> app-restored is $old at $rhost port 5432: available
$ BASE=$BASE bash $BASE/application $host 'select x from marker'
> 2
$ BASE=$BASE bash $BASE/application $rhost 'select x from marker'
> 1
$ aws rds describe-db-instances --db-instance-identifier app
~ DBInstances[0].DbiResourceId == $new
~ DBInstances[0].DBInstanceArn == arn:aws:rds:$REGION:123456789012:db:app
~ DBInstances[0].Endpoint.Address == $host
~ DBInstances[0].TagList[0].Value == app-restored
$ aws rds describe-db-snapshots --db-snapshot-identifier before
~ DBSnapshots[0].DbiResourceId == $old
$ aws rds describe-events --source-identifier app --source-type db-instance --query 'Events[-3:].Message'
~ [0] =~ Swapping names: this instance .* was app-restored before
~ [1] == DB instance shutdown
~ [2] == DB instance restarted
# Kept sessions stay where they are; new ones go by the name.
$ (echo "select 'before', x from marker;"; sleep 1; howdah swap app app-restored --sessions keep >&2; echo "select 'after', x from marker;") | psql "host=$host hostaddr=$(awk -v n=$host '$2 == n { print $1 }' $BASE/hosts) user=root1 dbname=app" -XAtq
> before|2
> after|2
$ BASE=$BASE bash $BASE/application $host 'select x from marker'
> 1
# Refused where a rename would be, or where an application could not follow.
$ aws rds modify-db-instance --db-instance-identifier app-restored --db-port-number 5433
await 'aws rds describe-db-instances --db-instance-identifier app-restored' DBInstances[0].DBInstanceStatus == available
! howdah swap app app-restored    # app listens on port 5432 and app-restored on 5433
$ aws rds modify-db-instance --db-instance-identifier app-restored --db-port-number 5432
await 'aws rds describe-db-instances --db-instance-identifier app-restored' DBInstances[0].DBInstanceStatus == available
$ aws rds stop-db-instance --db-instance-identifier app-restored
await 'aws rds describe-db-instances --db-instance-identifier app-restored' DBInstances[0].DBInstanceStatus == stopped
! howdah swap app app-restored    # Database instance app-restored is not in available state but stopped. (InvalidDBInstanceState)
