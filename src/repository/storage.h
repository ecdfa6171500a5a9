#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"
#include "wire/sigv4.h"

/// Where a repository's objects lie: a directory, or a bucket. Objects appear whole, are never changed and never
/// overwritten. Thread-safe. Errors that may pass by themselves (network, full disk) have retry = true.
namespace howdah::repository {

struct Object {
  std::string name;  ///< "a/b/c": letters, digits, '-', '_', '.', '/'
  uint64_t size = 0;
};

class Storage {
 public:
  virtual ~Storage() = default;
  /// Durable when it returns. False: there is an object of that name, which stays as it is.
  virtual Result<bool> put(const std::string& name, std::string_view content) = 0;
  /// The whole object; nothing when there is none.
  virtual Result<std::optional<std::string>> find(const std::string& name) = 0;
  Result<std::string> get(const std::string& name);  ///< a missing one is an error
  /// Fills `out` from `offset` on; an object that ends before is an error.
  virtual Result<void> read(const std::string& name, uint64_t offset, char* out, size_t size) = 0;
  /// Every object whose name starts with `prefix`, which ends with '/', sorted by name. Half-made ones are not there.
  virtual Result<std::vector<Object>> list(const std::string& prefix) = 0;
  virtual Result<void> remove(const std::string& name) = 0;  ///< missing is fine
  /// What lies there is quickly read again, so that differences to it pay.
  virtual bool near() const { return false; }
  /// A local directory where locks of this repository are held.
  virtual std::string locks() const = 0;
  virtual std::string about() const = 0;  ///< for messages: the directory or URL
};

/// `root` is made when it is missing (its parent exists).
Result<std::unique_ptr<Storage>> open_directory(const std::string& root);

struct BucketOptions {
  std::string bucket;
  std::string prefix;    ///< "" or "a/b/": every object's name begins with it
  std::string endpoint;  ///< "https://host[:port]"; the bucket is the path's first part
  std::string region;
  wire::Credentials credentials;
  std::string locks;  ///< a local directory, made when it is missing
  bool near = false;  ///< Storage::near()
};

/// S3 or what speaks its protocol; the bucket must exist. Every request is signed, bodies and all, and tried again a
/// few times when nobody answers or the server is too busy. Fails when nothing can be listed there.
Result<std::unique_ptr<Storage>> open_bucket(BucketOptions options);

/// From `file` (AWS's form, profile [default]), or from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
/// when it is empty.
Result<wire::Credentials> bucket_credentials(const std::string& file);

}  // namespace howdah::repository
