#include "kubelet/csi/volume_context.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "base/hash.h"

namespace skiff::kubelet::csi {
namespace {

constexpr int64_t kTokenSeconds = 3600;  // The API server's default.
constexpr char kTokens[] = "csi.storage.k8s.io/serviceAccount.tokens";

// When a token ends: the second part of a JWT says it.
Result<std::string> ExpiryOf(const std::string& token) {
  const size_t begin = token.find('.') + 1;
  const size_t end = token.find('.', begin);
  if (begin == 0 || end == std::string::npos) return Fail(Reason::kInvalid, "no token");
  const auto text = FromBase64Url(token.substr(begin, end - begin));
  const Json claims = TRY(ParseJson(text.value_or("")));
  if (!claims.is_object() || !claims.contains("exp") || !claims["exp"].is_number()) {
    return Fail(Reason::kInvalid, "a token without its end");
  }
  return Time(TimePoint(std::chrono::seconds(claims["exp"].get<int64_t>()))).Rfc3339();
}

Result<std::string> TokensOf(const storage_v1::CSIDriver& driver, const VolumeInput& input) {
  Json tokens = Json::object();
  for (const auto& request : driver.spec.token_requests) {
    const auto token = TRY(input.sources.token(input.pod, request.audience,
                                               request.expiration_seconds.value_or(kTokenSeconds)));
    const auto expiry = TRY(ExpiryOf(token));
    tokens[request.audience] = {{"token", token}, {"expirationTimestamp", expiry}};
  }
  return tokens.dump();
}

}  // namespace

Result<> CheckLifecycle(const storage_v1::CSIDriver* driver, const std::string& name,
                        const std::string& lifecycle) {
  if (driver == nullptr) {
    if (lifecycle == "Persistent") return {};
    return Fail(Reason::kNotFound,
                fmt::format("volume mode \"{}\" not supported by driver {} (no CSIDriver object)",
                            lifecycle, name));
  }
  std::vector<std::string> modes = driver->spec.volume_lifecycle_modes;
  if (modes.empty()) modes = {"Persistent"};
  if (std::find(modes.begin(), modes.end(), lifecycle) != modes.end()) return {};
  std::string quoted;
  for (const auto& mode : modes) quoted += (quoted.empty() ? "\"" : " \"") + mode + "\"";
  return Fail(Reason::kInvalid,
              fmt::format("volume mode \"{}\" not supported by driver {} (only supports [{}])",
                          lifecycle, name, quoted));
}

bool WantsFsGroup(const storage_v1::CSIDriver* driver, const std::string& fs_type,
                  const std::vector<std::string>& access_modes, bool is_inline) {
  std::string policy = "ReadWriteOnceWithFSType";
  if (driver != nullptr && driver->spec.fs_group_policy) policy = *driver->spec.fs_group_policy;
  if (policy == "None") return false;
  if (policy == "File") return true;
  if (fs_type.empty()) return false;
  return is_inline || std::any_of(access_modes.begin(), access_modes.end(), [](const auto& mode) {
           return mode == "ReadWriteOnce" || mode == "ReadWriteOncePod";
         });
}

std::string GroupText(const core_v1::Pod& pod) {
  const auto& security = pod.spec.security_context;
  return security && security->fs_group ? std::to_string(*security->fs_group) : "";
}

Result<StringMap> SecretsOf(const VolumeSources& sources, const std::string& namespace_,
                            const std::string& name, const std::string& what) {
  const auto secret = sources.secret(namespace_, name);
  if (!secret) {
    return Fail(secret.error().reason, fmt::format("fetching {} {}/{} failed: {}", what, namespace_,
                                                   name, secret.error().message));
  }
  StringMap values;
  for (const auto& [key, value] : (*secret)->data) values[key] = value;
  return values;
}

Result<> AddPodContext(const storage_v1::CSIDriver& driver, const VolumeInput& input,
                       bool is_inline, VolumeCall& call) {
  if (driver.spec.pod_info_on_mount.value_or(false)) {
    const core_v1::Pod& pod = input.pod;
    call.context["csi.storage.k8s.io/pod.name"] = pod.metadata.name;
    call.context["csi.storage.k8s.io/pod.namespace"] = pod.metadata.namespace_;
    call.context["csi.storage.k8s.io/pod.uid"] = pod.metadata.uid;
    call.context["csi.storage.k8s.io/serviceAccount.name"] = pod.spec.service_account_name;
    call.context["csi.storage.k8s.io/ephemeral"] = is_inline ? "true" : "false";
  }
  if (driver.spec.token_requests.empty()) return {};
  const std::string tokens = TRY(TokensOf(driver, input));
  const bool in_secrets = driver.spec.service_account_token_in_secrets.value_or(false);
  (in_secrets ? call.secrets : call.context)[kTokens] = tokens;
  return {};
}

}  // namespace skiff::kubelet::csi
