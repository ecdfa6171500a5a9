# seed: S3:54-55 --master-username cruddurroot --master-user-password <PASSWORD>
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username cruddurroot --master-user-password 'p@ss' --allocated-storage 20 # InvalidParameterValue: it is shorter than 8 characters
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username cruddurroot --master-user-password 'p@ssword-long' --allocated-storage 20 # InvalidParameterValue: Only printable ASCII characters besides '/', '@', '"', ' ' may be used.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username cruddurroot --master-user-password $PASSWORD --allocated-storage 20
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
# No superuser, but what RDS gives.
$ psql "host=$host user=cruddurroot dbname=postgres" -Atc "select rolsuper, rolcreatedb, rolcreaterole, rolcanlogin, rolreplication from pg_roles where rolname = 'cruddurroot'"
> f|t|t|t|f
$ psql "host=$host user=cruddurroot dbname=postgres" -Atc "select string_agg(b.rolname, ',') from pg_auth_members m join pg_roles a on a.oid = m.member join pg_roles b on b.oid = m.roleid where a.rolname = 'cruddurroot' and b.rolname = 'rds_superuser'"
> rds_superuser
$ psql "host=$host user=cruddurroot dbname=postgres" -Atc "select rolname from pg_roles where rolname in ('rds_superuser', 'rds_iam', 'rds_replication', 'rds_password', 'rdsadmin') order by 1"
> rds_iam
> rds_password
> rds_replication
> rds_superuser
> rdsadmin
# rds.force_ssl is 1 by default from 15 on: no session without TLS, in the server's own words.
! PGSSLMODE=disable psql "host=$host user=cruddurroot dbname=postgres" -c 'select 1'    # no encryption
! PGPASSWORD=wrong-password psql "host=$host user=cruddurroot dbname=postgres" -c 'select 1'    # password authentication failed
# The hidden administrator has no way in over TCP.
! psql "host=$host user=rdsadmin dbname=postgres" -c 'select 1'    # FATAL
! psql "host=$host user=cruddurroot dbname=postgres" -c "copy (select 1) to program 'id'"    # pg_execute_server_program
! psql "host=$host user=cruddurroot dbname=postgres" -c "alter system set work_mem = '1GB'"    # permission denied
! psql "host=$host user=cruddurroot dbname=postgres" -c "select pg_read_file('/etc/passwd')"    # permission denied
# pg_stat_statements and postgres_fdw are for the master, as on RDS.
$ psql "host=$host user=cruddurroot dbname=postgres" -Xqc 'create extension pg_stat_statements' -c 'create extension postgres_fdw' -c 'create extension hstore'
$ psql "host=$host user=cruddurroot dbname=postgres" -Atc 'show data_checksums'
> on
# The same order of text on every machine, as on every other version of a C library.
$ psql "host=$host user=cruddurroot dbname=postgres" -Atc "select distinct datcollate, datctype, pg_encoding_to_char(encoding) from pg_database"
> C.UTF-8|C.UTF-8|UTF8
