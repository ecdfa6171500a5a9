#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace howdah::migrate {

/// One token of a statement. Words are folded to lower case, as the server does; quoted names are not.
struct Token {
  enum Kind { kWord, kQuoted, kString, kNumber, kSymbol } kind = kSymbol;
  std::string text;  ///< of strings and quoted names: what is between the quotes
  size_t at = 0;     ///< byte of the statement
  bool is(std::string_view word) const { return kind == kWord && text == word; }
  bool symbol(std::string_view s) const { return kind == kSymbol && text == s; }
  bool name() const { return kind == kWord || kind == kQuoted; }
};

/// The tokens of one statement that split() has found, without comments. Never fails: what is no SQL becomes symbols.
/// "::" is one symbol, every other symbol is one character.
std::vector<Token> lex(std::string_view statement);

/// Goes over tokens; past the end every token is an empty symbol.
class Cursor {
 public:
  explicit Cursor(const std::vector<Token>& tokens) : tokens_(tokens) {}
  const Token& peek(size_t ahead = 0) const { return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : end_; }
  const Token& next() { return at_ < tokens_.size() ? tokens_[at_++] : end_; }
  bool done() const { return at_ >= tokens_.size(); }
  size_t position() const { return at_; }
  void seek(size_t position) { at_ = position; }

  /// Steps over these words when all of them come next.
  bool accept(std::string_view words);
  bool accept_symbol(std::string_view s);
  /// Steps over what comes next: one token, or a whole parenthesis.
  void skip();
  /// Up to a "," or ")" that closes what is open here, or the end; does not step over it.
  void skip_item();

 private:
  const std::vector<Token>& tokens_;
  size_t at_ = 0;
  static inline const Token end_{};
};

}  // namespace howdah::migrate
