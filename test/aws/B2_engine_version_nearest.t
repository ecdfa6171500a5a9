# seed: S3:53 --engine-version  14.6
# daemon: own, engine_version_policy = "nearest-minor"
# Opt-in: the closest installed minor of the same major, and the real version is shown.
version = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].EngineVersion' --output text
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --engine-version ${version%%.*}.999 --master-username cruddurroot --master-user-password $PASSWORD --allocated-storage 20
~ DBInstance.EngineVersion == $version
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].EngineVersion == $version
# Another major is never taken instead.
! aws rds create-db-instance --db-instance-identifier b --db-instance-class db.t3.micro --engine postgres \
    --engine-version 9.6 --master-username cruddurroot --master-user-password $PASSWORD --allocated-storage 20 # InvalidParameterCombination: Cannot find version 9.6 for postgres
