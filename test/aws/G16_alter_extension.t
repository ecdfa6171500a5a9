# seed: S2:39 upgrade any Postgres extensions via a Hasura migration separately upon completion
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
# An extension as an older server left it: the master sees that it is outdated, and updates it in a migration.
$ psql "host=$host user=root1 dbname=app" -Xqc "create extension hstore version '1.4'" -c "create extension pg_trgm version '1.3'"
$ psql "host=$host user=root1 dbname=app" -XAtc "select name from pg_available_extensions where installed_version <> default_version order by 1"
> hstore
> pg_trgm
$ mkdir -p $BASE/G16
$ printf '%s\n' 'alter extension hstore update;' 'alter extension pg_trgm update;' > $BASE/G16/1_extensions.sql
$ howdah migrate --url "postgresql://root1:$PASSWORD@$host/app" --dir $BASE/G16 up
> applied*1_extensions*
$ psql "host=$host user=root1 dbname=app" -XAtc "select count(*) from pg_available_extensions where installed_version <> default_version"
> 0
