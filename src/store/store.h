#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <unordered_map>

#include "store/backend.h"
#include "util/fault.h"

/// State: typed records, durable before they are visible, all held in memory for reading.
///
/// A record type T has
///   static constexpr std::string_view kKind;          // never renamed: it is in the file
///   std::string key() const;                          // unique within the kind; pages are in key order
///   std::string encode() const; static T decode(std::string_view);
///   std::vector<std::string> aliases() const;         // optional: further unique keys for find(), may change
///
/// Readers see the last committed transaction, whole. Cost: memory O(records); get/find O(log n); page O(log n + page).
namespace howdah::store {

template <class T>
concept Record = requires(const T& t, std::string_view s) {
  { T::kKind } -> std::convertible_to<std::string_view>;
  { t.key() } -> std::convertible_to<std::string>;
  { t.encode() } -> std::convertible_to<std::string>;
  { T::decode(s) } -> std::same_as<T>;
};

class Store;

/// One transaction. Reads see its own writes. Not thread-safe, not kept beyond the call of Store::write().
class Tx {
 public:
  template <Record T>
  std::shared_ptr<const T> get(std::string_view key) const {
    return std::static_pointer_cast<const T>(get_any(T::kKind, key));
  }
  template <Record T>
  std::shared_ptr<const T> find(std::string_view alias) const;
  template <Record T>
  void put(T value) {
    std::string key = value.key();
    std::string encoded = value.encode();
    put_any(T::kKind, std::move(key), std::move(encoded), std::make_shared<const T>(std::move(value)));
  }
  template <Record T>
  void erase(std::string_view key) {
    erase_any(T::kKind, key);
  }
  /// Every record whose key starts with `prefix`, this transaction's own changes included, in key order.
  template <Record T>
  std::vector<std::shared_ptr<const T>> all(std::string_view prefix = {}) const;

  void append(Entry entry) { batch_.entries.push_back(std::move(entry)); }
  /// This transaction need not survive a power cut by itself: it becomes durable with the next one that must. Visible
  /// at once, and kept when only the process dies.
  void durable_soon() { batch_.soon = true; }

 private:
  friend class Store;
  struct Pending {
    std::shared_ptr<const void> value;  // null = erased
  };
  explicit Tx(const Store& store) : store_(store) {}
  std::shared_ptr<const void> get_any(std::string_view kind, std::string_view key) const;
  std::vector<std::shared_ptr<const void>> all_any(std::string_view kind, std::string_view prefix) const;
  void put_any(std::string_view kind, std::string key, std::string encoded, std::shared_ptr<const void> value);
  void erase_any(std::string_view kind, std::string_view key);

  const Store& store_;
  Batch batch_;
  std::map<std::pair<std::string, std::string>, Pending> pending_;
};

class Store {
 public:
  explicit Store(std::unique_ptr<Backend> backend);

  /// Declares a record type and decodes its rows. Call for every type before the first read or write of it, at
  /// start-up, from one thread. Throws std::runtime_error naming the record that can't be decoded.
  template <Record T>
  void use() {
    Ops ops;
    ops.decode = [](std::string_view text) -> std::shared_ptr<const void> {
      return std::make_shared<const T>(T::decode(text));
    };
    if constexpr (requires(const T& t) { t.aliases(); }) {
      ops.aliases = [](const void* value) { return static_cast<const T*>(value)->aliases(); };
    }
    use_any(T::kKind, std::move(ops));
  }

  template <Record T>
  std::shared_ptr<const T> get(std::string_view key) const {
    return std::static_pointer_cast<const T>(get_any(T::kKind, key));
  }
  template <Record T>
  std::shared_ptr<const T> find(std::string_view alias) const {
    return std::static_pointer_cast<const T>(find_any(T::kKind, alias));
  }
  /// Up to `limit` records whose key starts with `prefix` and is greater than `after`, in key order.
  template <Record T>
  std::vector<std::shared_ptr<const T>> page(std::string_view prefix, std::string_view after, size_t limit) const {
    std::vector<std::shared_ptr<const T>> out;
    for (auto& v : page_any(T::kKind, prefix, after, limit)) out.push_back(std::static_pointer_cast<const T>(v));
    return out;
  }
  template <Record T>
  std::vector<std::shared_ptr<const T>> all(std::string_view prefix = {}) const {
    return page<T>(prefix, {}, SIZE_MAX);
  }

  /// Runs `f(Tx&)` as the only writer; commits when it returns, forgets everything when it throws. When write()
  /// returns, the changes are durable and visible. `f` must not block on anything but computation.
  template <class F>
  auto write(F&& f) {
    std::unique_lock lock(writer_);
    Tx tx(*this);
    if constexpr (std::is_void_v<decltype(f(tx))>) {
      f(tx);
      const auto kinds = commit(tx);
      lock.unlock();
      notify(kinds);
    } else {
      auto result = f(tx);
      const auto kinds = commit(tx);
      lock.unlock();
      notify(kinds);
      return result;
    }
  }

  std::vector<Entry> read(const JournalQuery& query) const { return backend_->read(query); }
  void prune(std::string_view log, Time before) { backend_->prune(log, before); }

  /// `fn` runs on the writer's thread after each commit that touched `kind`; it must only wake somebody up.
  void on_commit(std::string_view kind, std::function<void()> fn);

 private:
  friend class Tx;
  struct Ops {
    std::function<std::shared_ptr<const void>(std::string_view)> decode;
    std::function<std::vector<std::string>(const void*)> aliases;
  };
  struct Table {
    Ops ops;
    std::map<std::string, std::shared_ptr<const void>, std::less<>> rows;
    std::map<std::string, std::string, std::less<>> aliases;  // alias -> key
    std::vector<std::pair<std::string, std::string>> raw;     // loaded before use<T>() told how to decode
  };
  using Kinds = std::set<std::string, std::less<>>;

  void use_any(std::string_view kind, Ops ops);
  const Table& table(std::string_view kind) const;
  std::shared_ptr<const void> get_any(std::string_view kind, std::string_view key) const;
  std::shared_ptr<const void> find_any(std::string_view kind, std::string_view alias) const;
  std::vector<std::shared_ptr<const void>> page_any(std::string_view kind, std::string_view prefix,
                                                    std::string_view after, size_t limit) const;
  Kinds commit(Tx& tx);
  void notify(const Kinds& kinds) const;
  static void apply(Table& table, const std::string& key, std::shared_ptr<const void> value);

  std::unique_ptr<Backend> backend_;
  std::mutex writer_;                    // held by write(); taken before tables_mu_
  mutable std::shared_mutex tables_mu_;  // guards tables_
  std::map<std::string, Table, std::less<>> tables_;
  mutable std::mutex watchers_mu_;  // guards watchers_
  std::multimap<std::string, std::function<void()>, std::less<>> watchers_;
};

template <Record T>
std::shared_ptr<const T> Tx::find(std::string_view alias) const {
  // Aliases of this transaction's own writes first: they are few.
  for (const auto& [where, pending] : pending_) {
    if (where.first != T::kKind || !pending.value) continue;
    if constexpr (requires(const T& t) { t.aliases(); }) {
      auto value = std::static_pointer_cast<const T>(pending.value);
      for (const auto& a : value->aliases()) {
        if (a == alias) return value;
      }
    }
  }
  auto committed = store_.find<T>(alias);
  if (committed && pending_.contains({std::string(T::kKind), committed->key()})) return nullptr;
  return committed;
}

template <Record T>
std::vector<std::shared_ptr<const T>> Tx::all(std::string_view prefix) const {
  std::vector<std::shared_ptr<const T>> out;
  for (auto& v : all_any(T::kKind, prefix)) out.push_back(std::static_pointer_cast<const T>(v));
  return out;
}

}  // namespace howdah::store
