#include "apiserver/server/token_flags.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "apiserver/auth/pki.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/tokens/outside_tokens.h"
#include "base/text.h"
#include "client/kubeconfig.h"

namespace skiff {
namespace {

tl::unexpected<Error> WrongTokenFlag(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

// The last of each claim counts.
Result<std::map<std::string, std::string>> RequiredClaims(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> claims;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == pair.npos) {
      return WrongTokenFlag(
          fmt::format("invalid argument {} for \"--oidc-required-claim\" flag: malformed pair, "
                      "expect string=string",
                      Quoted(pair)));
    }
    claims[std::string(WithoutBlanks(pair.substr(0, equals)))] =
        WithoutBlanks(std::string_view(pair).substr(equals + 1));
  }
  return claims;
}

// What the flags say, as a file would say it.
Result<JwtConfiguration> IssuerOfFlags(const OutsideTokenFlags& flags) {
  JwtConfiguration jwt;
  jwt.issuer.url = flags.oidc_issuer_url;
  jwt.issuer.audiences = {flags.oidc_client_id};
  if (!flags.oidc_ca_file.empty()) {
    jwt.issuer.certificate_authority = TRY(ReadWholeFile(flags.oidc_ca_file));
  }
  jwt.username.claim = flags.oidc_username_claim;
  jwt.username.prefix = flags.oidc_username_prefix;
  if (flags.oidc_username_prefix.empty() && flags.oidc_username_claim != "email") {
    jwt.username.prefix = flags.oidc_issuer_url + "#";
  } else if (flags.oidc_username_prefix == "-") {
    jwt.username.prefix = "";
  }
  if (!flags.oidc_groups_claim.empty()) {
    jwt.groups.claim = flags.oidc_groups_claim;
    jwt.groups.prefix = flags.oidc_groups_prefix;
  }
  const auto claims = TRY(RequiredClaims(flags.oidc_required_claims));
  for (const auto& [claim, value] : claims) {
    jwt.claim_rules.push_back({.claim = claim, .required_value = value});
  }
  return jwt;
}

Result<OutsideTokenOptions> IssuersOf(const OutsideTokenFlags& flags, bool anonymous_given) {
  OutsideTokenOptions options;
  AuthenticationConfiguration& configuration = options.configuration;
  const std::string& file = flags.authentication_config;
  if (!file.empty()) {
    auto text = ReadWholeFile(file);
    auto read = text ? ReadAuthenticationConfiguration(*text)
                     : Result<AuthenticationConfiguration>(Fail(text.error()));
    if (!read) {
      return WrongTokenFlag(
          fmt::format("failed to load authentication configuration from file {}: {}", Quoted(file),
                      read.error().message));
    }
    configuration = *std::move(read);
    options.file_text = *std::move(text);
    options.algorithms = SigningAlgorithms();
  } else if (!flags.oidc_issuer_url.empty() && !flags.oidc_client_id.empty()) {
    JwtConfiguration jwt = TRY(IssuerOfFlags(flags));
    configuration.jwt.push_back(std::move(jwt));
    options.algorithms = flags.oidc_signing_algs;
    if (options.algorithms.empty()) options.algorithms = {"RS256"};
  }
  if (configuration.anonymous && anonymous_given) {
    return WrongTokenFlag(
        "anonymous: Forbidden: --anonymous-auth flag cannot be set when "
        "anonymous field is configured in authentication configuration file");
  }
  const Violations wrong = PrepareAuthentication(configuration);
  if (!wrong.empty()) {
    return WrongTokenFlag("invalid authentication configuration: " + wrong.Text());
  }
  return options;
}

}  // namespace

void AddTokenFlags(Flags& flags, OutsideTokenFlags& to) {
  flags.Add("authentication-config", to.authentication_config,
            "File with an AuthenticationConfiguration: whose tokens are taken, and who may be "
            "anonymous. Read again when it changes. Not together with --oidc-*.");
  flags.Add("oidc-issuer-url", to.oidc_issuer_url,
            "URL, https, of the OpenID issuer whose tokens are taken.");
  flags.Add("oidc-client-id", to.oidc_client_id, "For whom such tokens have to be issued.");
  flags.Add("oidc-ca-file", to.oidc_ca_file,
            "File with the authorities of the issuer's certificate; none: those of the system.");
  flags.Add("oidc-username-claim", to.oidc_username_claim, "The claim that names the user.");
  flags.Add("oidc-username-prefix", to.oidc_username_prefix,
            "What stands before users' names; none: the issuer's URL and #, unless they are named "
            "by the claim email; -: nothing.");
  flags.Add("oidc-groups-claim", to.oidc_groups_claim, "The claim that names the user's groups.");
  flags.Add("oidc-groups-prefix", to.oidc_groups_prefix, "What stands before groups' names.");
  flags.AddEach("oidc-required-claim", to.oidc_required_claims,
                "claim=value that such tokens have to say; may be given several times.");
  flags.Add("oidc-signing-algs", to.oidc_signing_algs,
            "Algorithms that such tokens may be signed by: RS256 unless told, RS384, RS512, ES256, "
            "ES384, ES512, PS256, PS384, PS512.");
  flags.Add("authentication-token-webhook-config-file", to.webhook_config_file,
            "File in the format of kubeconfig: the server that is asked whose a token is.");
  flags.Add("authentication-token-webhook-cache-ttl", to.webhook_cache_ttl,
            "How long its answers are remembered.");
  flags.Add("authentication-token-webhook-version", to.webhook_version,
            "Version of the TokenReviews that it is sent: v1 or v1beta1.");
}

Result<> CheckTokenFlags(const OutsideTokenFlags& flags) {
  if (flags.authentication_config.empty()) {
    if (flags.oidc_given && (flags.oidc_issuer_url.empty() || flags.oidc_client_id.empty())) {
      return WrongTokenFlag(
          "oidc-issuer-url and oidc-client-id must be specified together when "
          "any oidc-* flags are set");
    }
    TRY(RequiredClaims(flags.oidc_required_claims));
  } else if (flags.oidc_given) {
    return WrongTokenFlag("authentication-config file and oidc-* flags are mutually exclusive");
  }
  return {};
}

Result<std::shared_ptr<const OutsideTokenOptions>> OutsideTokensOf(const OutsideTokenFlags& flags,
                                                                   bool anonymous_given) {
  const bool has_issuers = !flags.authentication_config.empty() || !flags.oidc_issuer_url.empty();
  if (!has_issuers && flags.webhook_config_file.empty()) return nullptr;
  OutsideTokenOptions issuers = TRY(IssuersOf(flags, anonymous_given));
  auto options = std::make_shared<OutsideTokenOptions>(std::move(issuers));
  if (!flags.webhook_config_file.empty()) {
    if (!std::filesystem::exists(flags.webhook_config_file)) {
      return WrongTokenFlag(
          fmt::format("stat {}: no such file or directory", flags.webhook_config_file));
    }
    const Kubeconfig config = TRY(Kubeconfig::Load(flags.webhook_config_file));
    TokenWebhookOptions webhook{.version = flags.webhook_version,
                                .cache_ttl = flags.webhook_cache_ttl};
    webhook.server = TRY(config.Options());
    options->webhook = std::move(webhook);
  }
  return options;
}

}  // namespace skiff
