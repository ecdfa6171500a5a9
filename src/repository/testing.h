#pragma once
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
  std::string locks() const override { return inner_->locks(); }
  std::string about() const override { return inner_->about(); }

 private:
  std::unique_ptr<Storage> inner_;
};

}  // namespace howdah::repository::testing
