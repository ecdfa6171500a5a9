#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/instance.h"
#include "domain/scope.h"
#include "domain/tag.h"
#include "store/store.h"
#include "util/clock.h"

namespace howdah {

/// One DB snapshot, manual or automated (then it also is a base of point-in-time restores). What it holds is named by
/// `base_id`, an immutable directory that several snapshots may share (copies); until that directory exists the
/// snapshot is a name for a position in the vault of its instance, and the vault is kept for it.
struct Snapshot {
  static constexpr std::string_view kKind = "snapshot";

  enum class State { creating, available, failed };

  Scope scope;
  std::string identifier;  ///< lower-case; "rds:<instance>-YYYY-MM-DD-HH-MM" for automated ones
  std::string id;          ///< never changes, never used again: names the snapshot's workflow
  std::string base_id;     ///< names <state>/bases/<base_id>; given at birth, so that no directory is ever unclaimed
  bool automated = false;
  State state = State::creating;
  std::string reason;         ///< why it failed, or last could not be made independent
  bool materialised = false;  ///< the base exists: nothing else is needed any more
  bool full = false;          ///< the base was copied from the server's files, not rolled forward
  bool crash_consistent = false;
  uint32_t timeline = 0;  ///< the position: everything before it is in the snapshot
  uint64_t lsn = 0;
  Time requested{};           ///< orders snapshots, also before they are made
  Time created{};             ///< SnapshotCreateTime; zero while creating
  Time original_created{};    ///< OriginalSnapshotCreateTime: of the snapshot that this one is a copy of
  Time database_time{};       ///< SnapshotDatabaseTime: the instant whose state it holds
  int64_t paused = 0;         ///< milliseconds since then for which its instance was stopped: retention skips them
  std::string copied_from;    ///< ARN
  std::string copied_region;  ///< SourceRegion of a copy
  Tags tags;
  std::vector<std::string> shared_with;  ///< accounts that may restore it; "all" = everybody
  Instance source;                       ///< the instance as it was

  std::string key() const { return scope.key(identifier); }
  std::vector<std::string> aliases() const { return {by_id(id)}; }
  static std::string by_id(std::string_view id) { return "id:" + std::string(id); }
  std::string workflow() const { return "snap/" + id; }
  std::string arn() const { return scope.arn("rds", "snapshot:" + identifier); }
  const std::string& resource_id() const { return source.resource_id; }
  Time retained_since() const { return database_time + Millis(paused); }

  std::string encode() const;
  static Snapshot decode(std::string_view text);
};
std::string_view status_word(Snapshot::State state);  ///< AWS's word

/// The name of an automated snapshot of `instance` that begins at `now`.
std::string automated_snapshot_name(std::string_view instance, Time now);

}  // namespace howdah
