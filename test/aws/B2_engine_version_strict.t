# seed: S3:53 --engine-version  14.6
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --engine-version 14.6 --master-username cruddurroot --master-user-password $PASSWORD --allocated-storage 20 # InvalidParameterCombination: Cannot find version 14.6 for postgres
! aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --engine-version nonsense --master-username cruddurroot --master-user-password $PASSWORD --allocated-storage 20 # InvalidParameterCombination: Cannot find version nonsense for postgres
$ aws rds describe-db-instances
~ DBInstances == []
# The major version alone takes the default minor.
version = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].EngineVersion' --output text
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --engine-version ${version%%.*} --master-username cruddurroot --master-user-password $PASSWORD --allocated-storage 20
~ DBInstance.EngineVersion == $version
