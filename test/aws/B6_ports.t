# seed: S3:59; S0:56 --port 5432, and 3306 for PostgreSQL
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --port 80 \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 # InvalidParameterValue: Invalid database port: 80
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --port 65536 \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 # InvalidParameterValue: Invalid database port: 65536
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --port 3306 \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$host user=root1 dbname=postgres" -p 3306 -Atc 'show port'
> 3306
# Two instances may have the same port: each has an address of its own.
$ aws rds create-db-instance --db-instance-identifier b --db-instance-class db.t3.micro --engine postgres --port 3306 \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20
$ aws rds wait db-instance-available --db-instance-identifier b
other = $ aws rds describe-db-instances --db-instance-identifier b --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$other user=root1 dbname=postgres" -p 3306 -Atc 'select 1'
> 1
# A new port restarts at once, whatever --apply-immediately says.
watch a
! aws rds modify-db-instance --db-instance-identifier a --db-port-number 80    # InvalidParameterValue: Invalid database port: 80
$ aws rds modify-db-instance --db-instance-identifier a --db-port-number 5433
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].Endpoint.Port == 5433
$ aws rds wait db-instance-available --db-instance-identifier a
$ psql "host=$host user=root1 dbname=postgres" -p 5433 -Atc 'select 1'
> 1
! psql "host=$host user=root1 dbname=postgres" -p 3306 -Atc 'select 1'    # Connection refused
states a == available, (modifying), rebooting, available
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[].Message'
~ contains(@, 'DB instance shutdown') == true
~ contains(@, 'DB instance restarted') == true
