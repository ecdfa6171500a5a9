# Pages of more than 20 resources, followed by Marker as the CLI does it by itself.
$ seq 10 30 | xargs -P 3 -I{} aws ec2 create-security-group --group-name g{} --description x
$ aws ec2 describe-security-groups --query 'length(SecurityGroups)'
> 22
subnets = $ aws ec2 describe-subnets --query 'Subnets[].SubnetId' --output text
$ seq 10 30 | xargs -P 3 -I{} aws rds create-db-subnet-group --db-subnet-group-name n{} --db-subnet-group-description x --subnet-ids $subnets
$ aws rds describe-db-subnet-groups --no-paginate --max-records 20
~ length(DBSubnetGroups) == 20
~ Marker =~ .
$ aws rds describe-db-subnet-groups --page-size 20 --query "DBSubnetGroups[?starts_with(DBSubnetGroupName, 'n')].DBSubnetGroupName"
~ length(@) == 21
! aws rds describe-db-subnet-groups --no-paginate --max-records 101    # InvalidParameterValue

# Snapshots: each once, in whatever pages.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds create-db-snapshot --db-instance-identifier a --db-snapshot-identifier s
$ aws rds wait db-snapshot-available --db-snapshot-identifier s
$ seq 10 30 | xargs -P 3 -I{} aws rds copy-db-snapshot --source-db-snapshot-identifier s --target-db-snapshot-identifier c{}
$ aws rds describe-db-snapshots --no-paginate --max-records 20 --db-instance-identifier a
~ length(DBSnapshots) == 20
~ Marker =~ .
$ aws rds describe-db-snapshots --page-size 20 --filters Name=snapshot-type,Values=manual --query 'DBSnapshots[].DBSnapshotIdentifier | sort(@)'
~ length(@) == 22
~ [0] == c10
~ [20] == c30
! aws rds describe-db-snapshots --no-paginate --marker nonsense    # InvalidParameterValue
