# daemon: own
# A queued change is applied when the maintenance window comes, not before.
hour = $ echo $(($(date +%s) / 3600 + 3))
window = $ LC_ALL=C date -u -d "@$((hour * 3600))" '+%a:%H:00-%a:%H:59' | tr 'A-Z' 'a-z'; true
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0 \
    --preferred-maintenance-window $window
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds modify-db-instance --db-instance-identifier a --db-instance-class db.t3.small
~ DBInstance.PendingModifiedValues.DBInstanceClass == db.t3.small
clock +1h
$ sleep 1
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceClass == db.t3.micro
# To the middle of that hour, from one that has begun already.
minutes = $ echo $((hour * 60 + 30 - $(date +%s) / 60 - 60))
$ curl -sf -X POST $URL/_test/clock -d '{"advance":"'$minutes'm"}'
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceClass == db.t3.small
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].PendingModifiedValues == {}
