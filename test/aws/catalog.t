# What can be ordered: engine versions, classes, certificates, quotas.
$ aws rds describe-db-engine-versions --engine postgres
~ DBEngineVersions[0].Engine == postgres
~ DBEngineVersions[0].EngineVersion =~ ^\d+\.\d+$
~ DBEngineVersions[0].DBParameterGroupFamily =~ ^postgres\d+$
~ DBEngineVersions[0].Status == available
~ DBEngineVersions[0].SupportsCertificateRotationWithoutRestart == true
version = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].EngineVersion' --output text
$ aws rds describe-db-engine-versions --engine postgres --engine-version $version
~ DBEngineVersions[].EngineVersion == ["$version"]
# A major version is a prefix.
$ aws rds describe-db-engine-versions --engine postgres --engine-version ${version%%.*} --query 'DBEngineVersions[].EngineVersion'
~ contains(@, '$version') == true
$ aws rds describe-db-engine-versions --db-parameter-group-family postgres${version%%.*} --query 'DBEngineVersions[].EngineVersion'
~ contains(@, '$version') == true
$ aws rds describe-db-engine-versions --engine postgres --engine-version 9.6
~ DBEngineVersions == []
$ aws rds describe-db-engine-versions --engine mysql
~ DBEngineVersions == []
$ aws rds describe-orderable-db-instance-options --engine postgres --engine-version $version --db-instance-class db.t3.micro
~ OrderableDBInstanceOptions[0].DBInstanceClass == db.t3.micro
~ OrderableDBInstanceOptions[0].Engine == postgres
~ OrderableDBInstanceOptions[0].EngineVersion == $version
~ OrderableDBInstanceOptions[0].MultiAZCapable == false
~ length(OrderableDBInstanceOptions[0].AvailabilityZones) == 3
# Only what this machine can hold is offered; the machine is smaller than that.
$ aws rds describe-orderable-db-instance-options --engine postgres --db-instance-class db.r6i.24xlarge
~ OrderableDBInstanceOptions == []
$ aws rds describe-certificates
# The authorities of AWS that sign no server here are not listed.
~ Certificates[].CertificateIdentifier == ["rds-ca-rsa2048-g1"]
~ Certificates[0].CertificateType == CA
~ Certificates[0].ValidTill =~ ^20
$ aws rds describe-certificates --certificate-identifier rds-ca-rsa2048-g1
~ length(Certificates) == 1
! aws rds describe-certificates --certificate-identifier nope    # CertificateNotFound
$ aws rds describe-account-attributes
~ AccountQuotas[?AccountQuotaName=='DBInstances'].Max == [40]
~ AccountQuotas[?AccountQuotaName=='DBInstances'].Used == [0]
$ aws rds describe-db-parameter-groups --db-parameter-group-name default.postgres${version%%.*}
~ DBParameterGroups[0].DBParameterGroupFamily =~ ^postgres\d+$
! aws rds describe-db-parameter-groups --db-parameter-group-name nope    # DBParameterGroupNotFound
# Our certificate authority is what clients need for verify-full.
$ curl -s $URL/global-bundle.pem | openssl x509 -noout -subject
> subject=*
