# seed: S3:67 --no-deletion-protection
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres --deletion-protection \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20
~ DBInstance.DeletionProtection == true
$ aws rds wait db-instance-available --db-instance-identifier a
! aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot    # InvalidParameterCombination: Cannot delete protected DB Instance, please disable deletion protection and try again.
# The protection is looked at before any snapshot.
! aws rds delete-db-instance --db-instance-identifier a --final-db-snapshot-identifier s    # InvalidParameterCombination: Cannot delete protected DB Instance
$ aws rds describe-db-instances --db-instance-identifier a
~ DBInstances[0].DBInstanceStatus == available
# Applied at once, also without --apply-immediately.
$ aws rds modify-db-instance --db-instance-identifier a --no-deletion-protection
~ DBInstance.DeletionProtection == false
~ DBInstance.PendingModifiedValues == {}
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot
~ DBInstance.DBInstanceStatus == deleting
$ aws rds wait db-instance-deleted --db-instance-identifier a
