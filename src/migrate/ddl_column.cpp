#include "migrate/ddl_column.h"

#include <algorithm>
#include <map>
#include <set>

namespace howdah::migrate {
namespace {

/// Words that end a type or a default in a column definition.
const std::set<std::string> kColumnWords = {"constraint", "not",     "null",       "default",   "check",
                                            "unique",     "primary", "references", "generated", "collate",
                                            "storage",    "using",   "deferrable", "initially", "compression"};

/// Functions that give one value for the whole statement: a default of them is stored once and rewrites nothing.
const std::set<std::string> kStable = {"now",
                                       "transaction_timestamp",
                                       "statement_timestamp",
                                       "lower",
                                       "upper",
                                       "md5",
                                       "coalesce",
                                       "to_timestamp",
                                       "to_date",
                                       "date_trunc",
                                       "timezone",
                                       "current_setting",
                                       "concat",
                                       "format",
                                       "length",
                                       "nullif",
                                       "greatest",
                                       "least",
                                       "make_date",
                                       "make_interval",
                                       "make_timestamptz",
                                       "jsonb_build_object",
                                       "json_build_object",
                                       "array",
                                       "jsonb_build_array",
                                       "json_build_array",
                                       "date_part",
                                       "extract",
                                       "floor",
                                       "ceil",
                                       "round",
                                       "abs",
                                       "to_jsonb",
                                       "to_json",
                                       "encode",
                                       "decode",
                                       "sha256",
                                       "repeat",
                                       "replace",
                                       "trim",
                                       "substring",
                                       "to_tsvector",
                                       "hashtext",
                                       "row",
                                       "cast",
                                       "int4range",
                                       "tstzrange",
                                       "current_user",
                                       "current_database",
                                       "current_schema",
                                       "session_user",
                                       "any",
                                       "in"};
const std::set<std::string> kTypesWithLength = {"varchar", "char",        "numeric",  "decimal",
                                                "bit",     "character",   "varying",  "timestamp",
                                                "time",    "timestamptz", "interval", "float"};

/// A function that may give another value for each row. What we don't know is taken for one: that is also the
/// server's default for functions.
bool is_volatile(const std::vector<Token>& tokens, size_t begin, size_t end) {
  for (size_t i = begin; i + 1 < end; i++) {
    if (!tokens[i].name() || !tokens[i + 1].symbol("(")) continue;
    if (i > begin && tokens[i - 1].symbol("::")) continue;  // the length of a type
    if (!kStable.contains(tokens[i].text) && !kTypesWithLength.contains(tokens[i].text)) return true;
  }
  return false;
}

void parse_default(Cursor& c, const std::vector<Token>& tokens, Column& out) {
  out.has_default = true;
  const size_t begin = c.position();
  while (!c.done() && !c.peek().symbol(",") && !c.peek().symbol(")")) {
    const bool first = c.position() == begin;
    if (!first && c.peek().kind == Token::kWord && kColumnWords.contains(c.peek().text)) break;
    c.skip();
  }
  out.volatile_default = is_volatile(tokens, begin, c.position());
  out.null_default = c.position() > begin && tokens[begin].is("null");
}

void parse_generated(Cursor& c, Column& out) {
  c.accept("always") || c.accept("by default");
  c.accept("as");
  if (c.accept("identity")) {
    out.identity = true;
    if (c.peek().symbol("(")) c.skip();
    return;
  }
  if (c.peek().symbol("(")) c.skip();
  out.stored = c.accept("stored");
  out.has_default = true;
  if (!out.stored) c.accept("virtual");
}

std::string base_type(std::string s) {
  static const std::map<std::string, std::string> kSame = {{"character varying", "varchar"},
                                                           {"character", "char"},
                                                           {"bpchar", "char"},
                                                           {"integer", "int"},
                                                           {"int4", "int"},
                                                           {"int8", "bigint"},
                                                           {"int2", "smallint"},
                                                           {"bool", "boolean"},
                                                           {"decimal", "numeric"},
                                                           {"double precision", "float8"},
                                                           {"float4", "real"},
                                                           {"bit varying", "varbit"},
                                                           {"timestamp with time zone", "timestamptz"},
                                                           {"timestamp without time zone", "timestamp"},
                                                           {"time with time zone", "timetz"},
                                                           {"time without time zone", "time"},
                                                           {"serial4", "serial"},
                                                           {"serial8", "bigserial"},
                                                           {"serial2", "smallserial"}};
  const auto found = kSame.find(s);
  return found == kSame.end() ? s : found->second;
}

}  // namespace

Name parse_name(Cursor& c) {
  Name out{.at = c.peek().at};
  if (!c.peek().name()) return out;
  out.name = c.next().text;
  while (c.peek().symbol(".") && c.peek(1).name()) {
    c.next();
    out.schema = out.name;
    out.name = c.next().text;
  }
  return out;
}

std::vector<std::string> parse_columns(Cursor& c) {
  std::vector<std::string> out;
  if (!c.accept_symbol("(")) return out;
  while (!c.done() && !c.peek().symbol(")")) {
    if (c.peek().name()) out.push_back(c.peek().text);
    c.skip_item();
    c.accept_symbol(",");
  }
  c.accept_symbol(")");
  return out;
}

std::string normal_type(const std::vector<Token>& tokens, size_t begin, size_t end) {
  std::string words, length, array;
  for (size_t i = begin; i < end; i++) {
    const Token& t = tokens[i];
    if (t.symbol("(")) {
      for (; i < end && !tokens[i].symbol(")"); i++) length += tokens[i].text;
      length += ")";
    } else if (t.symbol("[") || t.is("array")) {
      array = "[]";
    } else if (t.symbol(".")) {
      words = words == "pg_catalog" ? "" : words + ".";
    } else if (t.name()) {
      words += (words.empty() || words.ends_with(".") ? "" : " ") + t.text;
    }
  }
  return base_type(words) + length + array;
}

std::string parse_type(Cursor& c, const std::vector<Token>& tokens) {
  const size_t begin = c.position();
  while (!c.done() && !c.peek().symbol(",") && !c.peek().symbol(")")) {
    if (c.peek().kind == Token::kWord && kColumnWords.contains(c.peek().text)) break;
    c.skip();
  }
  return normal_type(tokens, begin, c.position());
}

bool starts_table_constraint(const Cursor& c) {
  const Token& t = c.peek();
  if (t.is("exclude")) return c.peek(1).is("using") || c.peek(1).symbol("(");
  if (t.is("not")) return c.peek(1).is("null");
  return t.is("constraint") || t.is("check") || t.is("unique") || t.is("primary") || t.is("foreign");
}

Constraint parse_constraint(Cursor& c) {
  Constraint out{.at = c.peek().at};
  if (c.accept("constraint")) out.name = c.next().text;
  if (c.accept("check")) {
    if (c.peek().symbol("(") && c.peek(1).name() && c.peek(2).is("is") && c.peek(3).is("not") && c.peek(4).is("null") &&
        c.peek(5).symbol(")")) {
      out.not_null_column = c.peek(1).text;
    }
    if (c.peek().symbol("(")) c.skip();
  } else if (c.accept("unique")) {
    out.kind = Constraint::kUnique;
    out.columns = parse_columns(c);
  } else if (c.accept("primary key")) {
    out.kind = Constraint::kPrimary;
    out.columns = parse_columns(c);
  } else if (c.accept("foreign key")) {
    out.kind = Constraint::kForeign;
    out.columns = parse_columns(c);
  } else if (c.accept("references")) {
    out.kind = Constraint::kForeign;
    out.references = parse_name(c);
  } else if (c.accept("exclude")) {
    out.kind = Constraint::kExclude;
  } else if (c.accept("not null")) {
    out.kind = Constraint::kNotNull;
    if (c.peek().name()) out.not_null_column = c.next().text;
  }
  while (!c.done() && !c.peek().symbol(",") && !c.peek().symbol(")")) {
    if (c.accept("references"))
      out.references = parse_name(c);
    else if (c.accept("not valid"))
      out.not_valid = true;
    else if (c.accept("using index") && c.peek().name() && !c.peek().is("tablespace"))
      out.using_index = true;
    else
      c.skip();
  }
  return out;
}

Column parse_column(Cursor& c, const std::vector<Token>& tokens) {
  Column out{.at = c.peek().at};
  out.name = c.next().text;
  out.type = parse_type(c, tokens);
  std::string constraint_name;
  while (!c.done() && !c.peek().symbol(",") && !c.peek().symbol(")")) {
    Constraint k{.name = constraint_name, .at = c.peek().at};
    if (c.accept("constraint")) {
      constraint_name = c.next().text;
      continue;
    }
    constraint_name.clear();
    if (c.accept("not null"))
      out.not_null = true;
    else if (c.accept("default"))
      parse_default(c, tokens, out);
    else if (c.accept("generated"))
      parse_generated(c, out);
    else if (c.accept("primary key"))
      k.kind = Constraint::kPrimary, k.columns = {out.name}, out.constraints.push_back(k), out.not_null = true;
    else if (c.accept("unique"))
      k.kind = Constraint::kUnique, k.columns = {out.name}, out.constraints.push_back(k);
    else if (c.accept("check")) {
      k.kind = Constraint::kCheck, c.skip(), out.constraints.push_back(k);
    } else if (c.accept("references")) {
      k.kind = Constraint::kForeign, k.columns = {out.name}, k.references = parse_name(c), out.constraints.push_back(k);
    } else {
      c.skip();
    }
  }
  return out;
}

bool type_change_is_free(const std::string& from, const std::string& to) {
  if (from == to) return true;
  const auto base = [](const std::string& t) { return t.substr(0, t.find('(')); };
  const auto numbers = [](const std::string& t) {
    std::vector<int> out;
    for (size_t at = t.find('('); at != std::string::npos && at + 1 < t.size(); at = t.find(',', at + 1))
      out.push_back(std::atoi(t.c_str() + at + 1));
    return out;
  };
  const std::string a = base(from), b = base(to);
  const auto x = numbers(from), y = numbers(to);
  if ((a == "varchar" || a == "text") && (b == "text" || (b == "varchar" && y.empty()))) return true;
  if (a == "cidr" && to == "inet") return true;
  static const std::set<std::string> kWidening = {"varchar", "varbit", "timestamp", "timestamptz", "time", "timetz"};
  if (a == b && kWidening.contains(a)) return y.empty() || (!x.empty() && y[0] >= x[0]);
  if (a == "numeric" && b == "numeric") {
    if (y.empty()) return true;
    const int scale_x = x.size() > 1 ? x[1] : 0, scale_y = y.size() > 1 ? y[1] : 0;
    return !x.empty() && y[0] >= x[0] && scale_x == scale_y;
  }
  return false;
}

}  // namespace howdah::migrate
