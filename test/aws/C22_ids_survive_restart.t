# seed: S3:95-98 export DB_SG_ID="YOUR_ID_FOR_THE_SECURITY_GROUP" ... DB_SG_RULE_ID
# daemon: own
sg = $ aws ec2 create-security-group --group-name db --description x --query GroupId --output text
rule = $ aws ec2 authorize-security-group-ingress --group-id $sg --protocol tcp --port 5432 --cidr 1.2.3.4/32 --query 'SecurityGroupRules[0].SecurityGroupRuleId' --output text
vpc = $ aws ec2 describe-vpcs --query 'Vpcs[0].VpcId' --output text
restart-daemon
$ aws ec2 describe-security-groups --group-ids $sg
~ SecurityGroups[0].GroupName == db
$ aws ec2 describe-security-group-rules --security-group-rule-ids $rule
~ SecurityGroupRules[0].CidrIpv4 == 1.2.3.4/32
$ aws ec2 describe-vpcs
~ Vpcs[0].VpcId == $vpc
kill-daemon
$ aws ec2 describe-security-group-rules --security-group-rule-ids $rule
~ SecurityGroupRules[0].GroupId == $sg
