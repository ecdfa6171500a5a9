# daemon: own
# seed: S3:28-38, 48-67, 71; S4:197. A bootcamp's week from zero: an instance, then the db-* scripts by their bare names, as
# `howdah env` puts them on PATH (BC1-BC8, BC10, E13).
$ aws rds create-db-instance --db-instance-identifier cruddur-db-instance --db-instance-class db.t3.micro --engine postgres --master-username cruddurroot --master-user-password $PASSWORD --allocated-storage 20 --availability-zone ${REGION}a --backup-retention-period 0 --port 5432 --no-multi-az --db-name cruddur --storage-type gp2 --publicly-accessible --storage-encrypted --enable-performance-insights --performance-insights-retention-period 7 --no-deletion-protection
$ aws rds wait db-instance-available --db-instance-identifier cruddur-db-instance
host = $ aws rds describe-db-instances --db-instance-identifier cruddur-db-instance --query 'DBInstances[0].Endpoint.Address' --output text
$ howdah env --state-dir $STATE --config $BASE/howdah.toml | grep PATH > $BASE/shell
$ echo "export CONNECTION_URL='postgresql://cruddurroot:$PASSWORD@$host:5432/cruddur_dev' PROD_CONNECTION_URL='postgresql://cruddurroot:$PASSWORD@$host:5432/cruddur'; unset DATABASE_URL PGPASSWORD; cd $BASE/app" >> $BASE/shell
$ mkdir -p $BASE/app/db
$ echo 'CREATE EXTENSION IF NOT EXISTS "uuid-ossp"; CREATE EXTENSION IF NOT EXISTS pgcrypto; DROP TABLE IF EXISTS public.users; DROP TABLE IF EXISTS public.activities; CREATE TABLE public.users (uuid UUID DEFAULT uuid_generate_v4() PRIMARY KEY, display_name text NOT NULL, handle text NOT NULL, cognito_user_id text NOT NULL, created_at TIMESTAMP default current_timestamp NOT NULL); CREATE TABLE public.activities (uuid UUID DEFAULT gen_random_uuid() PRIMARY KEY, user_uuid UUID NOT NULL, message text NOT NULL, expires_at TIMESTAMP, created_at TIMESTAMP default current_timestamp NOT NULL);' > $BASE/app/db/schema.sql
$ echo "INSERT INTO public.users (display_name, handle, cognito_user_id) VALUES ('Andrew Brown', 'andrewbrown', 'MOCK'), ('Andrew Bayko', 'bayko', 'MOCK'); INSERT INTO public.activities (user_uuid, message, expires_at) VALUES ((SELECT uuid from public.users WHERE handle = 'andrewbrown'), 'This was imported as seed data!', current_timestamp + interval '10 day');" > $BASE/app/db/seed.sql

# The scripts, one after the other.
$ . $BASE/shell; db-create
> created*cruddur_dev
! . $BASE/shell; db-create    # database cruddur_dev exists already
$ . $BASE/shell; db-create --if-not-exists
$ . $BASE/shell; db-schema-load
$ . $BASE/shell; db-seed
$ . $BASE/shell; db-connect -- psql -XAtc 'select count(*), count(cognito_user_id) from users'
> 2|2
$ . $BASE/shell; db-sessions; db-drop; db-setup
> ...
$ . $BASE/shell; db-connect -- psql -XAtc 'select message from activities'
> This was imported as seed data!
# Production, by the same scripts; nothing of it goes by accident.
$ . $BASE/shell; db-schema-load prod
! . $BASE/shell; db-seed prod    # protected
$ . $BASE/shell; db-seed prod --yes-name cruddur
$ . $BASE/shell; db-connect prod -- psql -XAtc 'select current_database(), count(*) from users group by 1'
> cruddur|2
! . $BASE/shell; db-drop prod    # protected
# An instance by its name, as whoever it has roles for.
! . $BASE/shell; db-connect.sh nowhere -- true    # nowhere
$ . $BASE/shell; PGPASSWORD=$PASSWORD howdah db-connect --role admin cruddur-db-instance -- psql -XAtc 'select current_user, current_database()'
> cruddurroot|cruddur
$ . $BASE/shell; db-connect prod -- psql -Xqc "create role readonly login password 'read-only-password'" -c 'create database local_test' -c 'grant select on all tables in schema public to readonly'
$ . $BASE/shell; PGPASSWORD=read-only-password db-connect.sh cruddur-db-instance -- psql -XAtc 'select current_user, count(*) from users group by 1'
> readonly|2
! . $BASE/shell; PGPASSWORD=read-only-password db-connect.sh cruddur-db-instance -- psql -XAtc 'delete from users'    # permission denied
