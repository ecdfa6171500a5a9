#include "pg/shared_memory.h"

#include <fcntl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <thread>

#include "os/fd.h"
#include "pg/postmaster.h"

namespace howdah::pg {
namespace {

constexpr int32_t kSegmentMagic = 679834894;
constexpr uint32_t kControlMagic = 0x9a503d32;

/// PGShmemHeader, at the beginning of the System V segment.
struct Segment {
  int32_t magic;
  pid_t creator;
  size_t total, free;
  uint32_t dynamic;  ///< the handle of the list of dynamic segments
  void* index;
  dev_t device;
  ino_t inode;  ///< of the data directory
};

/// dsm_control_header. Items follow, whose size depends on the version; each begins with DynamicItem.
struct DynamicList {
  uint32_t magic, used, most, padding;
};
struct DynamicItem {
  uint32_t handle, references;
};

std::string path_of(uint32_t handle) { return "/dev/shm/PostgreSQL." + std::to_string(handle); }

bool read_segment(int id, os::Owner owner, Segment& out) {
  shmid_ds about{};
  if (shmctl(id, IPC_STAT, &about) != 0) return false;
  if (about.shm_perm.uid != owner.uid || about.shm_segsz < sizeof out) return false;
  const void* at = shmat(id, nullptr, SHM_RDONLY);
  if (at == reinterpret_cast<void*>(-1)) return false;
  memcpy(&out, at, sizeof out);
  shmdt(at);
  return out.magic == kSegmentMagic;
}

/// A process that ends is no longer to be found a moment before it lets go of its memory.
bool await_unused(int id) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (shmid_ds about{}; shmctl(id, IPC_STAT, &about) == 0;) {
    if (about.shm_nattch == 0) return true;
    if (std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

void remove_file(uint32_t handle, os::Owner owner) {
  struct stat st {};
  const std::string path = path_of(handle);
  if (lstat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == owner.uid) unlink(path.c_str());
}

void remove_dynamic(uint32_t list, os::Owner owner) {
  const os::Fd fd(open(path_of(list).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat st {};
  DynamicList head{};
  if (!fd || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != owner.uid) return;
  if (pread(fd.get(), &head, sizeof head, 0) != sizeof head || head.magic != kControlMagic) return;
  const size_t room = static_cast<size_t>(st.st_size) - sizeof head;
  const size_t stride = head.most == 0 ? 0 : room / head.most;
  if (stride < sizeof(DynamicItem) || room % head.most != 0 || head.used > head.most) return;
  for (uint32_t n = 0; n < head.used; n++) {
    DynamicItem item{};
    const auto at = static_cast<off_t>(sizeof head + n * stride);
    if (pread(fd.get(), &item, sizeof item, at) != sizeof item) return;
    if (item.references > 0) remove_file(item.handle, owner);
  }
  remove_file(list, owner);
}

}  // namespace

void remove_shared_memory(const std::string& data, os::Owner owner) {
  const auto file = read_pid_file(data);
  struct stat directory {};
  Segment segment{};
  if (!file || !file->segment || lstat(data.c_str(), &directory) != 0) return;
  if (!read_segment(*file->segment, owner, segment)) return;
  if (segment.device != directory.st_dev || segment.inode != directory.st_ino) return;
  if (!await_unused(*file->segment)) return;
  if (segment.dynamic != 0) remove_dynamic(segment.dynamic, owner);
  shmctl(*file->segment, IPC_RMID, nullptr);
}

}  // namespace howdah::pg
