#include "apiserver/server/identity_flag_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "apiserver/request/api_errors.h"
#include "apiserver/tokens/issuer_url.h"
#include "base/text.h"
#include "http/tls.h"

namespace skiff {
namespace {

tl::unexpected<Error> Refuse(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

Result<> CheckMaxExpiration(const ApiServerFlags& flags, std::vector<std::string>& notes) {
  constexpr Duration kMin = 1h;
  constexpr Duration kMax = std::chrono::seconds(int64_t{1} << 32);
  // Tokens that pods get by themselves are good for so long, and are to be replaced after so long.
  constexpr auto kExtended = std::chrono::seconds(365 * 24 * 3600);
  constexpr auto kReplaced = std::chrono::seconds(3607);
  const Duration max = flags.service_account_max_token;
  if (max == Duration::zero()) return {};
  if (max < kMin || max > kMax) {
    return Refuse(
        "the service-account-max-token-expiration must be between 1 hour and 2^32 seconds");
  }
  if (!flags.service_account_extend_tokens) return {};
  if (max < kReplaced) {
    notes.push_back(fmt::format(
        "service-account-extend-token-expiration is true, in order to correctly trigger safe "
        "transition logic, service-account-max-token-expiration must be set longer than {} seconds "
        "(currently {})",
        kReplaced.count(), GoDurationText(max)));
  }
  if (max < kExtended) {
    notes.push_back(fmt::format(
        "service-account-extend-token-expiration is true, enabling tokens valid up to {} seconds, "
        "which is longer than service-account-max-token-expiration set to {}",
        kExtended.count(), GoDurationText(max)));
  }
  return {};
}

Result<> CheckIssuers(const std::vector<std::string>& issuers) {
  std::set<std::string_view> seen;
  for (const std::string& issuer : issuers) {
    if (issuer.find(':') != issuer.npos) {
      const std::string error = IssuerUrl::Parse(issuer).error;
      if (!error.empty()) {
        return Refuse(
            fmt::format("service-account-issuer {} contained a ':' but was not a valid URL: {}",
                        Quoted(issuer), error));
      }
    }
    if (issuer.empty()) return Refuse("service-account-issuer should not be an empty string");
    if (!seen.insert(issuer).second) {
      return Refuse(fmt::format("service-account-issuer {} is already specified", Quoted(issuer)));
    }
  }
  return {};
}

bool HasHeader(const std::vector<std::string>& headers, std::string_view wanted) {
  return std::any_of(headers.begin(), headers.end(), [&](const std::string& header) {
    return http::EqualsIgnoreCase(header, wanted);
  });
}

// The certificates of a PEM text, each without its line breaks.
std::set<std::string> CertificatesIn(const std::string& pem) {
  constexpr std::string_view kEnd = "-----END";
  std::set<std::string> all;
  std::string one;
  for (size_t at = 0; at < pem.size();) {
    const size_t end = std::min(pem.find('\n', at), pem.size());
    const std::string_view line = WithoutBlanks(std::string_view(pem).substr(at, end - at));
    at = end + 1;
    // What somebody wrote above it is nothing of it.
    if (line.starts_with("-----BEGIN")) one.clear();
    if (line.starts_with(kEnd)) {
      all.insert(std::exchange(one, ""));
    } else if (!line.starts_with("-----")) {
      one += line;
    }
  }
  return all;
}

// Then whoever has a certificate of a client could name anybody in headers.
bool HaveOneInCommon(const std::string& file, const std::string& other_file) {
  const auto first = http::ReadAuthorities(file);
  const auto second = http::ReadAuthorities(other_file);
  if (!first || !second) return false;
  const auto known = CertificatesIn(*first);
  const auto more = CertificatesIn(*second);
  return std::any_of(more.begin(), more.end(),
                     [&](const std::string& each) { return known.contains(each); });
}

}  // namespace

Result<> CheckServiceAccountFlags(const ApiServerFlags& flags, std::vector<std::string>& notes) {
  TRY(CheckMaxExpiration(flags, notes));
  TRY(CheckIssuers(flags.service_account_issuers));
  const std::string& keys = flags.service_account_jwks_uri;
  if (keys.empty()) return {};
  const IssuerUrl url = IssuerUrl::Parse(keys);
  if (!url.error.empty()) {
    return Refuse("service-account-jwks-uri must be a valid URL: " + url.error);
  }
  if (url.scheme != "https") {
    return Refuse("service-account-jwks-uri requires https scheme, parsed as: " + keys);
  }
  return {};
}

Result<> CheckFrontProxyFlags(const ApiServerFlags& flags, std::vector<std::string>& notes) {
  const FrontProxyOptions& proxy = flags.front_proxy;
  TRY(CheckFrontProxy(proxy));
  for (const auto& [flag, headers, usual] :
       {std::tuple("username-headers", &proxy.username_headers, "X-Remote-User header"),
        std::tuple("group-headers", &proxy.group_headers, "X-Remote-Group header"),
        std::tuple("extra-headers-prefix", &proxy.extra_header_prefixes,
                   "X-Remote-Extra- header prefix")}) {
    const std::string_view words(usual);
    if (headers->empty() || HasHeader(*headers, words.substr(0, words.find(' ')))) continue;
    notes.push_back(
        fmt::format("--requestheader-{} is set without specifying the standard {} - API "
                    "aggregation will not work",
                    flag, usual));
  }
  if (!proxy.uid_headers.empty() && !HasHeader(proxy.uid_headers, "X-Remote-Uid")) {
    return Refuse(
        "--requestheader-uid-headers is set without specifying the standard X-Remote-Uid "
        "header - API aggregation will not work");
  }
  if (proxy.allowed_names.empty() && !flags.client_ca_file.empty() &&
      !flags.requestheader_client_ca_file.empty() &&
      HaveOneInCommon(flags.client_ca_file, flags.requestheader_client_ca_file)) {
    return Refuse(
        "--requestheader-client-ca-file and --client-ca-file contain overlapping "
        "certificates; --requestheader-allowed-names must be specified to ensure regular "
        "client certificates cannot set authenticating proxy headers for arbitrary users");
  }
  return {};
}

}  // namespace skiff
