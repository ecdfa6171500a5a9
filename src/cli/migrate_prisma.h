#pragma once
#include <string>

#include "cli/arguments.h"
#include "migrate/session.h"

namespace howdah::cli {

/// `howdah migrate prisma ...`: Prisma's commands in Prisma's words and with its exit codes, which are 0, 1, and 2 of
/// `diff --exit-code`. What they do is what ours do: a migration and its row are one transaction.
class PrismaVerbs {
 public:
  /// Adds them to `howdah migrate`, which must outlive this; its own options may follow them.
  explicit PrismaVerbs(Command& migrate);
  PrismaVerbs(const PrismaVerbs&) = delete;
  bool given() const;
  /// The directory that --schema implies, "" when it was not said.
  std::string directory() const;
  int run(migrate::Options options, migrate::Report& report) const;

 private:
  struct Side {
    std::string url, migrations, datasource, datamodel;
    bool empty = false;
  };
  void add_side(Command& diff, const std::string& prefix, Side& side);
  int run_diff(migrate::Options options, migrate::Report& report) const;
  int run_execute(const migrate::Options& options, migrate::Report& report) const;

  Command *app_, *deploy_, *status_, *resolve_, *diff_, *db_, *execute_;
  Side from_, to_;
  std::string applied_, rolled_back_, schema_, file_, shadow_;
  bool script_ = false, exit_code_ = false, stdin_ = false;
};

/// The arguments of `howdah migrate` without the word that people carry over: `prisma migrate deploy` is
/// `prisma deploy`.
std::vector<std::string> without_prisma_migrate(int argc, char** argv);

}  // namespace howdah::cli
