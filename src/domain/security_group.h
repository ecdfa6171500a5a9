#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/scope.h"
#include "domain/tag.h"
#include "store/store.h"

/// Security groups: who may open a new connection. Rules only ever admit; what no rule admits is refused. As on AWS a
/// connection that is open stays open when the rule that admitted it goes.
namespace howdah {

/// One source (or destination) of one protocol and port range. Exactly one of cidr4, cidr6 and group_id is not empty.
struct Rule {
  std::string id;  ///< "sgr-" + 17 hex; kept for as long as the rule lives, also through ModifySecurityGroupRules
  bool egress = false;
  std::string protocol;              ///< "tcp", "udp", "icmp", "icmpv6", "-1" (all) or a protocol number
  int from_port = -1, to_port = -1;  ///< tcp, udp: ports; icmp: type and code, -1 = all; otherwise -1
  std::string cidr4, cidr6;          ///< canonical
  std::string group_id, group_owner;
  std::string description;

  /// The same permission: everything but id and description is equal. AWS calls such a rule a duplicate.
  bool same_permission(const Rule& other) const;
  /// As AWS's messages write it: `peer: 1.2.3.4/32, TCP, from port: 22, to port: 22, ALLOW`.
  std::string text() const;
};

struct SecurityGroup {
  static constexpr std::string_view kKind = "security-group";
  Scope scope;
  std::string id, vpc_id, name, description;
  std::vector<Rule> rules;  ///< in the order of their making

  std::string key() const { return scope.key(id); }
  std::string arn() const { return scope.arn("ec2", "security-group/" + id); }
  std::string owner() const { return scope.account; }
  bool is_default() const { return name == "default"; }
  const Rule* rule(std::string_view rule_id) const;
  /// find() knows a group also by its name in its VPC, and by each of its rules' ids.
  std::vector<std::string> aliases() const;
  std::string encode() const;
  static SecurityGroup decode(std::string_view text);
};

std::string group_name_alias(const Scope& scope, std::string_view vpc_id, std::string_view name);
/// Alias and, within a scope, name of the group that holds a rule.
std::string group_rule_alias(const Scope& scope, std::string_view rule_id);

inline constexpr size_t kMaxRules = 60;  ///< each direction, IPv4 and IPv6 counted apart (AWS's default quota)

/// Throws InvalidParameterValue unless AWS allows the text as a name or description of a group (1-255 of its set).
void check_group_name(std::string_view name);
void check_group_description(std::string_view description);

/// Checks a rule that a caller sent and brings it into the one form that is stored: protocol by name, canonical CIDR,
/// ports that don't apply as -1. Throws InvalidParameterValue or InvalidPermission.Malformed.
Rule normalized(Rule rule);

/// Add or take away, all or nothing: a Fault leaves the group as it was. Rules are normalized() before.
/// Throws InvalidPermission.Duplicate, RulesPerSecurityGroupLimitExceeded.
void add_rules(SecurityGroup& group, const std::vector<Rule>& rules);
/// By permission; throws InvalidPermission.NotFound. Returns what was removed.
std::vector<Rule> remove_rules(SecurityGroup& group, const std::vector<Rule>& rules);
/// By id, only of this direction; throws InvalidSecurityGroupRuleId.NotFound. Returns what was removed.
std::vector<Rule> remove_rules(SecurityGroup& group, bool egress, const std::vector<std::string>& rule_ids);
/// Puts `changed` in the place of the rules of the same ids, at once, so that two rules may trade places. Direction is
/// kept. Throws InvalidSecurityGroupRuleId.NotFound, InvalidPermission.Duplicate, RulesPerSecurityGroupLimitExceeded.
void replace_rules(SecurityGroup& group, const std::vector<Rule>& changed);

/// The group of that id. Throws InvalidGroupId.Malformed or InvalidGroup.NotFound with AWS's texts.
/// Reader is a store::Store or a store::Tx.
template <class Reader>
std::shared_ptr<const SecurityGroup> require_group(const Reader& reader, const Scope& scope, std::string_view id);
void check_group_id(std::string_view id);
[[noreturn]] void throw_group_not_found(std::string_view id);

/// A block of addresses that may open connections, and the rule that says so first.
struct Admitted {
  std::string cidr;
  std::string rule_id;
};

/// The addresses of a group's members, as single addresses or CIDRs, for instance those of the instances in it.
using Members = std::function<std::vector<std::string>(const std::string& group_id)>;

/// From where new connections to TCP `port` of something that is in `group_ids` are admitted: what pg_hba.conf must
/// say. Pure but for reading the store; nothing else decides about admission.
///
/// - An ingress rule for tcp whose range holds the port, or for all protocols, admits its CIDR.
/// - An ingress rule that references group G admits the addresses of G's members: `members(G)`.
/// - This very machine (127.0.0.1 and ::1) counts as a member of the default group of every VPC, so that psql on the
///   laptop reaches an instance in the default group out of the box. It leaves, as any member would, when the default
///   group's reference to itself is revoked; and an instance that is only in other groups does not admit it.
/// - Groups of another scope and groups that are gone admit nobody.
///
/// Canonical CIDRs without duplicates, IPv4 before IPv6, in address order: equal answers are equal files.
std::vector<Admitted> admitted_sources(const store::Store& store, const Scope& scope,
                                       const std::vector<std::string>& group_ids, int port, const Members& members);

template <class Reader>
std::shared_ptr<const SecurityGroup> require_group(const Reader& reader, const Scope& scope, std::string_view id) {
  check_group_id(id);
  auto group = reader.template get<SecurityGroup>(scope.key(id));
  if (!group) throw_group_not_found(id);
  return group;
}

}  // namespace howdah
