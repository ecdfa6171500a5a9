# Operations that AWS has and this version has not: a clear 400, never a 500, and nothing happens.
! aws rds create-db-security-group --db-security-group-name x --db-security-group-description x    # InvalidParameterCombination: VPC security groups
! aws rds create-custom-db-engine-version --engine custom-oracle-ee --engine-version 19.x    # InvalidParameterCombination: RDS Custom
$ aws rds describe-reserved-db-instances
~ ReservedDBInstances == []
$ aws rds describe-db-security-groups
~ DBSecurityGroups == []
