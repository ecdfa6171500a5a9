#pragma once
#include "aws/rds.h"
#include "domain/instance.h"
#include "rds/rds.h"
#include "rds/subnet_groups.h"

namespace howdah::rds {

/// Writes the instances of one answer: what they have in common is looked up once.
class InstanceWriter {
 public:
  explicit InstanceWriter(const Rds& rds) : rds_(rds), subnet_groups_(rds.store) {}
  /// What DescribeDBInstances says of an instance. `status` is status_of() as the caller sees it: inside a transaction
  /// or outside.
  aws::rds::DBInstance operator()(const Instance& instance, const std::string& status);

 private:
  void add_groups(const Instance& instance, aws::rds::DBInstance& out);
  const std::string& hosted_zone(const std::string& region);

  const Rds& rds_;
  SubnetGroupsOfAnswer subnet_groups_;
  std::map<std::string, std::string> hosted_zones_;  // region -> id
};
aws::rds::DBInstance to_wire(const Rds& rds, const Instance& instance, const std::string& status);

/// Zero times are absent on the wire.
std::optional<wire::Timestamp> to_wire(Time t);

/// Restore times have whole seconds: what is shown can be asked for.
Time whole_second_after(Time t);
/// The last whole second of a restore window that ends at `latest`; nothing while there is none in it.
std::optional<Time> last_whole_second(const Instance& i, std::optional<Time> latest);

wire::Seq<aws::rds::Tag> to_wire(const Tags& tags);
/// Throws what check_tags() throws, and InvalidParameterValue for a key that is given twice or missing.
Tags tags_from_wire(const wire::Seq<aws::rds::Tag>& tags);

}  // namespace howdah::rds
