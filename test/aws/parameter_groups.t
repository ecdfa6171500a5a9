# DB parameter groups: names, defaults, refusals. What they do to a server is in K1_parameters.t.
version = $ aws rds describe-db-engine-versions --engine postgres --default-only --query 'DBEngineVersions[0].MajorEngineVersion' --output text
$ aws rds describe-db-parameter-groups --query 'DBParameterGroups[].DBParameterGroupName'
~ contains(@, 'default.postgres$version') == true
$ aws rds create-db-parameter-group --db-parameter-group-name Mine --db-parameter-group-family postgres$version --description 'my own' --tags Key=team,Value=data
~ DBParameterGroup.DBParameterGroupName == mine
~ DBParameterGroup.DBParameterGroupFamily == postgres$version
~ DBParameterGroup.Description == my own
~ DBParameterGroup.DBParameterGroupArn =~ :pg:mine$
arn = $ aws rds describe-db-parameter-groups --db-parameter-group-name mine --query 'DBParameterGroups[0].DBParameterGroupArn' --output text
$ aws rds list-tags-for-resource --resource-name $arn
~ TagList == [{"Key": "team", "Value": "data"}]
! aws rds create-db-parameter-group --db-parameter-group-name mine --db-parameter-group-family postgres$version --description x    # DBParameterGroupAlreadyExists
! aws rds create-db-parameter-group --db-parameter-group-name a--b --db-parameter-group-family postgres$version --description x    # InvalidParameterValue
! aws rds create-db-parameter-group --db-parameter-group-name other --db-parameter-group-family mysql8.0 --description x    # InvalidParameterValue
# The paginator walks all pages: every parameter is there once, with everything that Terraform reads.
$ aws rds describe-db-parameters --db-parameter-group-name mine
~ length(Parameters[?ParameterName=='max_connections']) == 1
~ Parameters[?ParameterName=='max_connections'].ParameterValue | [0] == LEAST({DBInstanceClassMemory/9531392},5000)
~ Parameters[?ParameterName=='max_connections'].[Source, ApplyType, DataType, AllowedValues, ApplyMethod] | [0] == ["system", "static", "integer", "6-262143", "pending-reboot"]
~ Parameters[?ParameterName=='work_mem'].[Source, ApplyType, IsModifiable] | [0] == ["engine-default", "dynamic", true]
~ Parameters[?ParameterName=='data_directory'].IsModifiable | [0] == false
~ length(Parameters[?Source=='user']) == 0
$ aws rds describe-engine-default-parameters --db-parameter-group-family postgres$version --query 'EngineDefaults.Parameters[?ParameterName==`shared_buffers`].ParameterValue'
~ [0] == {DBInstanceClassMemory/32768}
# Changes: verbatim, by source, all or nothing.
$ aws rds modify-db-parameter-group --db-parameter-group-name mine --parameters ParameterName=work_mem,ParameterValue=8192,ApplyMethod=immediate "ParameterName=max_connections,ParameterValue='{DBInstanceVCPU*50}',ApplyMethod=pending-reboot"
~ DBParameterGroupName == mine
$ aws rds describe-db-parameters --db-parameter-group-name mine --source user
~ Parameters[].[ParameterName, ParameterValue, ApplyMethod] == [["max_connections", "{DBInstanceVCPU*50}", "pending-reboot"], ["work_mem", "8192", "immediate"]]
! aws rds modify-db-parameter-group --db-parameter-group-name mine --parameters ParameterName=max_connections,ParameterValue=100,ApplyMethod=immediate    # InvalidParameterCombination: cannot use immediate apply method for static parameter
! aws rds modify-db-parameter-group --db-parameter-group-name mine --parameters ParameterName=max_connections,ParameterValue=5,ApplyMethod=pending-reboot    # InvalidParameterValue: Invalid parameter value: 5 for: max_connections allowed values are: 6-262143
! aws rds modify-db-parameter-group --db-parameter-group-name mine --parameters ParameterName=nonsense,ParameterValue=5,ApplyMethod=immediate    # InvalidParameterValue: Could not find parameter with name: nonsense
! aws rds modify-db-parameter-group --db-parameter-group-name mine --parameters ParameterName=data_directory,ParameterValue=/tmp,ApplyMethod=pending-reboot    # InvalidParameterValue: The parameter data_directory cannot be modified.
! aws rds modify-db-parameter-group --db-parameter-group-name default.postgres$version --parameters ParameterName=work_mem,ParameterValue=8192,ApplyMethod=immediate    # InvalidParameterValue: Cannot modify a default parameter group
! aws rds modify-db-parameter-group --db-parameter-group-name nobody --parameters ParameterName=work_mem,ParameterValue=8192,ApplyMethod=immediate    # DBParameterGroupNotFound
$ aws rds describe-events --source-type db-parameter-group --source-identifier mine
~ length(Events) == 2
# A copy has the same values; a reset has none.
$ aws rds copy-db-parameter-group --source-db-parameter-group-identifier mine --target-db-parameter-group-identifier second --target-db-parameter-group-description copy
~ DBParameterGroup.DBParameterGroupName == second
$ aws rds reset-db-parameter-group --db-parameter-group-name mine --no-reset-all-parameters --parameters ParameterName=work_mem,ApplyMethod=immediate
$ aws rds describe-db-parameters --db-parameter-group-name mine --source user
~ Parameters[].ParameterName == ["max_connections"]
$ aws rds reset-db-parameter-group --db-parameter-group-name mine --reset-all-parameters
$ aws rds describe-db-parameters --db-parameter-group-name mine --source user
~ Parameters == []
$ aws rds describe-db-parameters --db-parameter-group-name second --source user
~ length(Parameters) == 2
$ aws rds delete-db-parameter-group --db-parameter-group-name second
! aws rds delete-db-parameter-group --db-parameter-group-name second    # DBParameterGroupNotFound
! aws rds delete-db-parameter-group --db-parameter-group-name default.postgres$version    # InvalidDBParameterGroupState
