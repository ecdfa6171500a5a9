#include "migrate/lint_file.h"

namespace howdah::migrate {

void Tables::apply(const Ddl& ddl, bool in_run) {
  const Name& table = ddl.target();
  switch (ddl.kind) {
    case Ddl::kCreateTable:
      if (in_run) fresh_.insert(table.key());
      for (const auto& c : ddl.columns) columns_[table.key()][c.name] = c.type;
      break;
    case Ddl::kCreateOther:
      if (in_run) fresh_.insert(table.key());
      break;
    case Ddl::kDropTable:
      for (const auto& t : ddl.targets) columns_.erase(t.key()), fresh_.erase(t.key());
      break;
    case Ddl::kAlterTable:
      for (const auto& x : ddl.changes) change(table, x);
      break;
    default:
      break;
  }
}

void Tables::change(const Name& table, const Change& x) {
  auto& columns = columns_[table.key()];
  const std::string prefix = table.key() + ".";
  switch (x.kind) {
    case Change::kAddColumn:
    case Change::kType:
      columns[x.name] = x.column.type;
      break;
    case Change::kDropColumn:
      columns.erase(x.name);
      break;
    case Change::kRenameColumn:
      columns[x.to] = columns[x.name];
      columns.erase(x.name);
      break;
    case Change::kRenameTable: {
      const std::string to = table.schema.empty() || table.schema == "public" ? x.to : table.schema + "." + x.to;
      columns_[to] = columns;
      if (fresh_.erase(table.key()) > 0) fresh_.insert(to);
      break;
    }
    case Change::kAddConstraint:
      if (x.constraint.not_null_column.empty()) break;
      if (x.constraint.not_valid)
        not_null_checks_[prefix + x.constraint.name] = prefix + x.constraint.not_null_column;
      else
        checked_.insert(prefix + x.constraint.not_null_column);
      break;
    case Change::kValidate:
      if (const auto it = not_null_checks_.find(prefix + x.name); it != not_null_checks_.end())
        checked_.insert(it->second);
      break;
    default:
      break;
  }
}

std::string Tables::type_of(const Name& table, const std::string& column) const {
  const auto t = columns_.find(table.key());
  if (t == columns_.end()) return "";
  const auto c = t->second.find(column);
  return c == t->second.end() ? "" : c->second;
}

}  // namespace howdah::migrate
