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

namespace {

// Its names in that order.
std::vector<std::string> NamesOf(const Json& object, const MemberOrder& order, int level) {
  std::vector<std::string> names;
  if (level < order.levels) {
    for (const std::string_view name : order.first) {
      if (object.contains(name)) names.emplace_back(name);
    }
  }
  const size_t placed = names.size();
  for (const auto& [name, ignored] : object.items()) {
    const auto end = names.begin() + static_cast<ptrdiff_t>(placed);
    if (std::find(names.begin(), end, name) == end) names.push_back(name);
  }
  return names;
}

struct PrettyForm {
  const MemberOrder& order;
  size_t step;  // Spaces a level.
};

void AppendPretty(const Json& value, const PrettyForm& form, int level, size_t indent,
                  std::string& out) {
  if (!value.is_structured() || value.empty()) return AppendJson(value, out);
  const bool list = value.is_array();
  out += list ? '[' : '{';
  bool first = true;
  const auto begin = [&] {
    out += first ? "\n" : ",\n";
    first = false;
    out.append(indent + form.step, ' ');
  };
  if (list) {
    for (const Json& item : value) {
      begin();
      AppendPretty(item, form, level, indent + form.step, out);
    }
  } else {
    for (const std::string& name : NamesOf(value, form.order, level)) {
      begin();
      AppendJsonString(name, out);
      out += ": ";
      AppendPretty(value[name], form, level + 1, indent + form.step, out);
    }
  }
  out += '\n';
  out.append(indent, ' ');
  out += list ? ']' : '}';
}

}  // namespace

std::string PrettyJson(const Json& value) {
  return PrettyJson(value, MemberOrder{.first = {}, .levels = 0});
}

std::string PrettyJson(const Json& value, const MemberOrder& order, size_t step) {
  std::string text;
  AppendPretty(value, {order, step}, 0, 0, text);
  return text + "\n";
}

}  // namespace skiff::cli
