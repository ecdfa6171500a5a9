# daemon: own, names = "hosts"
# Endpoint names (D11) in a managed block of the hosts file; the rest of the file is left alone.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].Endpoint.Address =~ ^a\.[0-9a-f]{12}\.eu-test-\d+\.rds\.
name = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
address = $ awk -v n=$name '$2 == n { print $1 }' $BASE/hosts
$ head -1 $BASE/hosts
> 127.0.0.1 localhost
# K3: the certificate is ours and carries the name.
$ curl -s $URL/global-bundle.pem > $BASE/bundle.pem
$ psql "host=$name hostaddr=$address user=root1 dbname=postgres sslmode=verify-full sslrootcert=$BASE/bundle.pem" -Atc 'select 1'
> 1
! psql "host=other.name hostaddr=$address user=root1 dbname=postgres sslmode=verify-full sslrootcert=$BASE/bundle.pem" -Atc 'select 1'    # does not match host name
# A rename moves the line.
$ aws rds modify-db-instance --db-instance-identifier a --new-db-instance-identifier b --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier b' DBInstances[0].DBInstanceStatus == available
$ grep -c "^$address  *a\." $BASE/hosts || true
> 0
name = $ aws rds describe-db-instances --db-instance-identifier b --query 'DBInstances[0].Endpoint.Address' --output text
$ psql "host=$name hostaddr=$address user=root1 dbname=postgres sslmode=verify-full sslrootcert=$BASE/bundle.pem" -Atc 'select 1'
> 1
$ aws rds delete-db-instance --db-instance-identifier b --skip-final-snapshot
$ aws rds wait db-instance-deleted --db-instance-identifier b
$ grep -c "$address" $BASE/hosts || true
> 0
$ head -1 $BASE/hosts
> 127.0.0.1 localhost
