# daemon: own
# I2: a new identifier without --apply-immediately waits for the maintenance window and is honoured then; the old one is
# free at once. A name that somebody else has taken by then is dropped, with an event.
window = $ LC_ALL=C date -u -d '+3 hours' '+%a:%H:00-' | tr 'A-Z' 'a-z'; true
$ for n in a c; do aws rds create-db-instance --db-instance-identifier $n --db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0 --preferred-maintenance-window $window$(LC_ALL=C date -u -d '+3 hours' '+%a:%H:59' | tr 'A-Z' 'a-z') > $BASE/$n; done
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds wait db-instance-available --db-instance-identifier c
id = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text
$ aws rds modify-db-instance --db-instance-identifier a --new-db-instance-identifier b
~ DBInstance.DBInstanceIdentifier == a
~ DBInstance.PendingModifiedValues.DBInstanceIdentifier == b
$ aws rds modify-db-instance --db-instance-identifier c --new-db-instance-identifier d
$ aws rds create-db-instance --db-instance-identifier d --db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier d
clock +1h
$ sleep 1
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceStatus == available
# To the middle of that hour.
minutes = $ echo $((150 - 10#$(date -u +%M)))
$ curl -sf -X POST $URL/_test/clock -d '{"advance":"'$minutes'm"}'
await 'aws rds describe-db-instances --query "DBInstances[].DBInstanceIdentifier"' @ == ["b", "c", "d"]
await 'aws rds describe-db-instances --db-instance-identifier b' DBInstances[0].DBInstanceStatus == available
$ aws rds describe-db-instances --db-instance-identifier b
~ DBInstances[0].DbiResourceId == $id
~ DBInstances[0].PendingModifiedValues == {}
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier c' DBInstances[0].PendingModifiedValues == {}
$ aws rds describe-events --source-identifier c --source-type db-instance --duration 600 --query 'Events[-1].Message'
~ @ == The pending rename was dropped: DB instance already exists
