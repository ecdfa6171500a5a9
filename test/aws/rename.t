# I1: a new identifier, a new endpoint, same resource, the old name is free at once.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --tags Key=k,Value=v
$ aws rds create-db-instance --db-instance-identifier other --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds wait db-instance-available --db-instance-identifier other
id = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host user=root1 dbname=app" -Xqc 'create table t as select 42 as x'
! aws rds modify-db-instance --db-instance-identifier a --new-db-instance-identifier other --apply-immediately    # DBInstanceAlreadyExists: DB instance already exists
# Without --apply-immediately it waits for the window.
$ aws rds modify-db-instance --db-instance-identifier a --new-db-instance-identifier b
~ DBInstance.PendingModifiedValues.DBInstanceIdentifier == b
watch b
$ aws rds modify-db-instance --db-instance-identifier a --new-db-instance-identifier b --apply-immediately
$ await 'aws rds describe-db-instances --db-instance-identifier b' DBInstances[0].DBInstanceStatus == available
states b == (gone), renaming, rebooting, available
! aws rds describe-db-instances --db-instance-identifier a    # DBInstanceNotFound: DBInstance a not found.
$ aws rds describe-db-instances --db-instance-identifier b
~ DBInstances[0].DbiResourceId == $id
~ DBInstances[0].DBInstanceArn == arn:aws:rds:$REGION:123456789012:db:b
~ DBInstances[0].TagList[0].Key == k
~ DBInstances[0].PendingModifiedValues == {}
host = $ aws rds describe-db-instances --db-instance-identifier b --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host user=root1 dbname=app" -Atc 'select x from t'
> 42
$ aws rds describe-events --source-identifier b --source-type db-instance --query 'Events[].Message'
~ contains(@, 'DB instance restarted') == true
# The old name can be taken again.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20
$ aws rds wait db-instance-available --db-instance-identifier a
# A pending name that somebody else has taken meanwhile is in nobody's way; asking for the present name takes it back.
$ aws rds modify-db-instance --db-instance-identifier b --new-db-instance-identifier c
$ aws rds modify-db-instance --db-instance-identifier a --new-db-instance-identifier c --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier c' DBInstances[0].DBInstanceStatus == available
$ aws rds modify-db-instance --db-instance-identifier b --copy-tags-to-snapshot
~ DBInstance.PendingModifiedValues.DBInstanceIdentifier == c
! aws rds modify-db-instance --db-instance-identifier b --copy-tags-to-snapshot --apply-immediately    # DBInstanceAlreadyExists: DB instance already exists
$ aws rds modify-db-instance --db-instance-identifier b --new-db-instance-identifier B
~ DBInstance.PendingModifiedValues == {}
