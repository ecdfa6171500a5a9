# daemon: own
# I12: a stopped instance is started again after seven days.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds stop-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == stopped
clock +6d
$ sleep 1
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceStatus == stopped
# The promise survives the daemon.
restart-daemon
clock +7d
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available
$ aws rds describe-events --source-identifier a --source-type db-instance --duration 20160 --query 'Events[-2:].Message' --output json
~ [0] =~ exceeding the maximum allowed time being stopped
~ [1] == DB instance started
