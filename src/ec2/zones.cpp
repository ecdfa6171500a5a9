// Regions, availability zones and what the account may do. Any region name is accepted; its zones are configured.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/api.h"
#include "api/context.h"
#include "domain/config.h"
#include "ec2/ec2.h"
#include "ec2/filter.h"

namespace howdah::ec2 {
namespace {

using Values = std::vector<std::string>;

aws::ec2::AvailabilityZone to_wire(const std::string& region, const Zone& zone) {
  aws::ec2::AvailabilityZone out;
  out.opt_in_status = "opt-in-not-required";
  out.messages.present = true;
  out.region_name = region;
  out.zone_name = zone.name;
  out.zone_id = zone.id;
  out.group_name = region + "-zg-1";
  out.network_border_group = region;
  out.zone_type = "availability-zone";
  out.state = "available";
  return out;
}

template <class Name>
void check_known(const wire::Seq<std::string>& asked, const std::vector<Zone>& known, Name name) {
  for (const auto& wanted : asked) {
    if (std::ranges::find(known, wanted, name) != known.end()) continue;
    throw Fault("InvalidParameterValue", fmt::format("Invalid availability zone: [{}]", wanted));
  }
}

aws::ec2::DescribeAvailabilityZonesResult describe_zones(Ec2& ec2, api::Context& ctx,
                                                         const aws::ec2::DescribeAvailabilityZonesRequest& in) {
  const auto& region = ctx.region;
  const auto known = zones(region, network_of(ec2));
  check_known(in.zone_names, known, &Zone::name);
  check_known(in.zone_ids, known, &Zone::id);
  const auto constant = [](std::string value) { return [value](const Zone&) { return Values{value}; }; };
  const Filters<Zone> filters(in.filters, {{"group-name", constant(region + "-zg-1")},
                                           {"opt-in-status", constant("opt-in-not-required")},
                                           {"region-name", constant(region)},
                                           {"state", constant("available")},
                                           {"zone-id", [](const Zone& z) { return Values{z.id}; }},
                                           {"zone-name", [](const Zone& z) { return Values{z.name}; }},
                                           {"zone-type", constant("availability-zone")}});
  answer_dry_run(in.dry_run);
  const Wanted names(in.zone_names), ids(in.zone_ids);
  aws::ec2::DescribeAvailabilityZonesResult out;
  out.availability_zones.present = true;
  for (const auto& zone : known) {
    if (names.has(zone.name) && ids.has(zone.id) && filters.accept(zone, {})) {
      out.availability_zones.add(to_wire(region, zone));
    }
  }
  return out;
}

aws::ec2::DescribeRegionsResult describe_regions(Ec2& ec2, api::Context& ctx,
                                                 const aws::ec2::DescribeRegionsRequest& in) {
  std::set<std::string> known{ec2.config.region, ctx.region};
  known.insert(in.region_names.begin(), in.region_names.end());
  const Filters<std::string> filters(
      in.filters, {{"endpoint", [&](const std::string&) { return Values{ec2.config.listen()}; }},
                   {"opt-in-status", [](const std::string&) { return Values{"opt-in-not-required"}; }},
                   {"region-name", [](const std::string& r) { return Values{r}; }}});
  answer_dry_run(in.dry_run);
  const Wanted wanted(in.region_names);
  aws::ec2::DescribeRegionsResult out;
  out.regions.present = true;
  for (const auto& region : known) {
    if (!wanted.has(region) || !filters.accept(region, {})) continue;
    auto& r = out.regions.add();
    r.region_name = region;
    r.endpoint = ec2.config.listen();
    r.opt_in_status = "opt-in-not-required";
  }
  return out;
}

aws::ec2::DescribeAccountAttributesResult describe_attributes(Ec2& ec2, api::Context& ctx,
                                                              const aws::ec2::DescribeAccountAttributesRequest& in) {
  const auto scope = enter(ec2, ctx);
  const auto vpc = default_vpc(ec2.store, scope);
  const std::pair<const char*, std::string> all[] = {{"supported-platforms", "VPC"},
                                                     {"default-vpc", vpc ? vpc->id : "none"},
                                                     {"vpc-max-security-groups-per-interface", "5"},
                                                     {"max-instances", "20"},
                                                     {"max-elastic-ips", "0"},
                                                     {"vpc-max-elastic-ips", "0"}};
  for (const auto& name : in.attribute_names) {
    if (std::ranges::any_of(all, [&](const auto& a) { return a.first == name; })) continue;
    throw Fault("InvalidParameterValue", fmt::format("Value ({}) for parameter attributeName is invalid.", name));
  }
  answer_dry_run(in.dry_run);
  const Wanted wanted(in.attribute_names);
  aws::ec2::DescribeAccountAttributesResult out;
  out.account_attributes.present = true;
  for (const auto& [name, value] : all) {
    if (!wanted.has(name)) continue;
    auto& attribute = out.account_attributes.add();
    attribute.attribute_name = name;
    attribute.attribute_values.add().attribute_value = value;
  }
  return out;
}

}  // namespace

void register_zones(api::Api& api, Ec2& ec2) {
  const auto& service = aws::ec2::kService;
  api.on(service, "DescribeAvailabilityZones", ec2, describe_zones);
  api.on(service, "DescribeRegions", ec2, describe_regions);
  api.on(service, "DescribeAccountAttributes", ec2, describe_attributes);
}

}  // namespace howdah::ec2
