#include "rds/settings.h"

#include <map>
#include <mutex>

#include "domain/config.h"
#include "domain/instance_class.h"
#include "domain/parameter_group.h"
#include "os/identity.h"
#include "pg/layout.h"
#include "pg/server.h"
#include "pg/template.h"
#include "rds/server_files.h"

namespace howdah::rds {

Result<std::shared_ptr<const pg::ParameterTable>> parameter_table(const Rds& rds, const pg::Engine& prepared) {
  static std::mutex mu;  // guards tables
  static std::map<std::string, std::shared_ptr<const pg::ParameterTable>> tables;
  std::lock_guard lock(mu);
  auto& known = tables[prepared.bindir];
  if (known) return known;
  const auto made = pg::ensure_template(prepared, rds.config.state_dir, rds.identity);
  if (!made) return tl::unexpected(made.error());
  auto table = pg::ParameterTable::load(prepared, made->settings);
  if (!table) return tl::unexpected(table.error());
  known = std::make_shared<const pg::ParameterTable>(std::move(*table));
  return known;
}

Result<pg::Settings> settings_of(const Rds& rds, const Instance& i, const pg::Engine& prepared) {
  const auto table = parameter_table(rds, prepared);
  if (!table) return tl::unexpected(table.error());
  const bool running = pg::observe(layout_of(rds, i), owner_of(rds, i)).running();
  const std::string& name = running && !i.started_group.empty() ? i.started_group : i.parameter_group;
  const auto group = rds.store.get<ParameterGroup>(i.scope.key(name));
  const auto user = !group ? pg::Settings{} : running ? group->values_for(i.server_started) : group->values();
  const InstanceClass* c = find_instance_class(i.instance_class);
  pg::FormulaInput input;
  input.memory = pg::memory_for_class(c ? c->memory_mib : 1024);
  input.vcpus = c ? c->vcpus : 1;
  input.storage = int64_t{i.allocated_storage} << 30;
  input.port = i.port;
  return (*table)->resolve(user, input);
}

pg::LoginRules login_rules(const pg::Settings& settings) {
  const auto method = settings.find("rds.accepted_password_auth_method");
  return {.force_ssl = pg::is_on(settings, "rds.force_ssl"),
          .md5 = method != settings.end() && method->second == "md5+scram"};
}

std::string parameter_status(const Rds& rds, const Instance& i) {
  if (i.started_group.empty()) return "in-sync";  // it never ran
  if (i.started_group != i.parameter_group) return "pending-reboot";
  const auto group = rds.store.get<ParameterGroup>(i.scope.key(i.parameter_group));
  return group && group->waits_for_reboot(i.server_started) ? "pending-reboot" : "in-sync";
}

}  // namespace howdah::rds
