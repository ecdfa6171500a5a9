#pragma once
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

/// The PostgreSQL layer: everything that knows how a real server is installed, prepared, configured, started, watched
/// and talked to. It knows nothing of AWS shapes, of the store or of workflows. All functions block, are thread-safe
/// and restartable: they observe first, act idempotently, and survive kill -9 of the daemon at any instruction.
namespace howdah::pg {

/// One installed server build.
struct Engine {
  std::string version;    ///< "15.18"
  int major = 0;          ///< 15
  std::string family;     ///< "postgres15": the parameter group family
  std::string bindir;     ///< holds postgres and initdb
  std::string libdir;     ///< loadable modules ($libdir)
  std::string sharedir;   ///< holds postgres.bki and extension/
  std::string build;      ///< tells two builds of one version apart: hash of the binary's size and time
  bool prepared = false;  ///< lives in our own tree (prepared.h), survives the package's removal

  std::string program(std::string_view name) const { return bindir + "/" + std::string(name); }
};

/// Dates of a major version, ISO "2022-10-13"; empty strings for one we do not know.
struct MajorDates {
  std::string release, end_of_life;
};
MajorDates dates_of(int major);

/// Extension name -> default version, from the control files of `engine`.
std::map<std::string, std::string> available_extensions(const Engine& engine);

/// Those that somebody who is no superuser may create in a database of his own; from 13 on a control file says so.
std::set<std::string> creatable_extensions(const Engine& engine);

/// The server builds of this machine; built once at start (about 20 ms), constant afterwards.
class Catalog {
 public:
  /// Looks into /usr/lib/postgresql/*/bin, into `engines_d` ("" = none; *.json with name, version, bindir and
  /// optionally sharedir, libdir) and into `state`/engines (trees that prepare_engine made; these win). A description
  /// that cannot be read or does not run is logged and left out. Never fails: an empty catalog is legal.
  static Catalog discover(const std::string& state, const std::string& engines_d = "");

  const std::vector<Engine>& engines() const { return engines_; }  ///< ascending by version
  const Engine* exact(std::string_view version) const;
  const Engine* newest(int major) const;
  /// Accepts "15.18" (exact), "15" (newest minor), and with `nearest` also an absent minor: the next higher one of
  /// that major, else the highest. Null when nothing fits.
  const Engine* find(std::string_view version, bool nearest = false) const;

 private:
  std::vector<Engine> engines_;
};

/// "15.18" -> {15, 18}, "15" -> {15, -1}; {0, -1} when it is no version.
std::pair<int, int> parse_version(std::string_view version);

}  // namespace howdah::pg
