# daemon: own
# seed: S4:16-25, 180-199. A copy of an environment's database on a laptop: the dump through db-connect.sh, as readonly and
# word for word (E7, E10, E11, P1), what keeps the empty tables (P3, P4), and the restore into a plain PostgreSQL (P5, P6).
$ aws rds create-db-instance --db-instance-identifier notifydb --db-instance-class db.t3.micro --engine postgres --master-username notifydb --master-user-password $PASSWORD --allocated-storage 20 --db-name notifydb
$ aws rds wait db-instance-available --db-instance-identifier notifydb
$ howdah env --state-dir $STATE --config $BASE/howdah.toml | grep PATH > $BASE/shell
$ echo "export PGPASSWORD=$PASSWORD; mkdir -p $BASE/laptop; cd $BASE/laptop" >> $BASE/shell
$ . $BASE/shell; db-connect.sh --role admin notifydb -- psql -Xqc "create role readonly login password '$PASSWORD'" -c "grant pg_read_all_data to readonly" -c "create schema hint_plan" -c "create schema pglogical" -c "create table hint_plan.hints(id int)" -c "create table services(id int primary key, name text)" -c "insert into services values (1, 'a'), (2, 'b')"
$ . $BASE/shell; for t in notifications notification_history ft_billing ft_notification_status; do db-connect.sh --role admin notifydb -- psql -Xqc "create table $t(id int, t text); insert into $t select g, repeat('x', 200) from generate_series(1, 500) g"; done
$ . $BASE/shell; db-connect.sh notifydb -- psql -Atc 'select current_user'
> readonly
$ . $BASE/shell; db-connect.sh notifydb -- pg_dump -Fc -f staging-db-dump --exclude-schema=hint_plan --exclude-schema=pglogical --exclude-table=notifications --exclude-table=notification_history --exclude-table=ft_billing --exclude-table=ft_notification_status
$ . $BASE/shell; pg_restore -l staging-db-dump | grep ' TABLE public' | cut -d' ' -f4-
> TABLE public services notifydb
! . $BASE/shell; db-connect.sh notifydb -- pg_dump -f again.sql --no-such-option    # no-such-option

# The exit code is that of the program.
$ . $BASE/shell; db-connect.sh notifydb -- sh -c 'exit 7' || echo $?
> 7

# The same with the four empty tables kept, largest first, by name or by size.
$ . $BASE/shell; export CONNECTION_URL="postgresql://$(db-connect.sh notifydb -- sh -c 'echo $PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE')"; howdah dump local.dump --top-tables 4 --exclude-schema hint_plan --exclude-schema pglogical 2>&1 | grep -c 'without the rows'
> 4
$ . $BASE/shell; db-connect.sh --role admin notifydb -- psql -Xqc 'create database local_test'
$ . $BASE/shell; pg_restore -v --no-owner -d "$(db-connect.sh --role admin notifydb -- sh -c 'echo "host=$PGHOST port=$PGPORT user=$PGUSER dbname=local_test"')" local.dump 2> $BASE/said; grep -c 'error' $BASE/said || true
> 0
$ . $BASE/shell; psql "$(db-connect.sh --role admin notifydb -- sh -c 'echo "host=$PGHOST port=$PGPORT user=$PGUSER dbname=local_test"')" -XAtc 'select (select count(*) from services), (select count(*) from notifications), (select count(*) from ft_billing)'
> 2|0|0
