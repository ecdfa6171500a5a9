# daemon: own
# While an operation is under way the instance is locked for others; only a delete may come in between.
ok = $ echo "--db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20"
fault flow.step:create-instance/make-volume hold
$ aws rds create-db-instance --db-instance-identifier a $ok
! aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 3    # InvalidDBInstanceState: Database instance is not in available state.
! aws rds reboot-db-instance --db-instance-identifier a    # InvalidDBInstanceState: Instance cannot currently reboot due to an in-progress management operation.
! aws rds stop-db-instance --db-instance-identifier a    # InvalidDBInstanceState: Instance a is not in available state.
! aws rds start-db-instance --db-instance-identifier a    # InvalidDBInstanceState: Instance a is not stopped, cannot be started.
! aws rds delete-db-instance --db-instance-identifier a --final-db-snapshot-identifier s    # InvalidDBInstanceState: Cannot create a snapshot because the database instance a is not currently in the available state.
# (A description of one instance in transition would be held until it rests.)
$ aws rds describe-db-instances
~ DBInstances[0].DBInstanceStatus == creating
fault flow.step:create-instance/make-volume release
$ aws rds wait db-instance-available --db-instance-identifier a
fault flow.step:reboot-instance/shut-down hold
$ aws rds reboot-db-instance --db-instance-identifier a
! aws rds reboot-db-instance --db-instance-identifier a    # InvalidDBInstanceState: Instance cannot currently reboot due to an in-progress management operation.
! aws rds modify-db-instance --db-instance-identifier a --db-instance-class db.t3.small    # InvalidDBInstanceState: Database instance is not in available state.
$ aws rds describe-db-instances
~ DBInstances[0].DBInstanceStatus == rebooting
# A delete takes over, and a second one is told so.
fault flow.act:delete-instance/stop-server hold
$ aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot
~ DBInstance.DBInstanceStatus == deleting
fault flow.step:reboot-instance/shut-down release
! aws rds delete-db-instance --db-instance-identifier a --skip-final-snapshot    # InvalidDBInstanceState: is already being deleted
! aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 3    # InvalidDBInstanceState
# The name is taken until it is gone.
! aws rds create-db-instance --db-instance-identifier a $ok    # DBInstanceAlreadyExists: DB instance already exists
fault flow.act:delete-instance/stop-server release
$ aws rds wait db-instance-deleted --db-instance-identifier a
