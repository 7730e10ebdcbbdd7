#include "cli/why/type_called.h"

#include <string_view>
#include <utility>

namespace skiff::cli::why {
namespace {

constexpr std::pair<std::string_view, const char*> kCalled[] = {
    {"autoscaler", "horizontalpodautoscalers"},
    {"budget", "poddisruptionbudgets"},
    {"claim", "persistentvolumeclaims"},
    {"definition", "customresourcedefinitions"},
    {"policy", "networkpolicies"},
    {"request", "certificatesigningrequests"},
    {"volume", "persistentvolumes"},
};

std::string PluralOf(std::string_view word) {
  if (!word.ends_with('y')) return std::string(word) + "s";
  return std::string(word.substr(0, word.size() - 1)) + "ies";
}

}  // namespace

std::string TypeCalled(Session& session, const std::string& type) {
  for (const auto& [word, resource] : kCalled) {
    if (type != word && type != PluralOf(word)) continue;
    return session.kinds().Find(type) ? type : resource;
  }
  return type;
}

}  // namespace skiff::cli::why
