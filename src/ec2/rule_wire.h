#pragma once
#include <vector>

#include "aws/ec2.h"
#include "domain/security_group.h"
#include "ec2/ec2.h"

/// Security group rules between the wire's two pictures of them (permissions that hold many sources, single rules) and
/// the record's one.
namespace howdah::ec2 {

/// The rules that a list of permissions stands for, normalized, without ids. A source group is looked up by id, or by
/// name in the default VPC, and must be in the VPC of `group`.
std::vector<Rule> rules_of(const store::Tx& tx, const SecurityGroup& group, bool egress,
                           const wire::Seq<aws::ec2::IpPermission>& permissions);

/// The rule that ModifySecurityGroupRules asks for in the place of one in `group`.
Rule rule_of(const store::Tx& tx, const SecurityGroup& group, const aws::ec2::SecurityGroupRuleRequest& request);

aws::ec2::SecurityGroupRule to_wire(const SecurityGroup& group, const Rule& rule, const Tags& tags);
aws::ec2::RevokedSecurityGroupRule to_wire_revoked(const SecurityGroup& group, const Rule& rule);

/// One direction's rules, those of one protocol and port range together, as DescribeSecurityGroups shows them.
wire::Seq<aws::ec2::IpPermission> permissions_of(const SecurityGroup& group, bool egress);

/// The group that a request names by id, or by name in the default VPC.
template <class In>
std::shared_ptr<const SecurityGroup> target_group(const store::Tx& tx, const Scope& scope, const In& in);
std::shared_ptr<const SecurityGroup> group_by_name(const store::Tx& tx, const Scope& scope, std::string_view name);

template <class In>
std::shared_ptr<const SecurityGroup> target_group(const store::Tx& tx, const Scope& scope, const In& in) {
  if constexpr (requires { in.group_name; }) {
    if (in.group_id && in.group_name) {
      throw Fault("InvalidParameterCombination", "The parameter groupName can't be used with the parameter groupId.");
    }
  }
  if (in.group_id) return require_group(tx, scope, *in.group_id);
  if constexpr (requires { in.group_name; }) {
    if (in.group_name) return group_by_name(tx, scope, *in.group_name);
  }
  missing("GroupId");
}

}  // namespace howdah::ec2
