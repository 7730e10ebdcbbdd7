#include "skiff/authentication_lookup.h"

#include <fmt/format.h>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "base/log.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;

constexpr char kMapNamespace[] = "kube-system";
constexpr char kMapName[] = "extension-apiserver-authentication";

std::string DataOf(const ConfigMap& map, const std::string& key) {
  const auto found = map.data.find(key);
  return found == map.data.end() ? "" : found->second;
}

// ["a", "b"]
Result<std::vector<std::string>> TextsOf(const ConfigMap& map, const std::string& key) {
  const std::string text = DataOf(map, key);
  std::vector<std::string> items;
  if (text.empty()) return items;
  const auto list = ParseJson(text);
  const auto bad = [&] {
    return Fail(Reason::kInvalid, fmt::format("{} of configmap/{} in {} is no list of texts", key,
                                              kMapName, kMapNamespace));
  };
  if (!list || !list->is_array()) return bad();
  for (const Json& item : *list) {
    if (!item.is_string()) return bad();
    items.push_back(item.get<std::string>());
  }
  return items;
}

Result<> TakeFrontProxy(const ConfigMap& map, ServingFlags& flags) {
  flags.front_proxy_ca_pem = DataOf(map, "requestheader-client-ca-file");
  FrontProxyOptions& to = flags.front_proxy;
  to.allowed_names = TRY(TextsOf(map, "requestheader-allowed-names"));
  to.username_headers = TRY(TextsOf(map, "requestheader-username-headers"));
  to.uid_headers = TRY(TextsOf(map, "requestheader-uid-headers"));
  to.group_headers = TRY(TextsOf(map, "requestheader-group-headers"));
  to.extra_header_prefixes = TRY(TextsOf(map, "requestheader-extra-headers-prefix"));
  return {};
}

Result<> LookUp(Client& client, ServingFlags& flags) {
  const auto map = client.Get<ConfigMap>({kMapNamespace, kMapName});
  if (!map && map.error().reason == Reason::kNotFound) return {};
  if (!map) return Fail(map.error());
  if (flags.client_ca_file.empty()) flags.client_ca_pem = DataOf(**map, "client-ca-file");
  if (!flags.requestheader_client_ca_file.empty()) return {};
  return TakeFrontProxy(**map, flags);
}

}  // namespace

Result<> LookUpAuthentication(Client& client, ServingFlags& flags) {
  const bool says_all =
      !flags.client_ca_file.empty() && !flags.requestheader_client_ca_file.empty();
  if (says_all || flags.skips_lookup || flags.authentication_kubeconfig.empty()) return {};
  const auto found = LookUp(client, flags);
  if (found) return {};
  if (!flags.tolerates_lookup_failure) {
    return Fail(
        found.error().reason,
        "unable to load configmap based request-header-client-ca-file: " + found.error().message);
  }
  Log("flags").Info(
      "warning: Error looking up in-cluster authentication configuration: continuing without it, "
      "which may treat all requests as anonymous; to require it, set "
      "--authentication-tolerate-lookup-failure=false",
      {{"error", found.error().message}});
  return {};
}

}  // namespace skiff
