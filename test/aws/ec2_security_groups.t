# Security groups and their rules (C7, C13).
group = $ aws ec2 create-security-group --group-name alice-db-bastion --description 'ssh from home' \
  --tag-specifications 'ResourceType=security-group,Tags=[{Key=Name,Value=alice}]' --query GroupId --output text
! aws ec2 create-security-group --group-name alice-db-bastion --description again # InvalidGroup.Duplicate: The security group 'alice-db-bastion' already exists for VPC 'vpc-
! aws ec2 create-security-group --group-name default --description x # InvalidParameterValue
! aws ec2 create-security-group --group-name sg-mine --description x # InvalidParameterValue: Group names may not be in the format sg-*.
! aws ec2 create-security-group --group-name 'a<b>' --description x # InvalidParameterValue
! aws ec2 create-security-group --group-name c --description x --vpc-id vpc-0123456789abcdef0 # InvalidVpcID.NotFound
! aws ec2 create-security-group --dry-run --group-name d --description x # DryRunOperation: Request would have succeeded, but DryRun flag is set.
! aws ec2 describe-security-groups --group-names d # InvalidGroup.NotFound

$ aws ec2 describe-security-groups --filters 'Name=group-name,Values=*-db-bastion' Name=tag:Name,Values=alice
~ SecurityGroups[0].GroupId == $group
~ SecurityGroups[0].IpPermissions == []
~ SecurityGroups[0].IpPermissionsEgress[0].IpProtocol == -1
~ SecurityGroups[0].Tags == [{"Key": "Name", "Value": "alice"}]
~ SecurityGroups[0].SecurityGroupArn =~ ^arn:aws:ec2:.*:security-group/sg-

# Seed 000: ssh from one address.
$ aws ec2 authorize-security-group-ingress --group-id $group --protocol tcp --port 22 --cidr 1.2.3.4/32
~ Return == true
~ SecurityGroupRules[0].SecurityGroupRuleId =~ ^sgr-[0-9a-f]{17}$
~ SecurityGroupRules[0].CidrIpv4 == 1.2.3.4/32
~ SecurityGroupRules[0].IsEgress == false
! aws ec2 authorize-security-group-ingress --group-id $group --protocol tcp --port 22 --cidr 1.2.3.4/32 # InvalidPermission.Duplicate: the specified rule "peer: 1.2.3.4/32, TCP, from port: 22, to port: 22, ALLOW" already exists
! aws ec2 authorize-security-group-ingress --group-id $group --protocol tcp --port 22 --cidr 1.2.3.4 # InvalidParameterValue: CIDR block 1.2.3.4 is malformed
! aws ec2 authorize-security-group-ingress --group-id $group --ip-permissions "IpProtocol=carrier,FromPort=22,ToPort=22,IpRanges=[{CidrIp=1.2.3.4/32}]" # InvalidParameterValue: Unknown protocol.
! aws ec2 authorize-security-group-ingress --group-id sg-0123456789abcdef0 --protocol tcp --port 22 --cidr 1.2.3.4/32 # InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist
! aws ec2 authorize-security-group-ingress --group-id mine --protocol tcp --port 22 --cidr 1.2.3.4/32 # InvalidGroupId.Malformed
! aws ec2 authorize-security-group-ingress --group-id $group # MissingParameter

# All or nothing: the second permission is there already, so the first isn't added either.
! aws ec2 authorize-security-group-ingress --group-id $group --ip-permissions \
  IpProtocol=tcp,FromPort=80,ToPort=80,IpRanges='[{CidrIp=9.9.9.9/32}]' IpProtocol=tcp,FromPort=22,ToPort=22,IpRanges='[{CidrIp=1.2.3.4/32}]' # InvalidPermission.Duplicate
$ aws ec2 describe-security-groups --group-ids $group --query 'length(SecurityGroups[0].IpPermissions)'
> 1

# By name in the default VPC; other protocols, ranges, IPv6, host bits, a description.
$ aws ec2 authorize-security-group-ingress --group-name alice-db-bastion --protocol udp --port 1000-2000 --cidr 100.68.0.18/18
~ SecurityGroupRules[0].CidrIpv4 == 100.68.0.0/18
~ SecurityGroupRules[0].ToPort == 2000
$ aws ec2 authorize-security-group-ingress --group-id $group --ip-permissions \
  'IpProtocol=icmp,FromPort=8,ToPort=-1,IpRanges=[{CidrIp=0.0.0.0/0,Description=ping}]' 'IpProtocol=-1,Ipv6Ranges=[{CidrIpv6=2001:DB8::1/64}]'
~ SecurityGroupRules[0].Description == ping
~ SecurityGroupRules[1].CidrIpv6 == 2001:db8::/64
~ SecurityGroupRules[1].FromPort == -1

# From group to group (C24).
app = $ aws ec2 create-security-group --group-name app --description app --query GroupId --output text
$ aws ec2 authorize-security-group-ingress --group-id $group --protocol tcp --port 5432 --source-group $app
~ SecurityGroupRules[0].ReferencedGroupInfo.GroupId == $app
! aws ec2 delete-security-group --group-id $app # DependencyViolation: resource sg-
$ aws ec2 describe-security-groups --filters Name=ip-permission.group-id,Values=$app --query 'SecurityGroups[].GroupId' --output text
> $group
$ aws ec2 describe-security-groups --filters Name=ip-permission.cidr,Values=1.2.3.4/32 --query 'SecurityGroups[].GroupId' --output text
> $group
$ aws ec2 revoke-security-group-ingress --group-id $group --protocol tcp --port 5432 --source-group $app
~ Return == true
! aws ec2 revoke-security-group-ingress --group-id $group --protocol tcp --port 5432 --source-group $app # InvalidPermission.NotFound: The specified rule does not exist in this security group.
$ aws ec2 delete-security-group --group-id $app
~ GroupId == $app
! aws ec2 delete-security-group --group-id $app # InvalidGroup.NotFound

# Egress, as Terraform does it: the default goes, what is configured comes.
$ aws ec2 revoke-security-group-egress --group-id $group --ip-permissions 'IpProtocol=-1,FromPort=0,ToPort=0,IpRanges=[{CidrIp=0.0.0.0/0}]'
~ RevokedSecurityGroupRules[0].CidrIpv4 == 0.0.0.0/0
! aws ec2 revoke-security-group-egress --group-id $group --ip-permissions 'IpProtocol=-1,FromPort=0,ToPort=0,Ipv6Ranges=[{CidrIpv6=::/0}]' # InvalidPermission.NotFound
$ aws ec2 authorize-security-group-egress --group-id $group --ip-permissions 'IpProtocol=-1,FromPort=0,ToPort=0,IpRanges=[{CidrIp=0.0.0.0/0}]'
~ SecurityGroupRules[0].IsEgress == true

# Rules by id: tags, description, revocation; only in their own direction.
$ aws ec2 authorize-security-group-ingress --group-id $group --protocol tcp --port 443 --cidr 0.0.0.0/0 \
  --tag-specifications 'ResourceType=security-group-rule,Tags=[{Key=why,Value=web}]'
~ SecurityGroupRules[0].Tags[0].Value == web
rule = $ aws ec2 describe-security-group-rules --filters Name=tag:why,Values=web --query 'SecurityGroupRules[0].SecurityGroupRuleId' --output text
$ aws ec2 update-security-group-rule-descriptions-ingress --group-id $group --security-group-rule-descriptions "SecurityGroupRuleId=$rule,Description=the web"
$ aws ec2 describe-security-group-rules --security-group-rule-ids $rule
~ SecurityGroupRules[0].Description == the web
~ SecurityGroupRules[0].GroupId == $group
! aws ec2 revoke-security-group-egress --group-id $group --security-group-rule-ids $rule # InvalidSecurityGroupRuleId.NotFound
$ aws ec2 revoke-security-group-ingress --group-id $group --security-group-rule-ids $rule
~ RevokedSecurityGroupRules[0].SecurityGroupRuleId == $rule
! aws ec2 describe-security-group-rules --security-group-rule-ids $rule # InvalidSecurityGroupRuleId.NotFound: The security group rule ID '$rule' does not exist
! aws ec2 describe-security-group-rules --security-group-rule-ids 5432 # InvalidSecurityGroupRuleId.Malformed
$ aws ec2 describe-tags --filters Name=resource-id,Values=$rule --query 'length(Tags)'
> 0

# Sixty rules a direction, no more.
full = $ aws ec2 create-security-group --group-name full --description full --query GroupId --output text
$ aws ec2 authorize-security-group-ingress --group-id $full --ip-permissions "[{\"IpProtocol\":\"tcp\",\"FromPort\":22,\"ToPort\":22,\"IpRanges\":[$(seq -s, 1 60 | sed -E 's/([0-9]+)/{"CidrIp":"10.0.0.\1\/32"}/g')]}]"
! aws ec2 authorize-security-group-ingress --group-id $full --protocol tcp --port 22 --cidr 10.0.0.61/32 # RulesPerSecurityGroupLimitExceeded
$ aws ec2 describe-security-group-rules --filters Name=group-id,Values=$full --max-items 100 --page-size 7 --query 'length(SecurityGroupRules)'
> 61
