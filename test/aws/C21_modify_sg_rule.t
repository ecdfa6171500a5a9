# seed: S3:100-102 aws ec2 modify-security-group-rules --group-id $DB_SG_ID --security-group-rules "SecurityGroupRuleId=$DB_SG_RULE_ID,...
DB_SG_ID = $ aws ec2 create-security-group --group-name cruddur --description 'bootcamp' --query GroupId --output text
DB_SG_RULE_ID = $ aws ec2 authorize-security-group-ingress --group-id $DB_SG_ID --protocol tcp --port 5432 --cidr 1.2.3.4/32 --query 'SecurityGroupRules[0].SecurityGroupRuleId' --output text
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --vpc-security-group-ids $DB_SG_ID
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
! psql "host=$host user=root1 dbname=postgres" -Atc 'select 1'    # no pg_hba.conf entry
GITPOD_IP = $ curl -s $URL/my-ip
$ aws ec2 modify-security-group-rules \
    --group-id $DB_SG_ID \
    --security-group-rules "SecurityGroupRuleId=$DB_SG_RULE_ID,SecurityGroupRule={IpProtocol=tcp,FromPort=5432,ToPort=5432,CidrIpv4=$GITPOD_IP/32}"
~ Return == true
await 'psql "host=$host user=root1 dbname=postgres" -Atc "select 5"' @ == 5 within 2s
# The second time is a success that changes nothing; the rule keeps its id.
$ aws ec2 modify-security-group-rules \
    --group-id $DB_SG_ID \
    --security-group-rules "SecurityGroupRuleId=$DB_SG_RULE_ID,SecurityGroupRule={IpProtocol=tcp,FromPort=5432,ToPort=5432,CidrIpv4=$GITPOD_IP/32}"
~ Return == true
$ aws ec2 describe-security-group-rules --filters Name=group-id,Values=$DB_SG_ID --query "SecurityGroupRules[?IsEgress==\`false\`]"
~ length(@) == 1
~ [0].SecurityGroupRuleId == $DB_SG_RULE_ID
~ [0].CidrIpv4 == 127.0.0.1/32
# The old address is refused from now on, the new one accepted.
$ aws ec2 modify-security-group-rules --group-id $DB_SG_ID \
    --security-group-rules "SecurityGroupRuleId=$DB_SG_RULE_ID,SecurityGroupRule={IpProtocol=tcp,FromPort=5432,ToPort=5432,CidrIpv4=1.2.3.4/32}"
$ sleep 2
! psql "host=$host user=root1 dbname=postgres" -Atc 'select 1'    # no pg_hba.conf entry
! aws ec2 modify-security-group-rules --group-id $DB_SG_ID --security-group-rules "SecurityGroupRuleId=sgr-00000000000000000,SecurityGroupRule={IpProtocol=tcp,FromPort=1,ToPort=1,CidrIpv4=1.2.3.4/32}"    # InvalidSecurityGroupRuleId.NotFound
