# daemon: own
# I2: a new identifier without --apply-immediately waits for the maintenance window and is honoured then; the old one is
# free at once. A name that somebody else has taken by then is dropped, with an event.
hour = $ echo $(($(date +%s) / 3600 + 3))
window = $ LC_ALL=C date -u -d "@$((hour * 3600))" '+%a:%H:00-%a:%H:59' | tr 'A-Z' 'a-z'; true
$ for n in a c; do aws rds create-db-instance --db-instance-identifier $n --db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0 --preferred-maintenance-window $window > $BASE/$n; done
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
# To the middle of that hour, from one that has begun already.
minutes = $ echo $((hour * 60 + 30 - $(date +%s) / 60 - 60))
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
