// Tags of every EC2 resource, one record each, whatever the type.
#include <fmt/format.h>

#include <algorithm>

#include "api/api.h"
#include "api/context.h"
#include "api/paginate.h"
#include "domain/security_group.h"
#include "ec2/ec2.h"
#include "ec2/filter.h"

namespace howdah::ec2 {
namespace {

using Values = std::vector<std::string>;

template <std::string (*derive)(std::string_view)>
bool any_vpc_has(const store::Tx& tx, const Scope& scope, std::string_view id) {
  const auto vpcs = tx.all<Vpc>(scope.prefix());
  return std::ranges::any_of(vpcs, [&](const auto& v) { return derive(v->id) == id; });
}

template <store::Record T>
bool has_record(const store::Tx& tx, const Scope& scope, std::string_view id) {
  return tx.get<T>(scope.key(id)) != nullptr;
}

bool has_rule(const store::Tx& tx, const Scope& scope, std::string_view id) {
  return tx.find<SecurityGroup>(group_rule_alias(scope, id)) != nullptr;
}

/// A type of resource that can have tags. A new type is one row.
struct Type {
  std::string_view prefix;  ///< of its ids
  const char* name;         ///< as DescribeTags and tag specifications call it
  const char* not_found;    ///< error code
  const char* noun;         ///< for the error's text
  bool (*exists)(const store::Tx&, const Scope&, std::string_view id);
};

constexpr Type kTypes[] = {
    {"sgr-", "security-group-rule", "InvalidSecurityGroupRuleId.NotFound", "security group rule ID", has_rule},
    {"sg-", "security-group", "InvalidGroup.NotFound", "security group", has_record<SecurityGroup>},
    {"vpc-", "vpc", "InvalidVpcID.NotFound", "vpc ID", has_record<Vpc>},
    {"subnet-", "subnet", "InvalidSubnetID.NotFound", "subnet ID", has_record<Subnet>},
    {"rtb-", "route-table", "InvalidRouteTableID.NotFound", "routeTable ID", any_vpc_has<main_route_table_id>},
    {"acl-", "network-acl", "InvalidNetworkAclID.NotFound", "networkAcl ID", any_vpc_has<default_network_acl_id>},
    {"igw-", "internet-gateway", "InvalidInternetGatewayID.NotFound", "internetGateway ID",
     any_vpc_has<internet_gateway_id>},
};

const Type* type_of(std::string_view id) {
  for (const auto& type : kTypes) {
    if (id.starts_with(type.prefix)) return &type;
  }
  return nullptr;
}

void check_resources(const store::Tx& tx, const Scope& scope, const wire::Seq<std::string>& ids) {
  if (ids.empty()) missing("resourceIdSet");
  for (const auto& id : ids) {
    const Type* type = type_of(id);
    if (!type) throw Fault("InvalidID", fmt::format("The ID '{}' is not valid", id));
    if (!type->exists(tx, scope, id)) {
      throw Fault(type->not_found, fmt::format("The {} '{}' does not exist", type->noun, id));
    }
  }
}

wire::Empty create(Ec2& ec2, api::Context& ctx, const aws::ec2::CreateTagsRequest& in) {
  const auto scope = enter(ec2, ctx);
  if (in.tags.empty()) missing("Tag");
  const auto given = tags_from_wire(in.tags);
  ec2.store.write([&](store::Tx& tx) {
    check_resources(tx, scope, in.resources);
    for (const auto& id : in.resources) {
      auto tags = resource_tags(tx, scope, id);
      for (const auto& [key, value] : given) tags[key] = value;
      if (tags.size() > 50) {
        throw Fault("TagLimitExceeded",
                    fmt::format("The maximum number of Tags for a resource has been reached: '{}'", id));
      }
      put_resource_tags(tx, scope, id, std::move(tags));
    }
    answer_dry_run(in.dry_run);
  });
  return {};
}

/// A tag without a value removes the key whatever its value is; no tags at all remove every tag.
Tags without(Tags tags, const wire::Seq<aws::ec2::Tag>& doomed) {
  if (doomed.empty()) return {};
  for (const auto& tag : doomed) {
    const auto it = tags.find(tag.key.value_or(""));
    if (it != tags.end() && (!tag.value || *tag.value == it->second)) tags.erase(it);
  }
  return tags;
}

wire::Empty remove(Ec2& ec2, api::Context& ctx, const aws::ec2::DeleteTagsRequest& in) {
  const auto scope = enter(ec2, ctx);
  ec2.store.write([&](store::Tx& tx) {
    check_resources(tx, scope, in.resources);
    for (const auto& id : in.resources)
      put_resource_tags(tx, scope, id, without(resource_tags(tx, scope, id), in.tags));
    answer_dry_run(in.dry_run);
  });
  return {};
}

struct OneTag {
  std::string resource, type, key, value;
};

aws::ec2::DescribeTagsResult describe(Ec2& ec2, api::Context& ctx, const aws::ec2::DescribeTagsRequest& in) {
  const auto scope = enter(ec2, ctx);
  const Filters<OneTag> filters(in.filters, {{"key", [](const OneTag& t) { return Values{t.key}; }},
                                             {"resource-id", [](const OneTag& t) { return Values{t.resource}; }},
                                             {"resource-type", [](const OneTag& t) { return Values{t.type}; }},
                                             {"value", [](const OneTag& t) { return Values{t.value}; }}});
  answer_dry_run(in.dry_run);
  std::vector<OneTag> all;
  for (const auto& record : ec2.store.all<ResourceTags>(scope.prefix())) {
    const Type* type = type_of(record->id);
    for (const auto& [key, value] : record->tags) {
      OneTag tag{record->id, type ? type->name : "", key, value};
      if (filters.accept(tag, {{key, value}})) all.push_back(std::move(tag));
    }
  }
  const auto page = api::page_of(std::move(all), api::ec2_page(in.next_token, in.max_results),
                                 [](const OneTag& t) { return t.resource + "/" + t.key; });
  aws::ec2::DescribeTagsResult out;
  out.next_token = page.marker;
  out.tags.present = true;
  for (const auto& t : page.items) {
    out.tags.add({.key = t.key, .resource_id = t.resource, .resource_type = t.type, .value = t.value});
  }
  return out;
}

}  // namespace

void register_tags(api::Api& api, Ec2& ec2) {
  const auto& service = aws::ec2::kService;
  api.on(service, "CreateTags", ec2, create);
  api.on(service, "DeleteTags", ec2, remove);
  api.on(service, "DescribeTags", ec2, describe);
}

}  // namespace howdah::ec2
