# The default network of a region: there without asking, with ids that stay the same.
vpc = $ aws ec2 describe-vpcs --filters Name=is-default,Values=true --query 'Vpcs[0].VpcId' --output text
$ aws ec2 describe-vpcs --filters Name=isDefault,Values=true
~ length(Vpcs) == 1
~ Vpcs[0].CidrBlock == 172.31.0.0/16
~ Vpcs[0].State == available
~ Vpcs[0].IsDefault == true
~ Vpcs[0].InstanceTenancy == default
~ Vpcs[0].CidrBlockAssociationSet[0].CidrBlockState.State == associated
~ Vpcs[0].VpcId =~ ^vpc-[0-9a-f]{17}$
$ aws ec2 describe-vpcs --vpc-ids $vpc
~ length(Vpcs) == 1
! aws ec2 describe-vpcs --vpc-ids vpc-0123456789abcdef0 # InvalidVpcID.NotFound: The vpc ID 'vpc-0123456789abcdef0' does not exist
! aws ec2 describe-vpcs --filters Name=shape,Values=round # InvalidParameterValue: The filter 'shape' is invalid

$ aws ec2 describe-subnets --filters Name=vpc-id,Values=$vpc Name=default-for-az,Values=true --query 'sort_by(Subnets,&AvailabilityZone)'
~ length(@) == 3
~ [0].CidrBlock == 172.31.0.0/20
~ [1].CidrBlock == 172.31.16.0/20
~ [2].CidrBlock == 172.31.32.0/20
~ [0].AvailabilityZone == ${REGION}a
~ [0].AvailableIpAddressCount == 4091
~ [0].MapPublicIpOnLaunch == true
~ [0].SubnetArn =~ ^arn:aws:ec2:.*:subnet/subnet-[0-9a-f]{17}$
! aws ec2 describe-subnets --subnet-ids subnet-0123456789abcdef0 # InvalidSubnetID.NotFound

# The security group `default` admits its own members and lets everything out.
group = $ aws ec2 describe-security-groups --group-names default --query 'SecurityGroups[0].GroupId' --output text
$ aws ec2 describe-security-groups --group-ids $group
~ SecurityGroups[0].GroupName == default
~ SecurityGroups[0].Description == default VPC security group
~ SecurityGroups[0].VpcId == $vpc
~ SecurityGroups[0].IpPermissions[0].IpProtocol == -1
~ SecurityGroups[0].IpPermissions[0].FromPort ==
~ SecurityGroups[0].IpPermissions[0].UserIdGroupPairs[0].GroupId == $group
~ SecurityGroups[0].IpPermissions[0].IpRanges == []
~ SecurityGroups[0].IpPermissionsEgress[0].IpRanges[0].CidrIp == 0.0.0.0/0
$ aws ec2 describe-security-group-rules --filters Name=group-id,Values=$group
~ length(SecurityGroupRules) == 2
! aws ec2 delete-security-group --group-id $group # CannotDelete

$ aws ec2 describe-availability-zones
~ length(AvailabilityZones) == 3
~ AvailabilityZones[1].ZoneName == ${REGION}b
~ AvailabilityZones[1].RegionName == $REGION
~ AvailabilityZones[1].State == available
~ AvailabilityZones[1].ZoneType == availability-zone
$ aws ec2 describe-availability-zones --zone-names ${REGION}c --query 'length(AvailabilityZones)'
> 1
! aws ec2 describe-availability-zones --zone-names ${REGION}z # InvalidParameterValue: Invalid availability zone: [${REGION}z]
$ aws ec2 describe-regions --region-names $REGION --query 'Regions[].RegionName' --output text
> $REGION

$ aws ec2 describe-account-attributes --attribute-names default-vpc --query 'AccountAttributes[0].AttributeValues[0].AttributeValue' --output text
> $vpc
$ aws ec2 describe-addresses --query 'length(Addresses)'
> 0
