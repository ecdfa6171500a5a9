# daemon: own
# Partial losses (seed 2: H14, H15, H18, H21): only a table of isolated features is gone, so the database is not replaced.
# It is brought back from the snapshot that was taken; `teams`, which is the same everywhere, comes from staging.
$ for n in app5ec7032 staging; do aws rds create-db-instance --db-instance-identifier $n --db-instance-class db.t3.micro --engine postgres --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --db-name app --backup-retention-period 0 > $BASE/$n.json || exit 1; done
$ for n in app5ec7032 staging; do aws rds wait db-instance-available --db-instance-identifier $n || exit 1; done
$ howdah env --state-dir $STATE --config $BASE/howdah.toml | grep PATH > $BASE/shell
$ . $BASE/shell; for n in app5ec7032 staging; do db-connect --role admin $n -- psql -Xqc "create table teams (id int primary key, name text not null)" -c "insert into teams select g, 'team ' || g from generate_series(1, 20) g" -c "create table feedback (id serial primary key, team int references teams, text text not null)" -c "insert into feedback (team, text) select 1 + g % 20, 'said ' || g from generate_series(1, 300) g" || exit 1; done
$ aws rds create-db-snapshot --db-instance-identifier app5ec7032 --db-snapshot-identifier nightly
$ aws rds wait db-snapshot-available --db-snapshot-identifier nightly
$ . $BASE/shell; db-connect --role admin app5ec7032 -- psql -Xqc "drop table feedback" -c "update teams set name = '' where id <= 5"

# The table comes back with its rows and its foreign key; what is said of it is what is there.
$ howdah restore-table --from nightly --table public.feedback --into app5ec7032
> 300 rows of public.feedback from snapshot nightly of * are public.feedback in app5ec7032
$ . $BASE/shell; db-connect --role admin app5ec7032 -- psql -XAtc 'select count(*), count(distinct team) from feedback' -c "insert into feedback (team, text) values (1, 'next') returning id"
> 300|20
> 301
> INSERT 0 1
! . $BASE/shell; db-connect --role admin app5ec7032 -- psql -Xqc "insert into feedback (team, text) values (99, 'nobody')"    # feedback_team_fkey

# From one instance to the other by their names, as their masters.
! howdah sync table teams --from nowhere --to app5ec7032    # nowhere is neither prod nor a DB instance
$ howdah sync table teams --from staging --to app5ec7032 --dry-run
> *0 to insert, 5 to update, 0 only in the target*
$ howdah sync table teams --from staging --to app5ec7032
> *0 inserted, 5 updated, 0 deleted*
$ . $BASE/shell; for n in app5ec7032 staging; do db-connect --role admin $n -- psql -XAtc "select md5(string_agg(t::text, ',' order by id)) from teams t"; done | sort -u | wc -l
> 1
# All the while it was the same instance; nothing was made beside it.
$ aws rds describe-db-instances --query 'DBInstances[].DBInstanceIdentifier'
~ @ == ["app5ec7032", "staging"]
