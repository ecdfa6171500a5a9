# seed: S0:32-34 Edit inbound rules, add rule, source 1.2.3.4/32, Save
vpc = $ aws ec2 describe-vpcs --query 'Vpcs[0].VpcId' --output text
sg = $ aws ec2 create-security-group --group-name db --description 'who may reach the database' --vpc-id $vpc --query GroupId --output text
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --vpc-security-group-ids $sg
~ DBInstance.VpcSecurityGroups[0].VpcSecurityGroupId == $sg
$ aws rds wait db-instance-available --db-instance-identifier a
host = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].Endpoint.Address' --output text
# Nobody is let in yet.
! psql "host=$host user=root1 dbname=postgres" -Atc 'select 1'    # no pg_hba.conf entry
$ aws ec2 authorize-security-group-ingress --group-id $sg --protocol tcp --port 5432 --cidr 127.0.0.0/8
~ Return == true
await 'psql "host=$host user=root1 dbname=postgres" -Atc "select 5"' @ == 5 within 2s
boot = $ psql "host=$host user=root1 dbname=postgres" -Atc 'select pg_postmaster_start_time()'
# Group in use: not to be deleted.
! aws ec2 delete-security-group --group-id $sg    # DependencyViolation
! aws ec2 authorize-security-group-ingress --group-id $sg --protocol tcp --port 5432 --cidr 127.0.0.0/8    # InvalidPermission.Duplicate: already exists
# A rule about another port, or another source, lets nobody in.
$ aws ec2 revoke-security-group-ingress --group-id $sg --protocol tcp --port 5432 --cidr 127.0.0.0/8
$ aws ec2 authorize-security-group-ingress --group-id $sg --protocol tcp --port 22 --cidr 127.0.0.0/8
$ aws ec2 authorize-security-group-ingress --group-id $sg --protocol tcp --port 5432 --cidr 1.2.3.4/32
$ sleep 2
! psql "host=$host user=root1 dbname=postgres" -Atc 'select 1'    # no pg_hba.conf entry
$ aws ec2 authorize-security-group-ingress --group-id $sg --protocol tcp --port 5000-6000 --cidr 127.0.0.0/8
await 'psql "host=$host user=root1 dbname=postgres" -Atc "select 5"' @ == 5 within 2s
# Nothing was restarted for any of this.
$ psql "host=$host user=root1 dbname=postgres" -Atc 'select pg_postmaster_start_time()'
> $boot
