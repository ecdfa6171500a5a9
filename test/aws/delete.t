# DeleteDBInstance: what is refused, what it shows meanwhile, what is left.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --tags Key=k,Value=v
$ aws rds wait db-instance-available --db-instance-identifier a
! aws rds delete-db-instance --db-instance-identifier nope --skip-final-snapshot    # DBInstanceNotFound: DBInstance nope not found.
! aws rds delete-db-instance --db-instance-identifier a    # InvalidParameterCombination: FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.
! aws rds delete-db-instance --db-instance-identifier a --no-skip-final-snapshot    # InvalidParameterCombination: FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.
! aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot --final-db-snapshot-identifier s    # InvalidParameterCombination
! aws rds delete-db-instance --db-instance-identifier a --final-db-snapshot-identifier rds:s    # InvalidParameterValue: FinalDBSnapshotIdentifier
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceStatus == available
arn = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DBInstanceArn' --output text
id = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
watch a
$ aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot
~ DBInstance.DBInstanceStatus == deleting
$ aws rds wait db-instance-deleted --db-instance-identifier a
! aws rds describe-db-instances --db-instance-identifier a    # DBInstanceNotFound: DBInstance a not found.
$ aws rds describe-db-instances --filters Name=dbi-resource-id,Values=$id
~ DBInstances == []
! aws rds list-tags-for-resource --resource-name $arn    # DBInstanceNotFound
! aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot    # DBInstanceNotFound
! psql "host=$host user=root1 dbname=postgres" -c 'select 1'    # Connection refused
# Once accepted it shows deleting and nothing else, then it is gone.
states a == available, deleting, gone
# No file carries its id any more.
$ find $STATE -name "*$id*" | wc -l
> 0
# The events stay, under the old name.
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[-1].Message' --output text
> DB instance deleted
# In creation, too: the delete wins.
$ aws rds create-db-instance --db-instance-identifier b --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 >/dev/null && \
  aws rds delete-db-instance --db-instance-identifier b --skip-final-snapshot
~ DBInstance.DBInstanceStatus == deleting
$ aws rds wait db-instance-deleted --db-instance-identifier b
