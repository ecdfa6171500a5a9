#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "aws/rds.h"
#include "pg/engine.h"
#include "rds/rds.h"

namespace howdah::rds {

aws::rds::DBEngineVersionMessage describe_db_engine_versions(Rds&, api::Context&,
                                                             const aws::rds::DescribeDBEngineVersionsMessage&);
aws::rds::DescribeDBMajorEngineVersionsResponse describe_db_major_engine_versions(
    Rds&, api::Context&, const aws::rds::DescribeDBMajorEngineVersionsRequest&);

/// False for an engine of AWS that this version does not serve: it has no versions. Throws InvalidParameterValue for a
/// name that is no engine at all.
bool serves_engine(std::string_view engine);

/// Whether `wanted` means this version: all of it ("15.18") or its major ("15").
bool version_matches(const pg::Engine& engine, std::string_view wanted);

std::string major_of(const pg::Engine& engine);  ///< "15"
/// Sorts as versions do: "00015.00018".
std::string version_key(const pg::Engine& engine);

/// The build whose parameters a family shows: the newest that is installed. Null when there is none.
const pg::Engine* engine_of_family(const pg::Catalog& catalog, std::string_view family);

/// The major versions that are installed, ascending.
std::vector<int> installed_majors(const pg::Catalog& catalog);

}  // namespace howdah::rds
