#pragma once
#include <chrono>
#include <map>
#include <string>

#include "domain/instance.h"
#include "rds/rds.h"

namespace howdah::rds {

/// How an instance's WAL gets into its vault: what its tag kWalModeTag says, else by reading pg_wal.
enum class WalMode { tail, stream, sync };
inline constexpr const char* kWalModeTag = "howdah:wal-mode";
inline constexpr const char* kSyncTimeoutTag = "howdah:wal-sync-timeout";
WalMode wal_mode_of(const Instance& instance);
std::chrono::seconds sync_timeout_of(const Instance& instance);
/// Throws InvalidParameterValue for a value of these tags that means nothing.
void check_wal_tags(const Tags& tags);

/// Commits that wait for the vault (WalMode::sync). They begin to wait once the keeper has caught up and a guard
/// watches, which lets them go on when the vault's clock has stood still for sync_timeout_of() while the server runs: a
/// keeper that hangs or a vault on a full disk must not stop the database, with a daemon or without one
/// (backup/sync_guard.h). Both are events, and settings that the server reloads.
///
/// One thread.
class SyncWatch {
 public:
  explicit SyncWatch(Rds& rds) : rds_(rds) {}
  Millis look();  ///< when to look again

 private:
  using Steady = std::chrono::steady_clock;
  struct Seen {
    Time clock{};
    Steady::time_point moved = Steady::now();
  };
  void look_at(const Instance& instance, Seen& seen);
  void look_after(const Instance& instance);
  void set(const Instance& instance, bool synchronous, const std::string& message);
  Rds& rds_;
  std::map<std::string, Seen> seen_;  // by resource id
};

}  // namespace howdah::rds
