# DescribeEvents and its categories.
$ aws rds create-db-instance --db-instance-identifier a --db-instance-class db.t3.micro --engine postgres \
    --master-username root1 --master-user-password $PASSWORD --allocated-storage 20 --backup-retention-period 0
$ aws rds wait db-instance-available --db-instance-identifier a
$ aws rds describe-events
~ Events[?Message=='DB instance created'].SourceIdentifier == ["a"]
~ Events[?Message=='DB instance created'].SourceType == ["db-instance"]
~ Events[?Message=='DB instance created'].EventCategories | [0] == ["creation"]
~ Events[?Message=='DB instance created'].SourceArn == ["arn:aws:rds:$REGION:123456789012:db:a"]
$ aws rds describe-events --source-identifier a --source-type db-instance --event-categories creation --query 'Events[].Message' --output text
> DB instance created
$ aws rds describe-events --event-categories deletion
~ Events == []
$ aws rds describe-events --source-type db-snapshot
~ Events == []
$ aws rds describe-events --source-identifier nope --source-type db-instance
~ Events == []
$ aws rds describe-events --start-time 2020-01-01T00:00:00Z --end-time 2020-01-02T00:00:00Z
~ Events == []
! aws rds describe-events --source-identifier a    # InvalidParameterCombination
! aws rds describe-events --no-paginate --max-records 19    # InvalidParameterValue
! aws rds describe-events --start-time 2020-01-02T00:00:00Z --end-time 2020-01-01T00:00:00Z    # InvalidParameterCombination
$ aws rds describe-event-categories --source-type db-instance
~ EventCategoriesMapList[0].SourceType == db-instance
~ contains(EventCategoriesMapList[0].EventCategories, 'creation') == true
~ contains(EventCategoriesMapList[0].EventCategories, 'security patching') == true
$ aws rds describe-event-categories --query 'EventCategoriesMapList[].SourceType'
~ contains(@, 'db-snapshot') == true
~ contains(@, 'db-parameter-group') == true
