# A server's certificate is renewed before it ends, without a restart: clients that verify it never notice.
# daemon: own
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --backup-retention-period 0 \
  --allocated-storage 20 --master-username root1 --master-user-password $PASSWORD
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
url = $ echo "host=$host user=root1 dbname=postgres"
end = $ echo "openssl s_client -connect $host:5432 -starttls postgres </dev/null 2>/dev/null | openssl x509 -noout -enddate"
first = $ bash -c "$end"
till = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].CertificateDetails.ValidTill' --output text
started = $ psql "$url" -XAtc 'select pg_postmaster_start_time()'
clock +300d
$ sleep 6; bash -c "$end"
> $first
clock +40d
await 'test "$(bash -c "$end")" != "$first" && echo 1' @ == 1 within 60s
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
~ DBInstances[0].CertificateDetails.ValidTill != $till
$ psql "$url" -XAtc 'select pg_postmaster_start_time()'
> $started
