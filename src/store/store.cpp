#include "store/store.h"

#include <fmt/format.h>

#include <stdexcept>

namespace howdah::store {

Store::Store(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {
  backend_->load([this](std::string_view kind, std::string_view key, std::string_view value) {
    tables_[std::string(kind)].raw.emplace_back(key, value);
  });
}

void Store::use_any(std::string_view kind, Ops ops) {
  std::unique_lock lock(tables_mu_);
  Table& t = tables_[std::string(kind)];
  t.ops = std::move(ops);
  for (auto& [key, text] : t.raw) {
    try {
      apply(t, key, t.ops.decode(text));
    } catch (const std::exception& e) {
      throw std::runtime_error(fmt::format(
          "The state file holds a {} record '{}' that can't be read: {}. Restore the state file from a backup.", kind,
          key, e.what()));
    }
  }
  t.raw.clear();
}

const Store::Table& Store::table(std::string_view kind) const {
  const auto it = tables_.find(kind);
  if (it == tables_.end() || !it->second.ops.decode) {
    throw std::logic_error(fmt::format("store: kind '{}' was not declared with use<T>()", kind));
  }
  return it->second;
}

std::shared_ptr<const void> Store::get_any(std::string_view kind, std::string_view key) const {
  std::shared_lock lock(tables_mu_);
  const Table& t = table(kind);
  const auto it = t.rows.find(key);
  return it == t.rows.end() ? nullptr : it->second;
}

std::shared_ptr<const void> Store::find_any(std::string_view kind, std::string_view alias) const {
  std::shared_lock lock(tables_mu_);
  const Table& t = table(kind);
  const auto it = t.aliases.find(alias);
  return it == t.aliases.end() ? nullptr : t.rows.find(it->second)->second;
}

std::vector<std::shared_ptr<const void>> Store::page_any(std::string_view kind, std::string_view prefix,
                                                         std::string_view after, size_t limit) const {
  std::shared_lock lock(tables_mu_);
  const Table& t = table(kind);
  std::vector<std::shared_ptr<const void>> out;
  auto it = after >= prefix && !after.empty() ? t.rows.upper_bound(after) : t.rows.lower_bound(prefix);
  for (; it != t.rows.end() && it->first.starts_with(prefix) && out.size() < limit; ++it) out.push_back(it->second);
  return out;
}

void Store::apply(Table& t, const std::string& key, std::shared_ptr<const void> value) {
  const auto old = t.rows.find(key);
  if (t.ops.aliases && old != t.rows.end()) {
    for (const auto& a : t.ops.aliases(old->second.get())) {
      const auto it = t.aliases.find(a);
      if (it != t.aliases.end() && it->second == key) t.aliases.erase(it);
    }
  }
  if (!value) {
    if (old != t.rows.end()) t.rows.erase(old);
    return;
  }
  if (t.ops.aliases) {
    for (auto& a : t.ops.aliases(value.get())) t.aliases.insert_or_assign(std::move(a), key);
  }
  t.rows.insert_or_assign(key, std::move(value));
}

Store::Kinds Store::commit(Tx& tx) {
  Kinds kinds;
  if (tx.batch_.changes.empty() && tx.batch_.entries.empty()) return kinds;
  backend_->commit(tx.batch_);
  std::unique_lock lock(tables_mu_);
  for (auto& [where, pending] : tx.pending_) {
    apply(tables_.find(where.first)->second, where.second, std::move(pending.value));
    kinds.insert(where.first);
  }
  return kinds;
}

void Store::on_commit(std::string_view kind, std::function<void()> fn) {
  std::lock_guard lock(watchers_mu_);
  watchers_.emplace(kind, std::move(fn));
}

void Store::notify(const Kinds& kinds) const {
  std::vector<std::function<void()>> due;
  {
    std::lock_guard lock(watchers_mu_);
    for (const auto& kind : kinds) {
      const auto [from, to] = watchers_.equal_range(kind);
      for (auto it = from; it != to; ++it) due.push_back(it->second);
    }
  }
  for (const auto& fn : due) fn();
}

std::shared_ptr<const void> Tx::get_any(std::string_view kind, std::string_view key) const {
  const auto it = pending_.find({std::string(kind), std::string(key)});
  return it != pending_.end() ? it->second.value : store_.get_any(kind, key);
}

std::vector<std::shared_ptr<const void>> Tx::all_any(std::string_view kind, std::string_view prefix) const {
  std::map<std::string, std::shared_ptr<const void>> rows;
  {
    std::shared_lock lock(store_.tables_mu_);
    const auto& t = store_.table(kind);
    for (auto it = t.rows.lower_bound(prefix); it != t.rows.end() && it->first.starts_with(prefix); ++it) {
      rows.emplace(it->first, it->second);
    }
  }
  for (const auto& [where, pending] : pending_) {
    if (where.first != kind || !where.second.starts_with(prefix)) continue;
    if (pending.value) {
      rows[where.second] = pending.value;
    } else {
      rows.erase(where.second);
    }
  }
  std::vector<std::shared_ptr<const void>> out;
  out.reserve(rows.size());
  for (auto& [key, value] : rows) out.push_back(std::move(value));
  return out;
}

void Tx::put_any(std::string_view kind, std::string key, std::string encoded, std::shared_ptr<const void> value) {
  batch_.changes.push_back({std::string(kind), key, std::move(encoded), false});
  pending_[{std::string(kind), std::move(key)}] = {std::move(value)};
}

void Tx::erase_any(std::string_view kind, std::string_view key) {
  batch_.changes.push_back({std::string(kind), std::string(key), {}, true});
  pending_[{std::string(kind), std::string(key)}] = {nullptr};
}

}  // namespace howdah::store
