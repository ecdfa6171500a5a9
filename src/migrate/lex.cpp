#include "migrate/lex.h"

#include <algorithm>
#include <cctype>

#include "util/text.h"

namespace howdah::migrate {
namespace {

bool word_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0; }
bool digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool word_part(char c) { return word_start(c) || digit(c) || c == '$'; }

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  std::vector<Token> run() {
    while (at_ < sql_.size()) step();
    return std::move(out_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }
  void add(Token::Kind kind, size_t start, std::string text) { out_.push_back({kind, std::move(text), start}); }

  void step() {
    const char c = peek();
    if (std::isspace(static_cast<unsigned char>(c))) return void(at_++);
    if (c == '-' && peek(1) == '-') return void(at_ = std::min(sql_.find('\n', at_), sql_.size()));
    if (c == '/' && peek(1) == '*') return comment();
    if (c == '\'') return quoted('\'', false, Token::kString);
    if (c == '"') return quoted('"', false, Token::kQuoted);
    if (c == '$' && dollar()) return;
    if (word_start(c)) return word();
    if (digit(c)) return number();
    const size_t length = c == ':' && peek(1) == ':' ? 2 : 1;
    add(Token::kSymbol, at_, std::string(sql_.substr(at_, length)));
    at_ += length;
  }

  void comment() {
    for (int depth = 0; at_ < sql_.size(); at_++) {
      if (peek() == '/' && peek(1) == '*')
        depth++, at_++;
      else if (peek() == '*' && peek(1) == '/') {
        at_++;
        if (--depth == 0) return void(at_++);
      }
    }
  }

  void quoted(char quote, bool escapes, Token::Kind kind) {
    const size_t start = at_++;
    std::string text;
    for (; at_ < sql_.size(); at_++) {
      if (escapes && peek() == '\\')
        at_++;
      else if (peek() == quote && peek(1) == quote)
        at_++;
      else if (peek() == quote) {
        at_++;
        break;
      }
      text += peek();
    }
    add(kind, start, std::move(text));
  }

  bool dollar() {
    size_t end = at_ + 1;
    while (end < sql_.size() && word_part(sql_[end]) && sql_[end] != '$') end++;
    if (end >= sql_.size() || sql_[end] != '$' || digit(peek(1))) return false;
    const std::string_view mark = sql_.substr(at_, end + 1 - at_);
    const size_t close = std::min(sql_.find(mark, end + 1), sql_.size());
    add(Token::kString, at_, std::string(sql_.substr(end + 1, close - end - 1)));
    at_ = std::min(close + mark.size(), sql_.size());
    return true;
  }

  void number() {
    const size_t start = at_;
    while (word_part(peek()) || peek() == '.') at_++;
    add(Token::kNumber, start, std::string(sql_.substr(start, at_ - start)));
  }

  void word() {
    const size_t start = at_;
    while (at_ < sql_.size() && word_part(peek())) at_++;
    std::string text = lower_case(sql_.substr(start, at_ - start));
    const bool prefix = text == "e" || text == "b" || text == "x" || text == "n";
    if (peek() == '\'' && prefix) return quoted('\'', text == "e", Token::kString);
    add(Token::kWord, start, std::move(text));
  }

  const std::string_view sql_;
  size_t at_ = 0;
  std::vector<Token> out_;
};

}  // namespace

std::vector<Token> lex(std::string_view statement) { return Lexer(statement).run(); }

bool Cursor::accept(std::string_view words) {
  size_t count = 0;
  for (size_t at = 0; at < words.size(); count++) {
    const size_t end = std::min(words.find(' ', at), words.size());
    if (!peek(count).is(words.substr(at, end - at))) return false;
    at = end + 1;
  }
  at_ += count;
  return true;
}

bool Cursor::accept_symbol(std::string_view s) {
  if (!peek().symbol(s)) return false;
  at_++;
  return true;
}

void Cursor::skip() {
  int depth = 0;
  do {
    const Token& t = next();
    if (t.symbol("(") || t.symbol("[")) depth++;
    if (t.symbol(")") || t.symbol("]")) depth--;
  } while (depth > 0 && !done());
}

void Cursor::skip_item() {
  while (!done() && !peek().symbol(",") && !peek().symbol(")")) skip();
}

}  // namespace howdah::migrate
