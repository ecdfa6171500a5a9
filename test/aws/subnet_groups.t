# DB subnet groups, and the two-zones rule.
a = $ aws ec2 describe-subnets --filters Name=availability-zone,Values=${REGION}a --query 'Subnets[0].SubnetId' --output text
b = $ aws ec2 describe-subnets --filters Name=availability-zone,Values=${REGION}b --query 'Subnets[0].SubnetId' --output text
vpc = $ aws ec2 describe-vpcs --query 'Vpcs[0].VpcId' --output text
! aws rds create-db-subnet-group --db-subnet-group-name g --db-subnet-group-description x --subnet-ids $a    # DBSubnetGroupDoesNotCoverEnoughAZs: The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement.
! aws rds create-db-subnet-group --db-subnet-group-name g --db-subnet-group-description x --subnet-ids $a subnet-0123456789abcdef0    # InvalidSubnet
! aws rds create-db-subnet-group --db-subnet-group-name default --db-subnet-group-description x --subnet-ids $a $b    # InvalidParameterValue
$ aws rds create-db-subnet-group --db-subnet-group-name My-Group --db-subnet-group-description 'two zones' --subnet-ids $a $b --tags Key=k,Value=v
~ DBSubnetGroup.DBSubnetGroupName == my-group
~ DBSubnetGroup.DBSubnetGroupDescription == two zones
~ DBSubnetGroup.VpcId == $vpc
~ DBSubnetGroup.SubnetGroupStatus == Complete
~ DBSubnetGroup.DBSubnetGroupArn == arn:aws:rds:$REGION:123456789012:subgrp:my-group
~ sort(DBSubnetGroup.Subnets[].SubnetAvailabilityZone.Name) == ["${REGION}a", "${REGION}b"]
~ DBSubnetGroup.SupportedNetworkTypes == ["IPV4"]
! aws rds create-db-subnet-group --db-subnet-group-name my-group --db-subnet-group-description x --subnet-ids $a $b    # DBSubnetGroupAlreadyExists
! aws rds describe-db-subnet-groups --db-subnet-group-name nope    # DBSubnetGroupNotFoundFault
$ aws rds describe-db-subnet-groups --db-subnet-group-name MY-GROUP
~ DBSubnetGroups[0].DBSubnetGroupName == my-group
! aws rds modify-db-subnet-group --db-subnet-group-name my-group --subnet-ids $a    # DBSubnetGroupDoesNotCoverEnoughAZs
! aws rds modify-db-subnet-group --db-subnet-group-name nope --subnet-ids $a $b    # DBSubnetGroupNotFoundFault
$ aws rds modify-db-subnet-group --db-subnet-group-name my-group --db-subnet-group-description new --subnet-ids $a $b
~ DBSubnetGroup.DBSubnetGroupDescription == new
# An instance in it: not publicly accessible by default, in one of its zones.
$ aws rds create-db-instance --db-instance-identifier i --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-subnet-group-name my-group --availability-zone ${REGION}b
~ DBInstance.PubliclyAccessible == false
~ DBInstance.DBSubnetGroup.DBSubnetGroupName == my-group
~ DBInstance.AvailabilityZone == ${REGION}b
! aws rds create-db-instance --db-instance-identifier j --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-subnet-group-name my-group --availability-zone ${REGION}c    # InvalidParameterValue
! aws rds delete-db-subnet-group --db-subnet-group-name my-group    # InvalidDBSubnetGroupStateFault
$ aws rds wait db-instance-available --db-instance-identifier i
$ aws rds delete-db-instance --db-instance-identifier i --skip-final-snapshot
$ aws rds wait db-instance-deleted --db-instance-identifier i
$ aws rds delete-db-subnet-group --db-subnet-group-name my-group
! aws rds delete-db-subnet-group --db-subnet-group-name my-group    # DBSubnetGroupNotFoundFault
