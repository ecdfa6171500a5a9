# Seed 003: "you can use the following command line, which dynamically fetches the IP and updates the inbound rule".
# The command is the seed's, run once for each workspace start; ids live in the environment, so they never change (C22).
# daemon: own
group = $ aws ec2 create-security-group --group-name cruddur-db --description 'cruddur' --query GroupId --output text
rule = $ aws ec2 authorize-security-group-ingress --group-id $group --protocol tcp --port 5432 --cidr 203.0.113.7/32 \
  --query 'SecurityGroupRules[0].SecurityGroupRuleId' --output text
$ export DB_SG_ID=$group DB_SG_RULE_ID=$rule GITPOD_IP=198.51.100.23; aws ec2 modify-security-group-rules \
    --group-id $DB_SG_ID \
    --security-group-rules "SecurityGroupRuleId=$DB_SG_RULE_ID,SecurityGroupRule={IpProtocol=tcp,FromPort=5432,ToPort=5432,CidrIpv4=$GITPOD_IP/32}"
~ Return == true
$ export DB_SG_ID=$group DB_SG_RULE_ID=$rule GITPOD_IP=198.51.100.23; aws ec2 modify-security-group-rules \
    --group-id $DB_SG_ID \
    --security-group-rules "SecurityGroupRuleId=$DB_SG_RULE_ID,SecurityGroupRule={IpProtocol=tcp,FromPort=5432,ToPort=5432,CidrIpv4=$GITPOD_IP/32}"
~ Return == true

kill-daemon
$ aws ec2 describe-security-group-rules --filters Name=group-id,Values=$group --query 'SecurityGroupRules[?!IsEgress]'
~ length(@) == 1
~ [0].SecurityGroupRuleId == $rule
~ [0].CidrIpv4 == 198.51.100.23/32
~ [0].FromPort == 5432

# A rule of another group, a rule that is gone, a rule that would be there twice: refused, nothing changed.
other = $ aws ec2 create-security-group --group-name other --description other --query GroupId --output text
! aws ec2 modify-security-group-rules --group-id $other --security-group-rules "SecurityGroupRuleId=$rule,SecurityGroupRule={IpProtocol=tcp,FromPort=1,ToPort=1,CidrIpv4=1.1.1.1/32}" # InvalidSecurityGroupRuleId.NotFound: The security group rule ID '$rule' does not exist
second = $ aws ec2 authorize-security-group-ingress --group-id $group --protocol tcp --port 5432 --cidr 203.0.113.8/32 --query 'SecurityGroupRules[0].SecurityGroupRuleId' --output text
! aws ec2 modify-security-group-rules --group-id $group --security-group-rules "SecurityGroupRuleId=$second,SecurityGroupRule={IpProtocol=tcp,FromPort=5432,ToPort=5432,CidrIpv4=198.51.100.23/32}" # InvalidPermission.Duplicate
! aws ec2 modify-security-group-rules --group-id $group --security-group-rules "SecurityGroupRuleId=$second,SecurityGroupRule={IpProtocol=tcp,FromPort=5432,ToPort=5432,CidrIpv4=/32}" # InvalidParameterValue: CIDR block /32 is malformed
$ aws ec2 describe-security-group-rules --security-group-rule-ids $second
~ SecurityGroupRules[0].CidrIpv4 == 203.0.113.8/32
