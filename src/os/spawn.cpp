#include "os/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "os/pidfd.h"

namespace howdah::os {
namespace {

/// Everything the child needs, prepared before fork: between fork and exec only async-signal-safe calls are allowed,
/// since another thread may have held malloc's lock.
struct Prepared {
  std::vector<char*> argv;
  std::vector<std::string> env_text;
  std::vector<char*> envp;
  const char* program = nullptr;
  const char* directory = nullptr;
  bool drop = false;
  Owner owner;
  int input = -1, output = -1, report = -1, keep = -1;
  bool keep_until_exec = false;
};

struct ChildError {
  int error;
  char stage[28];
};

[[noreturn]] void give_up(int report, const char* stage) {
  ChildError e{errno, {}};
  for (size_t i = 0; i + 1 < sizeof e.stage && stage[i]; i++) e.stage[i] = stage[i];
  if (write(report, &e, sizeof e) < 0) _exit(126);
  _exit(127);
}

/// Moves `fd` to `wanted`, clear of the range that close_range is about to close.
void place(int fd, int wanted, int report, const char* stage) {
  if (fd == wanted) {
    if (fcntl(fd, F_SETFD, 0) != 0) give_up(report, stage);
    return;
  }
  if (dup2(fd, wanted) < 0) give_up(report, stage);
}

void default_signals() {
  // By system call: glibc's sigaction() refuses 32 and 33, which GNU make leaves ignored in what it starts. All zero is
  // the default action without flags, whatever the order of the kernel's four members.
  constexpr unsigned long kDefault[4] = {};
  for (int s = 1; s < NSIG; s++) syscall(SYS_rt_sigaction, s, kDefault, nullptr, sizeof(unsigned long));
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(const Prepared& p) {
  int report = p.report;
  if (setsid() < 0) give_up(report, "setsid");
  if (p.drop) {  // raw system calls: glibc's wrappers synchronise threads that do not exist in this process
    if (syscall(SYS_setgroups, 0, nullptr) != 0) give_up(report, "setgroups");
    if (syscall(SYS_setresgid, p.owner.gid, p.owner.gid, p.owner.gid) != 0) give_up(report, "setresgid");
    if (syscall(SYS_setresuid, p.owner.uid, p.owner.uid, p.owner.uid) != 0) give_up(report, "setresuid");
  }
  if (chdir(p.directory) != 0) give_up(report, "chdir");
  // First above the low numbers, so that placing one cannot overwrite another that is still needed.
  int in = fcntl(p.input, F_DUPFD, 10), out = fcntl(p.output, F_DUPFD, 10), rep = fcntl(report, F_DUPFD_CLOEXEC, 10);
  int keep = p.keep >= 0 ? fcntl(p.keep, F_DUPFD, 10) : -1;
  if (in < 0 || out < 0 || rep < 0 || (p.keep >= 0 && keep < 0)) give_up(report, "dup");
  place(in, 0, rep, "stdin");
  place(out, 1, rep, "stdout");
  place(out, 2, rep, "stderr");
  if (dup3(rep, 3, O_CLOEXEC) < 0) give_up(rep, "report");
  report = 3;
  if (keep >= 0 && dup3(keep, 4, p.keep_until_exec ? O_CLOEXEC : 0) < 0) give_up(report, "keep");
  if (syscall(SYS_close_range, keep >= 0 ? 5U : 4U, ~0U, 0U) != 0) give_up(report, "close_range");
  default_signals();
  umask(077);
  rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(report, "no_new_privs");
  execve(p.program, p.argv.data(), p.envp.data());
  give_up(report, "exec");
}

Prepared prepare(const Command& command) {
  Prepared p;
  p.program = command.program.c_str();
  p.directory = command.directory.c_str();
  p.argv.push_back(const_cast<char*>(p.program));
  for (const auto& a : command.args) p.argv.push_back(const_cast<char*>(a.c_str()));
  p.argv.push_back(nullptr);
  auto env = command.env;
  env.emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  env.emplace("LC_ALL", "C.UTF-8");
  for (const auto& [k, v] : env) p.env_text.push_back(k + "=" + v);
  for (auto& e : p.env_text) p.envp.push_back(e.data());
  p.envp.push_back(nullptr);
  p.drop = command.run_as && geteuid() == 0 && command.run_as->uid != 0;
  if (command.run_as) p.owner = *command.run_as;
  return p;
}

Result<Child> launch(const Command& command, int output) {
  Prepared p = prepare(command);
  Fd input(open(command.input.c_str(), O_RDONLY | O_CLOEXEC));
  if (!input) return fail(fmt::format("cannot open {}: {}", command.input, strerror(errno)));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_for_now(fmt::format("no descriptor left: {}", strerror(errno)));
  Fd reader(ends[0]), writer(ends[1]);
  p.input = input.get();
  p.output = output;
  p.report = writer.get();
  p.keep = command.keep_fd;
  p.keep_until_exec = command.keep_until_exec;
  // Signals stay blocked until the child has its default handlers, else one of ours could run in it.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = fork();
  if (pid == 0) become(p);
  int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return fail_for_now(fmt::format("cannot fork: {}", strerror(fork_error)));
  writer.reset();
  Child child;
  child.pid = pid;
  auto pidfd = open_pidfd(pid);  // cannot be recycled yet: it is our unreaped child
  if (pidfd) child.pidfd = std::move(*pidfd);
  ChildError e{};
  ssize_t n;
  while ((n = read(reader.get(), &e, sizeof e)) < 0 && errno == EINTR) {
  }
  if (n == 0 && child.pidfd) return child;
  if (n == 0) kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  if (n == 0) return fail_for_now(pidfd.error().message);
  return fail(fmt::format("cannot start {}: {}: {}", command.program, e.stage, strerror(e.error)));
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

Result<Child> spawn(const Command& command, const std::string& output_path) {
  Fd output(open(output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!output) return fail(fmt::format("cannot open {} for a server's output: {}", output_path, strerror(errno)));
  return launch(command, output.get());
}

Result<Output> run(const Command& command, std::chrono::milliseconds timeout) {
  constexpr size_t kKeep = 1 << 20;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_for_now(fmt::format("no descriptor left: {}", strerror(errno)));
  Fd reader(ends[0]), writer(ends[1]);
  auto child = launch(command, writer.get());
  if (!child) return tl::unexpected(child.error());
  writer.reset();
  Output out;
  auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd p[2] = {{reader.get(), POLLIN, 0}, {child->pidfd.get(), POLLIN, 0}};
    int n = left.count() <= 0 ? 0 : poll(p, 2, static_cast<int>(left.count()));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      kill(-child->pid, SIGKILL);  // its own session, so this is exactly what it started
      waitpid(child->pid, nullptr, 0);
      return fail_for_now(fmt::format("{} took longer than {} ms and was stopped", command.program, timeout.count()));
    }
    char buffer[16384];
    if (p[0].revents != 0) {
      ssize_t got = read(reader.get(), buffer, sizeof buffer);
      if (got > 0) {
        out.text.append(buffer, static_cast<size_t>(got));
        if (out.text.size() > kKeep) out.text.erase(0, out.text.size() - kKeep);
        continue;
      }
    }
    if (p[1].revents != 0) break;  // ended, and everything it wrote has been read
    if (p[0].revents != 0) wait_exit(child->pidfd, left);
  }
  out.status = exit_code(reap(child->pidfd).value_or(0));
  return out;
}

}  // namespace howdah::os
