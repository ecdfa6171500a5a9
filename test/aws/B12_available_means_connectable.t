# seed: S2:25, 127 confirm "available" status
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app
# The waiter, and psql in the same second.
$ aws rds wait db-instance-available --db-instance-identifier a && \
  psql "host=$(aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text) user=root1 dbname=app" -Atc 'select 1'
> 1
$ aws rds reboot-db-instance --db-instance-identifier a
$ aws rds wait db-instance-available --db-instance-identifier a && \
  psql "host=$(aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text) user=root1 dbname=app" -Atc 'select 1'
> 1
