# daemon: own
# Events are shown for 60 minutes unless a longer time is asked for, and kept 14 days.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
clock +61m
$ aws rds describe-events --source-type db-instance --source-identifier a
~ Events == []
$ aws rds describe-events --source-type db-instance --source-identifier a --duration 70
~ Events[?Message=='DB instance created'].Message == ["DB instance created"]
clock +14d
$ aws rds describe-events --source-type db-instance --source-identifier a --duration 20160
~ Events == []
