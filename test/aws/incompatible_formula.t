# A formula may have a value for one class and none for another (here it divides by zero). That is the user's to mend,
# like any parameter that the server refuses.
$ aws rds create-db-parameter-group --db-parameter-group-name big --db-parameter-group-family postgres15 --description x
$ aws rds modify-db-parameter-group --db-parameter-group-name big --parameters \
  'ParameterName=work_mem,ParameterValue="{5000/(1-DBInstanceClassMemory/1000000000)}",ApplyMethod=immediate'
$ aws rds create-db-instance --db-instance-identifier f --db-instance-class db.t3.micro --engine postgres \
  --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-parameter-group-name big
$ aws rds wait db-instance-available --db-instance-identifier f
$ aws rds modify-db-instance --db-instance-identifier f --db-instance-class db.t3.small --apply-immediately
await 'aws rds describe-db-instances --db-instance-identifier f' DBInstances[0].DBInstanceStatus == incompatible-parameters within 60s

# Mended, it comes back with a reboot.
$ aws rds reset-db-parameter-group --db-parameter-group-name big --reset-all-parameters
$ aws rds reboot-db-instance --db-instance-identifier f
$ aws rds wait db-instance-available --db-instance-identifier f
$ aws rds delete-db-instance --db-instance-identifier f --skip-final-snapshot
