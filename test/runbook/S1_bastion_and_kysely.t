# daemon: own
# The whole story of mending a Kysely history through a bastion (seed 1: C13, C16-C18, D5, E16, G8-G15): an inbound rule for
# the bastion's private address, a tunnel that is found and killed when it hangs, and the five manual steps after main
# brought a migration that is older than the one a branch has run. `ssh` forwards as ssh does, without a host that one logs
# in to, from the bastion's address; `pnpm migrate` is howdah's command.
needs 'test -d "$(PYTHONPATH=$TEST/lib python3 -c "import npm; print(npm.modules(\"kysely\", \"kysely@0.28.18\", \"pg@8.23.1\")[0])")"'    # kysely from npm
$ aws rds create-db-instance --db-instance-identifier writer --db-instance-class db.t3.micro --engine postgres --master-username onemac --master-user-password $PASSWORD --allocated-storage 20 --db-name app
$ aws rds wait db-instance-available --db-instance-identifier writer
endpoint = $ aws rds describe-db-instances --db-instance-identifier writer --query 'DBInstances[0].Endpoint.Address' --output text
port = $ python3 -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
$ mkdir $BASE/bin && ln -s $TEST/lib/ssh_forward.py $BASE/bin/ssh && printf '%s\n' '#!/bin/sh' 'test "$1" = migrate && shift && cd $BASE/repo && exec howdah migrate "$@" --dir db/src/migrations --url "postgresql://onemac:$PASSWORD@127.0.0.1:$port/app"' > $BASE/bin/pnpm && chmod +x $BASE/bin/pnpm

# The bastion's group opens port 22 to one's own address; the writer's opens 5432 to the bastion's private address.
mine = $ aws ec2 create-security-group --group-name me-db-bastion --description 'ssh from me' --query GroupId --output text
$ aws ec2 authorize-security-group-ingress --group-id $mine --protocol tcp --port 22 --cidr $(curl -s $URL/my-ip)/32
group = $ aws ec2 create-security-group --group-name writer --description 'the database' --query GroupId --output text
$ aws rds modify-db-instance --db-instance-identifier writer --vpc-security-group-ids $group
await 'psql "host=$endpoint user=onemac dbname=app" -c "select 1" 2>&1 | grep -c "no pg_hba.conf entry"' @ == 1 within 10s
$ BASTION_IP=127.0.9.9 $BASE/bin/ssh -i $BASE/me.pem -fNL $port:$endpoint:5432 ec2-user@bastion
PGPASSWORD = $ echo $PASSWORD
! psql "host=127.0.0.1 port=$port user=onemac dbname=app" -Atc 'select 1'    # no pg_hba.conf entry for host "127.0.9.9"
$ aws ec2 authorize-security-group-ingress --group-id $group --protocol tcp --port 5432 --cidr 127.0.9.9/32
await 'psql "host=127.0.0.1 port=$port user=onemac dbname=app" -Atc "select 5"' @ == 5 within 5s
! psql "host=$endpoint user=onemac dbname=app" -Atc 'select 1'    # no pg_hba.conf entry

# The tunnel hangs: found by its command, killed, made again.
$ kill -STOP $(ps aux | grep "ssh -i $BASE" | grep -v grep | awk '{print $2}')
! PGCONNECT_TIMEOUT=2 psql "host=127.0.0.1 port=$port user=onemac dbname=app" -Atc 'select 1'    # timeout expired
$ pid=$(ps aux | grep "ssh -i $BASE" | grep -v grep | awk '{print $2}'); kill $pid; kill -CONT $pid; while kill -0 $pid 2> /dev/null; do sleep 0.05; done
$ BASTION_IP=127.0.9.9 $BASE/bin/ssh -i $BASE/me.pem -fNL $port:$endpoint:5432 ec2-user@bastion
$ psql "host=127.0.0.1 port=$port user=onemac dbname=app" -Atc 'select 5'
> 5

# A branch has run 04; then main brings 03.
$ mkdir -p $BASE/repo/db/src/migrations && ln -s $(PYTHONPATH=$TEST/lib python3 -c 'import npm; print(npm.modules("kysely", "kysely@0.28.18", "pg@8.23.1")[0])') $BASE/repo/node_modules && for m in 01_a 02_b 04_feature; do printf "export async function up(db) { await db.schema.createTable('%s').addColumn('id', 'integer').execute() }\nexport async function down(db) { await db.schema.dropTable('%s').execute() }\n" ${m#*_} ${m#*_} > $BASE/repo/db/src/migrations/2024-01-$m.mjs; done
$ $BASE/bin/pnpm migrate to latest
$ sed s/feature/main/ $BASE/repo/db/src/migrations/2024-01-04_feature.mjs > $BASE/repo/db/src/migrations/2024-01-03_main.mjs
! $BASE/bin/pnpm migrate to latest    # corrupted migrations: expected previously executed migration 2024-01-04_feature

# The five steps, by hand: hide the new one, go down, delete the rows, bring it back, go up. (`howdah migrate rebase` is one.)
$ mv $BASE/repo/db/src/migrations/2024-01-03_main.mjs $BASE/repo/hidden
$ $BASE/bin/pnpm migrate to 2024-01-02_b
$ psql "host=127.0.0.1 port=$port user=onemac dbname=app" -XAtqc "delete from kysely_migration where name > '2024-01-02_b'"
$ mv $BASE/repo/hidden $BASE/repo/db/src/migrations/2024-01-03_main.mjs
$ $BASE/bin/pnpm migrate to latest
$ psql "host=127.0.0.1 port=$port user=onemac dbname=app" -XAtqc "select string_agg(name, ' ' order by timestamp, name) from kysely_migration"
> 2024-01-01_a 2024-01-02_b 2024-01-03_main 2024-01-04_feature
$ kill $(ps aux | grep "ssh -i $BASE" | grep -v grep | awk '{print $2}')
