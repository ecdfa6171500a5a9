#include "migrate/ddl.h"

#include "migrate/ddl_column.h"

namespace howdah::migrate {
namespace {

const Name kNobody;

class Parser {
 public:
  explicit Parser(std::string_view statement) : tokens_(lex(statement)), c_(tokens_) {}

  Ddl run() {
    if (c_.accept("create"))
      create();
    else if (c_.accept("alter"))
      alter();
    else if (c_.accept("drop"))
      drop();
    else
      others();
    out_.tokens = std::move(tokens_);
    return std::move(out_);
  }

 private:
  bool later(std::string_view words) const {
    Cursor c = c_;
    for (; !c.done(); c.skip()) {
      Cursor here = c;
      if (here.accept(words)) return true;
    }
    return false;
  }
  void target() { out_.targets.push_back(parse_name(c_)); }
  void targets() {
    do {
      c_.accept("only");
      target();
      c_.accept_symbol("*");
      if (c_.peek().symbol("(")) c_.skip();  // a function's arguments
    } while (c_.accept_symbol(","));
  }

  void create() {
    c_.accept("or replace");
    c_.accept("global") || c_.accept("local");
    out_.temporary = c_.accept("temporary") || c_.accept("temp");
    c_.accept("unlogged") || c_.accept("foreign");
    if (c_.accept("table")) return create_table();
    const bool unique = c_.accept("unique");
    if (c_.accept("index")) return create_index();
    if (unique) return;
    if (c_.accept("function") || c_.accept("procedure")) {
      out_.kind = Ddl::kCreateFunction;
      target();
      out_.security_definer = later("security definer");
      out_.sets_search_path = later("set search_path");
      return;
    }
    out_.kind = Ddl::kCreateOther;
    c_.accept("materialized") || c_.accept("recursive");
    if (!c_.accept("view") && !c_.accept("type") && !c_.accept("sequence") && !c_.accept("domain")) return;
    c_.accept("if not exists");
    target();
  }

  void create_table() {
    out_.kind = Ddl::kCreateTable;
    c_.accept("if not exists");
    target();
    out_.as_query = c_.peek().is("as") || later("as select");
    c_.accept("partition of");
    if (!c_.peek().symbol("(")) return;
    c_.next();
    while (!c_.done() && !c_.peek().symbol(")")) {
      if (starts_table_constraint(c_))
        out_.constraints.push_back(parse_constraint(c_));
      else if (!c_.accept("like") && c_.peek().name())
        out_.columns.push_back(parse_column(c_, tokens_));
      c_.skip_item();
      if (!c_.accept_symbol(",")) break;
    }
  }

  void create_index() {
    out_.kind = Ddl::kCreateIndex;
    out_.concurrently = c_.accept("concurrently");
    c_.accept("if not exists");
    if (!c_.peek().is("on")) out_.made = parse_name(c_).name;
    if (!c_.accept("on")) return;
    c_.accept("only");
    target();
  }

  void alter() {
    if (c_.accept("foreign table") || c_.accept("table")) return alter_table();
    if (c_.accept("schema")) {
      target();
      if (c_.accept("rename")) out_.kind = Ddl::kRenameSchema;
    } else if (c_.accept("type")) {
      target();
      alter_type();
    }
  }

  void alter_type() {
    if (c_.accept("rename value")) {
      out_.kind = Ddl::kRenameValue;
      out_.value = c_.next().text;
    } else if (c_.accept("add value")) {
      out_.kind = Ddl::kAddValue;
      c_.accept("if not exists");
      out_.value = c_.next().text;
      out_.ordered_value = c_.peek().is("before") || c_.peek().is("after");
    }
  }

  void alter_table() {
    out_.kind = Ddl::kAlterTable;
    c_.accept("if exists");
    c_.accept("only");
    target();
    c_.accept_symbol("*");
    do {
      out_.changes.push_back(change());
      c_.skip_item();
    } while (c_.accept_symbol(","));
  }

  Change change() {
    Change x{.at = c_.peek().at};
    if (c_.accept("add")) {
      add(x);
    } else if (c_.accept("drop")) {
      drop_part(x);
    } else if (c_.accept("alter")) {
      c_.accept("column");
      x.name = c_.next().text;
      alter_column(x);
    } else if (c_.accept("validate constraint")) {
      x.kind = Change::kValidate;
      x.name = c_.next().text;
    } else if (c_.accept("rename")) {
      rename(x);
    } else if (c_.accept("set schema")) {
      x.kind = Change::kSetSchema;
    } else if (c_.accept("enable row level security")) {
      x.kind = Change::kRowSecurity;
    } else if (c_.accept("owner to")) {
      x.kind = Change::kOwner;
    } else if (c_.accept("attach partition")) {
      x.kind = Change::kAttach;
    } else if (c_.accept("detach partition")) {
      x.kind = Change::kDetach;
      if (later("concurrently")) out_.concurrently = true;
    } else if (c_.accept("cluster on") || c_.accept("set without cluster")) {
      x.kind = Change::kWeak;
    }
    return x;
  }

  void add(Change& x) {
    if (starts_table_constraint(c_)) {
      x.kind = Change::kAddConstraint;
      x.constraint = parse_constraint(c_);
      x.name = x.constraint.name;
      return;
    }
    c_.accept("column");
    c_.accept("if not exists");
    x.kind = Change::kAddColumn;
    x.column = parse_column(c_, tokens_);
    x.name = x.column.name;
  }

  void drop_part(Change& x) {
    x.kind = c_.accept("constraint") ? Change::kDropConstraint : Change::kDropColumn;
    c_.accept("column");
    c_.accept("if exists");
    x.name = c_.next().text;
    x.cascade = c_.accept("cascade");
  }

  void alter_column(Change& x) {
    if (c_.accept("set data type") || c_.accept("type")) {
      x.kind = Change::kType;
      x.column.name = x.name;
      x.column.type = parse_type(c_, tokens_);
      while (!c_.done() && !c_.peek().symbol(",")) {
        if (c_.accept("using")) x.with_using = true;
        c_.skip();
      }
    } else if (c_.accept("set not null")) {
      x.kind = Change::kSetNotNull;
    } else if (c_.accept("drop not null")) {
      x.kind = Change::kDropNotNull;
    } else if (c_.accept("set default")) {
      x.kind = Change::kSetDefault;
    } else if (c_.accept("drop default")) {
      x.kind = Change::kDropDefault;
    } else if (c_.accept("set statistics")) {
      x.kind = Change::kWeak;
    }
  }

  void rename(Change& x) {
    if (c_.accept("to")) {
      x.kind = Change::kRenameTable;
      x.to = c_.next().text;
    } else if (!c_.accept("constraint")) {
      c_.accept("column");
      x.kind = Change::kRenameColumn;
      x.name = c_.next().text;
      if (c_.accept("to")) x.to = c_.next().text;
    }
  }

  void drop() {
    out_.kind = c_.accept("table") || c_.accept("foreign table") ? Ddl::kDropTable
                : c_.accept("schema")                            ? Ddl::kDropSchema
                : c_.accept("index")                             ? Ddl::kDropIndex
                                                                 : Ddl::kDropOther;
    if (out_.kind == Ddl::kDropOther) {
      c_.accept("materialized");
      c_.next();
    }
    out_.concurrently = c_.accept("concurrently");
    c_.accept("if exists");
    targets();
    out_.cascade = later("cascade");
  }

  void others() {
    if (c_.accept("truncate")) {
      out_.kind = Ddl::kTruncate;
      c_.accept("table");
      targets();
      out_.cascade = later("cascade");
    } else if (c_.accept("insert into")) {
      out_.kind = Ddl::kInsert;
      target();
    } else if (c_.accept("update")) {
      change_rows(Ddl::kUpdate);
    } else if (c_.accept("delete from")) {
      change_rows(Ddl::kDelete);
    } else if (c_.accept("reindex")) {
      reindex();
    } else if (c_.accept("set")) {
      c_.accept("session") || c_.accept("local");
      if (c_.accept("search_path")) out_.kind = Ddl::kSetSearchPath;
    } else if (c_.accept("grant")) {
      grant();
    } else if (c_.accept("lock")) {
      out_.kind = Ddl::kLockTable;
      c_.accept("table");
      targets();
      out_.all = !later("mode") || later("in access exclusive mode");
    } else if (c_.accept("cluster")) {
      out_.kind = Ddl::kCluster;
      target();
    } else if (c_.accept("refresh materialized view")) {
      out_.kind = Ddl::kRefresh;
      out_.concurrently = c_.accept("concurrently");
      target();
    } else if (c_.accept("select") || c_.accept("perform")) {
      if (later("pg_catalog") || !c_.peek().is("pg_catalog")) search_path_by_function();
    }
  }

  void search_path_by_function() {
    for (size_t i = 0; i + 2 < tokens_.size(); i++) {
      if (tokens_[i].is("set_config") && tokens_[i + 2].kind == Token::kString && tokens_[i + 2].text == "search_path")
        out_.kind = Ddl::kSetSearchPath;
    }
  }

  void change_rows(Ddl::Kind kind) {
    out_.kind = kind;
    c_.accept("only");
    target();
    out_.has_where = later("where");
  }

  void reindex() {
    out_.kind = Ddl::kReindex;
    if (c_.peek().symbol("(")) {
      out_.concurrently = c_.peek(1).is("concurrently");
      c_.skip();
    }
    c_.next();  // INDEX, TABLE, ...
    out_.concurrently = c_.accept("concurrently") || out_.concurrently;
    target();
  }

  void grant() {
    while (!c_.done() && !c_.peek().is("on") && !c_.peek().is("to")) c_.skip();
    if (!c_.accept("on")) return;
    if (c_.accept("all tables in schema")) {
      out_.kind = Ddl::kGrantTable;
      out_.all = true;
      return;
    }
    const bool table = c_.accept("table");
    static const char* const kOthers[] = {"schema", "sequence",  "function", "database",  "type",
                                          "all",    "procedure", "language", "domain",    "foreign",
                                          "large",  "parameter", "routine",  "tablespace"};
    for (const char* word : kOthers) {
      if (!table && c_.peek().is(word)) return;
    }
    out_.kind = Ddl::kGrantTable;
    targets();
  }

  std::vector<Token> tokens_;
  Cursor c_;
  Ddl out_;
};

}  // namespace

const Name& Ddl::target() const { return targets.empty() ? kNobody : targets.front(); }

bool Ddl::access_exclusive() const {
  switch (kind) {
    case kDropTable:
    case kTruncate:
    case kCluster:
      return true;
    case kRefresh:
      return !concurrently;
    case kLockTable:
      return all;
    case kAlterTable:
      for (const auto& x : changes) {
        const bool foreign = x.kind == Change::kAddConstraint && x.constraint.kind == Constraint::kForeign;
        if (!foreign && x.kind != Change::kValidate && x.kind != Change::kWeak && x.kind != Change::kAttach)
          return true;
      }
      return false;
    default:
      return false;
  }
}

Ddl parse_ddl(std::string_view statement) { return Parser(statement).run(); }

}  // namespace howdah::migrate
