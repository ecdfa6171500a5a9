#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace howdah {

/// What was noticed about an instance's disk and vault. Keyed by its resource id; an instance without one is well. Who
/// changes it stores the instance's own record again in the same transaction: the server's settings depend on both.
struct Condition {
  static constexpr std::string_view kKind = "condition";

  std::string resource_id;
  int32_t wal_losses = 0;        ///< losses of the WAL vault (backup/losses.h) that were announced
  uint64_t lost_until = 0;       ///< LSN behind the last of them: the restore window begins behind it
  bool wal_synchronous = false;  ///< commits wait for the vault (rds/sync_watch.h)
  int32_t hurry = 0;          ///< of autovacuum: how near transaction ids are to their end (rds/adaptive_autovacuum.h)
  int32_t storage_level = 0;  ///< 0, or 1 = little room is left, 2 = full: clients may only read

  std::string key() const { return resource_id; }
  std::string encode() const;
  static Condition decode(std::string_view text);

  template <class Reader>  ///< the store or a transaction of it
  static Condition of(const Reader& reader, const std::string& resource_id) {
    const auto found = reader.template get<Condition>(resource_id);
    return found ? *found : Condition{.resource_id = resource_id};
  }
};

}  // namespace howdah
