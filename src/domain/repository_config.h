#pragma once
#include <string>

#include "util/result.h"

namespace howdah {

struct Config;

/// Table [repository] of the settings: where backups are kept besides this machine's own directories
/// (docs/repository.md). A wrong one is an error of load_config already.
struct RepositoryConfig {
  std::string location;          ///< absolute path of a directory, or s3://BUCKET[/PREFIX]; empty = no repository
  std::string key_file;          ///< default: <state_dir>/repository.key
  std::string endpoint;          ///< of S3-compatible storage, http(s)://HOST[:PORT]; default: AWS's own
  std::string region;            ///< of the bucket; default: us-east-1
  std::string credentials_file;  ///< AWS's form, profile [default]; default: AWS_ACCESS_KEY_ID and so on
  bool near = false;             ///< a bucket that is quickly read again: differences to what lies there are stored
  int grace_hours = 24;          ///< what nothing needs is removed after this time; longer than any backup takes
};

/// Reads the file that `config` was read from once more; few commands need it.
Result<RepositoryConfig> load_repository_config(const Config& config);

}  // namespace howdah
