# daemon: own
# region: us-east-1
# A bootcamp's database in RDS, by the course's command as it stands, and a workspace that lets itself in whenever its address
# has changed (seed 3: A7, B1-B10, C5, C20, C21, C22, C23, D10; its scripts: S3_bootcamp.t). The console's form is the call
# that it sends.
version = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].EngineVersion' --output text
$ aws rds create-db-instance \
  --db-instance-identifier cruddur-db-instance \
  --db-instance-class db.t3.micro \
  --engine postgres \
  --engine-version  $version \
  --master-username cruddurroot \
  --master-user-password $PASSWORD \
  --allocated-storage 20 \
  --availability-zone us-east-1a \
  --backup-retention-period 0 \
  --port 5432 \
  --no-multi-az \
  --db-name cruddur \
  --storage-type gp2 \
  --publicly-accessible \
  --storage-encrypted \
  --enable-performance-insights \
  --performance-insights-retention-period 7 \
  --no-deletion-protection
$ aws rds wait db-instance-available --db-instance-identifier cruddur-db-instance
host = $ aws rds describe-db-instances --db-instance-identifier cruddur-db-instance --query 'DBInstances[0].Endpoint.Address' --output text
PROD_CONNECTION_URL = $ echo "postgresql://cruddurroot:$PASSWORD@$host:5432/cruddur"

$ psql $PROD_CONNECTION_URL -Xqc "create table users (uuid uuid default gen_random_uuid() primary key, handle text not null)"
# After a sign-up the function that Cognito calls adds the user.
$ psql $PROD_CONNECTION_URL -Xqc "insert into users (handle) values ('new')"

# The instance's group admits one address after the other: first one of somebody else, added in the console.
DB_SG_ID = $ aws ec2 create-security-group --group-name cruddur --description 'who may reach the database' --query GroupId --output text
DB_SG_RULE_ID = $ aws ec2 authorize-security-group-ingress --group-id $DB_SG_ID --protocol tcp --port 5432 --cidr 1.2.3.4/32 --query 'SecurityGroupRules[0].SecurityGroupRuleId' --output text
$ aws rds modify-db-instance --db-instance-identifier cruddur-db-instance --vpc-security-group-ids $DB_SG_ID
await 'psql $PROD_CONNECTION_URL -c "select 1" 2>&1 | grep -c "no pg_hba.conf entry"' @ == 1 within 10s

# bin/rds-update-sg-rule, as the workspace's start runs it.
$ printf '%s\n' 'aws ec2 modify-security-group-rules \' '    --group-id $DB_SG_ID \' '    --security-group-rules "SecurityGroupRuleId=$DB_SG_RULE_ID,SecurityGroupRule={IpProtocol=tcp,FromPort=5432,ToPort=5432,CidrIpv4=$GITPOD_IP/32}"' > $BASE/rds-update-sg-rule
GITPOD_IP = $ curl -s $URL/my-ip
$ bash $BASE/rds-update-sg-rule
~ Return == true
await 'psql $PROD_CONNECTION_URL -XAtc "select count(*) from users"' @ == 1 within 5s
$ bash $BASE/rds-update-sg-rule
~ Return == true
$ aws ec2 describe-security-group-rules --security-group-rule-ids $DB_SG_RULE_ID
~ length(SecurityGroupRules) == 1
~ SecurityGroupRules[0].CidrIpv4 == $GITPOD_IP/32
