#include "api/columns/cells.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "api/select/selector.h"
#include "api/text/human_duration.h"
#include "base/seconds.h"

namespace skiff::columns {

std::string Join(const std::vector<std::string>& texts, std::string_view separator) {
  return fmt::format("{}", fmt::join(texts, separator));
}

std::string OrElse(std::string text, std::string_view fallback) {
  return text.empty() ? std::string(fallback) : text;
}

std::vector<std::string> Strings(const Json& list, std::string_view member) {
  std::vector<std::string> out;
  for (const Json& item : list) {
    if (!member.empty()) {
      out.push_back(TextAt(item, member));
    } else if (item.is_string()) {
      out.push_back(item.get<std::string>());
    }
  }
  return out;
}

std::string AgeText(const CellInput& input, std::string_view path) {
  const auto time = Time::Parse(TextAt(input.object, path));
  if (!time || time->IsZero()) return "<unknown>";
  return HumanDuration(Between(time->point(), input.now));
}

std::string LabelMapText(const Json& labels) {
  std::map<std::string, std::string> map;
  for (const auto& [key, value] : labels.items()) map[key] = ScalarText(value);
  return LabelsText(map);
}

std::string SelectorText(const Json* selector) {
  if (selector == nullptr) return "<none>";
  const auto typed = FromJson<meta_v1::LabelSelector>(*selector);
  return typed ? LabelSelectorText(*typed) : "<error>";
}

const Json* FindCondition(const Json& object, std::string_view type) {
  for (const Json& condition : ListAt(object, "status.conditions")) {
    if (TextAt(condition, "type") == type) return &condition;
  }
  return nullptr;
}

bool ConditionIsTrue(const Json& object, std::string_view type) {
  const Json* condition = FindCondition(object, type);
  return condition != nullptr && TextAt(*condition, "status") == "True";
}

std::string JoinFirst(const std::vector<std::string>& texts, size_t count_max,
                      std::string_view separator) {
  const size_t shown = std::min(texts.size(), count_max);
  std::string out = fmt::format("{}", fmt::join(texts.begin(), texts.begin() + shown, separator));
  if (shown < texts.size()) out += fmt::format(" + {} more...", texts.size() - shown);
  return out;
}

std::string ScalarText(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string LoadBalancerText(const Json& object) {
  std::set<std::string> addresses;
  for (const Json& ingress : ListAt(object, "status.loadBalancer.ingress")) {
    const std::string address = OrElse(TextAt(ingress, "ip"), TextAt(ingress, "hostname"));
    if (!address.empty()) addresses.insert(address);
  }
  return fmt::format("{}", fmt::join(addresses, ","));
}

std::string AccessModesText(const Json& modes) {
  constexpr std::pair<std::string_view, const char*> kModes[] = {{"ReadWriteOnce", "RWO"},
                                                                 {"ReadOnlyMany", "ROX"},
                                                                 {"ReadWriteMany", "RWX"},
                                                                 {"ReadWriteOncePod", "RWOP"}};
  std::vector<std::string> out;
  for (const auto& [mode, text] : kModes) {
    if (std::find(modes.begin(), modes.end(), mode) != modes.end()) out.emplace_back(text);
  }
  return Join(out);
}

}  // namespace skiff::columns
