# daemon: own, account_id = "111122223333"; az_suffixes = ["x", "y"]; subnet_group_min_azs = 1
# Account, zones and the rule of two zones are configuration. A reset leaves nothing, whatever is under way; also under the
# path that the suites of other emulators know.
$ aws sts get-caller-identity --query Account --output text
> 111122223333
$ aws ec2 describe-availability-zones --query 'AvailabilityZones[].ZoneName'
~ @ == ["${REGION}x", "${REGION}y"]
subnet = $ aws ec2 describe-subnets --filters Name=availability-zone,Values=${REGION}y --query 'Subnets[0].SubnetId' --output text
ok = $ echo "--db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20"
sg = $ aws ec2 create-security-group --group-name mine --description x --query GroupId --output text
$ aws rds create-db-subnet-group --db-subnet-group-name one --db-subnet-group-description x --subnet-ids $subnet
$ aws rds create-db-parameter-group --db-parameter-group-name mine --db-parameter-group-family postgres15 --description x
$ aws rds create-db-instance --db-instance-identifier a $ok --db-subnet-group-name one --db-parameter-group-name mine --vpc-security-group-ids $sg
~ DBInstance.DBInstanceArn == arn:aws:rds:$REGION:111122223333:db:a
~ DBInstance.AvailabilityZone == ${REGION}y
$ aws rds create-db-instance --db-instance-identifier b $ok --backup-retention-period 0
$ aws --region eu-other-1 rds create-db-instance --db-instance-identifier a $ok
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds wait db-instance-available --db-instance-identifier b
$ howdah drill a
$ aws rds create-db-snapshot --db-instance-identifier a --db-snapshot-identifier s
$ aws rds wait db-snapshot-available --db-snapshot-identifier s
$ aws rds stop-db-instance --db-instance-identifier b
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier s
fault flow.step:create-instance/make-volume hold
$ aws rds create-db-instance --db-instance-identifier c $ok --deletion-protection
$ curl -sf -X POST $URL/moto-api/reset
> ok
$ for region in $REGION eu-other-1; do for what in instances snapshots instance-automated-backups; do aws --region $region rds describe-db-$what --query '*[]' --output text; done; aws --region $region rds describe-events --query 'Events' --output text; done | wc -c
> 0
$ aws rds describe-db-subnet-groups --query 'DBSubnetGroups[].DBSubnetGroupName' --output text
> default
$ aws ec2 describe-security-groups --query 'SecurityGroups[].GroupName' --output text
> default
! aws rds describe-db-parameter-groups --db-parameter-group-name mine    # DBParameterGroupNotFound
# No process and no file of what was there; directories of backups go in the background.
$ for n in $(seq 300); do [ -z "$(pgrep -f "[k]eeper .*$STATE"; pgrep -f "[p]ostgres.*$STATE/instances/db-"; ls $STATE/bases $STATE/vault | grep -E '^(base|db|drill)-')" ] && break; sleep 0.1; done
$ pgrep -fa "[k]eeper .*$STATE" || pgrep -fa "[p]ostgres.*$STATE/instances/db-" || find $STATE -name 'db-*' -o -name 'base-*' -o -name 'drill-*' | wc -l
> 0
# The same names again, and once more by our own path.
$ aws rds create-db-instance --db-instance-identifier a $ok
$ aws rds wait db-instance-available --db-instance-identifier a
$ curl -sf -X POST $URL/_test/reset
> ok
$ aws rds describe-db-instances
~ DBInstances == []
# An instance that cannot be deleted is named, and nothing is half reset. A reset that succeeds sets the clock right again.
$ aws rds create-db-instance --db-instance-identifier stays $ok
$ aws rds wait db-instance-available --db-instance-identifier stays
id = $ aws rds describe-db-instances --db-instance-identifier stays --query 'DBInstances[0].DbiResourceId' --output text
kept = $ echo $STATE/instances/$id/log/kept
needs 'touch $kept && chattr +i $kept'  # files that not even root removes
clock +40d
$ curl -s -w '%{http_code}\n' -X POST $URL/moto-api/reset -d '{"within":"5s"}'
> not deleted after 5 s: stays in * (cannot remove */instances/db-*: *); nothing else was reset, try again once that is mended
> 500
$ aws rds describe-db-instances --query 'DBInstances[].DBInstanceStatus'
~ @ == ["deleting"]
$ chattr -i $kept
$ curl -sf -X POST $URL/moto-api/reset
> ok
$ aws rds create-db-instance --db-instance-identifier stays $ok
$ aws rds wait db-instance-available --db-instance-identifier stays
created = $ aws rds describe-db-instances --db-instance-identifier stays --query 'DBInstances[0].InstanceCreateTime' --output text
$ test $(($(date +%s) - $(date -d $created +%s))) -ge 0 && echo now
> now
