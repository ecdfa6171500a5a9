# daemon: own
# rds.log_retention_period (minutes) decides how long the server's logs are kept; the newest one always stays.
major = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].MajorEngineVersion' --output text
$ aws rds create-db-parameter-group --db-parameter-group-name day --db-parameter-group-family postgres$major --description x
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --db-parameter-group-name day \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
id = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text
logs = $ echo $STATE/instances/$id/log/error
$ echo precious > $BASE/outside; touch -d '9 days ago' $BASE/outside
$ for d in 2 4 6; do echo x > $logs/postgresql.log.$d; touch -d "$d days ago" $logs/postgresql.log.$d; done; mkdir $logs/directory; ln -s $BASE/outside $logs/postgresql.log.link; touch -h -d '9 days ago' $logs/postgresql.log.link
# Three days by default.
clock +61m
await 'ls $logs | grep -cE "log\.[246]$" || true' @ == 1 within 20s
$ ls $logs/postgresql.log.2 > $BASE/out
# One day.
$ aws rds modify-db-parameter-group --db-parameter-group-name day --parameters ParameterName=rds.log_retention_period,ParameterValue=1440,ApplyMethod=immediate
clock +61m
await 'ls $logs | grep -cE "log\.[246]$" || true' @ == 0 within 20s
! aws rds modify-db-parameter-group --db-parameter-group-name day --parameters ParameterName=rds.log_retention_period,ParameterValue=1439,ApplyMethod=immediate    # InvalidParameterValue: allowed values are: 1440-10080
# All are older than a day now; what is no log is left alone, and nothing outside is touched.
clock +2d
$ sleep 1; ls $logs | grep -cE 'postgresql.log.[0-9]{4}-'
> 1
$ cat $BASE/outside $logs/postgresql.log.link
> precious
> precious
