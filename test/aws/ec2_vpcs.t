# A VPC of one's own with subnets, as Terraform makes and reads it.
vpc = $ aws ec2 create-vpc --cidr-block 10.20.0.0/16 --tag-specifications 'ResourceType=vpc,Tags=[{Key=Name,Value=lab}]' --query Vpc.VpcId --output text
$ aws ec2 describe-vpcs --filters Name=tag:Name,Values=lab Name=cidr,Values=10.20.0.0/16
~ Vpcs[0].VpcId == $vpc
~ Vpcs[0].IsDefault == false
~ Vpcs[0].Tags[0].Value == lab
! aws ec2 create-vpc --cidr-block 10.0.0.0/8 # InvalidVpc.Range
! aws ec2 create-vpc --cidr-block 10.0.0.0/16 --amazon-provided-ipv6-cidr-block # UnsupportedOperation

$ aws ec2 describe-vpc-attribute --vpc-id $vpc --attribute enableDnsHostnames
~ EnableDnsHostnames.Value == false
$ aws ec2 modify-vpc-attribute --vpc-id $vpc --enable-dns-hostnames
$ aws ec2 describe-vpc-attribute --vpc-id $vpc --attribute enableDnsHostnames
~ EnableDnsHostnames.Value == true
~ VpcId == $vpc
$ aws ec2 describe-vpc-attribute --vpc-id $vpc --attribute enableDnsSupport
~ EnableDnsSupport.Value == true
$ aws ec2 describe-vpc-attribute --vpc-id $vpc --attribute enableNetworkAddressUsageMetrics
~ EnableNetworkAddressUsageMetrics.Value == false
$ aws ec2 describe-network-acls --filters Name=default,Values=true Name=vpc-id,Values=$vpc
~ length(NetworkAcls) == 1
~ NetworkAcls[0].IsDefault == true
$ aws ec2 describe-route-tables --filters Name=association.main,Values=true Name=vpc-id,Values=$vpc
~ length(RouteTables) == 1
~ RouteTables[0].Associations[0].Main == true
~ RouteTables[0].Routes[0].DestinationCidrBlock == 10.20.0.0/16
$ aws ec2 describe-security-groups --filters Name=group-name,Values=default Name=vpc-id,Values=$vpc
~ length(SecurityGroups) == 1

subnet = $ aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.20.1.0/24 --availability-zone ${REGION}b --query Subnet.SubnetId --output text
$ aws ec2 describe-subnets --filters Name=vpc-id,Values=$vpc Name=availability-zone,Values=${REGION}b
~ Subnets[0].SubnetId == $subnet
~ Subnets[0].AvailableIpAddressCount == 251
~ Subnets[0].DefaultForAz == false
! aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.20.1.128/25 # InvalidSubnet.Conflict: The CIDR '10.20.1.128/25' conflicts with another subnet
! aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.21.1.0/24 # InvalidSubnet.Range: The CIDR '10.21.1.0/24' is invalid.
! aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.20.2.0/24 --availability-zone ${REGION}z # InvalidParameterValue

$ aws ec2 modify-subnet-attribute --subnet-id $subnet --map-public-ip-on-launch
$ aws ec2 describe-subnets --subnet-ids $subnet
~ Subnets[0].MapPublicIpOnLaunch == true
! aws ec2 modify-subnet-attribute --subnet-id $subnet --enable-dns64 # UnsupportedOperation

# Tags of everything that has an id.
table = $ aws ec2 describe-route-tables --filters Name=vpc-id,Values=$vpc --query 'RouteTables[0].RouteTableId' --output text
$ aws ec2 create-tags --resources $vpc $subnet $table --tags Key=stage,Value=dev Key=Name,Value=net
$ aws ec2 describe-tags --filters Name=key,Values=stage Name=resource-id,Values=$vpc,$subnet,$table --query 'sort(Tags[].ResourceType)'
~ @ == ["route-table", "subnet", "vpc"]
$ aws ec2 describe-route-tables --filters Name=tag:stage,Values=dev --query 'RouteTables[].RouteTableId' --output text
> $table
$ aws ec2 delete-tags --resources $vpc --tags Key=stage,Value=prod Key=Name
$ aws ec2 describe-vpcs --vpc-ids $vpc
~ Vpcs[0].Tags == [{"Key": "stage", "Value": "dev"}]
! aws ec2 create-tags --resources vpc-0123456789abcdef0 --tags Key=a,Value=b # InvalidVpcID.NotFound
! aws ec2 create-tags --resources banana --tags Key=a,Value=b # InvalidID: The ID 'banana' is not valid
! aws ec2 create-tags --resources $vpc --tags Key=aws:mine,Value=b # InvalidParameterValue

! aws ec2 delete-vpc --vpc-id $vpc # DependencyViolation: subnet
$ aws ec2 delete-subnet --subnet-id $subnet
! aws ec2 delete-subnet --subnet-id $subnet # InvalidSubnetID.NotFound
$ aws ec2 delete-vpc --vpc-id $vpc
! aws ec2 describe-vpcs --vpc-ids $vpc # InvalidVpcID.NotFound
$ aws ec2 describe-security-groups --filters Name=vpc-id,Values=$vpc --query 'length(SecurityGroups)'
> 0
$ aws ec2 describe-tags --filters Name=resource-id,Values=$vpc,$table --query 'length(Tags)'
> 0
