#include "domain/automated_backup.h"

#include "domain/json.h"
#include "util/id.h"

namespace howdah {

std::string AutomatedBackup::encode() const {
  return json::write([&](auto& v) {
    v("source", source.encode());
    v("deleted", deleted);
    v("latest", latest);
  });
}

AutomatedBackup AutomatedBackup::decode(std::string_view text) {
  AutomatedBackup b;
  std::string source;
  json::read(text, [&](auto& v) {
    v("source", source);
    v("deleted", b.deleted);
    v("latest", b.latest);
  });
  b.source = Instance::decode(source);
  return b;
}

std::string automated_backup_resource(std::string_view resource_id) {
  return "auto-backup:ab-" + id::stable_hex("automated-backup/" + std::string(resource_id), 26);
}

}  // namespace howdah
