#include "domain/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "domain/json.h"

namespace howdah {
namespace {

constexpr EventKind kKinds[] = {
    {"RDS-EVENT-0001", "db-instance", "backup", "Backing up DB instance"},
    {"RDS-EVENT-0002", "db-instance", "backup", "Finished DB instance backup"},
    {"RDS-EVENT-0003", "db-instance", "deletion", "DB instance deleted"},
    {"RDS-EVENT-0004", "db-instance", "availability", "DB instance shutdown"},
    {"RDS-EVENT-0005", "db-instance", "creation", "DB instance created"},
    {"RDS-EVENT-0006", "db-instance", "availability", "DB instance restarted"},
    {"RDS-EVENT-0007", "db-instance", "failure", "Allocated storage has been exhausted"},
    {"RDS-EVENT-0009", "db-instance", "configuration change", "Applying change to security group"},
    {"RDS-EVENT-0010", "db-instance", "configuration change", "Finished applying change to security group"},
    {"RDS-EVENT-0011", "db-instance", "configuration change", "Updated to use DBParameterGroup"},
    {"RDS-EVENT-0012", "db-instance", "configuration change", "Applying modification to database instance class"},
    {"RDS-EVENT-0014", "db-instance", "configuration change", "Finished applying modification to DB instance class"},
    {"RDS-EVENT-0016", "db-instance", "configuration change", "Reset master credentials"},
    {"RDS-EVENT-0017", "db-instance", "configuration change", "Finished applying modification to allocated storage"},
    {"RDS-EVENT-0018", "db-instance", "configuration change", "Applying modification to allocated storage"},
    {"RDS-EVENT-0019", "db-instance", "restoration", "Restored from a point-in-time backup"},
    {"RDS-EVENT-0020", "db-instance", "recovery",
     "Recovery of the DB instance has started. Recovery time will vary with the amount of data to be recovered."},
    {"RDS-EVENT-0021", "db-instance", "recovery", "Recovery of the DB instance is complete."},
    {"RDS-EVENT-0022", "db-instance", "failure", "Error restarting the DB instance"},
    {"RDS-EVENT-0026", "db-instance", "maintenance", "Applying off-line patches to DB instance"},
    {"RDS-EVENT-0027", "db-instance", "maintenance", "Finished applying off-line patches to DB instance"},
    {"RDS-EVENT-0028", "db-instance", "backup", "Disabled automated backups"},
    {"RDS-EVENT-0031", "db-instance", "failure", "DB instance put into failed state"},
    {"RDS-EVENT-0032", "db-instance", "backup", "Enabled automated backups"},
    {"RDS-EVENT-0035", "db-instance", "failure", "Database instance put into incompatible-parameters"},
    {"RDS-EVENT-0043", "db-instance", "restoration", "Restored from snapshot"},
    {"RDS-EVENT-0087", "db-instance", "notification", "DB instance stopped"},
    {"RDS-EVENT-0088", "db-instance", "notification", "DB instance started"},
    {"RDS-EVENT-0089", "db-instance", "low storage", "The free storage capacity is low"},
    {"RDS-EVENT-0154", "db-instance", "notification",
     "DB instance is being started due to it exceeding the maximum allowed time being stopped."},
    {"RDS-EVENT-0217", "db-instance", "configuration change",
     "Applying autoscaling-initiated modification to allocated storage"},
    {"RDS-EVENT-0218", "db-instance", "configuration change",
     "Finished applying autoscaling-initiated modification to allocated storage"},
    {"RDS-EVENT-0040", "db-snapshot", "creation", "Creating manual snapshot"},
    {"RDS-EVENT-0041", "db-snapshot", "deletion", "Deleted user snapshot"},
    {"RDS-EVENT-0042", "db-snapshot", "creation", "Manual snapshot created"},
    {"RDS-EVENT-0059", "db-snapshot", "notification", "Started copy of snapshot"},
    {"RDS-EVENT-0060", "db-snapshot", "notification", "Finished copy of snapshot"},
    {"RDS-EVENT-0090", "db-snapshot", "creation", "Creating automated snapshot"},
    {"RDS-EVENT-0091", "db-snapshot", "creation", "Automated snapshot created"},
    // Ours: AWS has no number for it. Something the caller asked for is recorded but can't be honoured as on AWS.
    {"HOWDAH-EVENT-0001", "db-instance", "notification", ""},
    {"HOWDAH-EVENT-0002", "db-instance", "failure", ""},
    {"HOWDAH-EVENT-0102", "db-instance", "configuration change", ""},
    {"HOWDAH-EVENT-0201", "db-instance", "backup", ""},
    {"HOWDAH-EVENT-0202", "db-instance", "low storage", ""},
    {"HOWDAH-EVENT-0203", "db-instance", "backup", ""},
    {"HOWDAH-EVENT-0204", "db-instance", "backup", ""},
    {"HOWDAH-EVENT-0101", "db-snapshot", "notification", ""},
    {"HOWDAH-EVENT-0103", "db-instance", "backup", ""},
    {"HOWDAH-EVENT-0104", "db-instance", "backup", ""},
    {"HOWDAH-EVENT-0105", "db-instance", "restoration", ""},
    {"HOWDAH-EVENT-0106", "db-instance", "configuration change", ""},
    {"HOWDAH-EVENT-0107", "db-instance", "notification", ""},
};

struct Categories {
  const char* source_type;
  std::vector<std::string> names;
};

const std::vector<Categories>& categories() {
  static const std::vector<Categories> all = {
      {"db-instance",
       {"availability", "backup", "configuration change", "creation", "deletion", "failover", "failure", "low storage",
        "maintenance", "notification", "read replica", "recovery", "restoration", "security", "security patching"}},
      {"db-parameter-group", {"configuration change"}},
      {"db-security-group", {"configuration change", "failure"}},
      {"db-snapshot", {"creation", "deletion", "notification", "restoration"}},
      {"db-cluster",
       {"configuration change", "creation", "deletion", "failover", "failure", "global-failover", "maintenance",
        "migration", "notification", "serverless"}},
      {"db-cluster-snapshot", {"backup", "creation", "deletion", "notification", "restoration"}},
      {"custom-engine-version", {"creation", "failure", "restoration"}},
      {"db-proxy", {"configuration change", "creation", "deletion", "failure"}},
      {"blue-green-deployment", {"creation", "deletion", "failure", "notification"}},
  };
  return all;
}

template <class V, class T>
void list(V& v, T& e) {
  v("source_type", e.source_type);
  v("source_id", e.source_id);
  v("source_arn", e.source_arn);
  v("id", e.id);
  v("categories", e.categories);
  v("message", e.message);
  v("date", e.date);
}

}  // namespace

std::string Event::encode() const {
  return json::write([&](auto& v) { list(v, *this); });
}

Event Event::decode(std::string_view text) {
  Event e;
  json::read(text, [&](auto& v) { list(v, e); });
  return e;
}

void append_event(store::Tx& tx, const Scope& scope, const Event& e) {
  tx.append({0, std::string(kEventLog), scope.account + "/" + scope.region, e.source_type + "/" + e.source_id, e.date,
             e.encode()});
}

const EventKind& event_kind(int number) {
  const std::string tail = fmt::format("RDS-EVENT-{:04}", number);
  const std::string own = fmt::format("HOWDAH-EVENT-{:04}", number > own_event(0) ? number - own_event(0) : number);
  for (const auto& kind : kKinds) {
    if (kind.id == tail || kind.id == own) return kind;
  }
  throw std::logic_error("no event kind " + tail);
}

std::vector<std::string> event_categories(std::string_view source_type) {
  for (const auto& c : categories()) {
    if (c.source_type == source_type) return c.names;
  }
  return {};
}

std::vector<std::string> event_source_types() {
  std::vector<std::string> out;
  for (const auto& c : categories()) out.emplace_back(c.source_type);
  return out;
}

}  // namespace howdah
