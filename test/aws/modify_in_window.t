# daemon: own
# A queued change is applied when the maintenance window comes, not before.
window = $ LC_ALL=C date -u -d '+3 hours' '+%a:%H:00-' | tr 'A-Z' 'a-z'; true
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0 \
    --preferred-maintenance-window $window$(LC_ALL=C date -u -d '+3 hours' '+%a:%H:59' | tr 'A-Z' 'a-z')
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds modify-db-instance --db-instance-identifier a --db-instance-class db.t3.small
~ DBInstance.PendingModifiedValues.DBInstanceClass == db.t3.small
clock +1h
$ sleep 1
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceClass == db.t3.micro
# To the middle of that hour.
minutes = $ echo $((150 - 10#$(date -u +%M)))
$ curl -sf -X POST $URL/_test/clock -d '{"advance":"'$minutes'm"}'
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceClass == db.t3.small
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].PendingModifiedValues == {}
