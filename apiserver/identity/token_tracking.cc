#include "apiserver/identity/token_tracking.h"

namespace skiff {

Json TokenTracking(TimePoint now) {
  constexpr size_t kDateSize = sizeof("2006-01-02") - 1;
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", kTokenTracking}, {"namespace", "kube-system"}}},
          {"data", {{"since", Time(now).Rfc3339().substr(0, kDateSize)}}}};
}

bool SaysSince(const Json& config_map) {
  const Json data = config_map.value("data", Json::object());
  const auto since = data.is_object() ? data.find("since") : data.end();
  if (since == data.end() || !since->is_string()) return false;
  return Time::Parse(since->get<std::string>() + "T00:00:00Z").has_value();
}

}  // namespace skiff
