#include "migrate/split.h"

#include <fmt/format.h>

#include <set>

#include "util/text.h"

namespace howdah::migrate {
namespace {

constexpr size_t kMaxWords = 16;

bool word_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0; }
bool word_part(char c) { return word_start(c) || std::isdigit(static_cast<unsigned char>(c)) || c == '$'; }

class Splitter {
 public:
  Splitter(std::string_view sql, bool psql) : sql_(sql), psql_(psql) {}

  tl::expected<std::vector<Statement>, SplitError> run() {
    while (at_ < sql_.size() && !error_) step();
    if (!error_) finish(sql_.size());
    if (error_) return tl::unexpected(*error_);
    return std::move(out_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  void refuse(size_t where, std::string message) {
    auto [line, column] = line_and_column(sql_, where);
    error_ = SplitError{std::move(message), line, column};
  }

  void step() {
    const char c = peek();
    if (std::isspace(static_cast<unsigned char>(c))) return void(at_++);
    if (c == '-' && peek(1) == '-') return skip_line();
    if (c == '/' && peek(1) == '*') return block_comment();
    if (c == '\\') return backslash();
    if (c == ';' && depth_ == 0 && atomic_ == 0) return semicolon();
    open();
    if (c == '\'') return quoted('\'', false);
    if (c == '"') return quoted('"', false);
    if (c == '$') return dollar();
    if (word_start(c)) return word();
    if (std::isdigit(static_cast<unsigned char>(c))) return number();
    if (c == '(') depth_++;
    if (c == ')' && depth_ > 0) depth_--;
    at_++;
  }

  void open() {
    if (open_) return;
    open_ = true;
    now_ = Statement{};
    now_.begin = at_;
    std::tie(now_.line, now_.column) = line_and_column_from_last(at_);
  }

  /// Like line_and_column, going on from the last answer: a script of a hundred thousand statements stays linear.
  std::pair<int, int> line_and_column_from_last(size_t byte) {
    for (; counted_ < byte; counted_++) {
      if (sql_[counted_] == '\n') line_++, line_begin_ = counted_ + 1;
    }
    int column = 1;
    for (size_t i = line_begin_; i < byte; i++) column += (sql_[i] & 0xC0) != 0x80;
    return {line_, column};
  }

  void finish(size_t end) {
    if (!open_) return;
    while (end > now_.begin && std::isspace(static_cast<unsigned char>(sql_[end - 1]))) end--;
    now_.end = end;
    out_.push_back(std::move(now_));
    open_ = false;
    depth_ = atomic_ = 0;
    identifiers_.clear();
  }

  void semicolon() {
    const bool copy = open_ && now_.words.size() > 1 && now_.words[0] == "copy" && copy_from_stdin();
    finish(at_);
    at_++;
    if (!copy) return;
    if (!psql_) {
      return refuse(out_.back().begin,
                    "COPY ... FROM STDIN needs its rows sent beside the statement, which a migration "
                    "cannot do: write INSERT ... VALUES, or load it with `howdah db seed`");
    }
    copy_data();
  }

  bool copy_from_stdin() const {
    for (size_t i = 1; i + 1 < now_.words.size(); i++) {
      if (now_.words[i] == "from" && now_.words[i + 1] == "stdin") return true;
    }
    return false;
  }

  void copy_data() {
    skip_line();
    out_.back().data_begin = at_;
    for (size_t line = at_; line < sql_.size();) {
      size_t end = std::min(sql_.find('\n', line), sql_.size());
      std::string_view text = sql_.substr(line, end - line);
      if (text == "\\." || text == "\\.\r") {
        out_.back().data_end = line;
        at_ = std::min(end + 1, sql_.size());
        return;
      }
      line = end + 1;
    }
    refuse(out_.back().begin, "the rows of this COPY do not end with a line \"\\.\"");
  }

  void skip_line() { at_ = std::min(sql_.find('\n', at_), sql_.size() - 1) + 1; }

  void block_comment() {
    const size_t start = at_;
    int depth = 0;
    for (; at_ < sql_.size(); at_++) {
      if (peek() == '/' && peek(1) == '*')
        depth++, at_++;
      else if (peek() == '*' && peek(1) == '/') {
        at_++;
        if (--depth == 0) return void(at_++);
      }
    }
    refuse(start, "this /* comment is not closed");
  }

  void backslash() {
    const std::string_view line = sql_.substr(at_, std::min(sql_.find('\n', at_), sql_.size()) - at_);
    const std::string name(line.substr(0, line.find_first_of(" \t\r;")));
    if (!open_ && (name == "\\restrict" || name == "\\unrestrict")) return skip_line();
    refuse(at_, fmt::format("{} is a command of psql, not SQL: write what it does as SQL, or remove the line", name));
  }

  void quoted(char quote, bool escapes) {
    const size_t start = at_++;
    for (; at_ < sql_.size(); at_++) {
      if (escapes && peek() == '\\')
        at_++;
      else if (peek() == quote && peek(1) == quote)
        at_++;
      else if (peek() == quote)
        return void(at_++);
    }
    refuse(start, quote == '"' ? "this quoted name is not closed" : "this string is not closed");
  }

  void dollar() {
    size_t end = at_ + 1;
    while (end < sql_.size() && word_part(sql_[end]) && sql_[end] != '$') end++;
    const bool tag = end < sql_.size() && sql_[end] == '$' && !std::isdigit(static_cast<unsigned char>(peek(1)));
    if (!tag) return void(at_++);  // $1
    const std::string_view mark = sql_.substr(at_, end + 1 - at_);
    const size_t close = sql_.find(mark, end + 1);
    if (close == std::string_view::npos) return refuse(at_, fmt::format("the string opened by {} is not closed", mark));
    at_ = close + mark.size();
  }

  void number() {
    while (word_part(peek()) || peek() == '.') at_++;
  }

  void word() {
    const size_t start = at_;
    while (at_ < sql_.size() && word_part(peek())) at_++;
    std::string text = lower_case(sql_.substr(start, at_ - start));
    if (peek() == '\'' && (text == "e" || text == "b" || text == "x" || text == "n")) return quoted('\'', text == "e");
    if (depth_ > 0) return;
    if (now_.words.size() < kMaxWords) now_.words.push_back(text);
    if (identifiers_.size() < 4) identifiers_.push_back(text);
    atomic_body(text);
  }

  /// SQL-standard function bodies (BEGIN ATOMIC ... END) hold semicolons; CASE has an END of its own.
  void atomic_body(const std::string& text) {
    if (identifiers_[0] != "create" || identifiers_.size() < 2) return;
    const size_t kind = identifiers_[1] == "or" ? 3 : 1;
    if (identifiers_.size() <= kind || (identifiers_[kind] != "function" && identifiers_[kind] != "procedure")) return;
    if (text == "atomic" || (text == "case" && atomic_ > 0))
      atomic_++;
    else if (text == "end" && atomic_ > 0)
      atomic_--;
  }

  const std::string_view sql_;
  const bool psql_;
  size_t at_ = 0;
  int depth_ = 0, atomic_ = 0;
  bool open_ = false;
  Statement now_;
  std::vector<std::string> identifiers_;
  std::vector<Statement> out_;
  std::optional<SplitError> error_;
  size_t counted_ = 0, line_begin_ = 0;
  int line_ = 1;
};

bool has(const Statement& s, std::string_view word, size_t from = 1) {
  for (size_t i = from; i < s.words.size(); i++) {
    if (s.words[i] == word) return true;
  }
  return false;
}

std::string word_at(const Statement& s, size_t i) { return i < s.words.size() ? s.words[i] : ""; }

std::string create_outside(const Statement& s) {
  const std::string what = word_at(s, 1);
  if (what == "database" || what == "tablespace")
    return "CREATE " + std::string(what == "database" ? "DATABASE" : "TABLESPACE");
  const size_t index = what == "unique" ? 2 : 1;
  if (word_at(s, index) == "index" && word_at(s, index + 1) == "concurrently") return "CREATE INDEX CONCURRENTLY";
  if (what == "subscription") return "CREATE SUBSCRIPTION";
  return "";
}

std::string alter_outside(const Statement& s) {
  const std::string what = word_at(s, 1);
  if (what == "system") return "ALTER SYSTEM";
  if (what == "database" && has(s, "tablespace")) return "ALTER DATABASE ... SET TABLESPACE";
  if (what == "table" && has(s, "detach") && has(s, "concurrently"))
    return "ALTER TABLE ... DETACH PARTITION CONCURRENTLY";
  return "";
}

}  // namespace

tl::expected<std::vector<Statement>, SplitError> split(std::string_view sql, bool script_of_psql) {
  if (sql.empty()) return std::vector<Statement>{};
  return Splitter(sql, script_of_psql).run();
}

void comment_out_restrict(std::string& sql, const std::vector<Statement>& statements) {
  for (size_t i = 0, gap = 0; i <= statements.size(); i++) {
    const size_t end = i < statements.size() ? statements[i].begin : sql.size();
    for (const char* word : {"\\restrict", "\\unrestrict"}) {
      const size_t at = std::string_view(sql).substr(gap, end - gap).find(word);
      if (at != std::string_view::npos) sql.replace(gap + at, 2, "--");
    }
    if (i < statements.size()) gap = statements[i].end;
  }
}

std::string transaction_control(const Statement& s) {
  const std::string first = word_at(s, 0), second = word_at(s, 1);
  if (first == "begin" || (first == "start" && second == "transaction")) return "begin";
  if (first == "commit" || first == "end" || (first == "prepare" && second == "transaction")) return "commit";
  if (first == "abort") return "rollback";
  if (first == "rollback" && !has(s, "to")) return "rollback";
  return "";
}

bool has_plan(std::string_view sql, const Statement& s) {
  static const std::set<std::string> kWords = {"select", "with",   "values", "table",
                                               "insert", "update", "delete", "merge"};
  // What begins with a parenthesis has no bare first word, or that of what follows: (select 1) union select 2.
  return sql[s.begin] == '(' || (!s.words.empty() && kWords.contains(s.words[0]));
}

std::string outside_transaction(const Statement& s) {
  const std::string first = word_at(s, 0), second = word_at(s, 1);
  if (first == "create") return create_outside(s);
  if (first == "alter") return alter_outside(s);
  if (first == "vacuum") return "VACUUM";
  if (first == "drop") {
    if (second == "database") return "DROP DATABASE";
    if (second == "tablespace") return "DROP TABLESPACE";
    if (second == "index" && word_at(s, 2) == "concurrently") return "DROP INDEX CONCURRENTLY";
    if (second == "subscription") return "DROP SUBSCRIPTION";
  }
  if (first == "reindex" &&
      (has(s, "concurrently") || second == "database" || second == "system" || second == "schema"))
    return has(s, "concurrently") ? "REINDEX CONCURRENTLY" : "REINDEX of a whole " + second;
  if (first == "cluster" && s.words.size() == 1) return "CLUSTER of all tables";
  if (first == "discard" && second == "all") return "DISCARD ALL";
  return "";
}

size_t byte_of(std::string_view text, int character) {
  size_t at = 0;
  for (int n = 1; at < text.size(); at++) {
    if ((text[at] & 0xC0) == 0x80) continue;
    if (n++ == character) break;
  }
  return at;
}

std::pair<int, int> line_and_column(std::string_view sql, size_t byte) {
  int line = 1, column = 1;
  for (size_t i = 0; i < byte && i < sql.size(); i++) {
    if (sql[i] == '\n')
      line++, column = 1;
    else
      column += (sql[i] & 0xC0) != 0x80;
  }
  return {line, column};
}

}  // namespace howdah::migrate
