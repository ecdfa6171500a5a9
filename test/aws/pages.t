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
