#include "cli/database_url.h"

#include <cstdlib>

namespace howdah::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<std::string> database_url(const std::string& said, bool prod) {
  if (!said.empty()) return said;
  if (prod) {
    const std::string url = variable("PROD_CONNECTION_URL");
    return url.empty() ? Result<std::string>(fail("PROD_CONNECTION_URL is not set")) : url;
  }
  const std::string connection = variable("CONNECTION_URL"), database = variable("DATABASE_URL");
  if (!connection.empty() && !database.empty() && connection != database) {
    return fail("CONNECTION_URL and DATABASE_URL name different databases: unset one, or say --url");
  }
  if (!connection.empty()) return connection;
  if (!database.empty()) return database;
  return fail("which database? Say --url postgresql://user@host/database, or set CONNECTION_URL or DATABASE_URL");
}

std::string url_variable(const std::string& word) {
  std::string name;
  for (const char c : word)
    name += std::isalnum(static_cast<unsigned char>(c)) ? static_cast<char>(std::toupper(c)) : '_';
  return name + "_CONNECTION_URL";
}

Result<std::string> named_url(const std::string& word) {
  if (word.find_first_of(":=/") != std::string::npos) return word;
  const std::string name = url_variable(word);
  const std::string url = variable(name.c_str());
  if (url.empty()) return fail(word + " is not a URL, and " + name + " is not set");
  return url;
}

}  // namespace howdah::cli
