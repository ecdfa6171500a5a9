#pragma once
#include <cstdint>
#include <string>

#include "os/identity.h"
#include "pg/layout.h"
#include "pg/template.h"
#include "pg/volume_stock.h"

namespace howdah::pg {

struct Volume {
  uint64_t system_identifier = 0;
  bool created = false;    ///< false: it was there already
  bool reflinked = false;  ///< shares its blocks with the template
  bool synced = false;     ///< all but its name is on disk: it was made ahead
};

inline constexpr uint64_t kSpaceForInstance = 128;  ///< MiB: a fresh data directory, and air for its neighbours

/// Fails, naming both figures, when the file system of `directory` has not kSpaceForInstance free. A copy that filled
/// the disk would take the neighbours down before it failed itself.
Result<void> check_space(const std::string& directory);

/// Copies the template variant `from` to `to`, which must not exist, owned by `owner`, and makes it a data directory
/// with an identity of its own and WAL segments fully allocated. Nothing is synced; on an error `to` is left half made.
Result<Volume> fill_volume(const std::string& from, const std::string& to, os::Owner owner);

/// Makes layout.data from the template (`with_spare`: the variant with the database kSpareDatabase), with an identity
/// of its own and WAL segments fully allocated, owned by `owner`; one that `stock` has ready, if it is not null, is
/// used instead of a copy. make_layout() has been called. An existing layout.data is left as it is; a half-made
/// data.tmp is removed, also on failure. Published by rename, but not synced: a server may start in it at once, and
/// nobody may be told of it before settle_volume(). One that the machine went down on before that is made again.
Result<Volume> create_volume(const Template& from, bool with_spare, const Layout& layout, os::Owner owner,
                             VolumeStock* stock = nullptr);

/// For who publishes a layout.data that is not synced yet: called before the rename, so that a power cut which leaves
/// the volume leaves the mark, too. It goes in settle_volume().
Result<void> mark_unsynced(const Layout& layout);
bool is_unsynced(const Layout& layout);

/// Removes a layout.data that is marked as not synced and that the machine has gone down on since. To be called before
/// anything uses what an earlier run may have made.
Result<void> remove_doubtful(const Layout& layout);

/// Makes an unsynced volume survive the machine: syncs the file system, or only the volume's name when the rest is
/// there already. May run while the server starts.
Result<void> settle_volume(const Layout& layout);

/// Removes the instance's whole directory. The server must have been stopped. Restartable: data goes first by rename
/// to data.gone, so that nothing can start it any more.
Result<void> remove_volume(const Layout& layout);

}  // namespace howdah::pg
