# DB subnet groups.
$ aws rds describe-db-subnet-groups
~ DBSubnetGroups[0].DBSubnetGroupName == default
~ length(DBSubnetGroups[0].Subnets) == 3
~ DBSubnetGroups[0].SubnetGroupStatus == Complete
vpc = $ aws ec2 create-vpc --cidr-block 10.30.0.0/16 --query Vpc.VpcId --output text
a = $ aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.30.1.0/24 --availability-zone ${REGION}a --query Subnet.SubnetId --output text
b = $ aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.30.2.0/24 --availability-zone ${REGION}b --query Subnet.SubnetId --output text
c = $ aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.30.3.0/24 --availability-zone ${REGION}c --query Subnet.SubnetId --output text
$ aws rds create-db-subnet-group --db-subnet-group-name Notify-DB --db-subnet-group-description 'two zones' --subnet-ids $a $b --tags Key=stage,Value=dev
~ DBSubnetGroup.DBSubnetGroupName == notify-db
~ DBSubnetGroup.VpcId == $vpc
~ DBSubnetGroup.SubnetGroupStatus == Complete
~ DBSubnetGroup.SupportedNetworkTypes == ["IPV4"]
~ DBSubnetGroup.DBSubnetGroupArn == arn:aws:rds:$REGION:123456789012:subgrp:notify-db
~ length(DBSubnetGroup.Subnets) == 2
~ DBSubnetGroup.Subnets[0].SubnetStatus == Active
! aws rds create-db-subnet-group --db-subnet-group-name notify-db --db-subnet-group-description x --subnet-ids $a $b # DBSubnetGroupAlreadyExists
! aws rds create-db-subnet-group --db-subnet-group-name one --db-subnet-group-description x --subnet-ids $a # DBSubnetGroupDoesNotCoverEnoughAZs: The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: ${REGION}a. Add subnets to cover at least 2 AZs.
! aws rds create-db-subnet-group --db-subnet-group-name default --db-subnet-group-description x --subnet-ids $a $b # InvalidParameterValue
! aws rds create-db-subnet-group --db-subnet-group-name 'no/slash' --db-subnet-group-description x --subnet-ids $a $b # InvalidParameterValue
! aws rds create-db-subnet-group --db-subnet-group-name x --db-subnet-group-description x --subnet-ids $a subnet-0123456789abcdef0 # InvalidSubnet: Some input subnets in :[subnet-0123456789abcdef0] are invalid.
default_subnet = $ aws ec2 describe-subnets --filters Name=default-for-az,Values=true --query 'Subnets[0].SubnetId' --output text
! aws rds create-db-subnet-group --db-subnet-group-name x --db-subnet-group-description x --subnet-ids $a $default_subnet # InvalidSubnet
$ aws rds modify-db-subnet-group --db-subnet-group-name notify-db --db-subnet-group-description three --subnet-ids $a $b $c
~ length(DBSubnetGroup.Subnets) == 3
~ DBSubnetGroup.DBSubnetGroupDescription == three
$ aws rds describe-db-subnet-groups --db-subnet-group-name NOTIFY-DB --query 'DBSubnetGroups[0].Subnets[].SubnetAvailabilityZone.Name | sort(@)'
~ @ == ["${REGION}a", "${REGION}b", "${REGION}c"]
! aws rds modify-db-subnet-group --db-subnet-group-name gone --subnet-ids $a $b # DBSubnetGroupNotFoundFault
! aws rds delete-db-subnet-group --db-subnet-group-name default # InvalidDBSubnetGroupStateFault
$ aws rds delete-db-subnet-group --db-subnet-group-name notify-db
! aws rds describe-db-subnet-groups --db-subnet-group-name notify-db # DBSubnetGroupNotFoundFault: DBSubnetGroup notify-db not found.
