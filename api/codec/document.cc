#include "api/codec/document.h"

#include <algorithm>
#include <cmath>

namespace skiff {

const Json* FindPath(const Json& document, std::string_view path) {
  const Json* at = &document;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    if (!at->is_object()) return nullptr;
    const auto it = at->find(path.substr(0, dot));
    if (it == at->end()) return nullptr;
    at = &*it;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at->is_null() ? nullptr : at;
}

std::string TextAt(const Json& document, std::string_view path) {
  const Json* value = FindPath(document, path);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

int64_t NumberAt(const Json& document, std::string_view path) {
  const Json* value = FindPath(document, path);
  if (value == nullptr || !value->is_number()) return 0;
  // A fraction may stand where any number may, and be larger than integers are.
  constexpr double kLimit = 9.2e18;
  if (value->is_number_float() && !(std::abs(value->get<double>()) < kLimit)) return 0;
  return value->get<int64_t>();
}

const Json& ListAt(const Json& document, std::string_view path) {
  static const Json kEmpty = Json::array();
  const Json* value = FindPath(document, path);
  return value != nullptr && value->is_structured() ? *value : kEmpty;
}

}  // namespace skiff
