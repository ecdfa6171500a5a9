#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// Command lines. CLI11 stays behind this header: each file that includes it takes ten seconds to compile.
namespace howdah::cli {

/// One option or positional argument of a command, and what it must be.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option required(bool yes = true) const;
  Option range(int least, int most) const;
  Option range(double least, double most) const;
  Option not_negative() const;
  Option positive() const;
  Option duration() const;  ///< as PostgreSQL's settings: 500ms, 2s
  Option one_of(const std::vector<std::string>& words) const;
  Option excludes(Option other) const;
  Option needs(const std::string& other) const;
  Option expected(int least, int most) const;  ///< so many values
  Option one_each() const;                     ///< one value each time it is given
  Option hidden() const;

 private:
  Option at_least(double least, const char* otherwise) const;

  CLI::Option* option_;
};

/// A command with its options and subcommands, which it owns. Options name variables, which parse() fills and which
/// must outlive the command; one that isn't given keeps its value.
class Command {
 public:
  Command(const std::string& about, const std::string& name);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  Command* add_subcommand(const std::string& name, const std::string& about, const std::string& alias = "");
  void require_subcommand();
  void inherit_options();  ///< options of this command may also stand after a subcommand
  void version(const std::string& text);

  /// T: std::string, int, unsigned, double, or an optional or a vector of std::string.
  template <class T>
  Option add_option(const std::string& name, T& value, const std::string& about = "");
  Option add_flag(const std::string& name, bool& value, const std::string& about);
  Option add_flag(const std::string& name, std::function<void()> given, const std::string& about);
  /// One of some words, each of which stands for a value.
  template <class T>
  Option add_choice(const std::string& name, T& value, const std::map<std::string, T>& words,
                    const std::string& about) {
    std::vector<std::string> known;
    for (const auto& [word, meaning] : words) known.push_back(word);
    return add_word(
        name, [&value, words](const std::string& word) { value = words.at(word); }, known, about);
  }

  /// Returns the exit code when there is nothing to run: 0, help was asked for; 2, the words were wrong, which is said.
  [[nodiscard]] std::optional<int> parse(int argc, char** argv);
  [[nodiscard]] std::optional<int> parse(std::vector<std::string> words);

  explicit operator bool() const;           ///< was it given?
  bool has(const std::string& name) const;  ///< was this option given?
  std::string chosen() const;               ///< the name of the subcommand

 private:
  explicit Command(CLI::App* app);
  Option add_word(const std::string& name, std::function<void(const std::string&)> take,
                  const std::vector<std::string>& words, const std::string& about);
  std::unique_ptr<CLI::App> owned_;  // of the outermost command
  CLI::App* app_;
  std::vector<std::unique_ptr<Command>> subcommands_;
};

}  // namespace howdah::cli
