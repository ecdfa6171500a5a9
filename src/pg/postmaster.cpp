#include "pg/postmaster.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <charconv>
#include <memory>
#include <string_view>

#include "os/files.h"

namespace howdah::pg {
namespace {

constexpr const char* kNoSuchPid = "4194305";  // above PID_MAX_LIMIT of Linux

std::string proc(pid_t pid, const char* what) { return "/proc/" + std::to_string(pid) + "/" + what; }

std::string link_target(const std::string& path) {
  char buffer[4096];
  ssize_t n = readlink(path.c_str(), buffer, sizeof buffer);
  return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : "";
}

bool program_is_postgres(pid_t pid) {
  std::string exe = link_target(proc(pid, "exe"));
  constexpr std::string_view kDeleted = " (deleted)";  // the package was upgraded under it
  if (exe.ends_with(kDeleted)) exe.resize(exe.size() - kDeleted.size());
  return exe.ends_with("/postgres");
}

/// State letter of /proc/PID/stat ('Z' = ended, not reaped); 0 when there is no such process.
char state_of(pid_t pid) {
  auto stat = os::read_file(proc(pid, "stat"), 1 << 16);
  if (!stat) return 0;
  auto close = stat->rfind(") ");
  return close == std::string::npos ? 0 : (*stat)[close + 2];
}

/// Of "  key  id".
std::optional<int> segment_in(std::string_view line) {
  const auto key = line.find_first_not_of(' ');
  const auto gap = line.find(' ', key);
  const auto id = line.find_first_not_of(' ', gap);
  int out = 0;
  if (key == line.npos || gap == line.npos || id == line.npos) return {};
  if (std::from_chars(line.data() + id, line.data() + line.size(), out).ec != std::errc()) return {};
  return out;
}

}  // namespace

std::optional<PidFile> read_pid_file(const std::string& data) {
  auto text = os::read_file(data + "/postmaster.pid", 1 << 16);
  if (!text) return {};
  PidFile file;
  auto first = std::from_chars(text->data(), text->data() + text->size(), file.pid);
  if (first.ec != std::errc()) file.pid = 0;
  int line = 1;
  for (size_t from = 0; from < text->size(); line++) {
    size_t end = std::min(text->find('\n', from), text->size());
    if (line == 7) file.segment = segment_in(std::string_view(*text).substr(from, end - from));
    if (line == 8) {
      file.status = text->substr(from, end - from);
      file.status.erase(file.status.find_last_not_of(' ') + 1);
    }
    from = end + 1;
  }
  return file;
}

bool is_alive(pid_t pid) {
  char state = pid > 0 ? state_of(pid) : 0;
  return state != 0 && state != 'Z' && state != 'X';
}

namespace {

/// `here`: of the data directory.
bool serves(pid_t pid, const struct stat& here, os::Owner owner) {
  struct stat there {
  }, self{};
  if (stat(proc(pid, "cwd").c_str(), &there) != 0) return false;
  if (here.st_dev != there.st_dev || here.st_ino != there.st_ino) return false;
  if (stat(("/proc/" + std::to_string(pid)).c_str(), &self) != 0 || self.st_uid != owner.uid) return false;
  return program_is_postgres(pid) && is_alive(pid);
}

}  // namespace

bool is_server_process(pid_t pid, const std::string& data, os::Owner owner) {
  struct stat here {};
  return pid > 0 && stat(data.c_str(), &here) == 0 && serves(pid, here, owner);
}

bool is_postmaster(pid_t pid, const std::string& data, os::Owner owner) {
  if (!is_server_process(pid, data, owner)) return false;
  auto command = os::read_file(proc(pid, "cmdline"), 1 << 16);
  return command && !command->starts_with("postgres: ");  // children rewrite their title
}

std::vector<pid_t> server_processes(const std::string& data, os::Owner owner) {
  std::vector<pid_t> out;
  struct stat here {};
  if (stat(data.c_str(), &here) != 0) return out;  // nobody works in it: no need to look at every process
  std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir("/proc"), closedir);
  while (dirent* e = dir ? readdir(dir.get()) : nullptr) {
    pid_t pid = 0;
    std::string_view name = e->d_name;
    auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    if (serves(pid, here, owner)) out.push_back(pid);
  }
  return out;
}

bool neutralise_pid_file(const std::string& data, os::Owner owner) {
  std::string path = data + "/postmaster.pid";
  auto text = os::read_file(path, 1 << 16);
  if (!text) return false;
  auto end = text->find('\n');
  std::string rest = end == std::string::npos ? "\n" : text->substr(end);
  return os::write_file_atomic(path, kNoSuchPid + rest, 0600, owner).has_value();
}

bool forget_zombie(const std::string& data, const std::string& run, os::Owner owner) {
  auto file = read_pid_file(data);
  if (!file || file->pid <= 0 || state_of(file->pid) != 'Z') return true;
  std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(run.c_str()), closedir);
  while (dirent* e = dir ? readdir(dir.get()) : nullptr) {
    std::string_view name = e->d_name;
    if (!name.starts_with(".s.PGSQL.") || !name.ends_with(".lock")) continue;
    if (unlinkat(dirfd(dir.get()), e->d_name, 0) != 0 && errno != ENOENT) return false;
  }
  return neutralise_pid_file(data, owner);
}

}  // namespace howdah::pg
