# K1, K3: a group of one's own reaches the server: dynamic parameters at once, static ones with the next reboot, rds.force_ssl
# in who may log in without TLS.
# daemon: own
major = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].MajorEngineVersion' --output text
$ aws rds create-db-parameter-group --db-parameter-group-name nossl --db-parameter-group-family postgres$major --description x
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
  --allocated-storage 20 --master-username root1 --master-user-password $PASSWORD --db-parameter-group-name nossl
~ DBInstance.DBParameterGroups == [{"DBParameterGroupName": "nossl", "ParameterApplyStatus": "in-sync"}]
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
url = $ echo "host=$host user=root1 dbname=postgres"
! psql "$url sslmode=disable" -Atc 'select 1'    # no encryption
$ aws rds modify-db-parameter-group --db-parameter-group-name nossl --parameters ParameterName=rds.force_ssl,ParameterValue=0,ApplyMethod=immediate ParameterName=work_mem,ParameterValue=8192,ApplyMethod=immediate
await 'psql "$url sslmode=disable" -Atc "select to_json(current_setting(\$\$work_mem\$\$))"' @ == 8MB within 5s
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBParameterGroups[0].ParameterApplyStatus == in-sync
# Static: waits.
before = $ psql "$url" -Atc 'show max_connections'
$ aws rds modify-db-parameter-group --db-parameter-group-name nossl --parameters "ParameterName=max_connections,ParameterValue='{DBInstanceVCPU*30}',ApplyMethod=pending-reboot"
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBParameterGroups[0].ParameterApplyStatus == pending-reboot
$ psql "$url" -Atc 'show max_connections'
> $before
# So does a dynamic one that asks to.
$ aws rds modify-db-parameter-group --db-parameter-group-name nossl --parameters ParameterName=statement_timeout,ParameterValue=77000,ApplyMethod=pending-reboot
$ sleep 1; psql "$url" -Atc 'show statement_timeout'
> 0
$ aws rds reboot-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
$ psql "$url" -Atc 'show max_connections' -c 'show statement_timeout' -c 'show work_mem'
> 60
> 77s
> 8MB
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBParameterGroups[0].ParameterApplyStatus == in-sync
# A change that restarts the server takes what waits along.
$ aws rds modify-db-parameter-group --db-parameter-group-name nossl --parameters ParameterName=max_connections,ParameterValue=70,ApplyMethod=pending-reboot
$ aws rds modify-db-instance --db-instance-identifier a --db-instance-class db.t3.small --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].[DBInstanceClass, DBInstanceStatus] == ["db.t3.small", "available"] within 60s
$ psql "$url" -Atc 'show max_connections'
> 70
# Another group waits for a reboot; the group that the server runs with may go meanwhile.
! aws rds delete-db-parameter-group --db-parameter-group-name nossl    # InvalidDBParameterGroupState
$ aws rds modify-db-instance --db-instance-identifier a --db-parameter-group-name default.postgres$major --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
~ DBInstances[0].DBParameterGroups == [{"DBParameterGroupName": "default.postgres$major", "ParameterApplyStatus": "pending-reboot"}]
$ aws rds delete-db-parameter-group --db-parameter-group-name nossl
restart-daemon
$ sleep 1; psql "$url sslmode=disable" -Atc 'show work_mem'
> 8MB
$ aws rds reboot-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
! psql "$url sslmode=disable" -Atc 'select 1'    # no encryption
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBParameterGroups[0].ParameterApplyStatus == in-sync
# A value that the server can't start with: the instance says so, and recovers.
$ aws rds create-db-parameter-group --db-parameter-group-name huge --db-parameter-group-family postgres$major --description x
$ aws rds modify-db-parameter-group --db-parameter-group-name huge --parameters ParameterName=shared_buffers,ParameterValue=1000000000,ApplyMethod=pending-reboot
$ aws rds modify-db-instance --db-instance-identifier a --db-parameter-group-name huge --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
$ aws rds reboot-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == incompatible-parameters within 60s
$ aws rds describe-events --source-identifier a --source-type db-instance --query 'Events[-1].[Message, EventCategories[0]]'
~ [0] =~ ^Database instance put into incompatible-parameters. .*shared (memory|buffers)
~ [1] == failure
$ aws rds reset-db-parameter-group --db-parameter-group-name huge --reset-all-parameters
$ aws rds reboot-db-instance --db-instance-identifier a
await 'aws rds describe-db-instances --db-instance-identifier a' DBInstances[0].DBInstanceStatus == available within 60s
$ psql "$url" -Atc 'select 1'
> 1
