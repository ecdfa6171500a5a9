# Pending migrations are rehearsed on a clone of the instance, which nobody sees afterwards; the instance is only read, in
# use or not.
$ aws rds create-db-instance --db-instance-identifier rehearsed --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app
$ aws rds wait db-instance-available --db-instance-identifier rehearsed
host = $ aws rds describe-db-instances --db-instance-identifier rehearsed --query 'DBInstances[0].Endpoint.Address' --output text
dir = $ mktemp -d $BASE/migrations-XXXXXX
$ printf -- '-- migrate:up\ncreate table t (id int primary key);\ninsert into t select generate_series(1, 100);\n-- migrate:down\ndrop table t;\n' > $dir/1_t.sql
$ howdah migrate up --dir $dir --url "postgresql://root1:$PASSWORD@$host:5432/app" > $dir/out
$ printf -- '-- migrate:up\nalter table t add w float8 default random();\n-- migrate:down\nalter table t drop w;\n' > $dir/2_w.sql
await 'aws rds describe-db-instances --db-instance-identifier rehearsed' DBInstances[0].LatestRestorableTime =~ ^20
$ howdah migrate rehearse --with-down --json --instance rehearsed --dir $dir --url "postgresql://root1:$PASSWORD@$host:5432/app" 2> $dir/said
~ rehearsal.tables."public.t".mode == AccessExclusive
~ rehearsal.statements[0].version == 2
$ psql "host=$host user=root1 dbname=app" -XAtqc "select count(*) from pg_attribute where attrelid = 't'::regclass and attnum > 0"
> 1
$ for n in $(seq 240); do aws rds describe-db-instances --query 'DBInstances[].DBInstanceIdentifier' --output text | grep -q rehearsed-copy || break; sleep 0.25; done; ! aws rds describe-db-instances --query 'DBInstances[].DBInstanceIdentifier' --output text | grep rehearsed-copy
! howdah migrate rehearse --instance nobody --dir $dir --url "postgresql://root1:$PASSWORD@$host:5432/app"    # DBInstance nobody not found
