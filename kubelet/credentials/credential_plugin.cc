#include "kubelet/credentials/credential_plugin.h"

#include <fmt/format.h>

#include "api/values.h"
#include "base/flags.h"

namespace skiff::kubelet {
namespace {

std::string AnswerText(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<> ReadAuths(const Json& auths, PluginAnswer& answer) {
  const Error unreadable{Reason::kInvalid,
                         "error decoding credential provider plugin response from stdout"};
  if (!auths.is_object()) return tl::unexpected(unreadable);
  for (const auto& [key, each] : auths.items()) {
    if (!each.is_object()) return tl::unexpected(unreadable);
    cri::RegistryAuth auth;
    auth.username = AnswerText(each, "username");
    auth.password = AnswerText(each, "password");
    answer.auths.emplace_back(key, std::move(auth));
  }
  return {};
}

}  // namespace

std::string PluginRequestText(const std::string& api_version, const PluginRequest& request) {
  Json json = {
      {"kind", "CredentialProviderRequest"}, {"apiVersion", api_version}, {"image", request.image}};
  if (!request.token.empty()) json["serviceAccountToken"] = request.token;
  if (!request.annotations.empty()) json["serviceAccountAnnotations"] = request.annotations;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<PluginAnswer> ParsePluginAnswer(const std::string& api_version, const std::string& text) {
  const auto unreadable = [] {
    return Fail(Reason::kInvalid, "error decoding credential provider plugin response from stdout");
  };
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return unreadable();
  if (const std::string version = AnswerText(json, "apiVersion"); version != api_version) {
    return Fail(Reason::kInvalid,
                fmt::format("apiVersion from credential plugin response did not match expected "
                            "apiVersion:{}, actual apiVersion:{}",
                            api_version, version));
  }
  if (AnswerText(json, "kind") != "CredentialProviderResponse") return unreadable();
  PluginAnswer answer;
  const std::string scope = AnswerText(json, "cacheKeyType");
  if (scope == "Registry") {
    answer.scope = PluginAnswer::Scope::kRegistry;
  } else if (scope == "Global") {
    answer.scope = PluginAnswer::Scope::kGlobal;
  } else if (scope != "Image") {
    return Fail(Reason::kInvalid,
                "credential provider plugin did not return a valid cacheKeyType: " + scope);
  }
  const auto duration = json.find("cacheDuration");
  if (duration != json.end() && !duration->is_null()) {
    if (!duration->is_string()) return unreadable();
    const auto parsed = ParseGoDuration(duration->get<std::string>());
    if (!parsed) return unreadable();
    answer.cache_duration = *parsed;
  }
  const auto auths = json.find("auth");
  if (auths != json.end() && !auths->is_null()) TRY(ReadAuths(*auths, answer));
  return answer;
}

}  // namespace skiff::kubelet
