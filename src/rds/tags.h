#pragma once
#include "aws/rds.h"
#include "rds/rds.h"

namespace howdah::rds {

/// Tags by full ARN, of instances (db:), subnet groups (subgrp:) and parameter groups (pg:).
wire::Empty add_tags_to_resource(Rds&, api::Context&, const aws::rds::AddTagsToResourceMessage&);
wire::Empty remove_tags_from_resource(Rds&, api::Context&, const aws::rds::RemoveTagsFromResourceMessage&);
aws::rds::TagListMessage list_tags_for_resource(Rds&, api::Context&, const aws::rds::ListTagsForResourceMessage&);

}  // namespace howdah::rds
