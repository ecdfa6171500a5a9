# Tags by ARN.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --tags Key=one,Value=1
arn = $ aws rds describe-db-instances --db-instance-identifier a --query 'DBInstances[0].DBInstanceArn' --output text
$ aws rds list-tags-for-resource --resource-name $arn
~ TagList == [{"Key": "one", "Value": "1"}]
$ aws rds add-tags-to-resource --resource-name $arn --tags Key=two,Value=2 Key=one,Value=uno 'Key=with space,Value=a+b/c=d:e@f'
$ aws rds list-tags-for-resource --resource-name $arn
~ length(TagList) == 3
~ TagList[?Key=='one'].Value | [0] == uno
~ TagList[?Key=='with space'].Value | [0] == a+b/c=d:e@f
$ aws rds describe-db-instances --db-instance-identifier a
~ length(DBInstances[0].TagList) == 3
$ aws rds remove-tags-from-resource --resource-name $arn --tag-keys one absent
$ aws rds list-tags-for-resource --resource-name $arn --query 'TagList[].Key'
~ sort(@) == ["two", "with space"]
! aws rds add-tags-to-resource --resource-name $arn --tags Key=aws:x,Value=1    # InvalidParameterValue
! aws rds add-tags-to-resource --resource-name $arn --tags "Key=$(printf 'a%.0s' {1..129}),Value=1"    # InvalidParameterValue
! aws rds add-tags-to-resource --resource-name $arn --tags $(for i in $(seq 1 51); do echo Key=k$i,Value=v; done)    # InvalidParameterValue
# Characters are counted, not bytes; what RDS refuses in keys and values is refused.
$ aws rds add-tags-to-resource --resource-name $arn --tags "Key=$(printf 'ü%.0s' {1..128}),Value=$(printf 'ü%.0s' {1..256})"
$ aws rds remove-tags-from-resource --resource-name $arn --tag-keys "$(printf 'ü%.0s' {1..128})"
! aws rds add-tags-to-resource --resource-name $arn --tags 'Key=a*b,Value=1'    # InvalidParameterValue: The tag 'a*b' has characters that are not allowed.
! aws rds add-tags-to-resource --resource-name $arn --tags 'Key=a,Value=(b)'    # InvalidParameterValue: The tag 'a' has characters that are not allowed.
$ aws rds list-tags-for-resource --resource-name $arn
~ length(TagList) == 2
! aws rds list-tags-for-resource --resource-name a    # InvalidParameterValue
! aws rds add-tags-to-resource --resource-name a --tags Key=x,Value=1    # InvalidParameterValue
! aws rds list-tags-for-resource --resource-name arn:aws:rds:$REGION:123456789012:db:nope    # DBInstanceNotFound
# Names ignore case, also in an ARN.
$ aws rds list-tags-for-resource --resource-name arn:aws:rds:$REGION:123456789012:db:A
~ length(TagList) == 2
# Subnet groups have tags as well.
subnets = $ aws ec2 describe-subnets --query 'Subnets[].SubnetId' --output text
$ aws rds create-db-subnet-group --db-subnet-group-name g --db-subnet-group-description x --subnet-ids $subnets --tags Key=s,Value=t
garn = $ aws rds describe-db-subnet-groups --db-subnet-group-name g --query 'DBSubnetGroups[0].DBSubnetGroupArn' --output text
$ aws rds list-tags-for-resource --resource-name $garn
~ TagList == [{"Key": "s", "Value": "t"}]
$ aws rds wait db-instance-available --db-instance-identifier a
