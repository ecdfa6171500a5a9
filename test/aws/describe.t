# DescribeDBInstances: by name, ARN and filter; pages; what is unknown.
ok = $ echo "--db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0"
$ for i in one two three; do aws rds create-db-instance --db-instance-identifier $i $ok >/dev/null || exit 1; done
! aws rds describe-db-instances --db-instance-identifier nope    # DBInstanceNotFound: DBInstance nope not found.
$ aws rds describe-db-instances --query 'DBInstances[].DBInstanceIdentifier' --output json
~ sort(@) == ["one", "three", "two"]
id = $ aws rds describe-db-instances --db-instance-identifier ONE --query 'DBInstances[0].DbiResourceId' --output text
arn = $ aws rds describe-db-instances --db-instance-identifier one --query 'DBInstances[0].DBInstanceArn' --output text
$ aws rds describe-db-instances --db-instance-identifier $arn
~ DBInstances[].DBInstanceIdentifier == ["one"]
# A resource id is no name (Terraform relies on it).
! aws rds describe-db-instances --db-instance-identifier $id    # DBInstanceNotFound
! aws rds describe-db-instances --db-instance-identifier arn:aws:rds:$REGION:123456789012:db:nope    # DBInstanceNotFound
# Filters; what is unknown in a filter finds nothing.
$ aws rds describe-db-instances --filters Name=dbi-resource-id,Values=$id
~ DBInstances[].DBInstanceIdentifier == ["one"]
$ aws rds describe-db-instances --filters Name=db-instance-id,Values=two,three,nope --query 'DBInstances[].DBInstanceIdentifier'
~ sort(@) == ["three", "two"]
$ aws rds describe-db-instances --filters Name=db-instance-id,Values=$arn
~ DBInstances[].DBInstanceIdentifier == ["one"]
# Names in any case, as everywhere; resource ids as they are.
$ aws rds describe-db-instances --filters Name=db-instance-id,Values=TWO,Three --query 'DBInstances[].DBInstanceIdentifier'
~ sort(@) == ["three", "two"]
$ aws rds describe-db-instances --filters Name=db-instance-id,Values=${arn%one}ONE
~ DBInstances[].DBInstanceIdentifier == ["one"]
$ aws rds describe-db-instances --filters Name=dbi-resource-id,Values=${id,,}
~ DBInstances == []
$ aws rds describe-db-instances --filters Name=engine,Values=postgres
~ length(DBInstances) == 3
$ aws rds describe-db-instances --filters Name=engine,Values=mysql
~ DBInstances == []
$ aws rds describe-db-instances --filters Name=dbi-resource-id,Values=db-NOPE
~ DBInstances == []
$ aws rds describe-db-instances --filters Name=db-cluster-id,Values=c
~ DBInstances == []
$ aws rds describe-db-instances --filters Name=engine,Values=postgres Name=db-instance-id,Values=two
~ DBInstances[].DBInstanceIdentifier == ["two"]
! aws rds describe-db-instances --filters Name=colour,Values=red    # InvalidParameterValue
# Pages
! aws rds describe-db-instances --no-paginate --max-records 19    # InvalidParameterValue
! aws rds describe-db-instances --no-paginate --max-records 101    # InvalidParameterValue
! aws rds describe-db-instances --no-paginate --marker nonsense    # InvalidParameterValue
$ aws rds describe-db-instances --no-paginate --max-records 20
~ length(DBInstances) == 3
~ Marker ==
# State is per region.
$ aws --region eu-elsewhere-1 rds describe-db-instances
~ DBInstances == []
$ aws rds wait db-instance-available --db-instance-identifier one
$ aws rds wait db-instance-available --db-instance-identifier two
$ aws rds wait db-instance-available --db-instance-identifier three
