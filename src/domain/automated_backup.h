#pragma once
#include <string>
#include <string_view>

#include "domain/instance.h"
#include "domain/scope.h"
#include "store/store.h"
#include "util/clock.h"

namespace howdah {

/// The automated backups of an instance that was deleted with DeleteAutomatedBackups=false: its WAL and its automated
/// snapshots stay until the retention period has passed. Backups of an instance that is there need no record.
struct AutomatedBackup {
  static constexpr std::string_view kKind = "automated-backup";

  Instance source;  ///< as it was when it was deleted
  Time deleted{};
  Time latest{};  ///< end of the restore window

  std::string key() const { return source.scope.key(source.resource_id); }
  std::string encode() const;
  static AutomatedBackup decode(std::string_view text);
};

/// "auto-backup:ab-...": the resource part of the ARN of an instance's automated backups; derives from its resource id.
std::string automated_backup_resource(std::string_view resource_id);

}  // namespace howdah
