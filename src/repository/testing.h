#pragma once
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

#include "os/files.h"
#include "repository/repository.h"

/// What the tests of this folder share. Included by tests only.
namespace howdah::repository::testing {

/// A directory of its own, gone afterwards.
class Scratch {
 public:
  Scratch() {
    std::string name = "/var/tmp/howdah-test-repository-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path_ = name;
  }
  ~Scratch() { (void)os::remove_tree(path_); }
  Scratch(const Scratch&) = delete;
  std::string operator/(const std::string& below) const { return path_ + "/" + below; }

 private:
  std::string path_;
};

using Tree = std::map<std::string, std::string>;  ///< path -> content; a directory's ends with '/'

inline void write_tree(const std::string& root, const Tree& tree) {
  std::filesystem::create_directories(root);
  for (const auto& [path, content] : tree) {
    const std::filesystem::path whole = root + "/" + path;
    if (path.ends_with("/")) {
      std::filesystem::create_directories(whole);
      continue;
    }
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << content;
  }
}

inline Tree read_tree(const std::string& root) {
  Tree out;
  for (const auto& e : std::filesystem::recursive_directory_iterator(root)) {
    const std::string path = e.path().string().substr(root.size() + 1);
    if (e.is_directory()) {
      if (std::filesystem::is_empty(e.path())) out[path + "/"] = "";
    } else {
      out[path] = os::read_file(e.path().string(), 1 << 30).value();
    }
  }
  return out;
}

/// Bytes that don't compress, the same for the same seed.
inline std::string noise(size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string out;
  out.reserve(size + 8);
  while (out.size() < size) {
    const uint64_t v = random();
    out.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  out.resize(size);
  return out;
}

/// One byte of each page changes.
inline std::string scattered(std::string content, size_t at) {
  for (; at < content.size(); at += 8192) content[at] ^= 1;
  return content;
}

/// Passes everything on, but one call that changes something fails: before it did anything, or after it did it.
class FaultyStorage : public Storage {
 public:
  struct Fault {
    int in = -1;  ///< how many changing calls until it happens; negative = never
    bool after = false;
  };
  FaultyStorage(std::unique_ptr<Storage> inner, Fault& fault) : inner_(std::move(inner)), fault_(fault) {}

  Result<bool> put(const std::string& name, std::string_view content) override {
    return change<bool>([&] { return inner_->put(name, content); });
  }
  Result<void> remove(const std::string& name) override {
    return change<void>([&] { return inner_->remove(name); });
  }
  Result<std::optional<std::string>> find(const std::string& name) override { return inner_->find(name); }
  Result<void> read(const std::string& name, uint64_t offset, char* out, size_t size) override {
    return inner_->read(name, offset, out, size);
  }
  Result<std::vector<Object>> list(const std::string& prefix) override { return inner_->list(prefix); }
  bool near() const override { return inner_->near(); }
  std::string locks() const override { return inner_->locks(); }
  std::string about() const override { return inner_->about(); }

 private:
  template <class T, class F>
  Result<T> change(F&& call) {
    const std::lock_guard lock(mutex_);
    const bool now = fault_.in == 0;
    if (fault_.in >= 0) fault_.in--;
    if (now && !fault_.after) return fail_for_now("injected fault");
    auto done = call();
    if (now) return fail_for_now("injected fault");
    return done;
  }

  std::unique_ptr<Storage> inner_;
  std::mutex mutex_;  // guards fault_
  Fault& fault_;
};

/// Object lock: nothing can be removed.
class LockedStorage : public Storage {
 public:
  explicit LockedStorage(std::unique_ptr<Storage> inner) : inner_(std::move(inner)) {}

  Result<void> remove(const std::string& name) override { return fail(name + " is locked"); }
  Result<bool> put(const std::string& name, std::string_view content) override { return inner_->put(name, content); }
  Result<std::optional<std::string>> find(const std::string& name) override { return inner_->find(name); }
  Result<void> read(const std::string& name, uint64_t offset, char* out, size_t size) override {
    return inner_->read(name, offset, out, size);
  }
  Result<std::vector<Object>> list(const std::string& prefix) override { return inner_->list(prefix); }
  bool near() const override { return inner_->near(); }
  std::string locks() const override { return inner_->locks(); }
  std::string about() const override { return inner_->about(); }

 private:
  std::unique_ptr<Storage> inner_;
};

inline constexpr Millis kGrace{1000};
inline const Time kStart{Millis(1'800'000'000'000)};

/// A repository in a scratch directory, and trees to store in it.
class RepositoryTest : public ::testing::Test {
 protected:
  Repository open(const std::string& key = "key") {
    auto r = Repository::open({open_directory(scratch_ / "repository").value(), scratch_ / key, 2});
    if (!r) throw std::runtime_error(r.error().message);
    return std::move(*r);
  }
  Result<PutStats> put(const Repository& r, const std::string& id, const Tree& tree,
                       const std::string& resource = "db-A", const std::string& wal_from = "") {
    const std::string source = scratch_ / "source";
    (void)os::remove_tree(source);
    write_tree(source, tree);
    return r.put({resource, id, source, {{"made", "by a test"}}, wal_from, passed(Millis(1)).now});
  }
  Result<Tree> get(const Repository& r, const std::string& id, const std::string& resource = "db-A") {
    const std::string to = scratch_ / "restored";
    (void)os::remove_tree(to);
    if (auto done = r.restore(resource, id, to); !done) return tl::unexpected(done.error());
    return read_tree(to);
  }
  std::vector<std::string> packs(const std::string& id, const std::string& resource = "db-A") {
    std::vector<std::string> out;
    for (const auto& e :
         std::filesystem::directory_iterator(scratch_ / ("repository/instances/" + resource + "/packs/" + id))) {
      out.push_back(e.path().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  /// Changes one byte of a file.
  static void flip(const std::string& path, size_t at) {
    std::string text = os::read_file(path, 1 << 30).value();
    text[at] ^= 1;
    std::ofstream(path, std::ios::binary) << text;
  }

  os::ClockReading reading() const { return {clock_.now(), clock_.set_to(), boot_}; }
  os::ClockReading passed(Millis by) {
    clock_.advance(by);
    return reading();
  }

  Scratch scratch_;
  FakeClock clock_;
  std::string boot_ = "1";
};

inline const Tree kTree = {{"data/base/1/1259", noise(500'000, 1)},     {"data/empty", ""}, {"data/pg_wal/", ""},
                           {"data/zeroes", std::string(700'000, '\0')}, {"data/one", "x"},  {"manifest.json", "{}"}};

}  // namespace howdah::repository::testing
