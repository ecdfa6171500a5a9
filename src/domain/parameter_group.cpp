#include "domain/parameter_group.h"

#include <set>

#include "domain/instance.h"
#include "domain/json.h"

namespace howdah {

template <class V, class T>
requires std::same_as<std::remove_const_t<T>, ParameterGroup::Change>
void fields(V& v, T& c) {
  v("at", c.at);
  v("immediate", c.immediate);
  v("value", c.value);
}

namespace {

/// The changes of one parameter as a field of its own: json.h knows maps of plain values only.
struct History {
  std::string parameter;
  std::vector<ParameterGroup::Change> changes;
};
template <class V, class T>
requires std::same_as<std::remove_const_t<T>, History>
void fields(V& v, T& h) {
  v("parameter", h.parameter);
  v("changes", h.changes);
}

template <class V, class T>
void list(V& v, T& g) {
  v("scope", g.scope);
  v("name", g.name);
  v("family", g.family);
  v("description", g.description);
  v("tags", g.tags);
}

template <class Reader>
std::vector<std::string> using_group(const Reader& reader, const Scope& scope, std::string_view group) {
  std::vector<std::string> out;
  for (const auto& i : reader.template all<Instance>(scope.prefix())) {
    if (i->parameter_group == group) out.push_back(i->resource_id);
  }
  return out;
}

template <class Reader>
std::vector<std::shared_ptr<const ParameterGroup>> visible(const Reader& reader, const Scope& scope) {
  auto out = reader.template all<ParameterGroup>(scope.prefix());
  std::erase_if(out, [](const auto& g) { return g->retired(); });
  return out;
}

/// Forgets retired groups that no server runs with any more.
void sweep_retired(store::Tx& tx, const Scope& scope) {
  std::set<std::string> running;
  for (const auto& i : tx.all<Instance>(scope.prefix())) running.insert(i->started_group);
  for (const auto& g : tx.all<ParameterGroup>(scope.prefix())) {
    if (g->retired() && !running.contains(g->name)) tx.erase<ParameterGroup>(g->key());
  }
}

/// The newest change that a server started at `started` is on; null when it is on none.
const ParameterGroup::Change* in_force(const std::vector<ParameterGroup::Change>& changes, Time started) {
  for (auto it = changes.rbegin(); it != changes.rend(); ++it) {
    if (it->immediate || it->at <= started) return &*it;
  }
  return nullptr;
}

}  // namespace

std::string ParameterGroup::encode() const {
  std::vector<History> histories;
  for (const auto& [parameter, made] : changes) histories.push_back({parameter, made});
  return json::write([&](auto& v) {
    list(v, *this);
    v("parameters", histories);
  });
}

ParameterGroup ParameterGroup::decode(std::string_view text) {
  ParameterGroup g;
  std::vector<History> histories;
  json::read(text, [&](auto& v) {
    list(v, g);
    v("parameters", histories);
  });
  for (auto& h : histories) g.changes.emplace(std::move(h.parameter), std::move(h.changes));
  return g;
}

ParameterGroup::Values ParameterGroup::values() const { return values_for(Time::max()); }

ParameterGroup::Values ParameterGroup::values_for(Time started) const {
  Values out;
  for (const auto& [parameter, made] : changes) {
    const Change* c = in_force(made, started);
    if (c && c->value) out.emplace(parameter, *c->value);
  }
  return out;
}

bool ParameterGroup::waits_for_reboot(Time started) const { return values() != values_for(started); }

void ParameterGroup::change(const std::string& parameter, Change change, Time oldest_start) {
  auto& made = changes[parameter];
  if (change.immediate) {
    made = {std::move(change)};
  } else {
    const Change* seen = in_force(made, oldest_start);
    if (seen) made.erase(made.begin(), made.begin() + (seen - made.data()));
    made.push_back(std::move(change));
  }
  const bool all_defaults = made.size() == 1 && !made.front().value;
  const bool known_to_all = made.front().immediate || made.front().at <= oldest_start;
  if (all_defaults && known_to_all) changes.erase(parameter);
}

std::string default_parameter_group(std::string_view family) { return "default." + std::string(family); }

std::optional<std::string> default_group_family(std::string_view name) {
  constexpr std::string_view kPrefix = "default.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  return std::string(name.substr(kPrefix.size()));
}

std::vector<std::shared_ptr<const ParameterGroup>> visible_groups(const store::Store& store, const Scope& scope) {
  return visible(store, scope);
}

std::vector<std::shared_ptr<const ParameterGroup>> visible_groups(const store::Tx& tx, const Scope& scope) {
  return visible(tx, scope);
}

void delete_group(store::Tx& tx, const ParameterGroup& group, Time now) {
  ParameterGroup kept = group;
  kept.name = ParameterGroup::kRetired + group.name + "-" + std::to_string(now.time_since_epoch().count());
  bool used = false;
  for (const auto& i : tx.all<Instance>(group.scope.prefix())) {
    if (i->started_group != group.name) continue;
    Instance moved = *i;
    moved.started_group = kept.name;
    tx.put(std::move(moved));
    used = true;
  }
  tx.erase<ParameterGroup>(group.key());
  if (used) tx.put(std::move(kept));
  sweep_retired(tx, group.scope);
}

std::vector<std::string> instances_using(const store::Store& store, const Scope& scope, std::string_view group) {
  return using_group(store, scope, group);
}

std::vector<std::string> instances_using(const store::Tx& tx, const Scope& scope, std::string_view group) {
  return using_group(tx, scope, group);
}

}  // namespace howdah
