# Data of a machine with other versions of ICU or of the C library: what it is about is said, with what mends it.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --port 5433 \
    --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
id = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DbiResourceId' --output text
$ psql "host=$host port=5433 user=root1 dbname=app" -Xqc 'create table t (x text collate "en-x-icu"); create index by_x on t (x); create table plain (x text primary key)'
$ psql "host=$host port=5433 user=root1 dbname=app" -Xqc "create database words template template0 locale_provider icu icu_locale 'de' locale 'C.UTF-8'"
$ psql "host=$host port=5433 user=root1 dbname=words" -Xqc 'create table t (x text primary key)'

# Collations of the same version, and all others that no index uses: nothing is said.
$ aws rds create-db-snapshot --db-snapshot-identifier same --db-instance-identifier a
$ aws rds wait db-snapshot-available --db-snapshot-identifier same
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier r --db-snapshot-identifier same
$ aws rds wait db-instance-available --db-instance-identifier r
$ aws rds describe-events --source-type db-instance --source-identifier r --query 'Events[].Message' --output text | grep -c 'built again' || true
> 0

# What another machine would have recorded.
$ psql "host=$STATE/instances/$id/run port=5433 user=rdsadmin dbname=app" -Xqc "update pg_collation set collversion = '1.2' where collname in ('en-x-icu', 'fr-x-icu')"
$ psql "host=$STATE/instances/$id/run port=5433 user=rdsadmin dbname=app" -Xqc "update pg_database set datcollversion = '3.4' where datname = 'words'"
$ aws rds create-db-snapshot --db-snapshot-identifier other --db-instance-identifier a
$ aws rds wait db-snapshot-available --db-snapshot-identifier other
$ aws rds restore-db-instance-from-db-snapshot --db-instance-identifier f --db-snapshot-identifier other
$ aws rds wait db-instance-available --db-instance-identifier f
$ aws rds describe-events --source-type db-instance --source-identifier f --query "Events[?contains(Message, 'built again')].Message" --output text
> In database app, pg_catalog."en-x-icu" was of version 1.2 and is of version * here. 1 of its indexes may miss rows until they are built again, by REINDEX INDEX or REINDEX DATABASE "app": public.by_x. In database words, its default collation was of version 3.4 and is of version * here. 1 of its indexes may miss rows until they are built again, by REINDEX INDEX or REINDEX DATABASE "words": public.t_pkey.
$ aws rds describe-events --source-type db-instance --source-identifier f --query "Events[?contains(Message, 'built again')].Message" --output text | grep -c fr-x-icu || true
> 0
