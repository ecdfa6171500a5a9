#include "domain/security_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "domain/cidr.h"
#include "domain/json.h"
#include "domain/network.h"
#include "util/text.h"

namespace howdah {

template <class V, class T>
requires std::same_as<std::remove_const_t<T>, Rule>
void fields(V& v, T& x) {
  v("id", x.id);
  v("egress", x.egress);
  v("protocol", x.protocol);
  v("from", x.from_port);
  v("to", x.to_port);
  v("cidr4", x.cidr4);
  v("cidr6", x.cidr6);
  v("group", x.group_id);
  v("group_owner", x.group_owner);
  v("description", x.description);
}

namespace {

template <class V, class T>
void group_fields(V& v, T& x) {
  v("scope", x.scope);
  v("id", x.id);
  v("vpc", x.vpc_id);
  v("name", x.name);
  v("description", x.description);
  v("rules", x.rules);
}

[[noreturn]] void invalid(const std::string& message) { throw Fault("InvalidParameterValue", message); }

bool allowed_character(char c) {
  constexpr std::string_view kOthers = " ._-:/()#,@[]+=&;{}!$*";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kOthers.find(c) != kOthers.npos;
}

bool allowed_text(std::string_view text) { return text.size() <= 255 && std::ranges::all_of(text, allowed_character); }

std::optional<int> number(std::string_view text) {
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  return n;
}

std::string protocol_name(std::string_view sent) {
  const std::string text = lower_case(sent);
  static const std::map<std::string, std::string, std::less<>> names = {{"1", "icmp"},    {"6", "tcp"},  {"17", "udp"},
                                                                        {"58", "icmpv6"}, {"all", "-1"}, {"-1", "-1"}};
  if (const auto it = names.find(text); it != names.end()) return it->second;
  if (text == "tcp" || text == "udp" || text == "icmp" || text == "icmpv6") return text;
  if (const auto n = number(text); n && *n >= 0 && *n <= 255) return std::to_string(*n);
  invalid(fmt::format("Invalid value '{}' for IP protocol. Unknown protocol.", sent));
}

void check_ports(const Rule& rule) {
  if (rule.from_port < 0 || rule.to_port < 0) {
    invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.");
  }
  if (rule.from_port > rule.to_port || rule.to_port > 65535) {
    invalid(fmt::format("Invalid TCP/UDP port range ({}:{})", rule.from_port, rule.to_port));
  }
}

void check_icmp(const Rule& rule) {
  const auto bad = [](int n) { return n < -1 || n > 255; };
  if (bad(rule.from_port) || bad(rule.to_port) || (rule.from_port == -1 && rule.to_port != -1)) {
    invalid(fmt::format("ICMP type ({}) or code ({}) out of range", rule.from_port, rule.to_port));
  }
}

void normalize_peer(Rule& rule) {
  const int peers = !rule.cidr4.empty() + !rule.cidr6.empty() + !rule.group_id.empty();
  if (peers != 1) {
    throw Fault("InvalidPermission.Malformed",
                "A rule needs exactly one of an IPv4 range, an IPv6 range and a security group.");
  }
  if (!rule.group_id.empty()) return;
  const bool v6 = rule.cidr4.empty();
  auto& text = v6 ? rule.cidr6 : rule.cidr4;
  const auto cidr = parse_cidr(text);
  if (!cidr || cidr->v6 != v6) invalid(fmt::format("CIDR block {} is malformed", text));
  text = cidr->text();
}

void check_limit(const SecurityGroup& group) {
  for (const bool egress : {false, true}) {
    const auto count = [&](auto family) {
      return std::ranges::count_if(group.rules, [&](const Rule& r) { return r.egress == egress && family(r); });
    };
    const auto v4 = count([](const Rule& r) { return r.cidr6.empty(); });
    const auto v6 = count([](const Rule& r) { return !r.cidr6.empty(); });
    if (std::cmp_greater(std::max(v4, v6), kMaxRules)) {
      throw Fault("RulesPerSecurityGroupLimitExceeded",
                  fmt::format("The maximum number of rules per security group has been reached: {} has {} for one "
                              "direction and IP version.",
                              group.id, kMaxRules));
    }
  }
}

/// Adds to `rules` unless the same permission is there.
void append_new(std::vector<Rule>& rules, const Rule& rule) {
  for (const auto& other : rules) {
    if (!other.same_permission(rule)) continue;
    throw Fault("InvalidPermission.Duplicate", fmt::format("the specified rule \"{}\" already exists", rule.text()));
  }
  rules.push_back(rule);
}

[[noreturn]] void throw_rule_not_found(std::string_view id) {
  throw Fault("InvalidSecurityGroupRuleId.NotFound", fmt::format("The security group rule ID '{}' does not exist", id));
}

}  // namespace

bool Rule::same_permission(const Rule& o) const {
  return std::tie(egress, protocol, from_port, to_port, cidr4, cidr6, group_id) ==
         std::tie(o.egress, o.protocol, o.from_port, o.to_port, o.cidr4, o.cidr6, o.group_id);
}

std::string Rule::text() const {
  std::string out = fmt::format("peer: {}{}{}, ", cidr4, cidr6, group_id);
  if (protocol == "-1") return out + "ALL, ALLOW";
  for (const unsigned char c : protocol) out += static_cast<char>(std::toupper(c));
  if (protocol == "tcp" || protocol == "udp") {
    out += fmt::format(", from port: {}, to port: {}", from_port, to_port);
  } else if (protocol.starts_with("icmp")) {
    out += fmt::format(", type: {}, code: {}", from_port, to_port);
  }
  return out + ", ALLOW";
}

const Rule* SecurityGroup::rule(std::string_view rule_id) const {
  const auto it = std::ranges::find(rules, rule_id, &Rule::id);
  return it == rules.end() ? nullptr : &*it;
}

std::vector<std::string> SecurityGroup::aliases() const {
  std::vector<std::string> out{group_name_alias(scope, vpc_id, name)};
  for (const auto& r : rules) out.push_back(group_rule_alias(scope, r.id));
  return out;
}

std::string SecurityGroup::encode() const {
  return json::write([&](auto& v) { group_fields(v, *this); });
}
SecurityGroup SecurityGroup::decode(std::string_view text) {
  SecurityGroup x;
  json::read(text, [&](auto& v) { group_fields(v, x); });
  return x;
}

std::string group_name_alias(const Scope& scope, std::string_view vpc_id, std::string_view name) {
  return fmt::format("{}{}/{}", scope.prefix(), vpc_id, name);
}
std::string group_rule_alias(const Scope& scope, std::string_view rule_id) { return scope.key(rule_id); }

void check_group_name(std::string_view name) {
  if (name.empty()) throw Fault("MissingParameter", "The request must contain the parameter GroupName");
  if (name == "default") invalid("Cannot use reserved security group name: default");
  if (name.starts_with("sg-")) {
    invalid(fmt::format("Invalid value '{}' for groupName. Group names may not be in the format sg-*.", name));
  }
  if (!allowed_text(name)) {
    invalid(
        fmt::format("Invalid security group name '{}'. Valid names are strings less than 256 characters from the "
                    "following set: a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*",
                    name));
  }
}

void check_group_description(std::string_view description) {
  if (description.empty()) throw Fault("MissingParameter", "The request must contain the parameter GroupDescription");
  if (!allowed_text(description)) {
    invalid(
        "Invalid security group description. Valid descriptions are strings less than 256 characters from the "
        "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*");
  }
}

Rule normalized(Rule rule) {
  if (rule.protocol.empty()) throw Fault("MissingParameter", "The request must contain the parameter ipProtocol");
  rule.protocol = protocol_name(rule.protocol);
  if (rule.protocol == "tcp" || rule.protocol == "udp") {
    check_ports(rule);
  } else if (rule.protocol.starts_with("icmp")) {
    check_icmp(rule);
  } else {
    rule.from_port = rule.to_port = -1;
  }
  normalize_peer(rule);
  if (!allowed_text(rule.description)) {
    invalid(
        "Invalid rule description. Valid descriptions are strings less than 256 characters from the following "
        "set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*");
  }
  return rule;
}

void add_rules(SecurityGroup& group, const std::vector<Rule>& rules) {
  SecurityGroup changed = group;
  for (const auto& rule : rules) append_new(changed.rules, rule);
  check_limit(changed);
  group = std::move(changed);
}

std::vector<Rule> remove_rules(SecurityGroup& group, const std::vector<Rule>& rules) {
  SecurityGroup changed = group;
  std::vector<Rule> removed;
  for (const auto& rule : rules) {
    const auto it = std::ranges::find_if(changed.rules, [&](const Rule& r) { return r.same_permission(rule); });
    if (it == changed.rules.end()) {
      throw Fault("InvalidPermission.NotFound", "The specified rule does not exist in this security group.");
    }
    removed.push_back(*it);
    changed.rules.erase(it);
  }
  group = std::move(changed);
  return removed;
}

std::vector<Rule> remove_rules(SecurityGroup& group, bool egress, const std::vector<std::string>& rule_ids) {
  SecurityGroup changed = group;
  std::vector<Rule> removed;
  for (const auto& id : rule_ids) {
    const auto it = std::ranges::find(changed.rules, id, &Rule::id);
    if (it == changed.rules.end() || it->egress != egress) throw_rule_not_found(id);
    removed.push_back(*it);
    changed.rules.erase(it);
  }
  group = std::move(changed);
  return removed;
}

void replace_rules(SecurityGroup& group, const std::vector<Rule>& changed) {
  SecurityGroup result = group;
  result.rules.clear();
  for (const auto& rule : changed) {
    if (!group.rule(rule.id)) throw_rule_not_found(rule.id);
  }
  for (const auto& old : group.rules) {
    const auto it = std::ranges::find(changed, old.id, &Rule::id);
    Rule rule = it == changed.end() ? old : *it;
    rule.egress = old.egress;
    append_new(result.rules, rule);
  }
  check_limit(result);
  group = std::move(result);
}

void check_group_id(std::string_view id) {
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const bool form =
      id.starts_with("sg-") && (id.size() == 11 || id.size() == 20) && std::ranges::all_of(id.substr(3), hex);
  if (!form) throw Fault("InvalidGroupId.Malformed", fmt::format("Invalid id: \"{}\" (expecting \"sg-...\")", id));
}

void throw_group_not_found(std::string_view id) {
  throw Fault("InvalidGroup.NotFound", fmt::format("The security group '{}' does not exist", id));
}

namespace {

bool admits_port(const Rule& rule, int port) {
  if (rule.egress) return false;
  return rule.protocol == "-1" || (rule.protocol == "tcp" && rule.from_port <= port && port <= rule.to_port);
}

std::vector<std::string> sources(const store::Store& store, const Scope& scope, const Rule& rule,
                                 const Members& members) {
  if (rule.group_id.empty()) return {rule.cidr4.empty() ? rule.cidr6 : rule.cidr4};
  const auto group = store.get<SecurityGroup>(scope.key(rule.group_id));
  if (!group) return {};
  auto out = members ? members(rule.group_id) : std::vector<std::string>{};
  if (group->is_default()) out.insert(out.end(), {"127.0.0.1", "::1"});
  return out;
}

}  // namespace

std::vector<Admitted> admitted_sources(const store::Store& store, const Scope& scope,
                                       const std::vector<std::string>& group_ids, int port, const Members& members) {
  std::map<Cidr, std::string> found;  // in the order of the answer
  for (const auto& id : group_ids) {
    const auto group = store.get<SecurityGroup>(scope.key(id));
    if (!group) continue;
    for (const auto& rule : group->rules) {
      if (!admits_port(rule, port)) continue;
      for (const auto& text : sources(store, scope, rule, members)) {
        const auto cidr = text.find('/') == text.npos ? parse_address(text) : parse_cidr(text);
        if (cidr) found.emplace(*cidr, rule.id);
      }
    }
  }
  std::vector<Admitted> out;
  for (const auto& [cidr, rule_id] : found) out.push_back({cidr.text(), rule_id});
  return out;
}

}  // namespace howdah
