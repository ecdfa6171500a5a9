#include "rds/catalog.h"

#include "api/api.h"
#include "rds/absent.h"
#include "rds/account.h"
#include "rds/certificates.h"
#include "rds/engine_versions.h"
#include "rds/events.h"
#include "rds/orderable.h"
#include "rds/parameter_groups.h"
#include "rds/tags.h"

namespace howdah::rds {

void register_catalog(api::Api& api, Rds& rds) {
  const auto& service = aws::rds::kService;
  api.on(service, "DescribeDBEngineVersions", rds, describe_db_engine_versions);
  api.on(service, "DescribeDBMajorEngineVersions", rds, describe_db_major_engine_versions);
  api.on(service, "DescribeOrderableDBInstanceOptions", rds, describe_orderable_db_instance_options);
  api.on(service, "DescribeValidDBInstanceModifications", rds, describe_valid_db_instance_modifications);

  api.on(service, "DescribeAccountAttributes", rds, describe_account_attributes);
  api.on(service, "DescribeCertificates", rds, describe_certificates);
  api.on(service, "DescribePendingMaintenanceActions", rds, describe_pending_maintenance_actions);
  api.on(service, "ApplyPendingMaintenanceAction", rds, apply_pending_maintenance_action);
  api.on(service, "DescribeOptionGroups", rds, describe_option_groups);
  api.on(service, "DescribeOptionGroupOptions", rds, describe_option_group_options);

  api.on(service, "AddTagsToResource", rds, add_tags_to_resource);
  api.on(service, "RemoveTagsFromResource", rds, remove_tags_from_resource);
  api.on(service, "ListTagsForResource", rds, list_tags_for_resource);

  api.on(service, "CreateDBParameterGroup", rds, create_db_parameter_group);
  api.on(service, "CopyDBParameterGroup", rds, copy_db_parameter_group);
  api.on(service, "DescribeDBParameterGroups", rds, describe_db_parameter_groups);
  api.on(service, "DeleteDBParameterGroup", rds, delete_db_parameter_group);
  api.on(service, "DescribeDBParameters", rds, describe_db_parameters);
  api.on(service, "DescribeEngineDefaultParameters", rds, describe_engine_default_parameters);
  api.on(service, "ModifyDBParameterGroup", rds, modify_db_parameter_group);
  api.on(service, "ResetDBParameterGroup", rds, reset_db_parameter_group);

  api.on(service, "DescribeEvents", rds, describe_events);
  api.on(service, "DescribeEventCategories", rds, describe_event_categories);

  register_absent(api);
}

}  // namespace howdah::rds
