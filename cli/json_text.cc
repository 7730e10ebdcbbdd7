#include "cli/json_text.h"

#include <algorithm>

#include "api/codec/json.h"
#include "api/text/go_text.h"

namespace skiff::cli {

const Json& At(const Json& value, std::string_view name) {
  static const Json kNull;
  if (!value.is_object()) return kNull;
  const auto found = value.find(std::string(name));
  return found == value.end() ? kNull : *found;
}

std::vector<std::string> TextsAt(const Json& value, std::string_view name) {
  std::vector<std::string> texts;
  for (const Json& item : At(value, name)) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) text += separator;
    text += part;
  }
  return text;
}

std::string PlainText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "";
  if (value.is_structured()) return GoJson(value);
  return DumpJson(value);
}

std::string GoPlainText(const Json& value) {
  if (value.is_null()) return "<nil>";
  if (!value.is_structured()) return PlainText(value);
  std::string text = value.is_object() ? "map[" : "[";
  bool first = true;
  for (const auto& [key, item] : value.items()) {
    if (!first) text += ' ';
    first = false;
    if (value.is_object()) text += key + ":";
    text += GoPlainText(item);
  }
  return text + "]";
}

std::string PrettyJson(const Json& value) {
  std::string text;
  for (const char c : value.dump(4)) {
    if (c == '<') {
      text += "\\u003c";
    } else if (c == '>') {
      text += "\\u003e";
    } else if (c == '&') {
      text += "\\u0026";
    } else {
      text += c;
    }
  }
  return text + "\n";
}

}  // namespace skiff::cli
