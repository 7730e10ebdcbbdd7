#include "apiserver/server/authorization_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "apiserver/auth/pki.h"
#include "apiserver/authorization/authorizers.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// Of one webhook that flags describe.
constexpr const char* kFlagsWebhook = "default";
constexpr Duration kFlagsTimeout = 30s;

tl::unexpected<Error> WrongFlag(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

bool SaysModes(const Flags::Given& given) {
  return std::any_of(given.begin(), given.end(), [](const auto& flag) {
    return flag.first == "authorization-mode" || flag.first.starts_with("authorization-webhook-");
  });
}

bool HasMode(const std::vector<std::string>& modes, std::string_view mode) {
  return std::find(modes.begin(), modes.end(), mode) != modes.end();
}

Result<> CheckModes(const AuthorizationFlags& flags, const std::vector<std::string>& modes) {
  for (const std::string& mode : modes) {
    if (!IsAuthorizationMode(mode)) {
      return WrongFlag(fmt::format("authorization-mode {} is not a valid mode", Quoted(mode)));
    }
    if (mode == kAbacMode && flags.policy_file.empty()) {
      return WrongFlag("authorization-mode ABAC's authorization policy file not passed");
    }
    if (mode == kWebhookMode && flags.webhook_config_file.empty()) {
      return WrongFlag("authorization-mode Webhook's authorization config file not passed");
    }
  }
  if (!flags.policy_file.empty() && !HasMode(modes, kAbacMode)) {
    return WrongFlag("cannot specify --authorization-policy-file without mode ABAC");
  }
  if (!flags.webhook_config_file.empty() && !HasMode(modes, kWebhookMode)) {
    return WrongFlag("cannot specify --authorization-webhook-config-file without mode Webhook");
  }
  if (std::set<std::string>(modes.begin(), modes.end()).size() == modes.size()) return {};
  std::vector<std::string> quoted;
  for (const std::string& mode : modes) quoted.push_back(Quoted(mode));
  return WrongFlag(fmt::format("authorization-mode [{}] has mode specified more than once",
                               fmt::join(quoted, " ")));
}

}  // namespace

void AddAuthorizationFlags(Flags& flags, AuthorizationFlags& to) {
  flags.Add("authorization-config", to.config,
            "File with an AuthorizationConfiguration: who is asked whether something is allowed. "
            "Read again when it changes. Not together with --authorization-mode and "
            "--authorization-webhook-*.");
  flags.Add("authorization-policy-file", to.policy_file,
            "File of policies, a JSON object a line, for mode ABAC.");
  flags.Add("authorization-webhook-config-file", to.webhook_config_file,
            "File in the format of kubeconfig: the server that mode Webhook asks.");
  flags.Add("authorization-webhook-version", to.webhook_version,
            "Version of the SubjectAccessReviews that it is sent: v1 or v1beta1.");
  flags.Add("authorization-webhook-cache-authorized-ttl", to.authorized_ttl,
            "How long it is remembered that it allows something.");
  flags.Add("authorization-webhook-cache-unauthorized-ttl", to.unauthorized_ttl,
            "How long it is remembered that it does not.");
}

Result<> CheckAuthorizationFlags(const AuthorizationFlags& flags, const Flags::Given& given,
                                 std::vector<std::string>& modes) {
  if (flags.config.empty()) {
    // As kube-apiserver takes a list that is given and has nothing in it.
    if (modes.empty()) modes = {"AlwaysAllow"};
    return CheckModes(flags, modes);
  }
  if (SaysModes(given)) {
    return WrongFlag(
        "--authorization-config can not be specified when --authorization-mode or "
        "--authorization-webhook-* flags are defined");
  }
  const std::string text = TRY(ReadWholeFile(flags.config));
  TRY(LoadAuthorization(text, {}));
  return {};
}

Result<std::shared_ptr<const AuthorizationOptions>> AuthorizationOf(
    const AuthorizationFlags& flags, const std::vector<std::string>& modes) {
  auto options = std::make_shared<AuthorizationOptions>();
  if (!flags.config.empty()) {
    options->file_text = TRY(ReadWholeFile(flags.config));
    options->configuration = TRY(LoadAuthorization(options->file_text, {}));
  } else if (HasMode(modes, kWebhookMode) || HasMode(modes, kAbacMode)) {
    options->configuration = AuthorizationOfModes(modes);
    for (AuthorizerConfiguration& each : options->configuration.authorizers) {
      if (each.type != kWebhookMode) continue;
      each.name = kFlagsWebhook;
      each.webhook = AccessWebhookConfiguration{.authorized_ttl = flags.authorized_ttl,
                                                .unauthorized_ttl = flags.unauthorized_ttl,
                                                .timeout = kFlagsTimeout,
                                                .version = flags.webhook_version,
                                                .failure_policy = "NoOpinion",
                                                .connection_type = "KubeConfigFile",
                                                .kubeconfig_file = flags.webhook_config_file};
    }
  } else {
    return nullptr;
  }
  if (options->configuration.Has(kAbacMode)) {
    auto policies = ReadWholeFile(flags.policy_file).and_then([&](const std::string& text) {
      return ReadAttributePolicies(flags.policy_file, text);
    });
    if (!policies) return WrongFlag("invalid authorization config: " + policies.error().message);
    options->policies = *std::move(policies);
  }
  return options;
}

}  // namespace skiff
