#include "domain/json.h"

#include "util/json.h"

namespace howdah::json {

Document::Document() : root_(std::make_unique<nlohmann::json>(nlohmann::json::object())) {}
Document::Document(std::string_view text) : root_(std::make_unique<nlohmann::json>(parse_json(text))) {}
Document::~Document() = default;
std::string Document::text() const { return readable_json(*root_); }

nlohmann::json& Writer::member(Json& object, const std::string& name) { return object[name]; }
nlohmann::json& Writer::append(Json& list) { return list.emplace_back(); }
nlohmann::json& Writer::become_object(Json& to) { return to = Json::object(); }
nlohmann::json& Writer::become_array(Json& to) { return to = Json::array(); }
void Writer::put(Json& to, const std::string& value) { to = value; }
void Writer::put(Json& to, bool value) { to = value; }
void Writer::put(Json& to, double value) { to = value; }
void Writer::put(Json& to, int64_t value) { to = value; }

const nlohmann::json* Reader::find(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

std::vector<const nlohmann::json*> Reader::elements(const Json& list) {
  std::vector<const Json*> out;
  for (const Json& x : list) out.push_back(&x);
  return out;
}

std::vector<std::pair<std::string, const nlohmann::json*>> Reader::members(const Json& object) {
  std::vector<std::pair<std::string, const Json*>> out;
  for (const auto& [name, x] : object.get_ref<const Json::object_t&>()) out.emplace_back(name, &x);
  return out;
}

int64_t Reader::number(const Json& j) { return j.get<int64_t>(); }
void Reader::get(const Json& j, std::string& value) { j.get_to(value); }
void Reader::get(const Json& j, bool& value) { j.get_to(value); }
void Reader::get(const Json& j, double& value) { j.get_to(value); }

}  // namespace howdah::json
