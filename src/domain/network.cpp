#include "domain/network.h"

#include <fmt/format.h>

#include "domain/json.h"
#include "domain/security_group.h"
#include "domain/subnet_group.h"
#include "util/id.h"

namespace howdah {
namespace {

/// That a scope got its default network: a default VPC that was deleted must not come back by itself.
struct NetworkMarker {
  static constexpr std::string_view kKind = "network";
  Scope scope;
  std::string key() const { return scope.prefix(); }
  std::string encode() const {
    return json::write([&](auto& v) { v("scope", scope); });
  }
  static NetworkMarker decode(std::string_view text) {
    NetworkMarker m;
    json::read(text, [&](auto& v) { v("scope", m.scope); });
    return m;
  }
};

template <class V, class T>
void vpc_fields(V& v, T& x) {
  v("scope", x.scope);
  v("id", x.id);
  v("cidr", x.cidr);
  v("default", x.is_default);
  v("dns_support", x.dns_support);
  v("dns_hostnames", x.dns_hostnames);
  v("address_usage_metrics", x.address_usage_metrics);
}

template <class V, class T>
void subnet_fields(V& v, T& x) {
  v("scope", x.scope);
  v("id", x.id);
  v("vpc", x.vpc_id);
  v("cidr", x.cidr);
  v("zone", x.zone);
  v("default_for_az", x.default_for_az);
  v("map_public_ip", x.map_public_ip);
}

/// "eu-west-2" -> "euw2", "ap-southeast-1" -> "apse1": AWS's own short names in zone ids.
std::string short_region(std::string_view region) {
  std::string out;
  for (bool first = true; !region.empty(); first = false) {
    const auto dash = std::min(region.find('-'), region.size());
    const auto part = region.substr(0, dash);
    region.remove_prefix(std::min(dash + 1, region.size()));
    if (first || (!part.empty() && part[0] >= '0' && part[0] <= '9')) {
      out += part;
      continue;
    }
    out += part.substr(0, 1);
    for (const auto second : {"east", "west"}) {  // northeast, southwest
      if (part.size() > 4 && part.ends_with(second)) out += second[0];
    }
  }
  return out;
}

std::string derived(std::string_view prefix, std::string_view from) {
  return fmt::format("{}-{}", prefix, id::stable_hex(fmt::format("{}/{}", prefix, from), 17));
}

template <store::Record... T>
void erase_every(store::Tx& tx) {
  const auto erase = [&]<class One>(One*) {
    for (const auto& record : tx.all<One>()) tx.erase<One>(record->key());
  };
  (erase(static_cast<T*>(nullptr)), ...);
}

}  // namespace

std::vector<Zone> zones(std::string_view region, const NetworkConfig& config) {
  std::vector<Zone> out;
  const auto short_name = short_region(region);
  for (const auto& suffix : config.zones) {
    out.push_back({std::string(region) + suffix, fmt::format("{}-az{}", short_name, out.size() + 1)});
  }
  return out;
}

std::string Vpc::encode() const {
  return json::write([&](auto& v) { vpc_fields(v, *this); });
}
Vpc Vpc::decode(std::string_view text) {
  Vpc x;
  json::read(text, [&](auto& v) { vpc_fields(v, x); });
  return x;
}

std::string Subnet::encode() const {
  return json::write([&](auto& v) { subnet_fields(v, *this); });
}
Subnet Subnet::decode(std::string_view text) {
  Subnet x;
  json::read(text, [&](auto& v) { subnet_fields(v, x); });
  return x;
}

std::string ResourceTags::encode() const {
  return json::write([&](auto& v) {
    v("scope", scope);
    v("id", id);
    v("tags", tags);
  });
}
ResourceTags ResourceTags::decode(std::string_view text) {
  ResourceTags x;
  json::read(text, [&](auto& v) {
    v("scope", x.scope);
    v("id", x.id);
    v("tags", x.tags);
  });
  return x;
}

void put_resource_tags(store::Tx& tx, const Scope& scope, std::string_view id, Tags tags) {
  check_tags(tags);
  if (!tags.empty()) {
    tx.put(ResourceTags{scope, std::string(id), std::move(tags)});
  } else if (tx.get<ResourceTags>(scope.key(id))) {
    tx.erase<ResourceTags>(scope.key(id));
  }
}

void use_network_records(store::Store& store) {
  store.use<NetworkMarker>();
  store.use<Vpc>();
  store.use<Subnet>();
  store.use<SecurityGroup>();
  store.use<SubnetGroup>();
  store.use<ResourceTags>();
}

void erase_network_records(store::Tx& tx) {
  erase_every<NetworkMarker, Vpc, Subnet, SecurityGroup, SubnetGroup, ResourceTags>(tx);
}

std::string default_vpc_id(const Scope& scope) { return derived("vpc", scope.prefix()); }
std::string default_group_id(std::string_view vpc_id) { return derived("sg", vpc_id); }
std::string main_route_table_id(std::string_view vpc_id) { return derived("rtb", vpc_id); }
std::string default_network_acl_id(std::string_view vpc_id) { return derived("acl", vpc_id); }
std::string internet_gateway_id(std::string_view vpc_id) { return derived("igw", vpc_id); }
std::string dhcp_options_id(const Scope& scope) { return derived("dopt", scope.prefix()); }

std::shared_ptr<const Vpc> ensure_default_network(store::Store& store, const Scope& scope,
                                                  const NetworkConfig& config) {
  if (!store.get<NetworkMarker>(scope.prefix())) {
    store.write([&](store::Tx& tx) {
      if (!tx.get<NetworkMarker>(scope.prefix())) put_default_network(tx, scope, config);
    });
  }
  return default_vpc(store, scope);
}

void put_default_network(store::Tx& tx, const Scope& scope, const NetworkConfig& config) {
  Vpc vpc{.scope = scope, .id = default_vpc_id(scope), .cidr = "172.31.0.0/16", .is_default = true};
  vpc.dns_hostnames = true;
  put_new_vpc(tx, vpc);
  int third = 0;
  for (const auto& zone : zones(scope.region, config)) {
    if (third > 240) break;  // 16 subnets of /20 fill the VPC
    tx.put(Subnet{.scope = scope,
                  .id = derived("subnet", vpc.id + "/" + zone.name),
                  .vpc_id = vpc.id,
                  .cidr = fmt::format("172.31.{}.0/20", third),
                  .zone = zone.name,
                  .default_for_az = true,
                  .map_public_ip = true});
    third += 16;
  }
  tx.put(NetworkMarker{scope});
}

void put_new_vpc(store::Tx& tx, const Vpc& vpc) {
  SecurityGroup group{.scope = vpc.scope,
                      .id = default_group_id(vpc.id),
                      .vpc_id = vpc.id,
                      .name = "default",
                      .description = "default VPC security group"};
  group.rules.push_back({.id = derived("sgr", group.id + "/ingress"),
                         .protocol = "-1",
                         .group_id = group.id,
                         .group_owner = vpc.scope.account});
  group.rules.push_back(
      {.id = derived("sgr", group.id + "/egress"), .egress = true, .protocol = "-1", .cidr4 = "0.0.0.0/0"});
  tx.put(std::move(group));
  tx.put(vpc);
}

}  // namespace howdah
