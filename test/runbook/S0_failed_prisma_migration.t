# daemon: own
# The whole story of a failed Prisma migration (seed 0: C5-C7, D3, G1, G3-G5, B6): it was not wrapped in a transaction and has
# left half of itself in a database that listens on port 3306; who mends it lets his address into the security group,
# connects with psql and with a DATABASE_URL, compares, and marks. The jump box's ssh is the tunnel of S1; what the secret
# would say (host, port, user, password) is what the instance says.
$ aws rds create-db-instance --db-instance-identifier aurora-postgres-prod --db-instance-class db.t3.micro --engine postgres --master-username enrollment --master-user-password $PASSWORD --allocated-storage 20 --port 3306 --db-name aurorapostgres
$ aws rds wait db-instance-available --db-instance-identifier aurora-postgres-prod
hostname = $ aws rds describe-db-instances --db-instance-identifier aurora-postgres-prod --query 'DBInstances[0].Endpoint.Address' --output text
dbname = $ aws rds describe-db-instances --db-instance-identifier aurora-postgres-prod --query 'DBInstances[0].DBName' --output text
username = $ aws rds describe-db-instances --db-instance-identifier aurora-postgres-prod --query 'DBInstances[0].MasterUsername' --output text

# The address for the allowlist; the group that the scanner has emptied; rules as the console saves them.
ip = $ curl $URL/my-ip
postgres = $ aws ec2 create-security-group --group-name postgres --description 'jump box and database' --query GroupId --output text
$ aws rds modify-db-instance --db-instance-identifier aurora-postgres-prod --vpc-security-group-ids $postgres
await 'psql -h $hostname -p 3306 -U $username -d $dbname -c "select 1" 2>&1 | grep -c "no pg_hba.conf entry"' @ == 1 within 10s
$ aws ec2 authorize-security-group-ingress --group-id $postgres --protocol tcp --port 22 --cidr $ip/32
$ aws ec2 authorize-security-group-ingress --group-id $postgres --protocol tcp --port 3306 --cidr $ip/32
await 'psql -h $hostname -p 3306 -U $username -d $dbname -XAtc "select 5"' @ == 5 within 5s

# One migration is in; the next one fails at its third statement and, as Prisma runs it, keeps the first two.
$ mkdir -p $BASE/repo/prisma/migrations/1_init $BASE/repo/prisma/migrations/2_rates && cd $BASE/repo/prisma/migrations && echo 'provider = "postgresql"' > migration_lock.toml && echo 'CREATE TABLE packages (id int PRIMARY KEY);' > 1_init/migration.sql
DATABASE_URL = $ echo "postgresql://$username:$PASSWORD@$hostname:3306/$dbname"
$ cd $BASE/repo && howdah migrate up --url $DATABASE_URL --dir prisma/migrations
$ cd $BASE/repo/prisma/migrations && printf '%s\n' 'CREATE TABLE rates (id int);' 'ALTER TABLE packages ADD COLUMN rate int;' 'ALTER TABLE pakages ADD COLUMN due date;' 'CREATE INDEX rates_id ON rates (id);' > 2_rates/migration.sql
! psql -h $hostname -p 3306 -U $username -d $dbname -Xq -v ON_ERROR_STOP=1 -f $BASE/repo/prisma/migrations/2_rates/migration.sql    # relation "pakages" does not exist
sum = $ sha256sum < $BASE/repo/prisma/migrations/2_rates/migration.sql | cut -c-64
$ psql -h $hostname -p 3306 -U $username -d $dbname -Xqc "insert into _prisma_migrations (id, checksum, migration_name, logs, started_at) values (gen_random_uuid(), '$sum', '2_rates', 'relation \"pakages\" does not exist', now())"
! cd $BASE/repo && howdah migrate up --url $DATABASE_URL    # resolve 2_rates --auto

# `prisma diff`: what the database has that the migrations before the failed one do not make. Then which half is in.
$ cp -r $BASE/repo $BASE/before && rm -r $BASE/before/prisma/migrations/2_rates
$ cd $BASE/before && howdah migrate diff --from migrations --to db --url $DATABASE_URL --dir prisma/migrations | grep -ci 'create table.*rates'
> 1
! cd $BASE/repo && howdah migrate resolve 2_rates --auto --url $DATABASE_URL    # 2 of 4 statements of 2_rates are applied
$ sed -i s/pakages/packages/ $BASE/repo/prisma/migrations/2_rates/migration.sql
$ cd $BASE/repo && howdah migrate resolve 2_rates --auto --finish --url $DATABASE_URL
$ cd $BASE/repo && howdah migrate status --exit-code --url $DATABASE_URL
$ psql -h $hostname -p 3306 -U $username -d $dbname -XAtc "select string_agg(column_name, ',' order by ordinal_position) from information_schema.columns where table_name = 'packages'" -c "select to_regclass('rates_id')"
> id,rate,due
> rates_id
