#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "cli/cli.h"
#include "pg/engine.h"

namespace howdah::cli {
namespace {

namespace fs = std::filesystem;

/// What was found, and for a lack the command that mends it.
struct Finding {
  enum class Grade { good, note, missing } grade;  // a note is worth knowing, something missing stops databases
  std::string text, remedy;
};
using Grade = Finding::Grade;

bool runnable(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && access(path.c_str(), X_OK) == 0;
}

std::string find_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::stringstream list(path ? path : "");
  for (std::string dir; std::getline(list, dir, ':');) {
    if (runnable(dir + "/" + program)) return dir + "/" + program;
  }
  return {};
}

Finding check_engines(const Config& config) {
  std::string found;
  const auto catalog = pg::Catalog::discover(config.state_dir);
  for (const pg::Engine& e : catalog.engines()) {
    found += (found.empty() ? "" : ", ") + e.version;
  }
  if (!found.empty()) return {Grade::good, "PostgreSQL " + found, ""};
  return {Grade::missing, "no PostgreSQL server is installed", "apt-get install postgresql-15"};
}

Finding check_user(const Config& config) {
  if (geteuid() != 0) return {Grade::good, "servers run as yourself (not root)", ""};
  const passwd* user = getpwnam(config.run_as.c_str());
  if (user && user->pw_uid != 0) return {Grade::good, "servers run as " + config.run_as, ""};
  return {Grade::missing, "there is no user '" + config.run_as + "' that servers can run as",
          "useradd --system --home-dir /var/lib/postgresql --shell /usr/sbin/nologin " + config.run_as};
}

Finding check_program(const char* name, const char* remedy) {
  const std::string path = find_in_path(name);
  if (!path.empty()) return {Grade::good, path, ""};
  return {Grade::note, std::string(name) + " is not on PATH", remedy};
}

/// The directory itself, or the closest parent that exists.
std::string existing(std::string path) {
  std::error_code ec;
  while (path.size() > 1 && !fs::exists(path, ec)) path = fs::path(path).parent_path().string();
  return path;
}

/// By doing it: root may write by its rights where the filesystem does not let anybody.
bool can_write(const std::string& directory) {
  std::string probe = directory + "/.howdah-doctor-XXXXXX";
  return mkdtemp(probe.data()) && rmdir(probe.c_str()) == 0;
}

Finding check_state_dir(const Config& config) {
  const std::string there = existing(config.state_dir);
  if (!can_write(there)) {
    return {Grade::missing, fmt::format("state directory {}: cannot write in {}", config.state_dir, there),
            fmt::format("howdah serve --state-dir DIR, or: sudo install -d -o {} {}", geteuid(), config.state_dir)};
  }
  for (fs::path p = there; geteuid() == 0; p = p.parent_path()) {
    struct stat st {};
    if (stat(p.c_str(), &st) == 0 && !(st.st_mode & S_IXOTH)) {
      return {Grade::missing,
              fmt::format("state directory {}: servers run under other users, who cannot pass {}", config.state_dir,
                          p.string()),
              "chmod o+x " + p.string()};
    }
    if (p == p.parent_path()) break;
  }
  return {Grade::good, "state directory " + config.state_dir, ""};
}

Finding check_reflink(const Config& config) {
  const std::string dir = existing(config.state_dir);
  const int from = open(dir.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  const int to = open(dir.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  bool can = false;
  if (from >= 0 && to >= 0 && ftruncate(from, 4096) == 0) can = ioctl(to, FICLONE, from) == 0;
  if (from >= 0) close(from);
  if (to >= 0) close(to);
  if (can) return {Grade::good, "copies are instant (reflinks in " + dir + ")", ""};
  return {Grade::note, dir + " cannot share blocks between files: snapshots and restores copy every byte",
          "put the state directory on XFS or btrfs (mkfs.xfs -m reflink=1 ...)"};
}

struct Bound {
  int fd = -1;
  int error = 0;
  ~Bound() {
    if (fd >= 0) close(fd);
  }
};

Bound try_bind(const std::string& address, uint16_t port) {
  Bound out;
  sockaddr_storage at{};
  socklen_t size = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&at);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&at);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    size = sizeof *v4;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    size = sizeof *v6;
  } else {
    out.error = EINVAL;
    return out;
  }
  out.fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(out.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(out.fd, reinterpret_cast<sockaddr*>(&at), size) != 0 || (port != 0 && listen(out.fd, 1) != 0)) {
    out.error = errno;
  }
  return out;
}

Finding check_port(const Config& config) {
  const Bound b = try_bind(config.listen_address, config.listen_port);
  if (b.error == 0) return {Grade::good, config.listen() + " is free for the API", ""};
  if (b.error == EADDRINUSE) {
    return {Grade::note, config.listen() + " is in use: by a howdah that runs already, or by somebody else",
            fmt::format("ss -ltnp 'sport = :{}'; howdah serve --listen 127.0.0.1:PORT", config.listen_port)};
  }
  return {Grade::missing, fmt::format("cannot listen on {}: {}", config.listen(), std::strerror(b.error)),
          "howdah serve --listen 127.0.0.1:4566"};
}

Finding check_addresses(const Config& config) {
  std::string first = config.instance_addresses.substr(0, config.instance_addresses.find('/'));
  first = first.substr(0, first.rfind('.') + 1) + "1";
  const Bound b = try_bind(first, 0);
  if (b.error == 0) return {Grade::good, "instances get addresses of " + config.instance_addresses, ""};
  return {Grade::missing, fmt::format("cannot use {} of instance_addresses: {}", first, std::strerror(b.error)),
          "set instance_addresses = \"127.20.0.0/16\""};
}

Finding check_names(const Config& config) {
  if (config.names == Names::address) return {Grade::good, "endpoints are addresses (names = \"address\")", ""};
  if (access(config.hosts_file.c_str(), W_OK) == 0)
    return {Grade::good, "endpoint names go to " + config.hosts_file, ""};
  return {config.names == Names::hosts ? Grade::missing : Grade::note,
          config.hosts_file + " is not ours to write: endpoints are addresses instead of names",
          "run as root, or set hosts_file"};
}

Finding check_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= 4096) return {Grade::good, fmt::format("up to {} open files", limit.rlim_max), ""};
  return {Grade::note, fmt::format("only {} files may be open at a time", limit.rlim_max),
          "ulimit -Hn 65536 (or LimitNOFILE=)"};
}

}  // namespace

int doctor(const Config& config) {
  const Finding findings[] = {
      check_engines(config),
      check_user(config),
      check_state_dir(config),
      check_port(config),
      check_addresses(config),
      check_names(config),
      check_reflink(config),
      check_files(),
      check_program("psql", "apt-get install postgresql-client"),
      check_program("aws", "apt-get install awscli"),
  };
  bool lacking = false;
  for (const Finding& f : findings) {
    const char* word = f.grade == Grade::good ? "ok     " : f.grade == Grade::note ? "note   " : "MISSING";
    fmt::print("{} {}\n", word, f.text);
    if (!f.remedy.empty()) fmt::print("          -> {}\n", f.remedy);
    lacking |= f.grade == Grade::missing;
  }
  return lacking ? 1 : 0;
}

}  // namespace howdah::cli
