# Parameters that only RDS has, and what they do to the server.
# daemon: own
major = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].MajorEngineVersion' --output text
$ aws rds create-db-parameter-group --db-parameter-group-name g --db-parameter-group-family postgres$major --description x
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --backup-retention-period 0 \
  --allocated-storage 20 --master-username root1 --master-user-password $PASSWORD --db-parameter-group-name g
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
url = $ echo "host=$host dbname=postgres"

# rds.accepted_password_auth_method: passwords that are stored as MD5 count unless it says scram.
$ psql "$url user=root1" -Atqc "set password_encryption = 'md5'; create role old login password '$PASSWORD'" -c "show rds.accepted_password_auth_method"
> md5+scram
$ psql "$url user=old" -Atc 'select current_user'
> old
$ aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.accepted_password_auth_method,ParameterValue=scram,ApplyMethod=immediate
await '! psql "$url user=old" -Atc "select 1" >/dev/null 2>&1 && echo 1' @ == 1 within 5s
! psql "$url user=old" -Atc 'select 1'    # password authentication failed
$ psql "$url user=root1" -Atc 'show rds.accepted_password_auth_method'
> scram
! aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.accepted_password_auth_method,ParameterValue=md5,ApplyMethod=immediate    # InvalidParameterValue: allowed values are: md5+scram,scram

# Every word that PostgreSQL has for on forces TLS.
$ aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.force_ssl,ParameterValue=0,ApplyMethod=immediate
await 'psql "$url user=root1 sslmode=disable" -Atc "select 1"' @ == 1 within 5s
$ aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.force_ssl,ParameterValue=true,ApplyMethod=immediate
await '! psql "$url user=root1 sslmode=disable" -Atc "select 1" >/dev/null 2>&1 && echo 1' @ == 1 within 5s
! psql "$url user=root1 sslmode=disable" -Atc 'select 1'    # no encryption

# rds.extensions: what can be created. Each of them can be.
$ psql "$url user=root1" -Atc "select 'pg_stat_statements' = any(string_to_array(current_setting('rds.extensions'), ',')), 'file_fdw' = any(string_to_array(current_setting('rds.extensions'), ','))"
> t|f
$ echo "select format('create extension if not exists %I cascade', e) from unnest(string_to_array(current_setting('rds.extensions'), ',')) e \gexec" | psql "$url user=root1" -XqAt -v ON_ERROR_STOP=1
! aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.extensions,ParameterValue=x,ApplyMethod=pending-reboot    # InvalidParameterValue: The parameter rds.extensions cannot be modified.

# rds.restrict_password_commands can't be honoured: its default is accepted, anything else refused.
$ aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.restrict_password_commands,ParameterValue=0,ApplyMethod=pending-reboot
! aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.restrict_password_commands,ParameterValue=1,ApplyMethod=pending-reboot    # InvalidParameterValue: allowed values are: 0 (stock PostgreSQL lets every role change its own password

# The extension rds_tools: who has a password of which kind, for those who may know.
$ psql "$url user=root1" -XAtc "select encryption_type from rds_tools.role_password_encryption_type() where rolname in ('old', 'root1') order by 1"
> md5
> scram-sha-256
$ psql "$url user=root1" -XAtc "select rds_tools.rds_version() = split_part(version(), ' ', 2)"
> t
$ psql "$url user=root1" -Xqc "set password_encryption = 'scram-sha-256'; create role plain login password '$PASSWORD'"
! psql "$url user=plain" -XAtc 'select * from rds_tools.role_password_encryption_type()'    # permission denied for function role_password_encryption_type
