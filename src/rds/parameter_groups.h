#pragma once
#include <memory>
#include <string>

#include "aws/rds.h"
#include "domain/parameter_group.h"
#include "rds/rds.h"

namespace howdah::rds {

// Groups (parameter_groups.cpp).
aws::rds::CreateDBParameterGroupResult create_db_parameter_group(Rds&, api::Context&,
                                                                 const aws::rds::CreateDBParameterGroupMessage&);
aws::rds::CopyDBParameterGroupResult copy_db_parameter_group(Rds&, api::Context&,
                                                             const aws::rds::CopyDBParameterGroupMessage&);
aws::rds::DBParameterGroupsMessage describe_db_parameter_groups(Rds&, api::Context&,
                                                                const aws::rds::DescribeDBParameterGroupsMessage&);
wire::Empty delete_db_parameter_group(Rds&, api::Context&, const aws::rds::DeleteDBParameterGroupMessage&);

// What is in them (parameters.cpp).
aws::rds::DBParameterGroupDetails describe_db_parameters(Rds&, api::Context&,
                                                         const aws::rds::DescribeDBParametersMessage&);
aws::rds::DescribeEngineDefaultParametersResult describe_engine_default_parameters(
    Rds&, api::Context&, const aws::rds::DescribeEngineDefaultParametersMessage&);
aws::rds::DBParameterGroupNameMessage modify_db_parameter_group(Rds&, api::Context&,
                                                                const aws::rds::ModifyDBParameterGroupMessage&);
aws::rds::DBParameterGroupNameMessage reset_db_parameter_group(Rds&, api::Context&,
                                                               const aws::rds::ResetDBParameterGroupMessage&);

/// The group of that name (any case): a custom one, or a default one of an installed family, made up on the spot.
/// Throws DBParameterGroupNotFound. The second form knows custom groups only.
ParameterGroup parameter_group_named(const Rds& rds, const Scope& scope, std::string_view name);
ParameterGroup own_parameter_group(const store::Tx& tx, const Scope& scope, std::string_view name);

}  // namespace howdah::rds
