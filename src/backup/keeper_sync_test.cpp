// What a keeper calls durable was synced before, as the system calls say: file, then its name, then its directory, then
// `position`.
#include <fstream>
#include <regex>
#include <set>

#include "backup/keeper_testing.h"

namespace howdah::backup::keeper_testing {
namespace {

/// The system calls of a process's first thread, in order: name and the path of its first argument.
struct Call {
  std::string name, path, rest;
};

std::vector<Call> calls_of(const std::string& trace) {
  static const std::regex line_of(R"re(^(\d+) +(\w+)\((?:(?:\d+|AT_FDCWD)<([^>]*)>)?(?:[, ]*"([^"]*)")?(.*)$)re");
  std::vector<Call> out;
  std::ifstream in(trace);
  std::string first;
  for (std::string line; std::getline(in, line);) {
    std::smatch m;
    if (!std::regex_match(line, m, line_of)) continue;
    if (first.empty()) first = m[1];
    if (m[1] != first) continue;
    const bool named = m[2] == "rename" || m[2] == "openat";
    out.push_back({m[2], named ? m[4] : m[3], m[5]});
  }
  return out;
}

TEST_P(KeeperBothWays, WhatIsCalledDurableWasSyncedBefore) {
  const std::string trace = scratch.path() + "/trace", strace = "/usr/bin/strace";
  const auto can = os::run({.program = strace, .args = {"-f", "-o", trace, "/bin/true"}}, 20s);
  if (!can || !can->ok()) GTEST_SKIP() << "no strace that may trace";
  fs::create_directories(wal_dir(vault.root()));
  const os::Command traced{
      .program = strace,
      .args = {"-f", "-y", "-s", "0", "-o", trace, "-e", "trace=openat,pwrite64,ftruncate,fdatasync,fsync,rename",
               spec.program, "keeper", spec_text(spec)}};
  const auto child = must(os::spawn(traced, scratch.path() + "/strace.log"));
  auto client = instance->connect();
  for (int i = 0; i < 4; i++) {
    ASSERT_TRUE(client.query("insert into public.ledger select g, repeat('x', 500) from generate_series(1, 1000) g"));
    if (i % 2 == 1) {
      ASSERT_TRUE(client.query("select pg_switch_wal()"));
    }
    ASSERT_TRUE(vault.await({1, flushed(client)}, 120s)) << content(scratch.path() + "/strace.log");
  }
  ASSERT_TRUE(must(stop_keeper(scratch.path(), "db-K", true, 60s)));
  ASSERT_TRUE(os::wait_exit(child.pidfd, 60s));
  (void)os::reap(child.pidfd);

  std::set<std::string> dirty, known;
  bool directory_dirty = false;
  int positions = 0, renames = 0;
  for (const auto& [name, path, rest] : calls_of(trace)) {
    const bool partial = path.ends_with(".partial") && path.starts_with(wal_dir(vault.root()));
    if (name == "openat" && partial && rest.find("O_CREAT") != std::string::npos) {
      directory_dirty |= known.insert(path).second;
    } else if ((name == "pwrite64" || name == "ftruncate") && partial) {
      dirty.insert(path);
    } else if (name == "fdatasync" || name == "fsync") {
      dirty.erase(path);
      if (path == wal_dir(vault.root())) directory_dirty = false;
    } else if (name == "rename" && partial) {
      renames++;
      EXPECT_FALSE(dirty.contains(path)) << path << " got its final name before it was synced";
      directory_dirty = true;
    } else if (name == "pwrite64" && path == vault.root() + "/position") {
      positions++;
      EXPECT_TRUE(dirty.empty()) << *dirty.begin() << " was not synced before it was called durable";
      EXPECT_FALSE(directory_dirty) << "a name was not synced before its file was called durable";
    }
  }
  EXPECT_GT(positions, 3);
  EXPECT_GE(renames, 2);
}

}  // namespace
}  // namespace howdah::backup::keeper_testing
