#include "apiserver/auth/authentication.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "apiserver/auth/token_protocol.h"

namespace skiff {
namespace {

tl::unexpected<Error> Unauthorized() {
  return Fail(Error{Reason::kUnauthorized, "Unauthorized"});
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// The token after "Bearer "; nullopt when the header holds none.
std::optional<std::string> BearerToken(std::string_view header,
                                       std::vector<std::string>& warnings) {
  while (header.starts_with(' ')) header.remove_prefix(1);
  while (header.ends_with(' ')) header.remove_suffix(1);
  const size_t blank = header.find(' ');
  if (blank == std::string_view::npos || Lower(header.substr(0, blank)) != "bearer") {
    return std::nullopt;
  }
  std::string_view token = header.substr(blank + 1);
  token = token.substr(0, token.find(' '));
  if (token.empty()) {
    warnings.emplace_back(
        "the provided Authorization header contains extra space before the bearer token, and is "
        "ignored");
    return std::nullopt;
  }
  return std::string(token);
}

// "X509SHA256=<hex>", the id of a certificate as a credential.
std::string CredentialId(std::string_view pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  if (certificate == nullptr) return "";
  unsigned char digest[SHA256_DIGEST_LENGTH];
  unsigned int size = 0;
  X509_digest(certificate, EVP_sha256(), digest, &size);
  X509_free(certificate);
  std::string id = "X509SHA256=";
  char hex[3];
  for (unsigned int i = 0; i < size; ++i) {
    std::snprintf(hex, sizeof hex, "%02x", digest[i]);
    id += hex;
  }
  return id;
}

User WithAuthenticatedGroup(User user) {
  if (!user.InGroup(kGroupAuthenticated) && !user.InGroup(kGroupUnauthenticated)) {
    user.groups.emplace_back(kGroupAuthenticated);
  }
  return user;
}

// Header names carry extra keys percent-encoded, because not every key is a valid header name.
std::string UnescapeKey(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Result<> MayImpersonate(Authorizer& authorizer, const User& user, Access access) {
  access.verb = "impersonate";
  const Verdict verdict = authorizer.Authorize(user, access);
  if (verdict.allowed()) return {};
  return Fail(ForbiddenAccess(user, access, verdict.reason));
}

struct Impersonation {
  User user;
  bool any = false;
};

Impersonation ReadHeaders(const http::Request& request) {
  Impersonation asked;
  constexpr std::string_view kExtra = "impersonate-extra-";
  for (const auto& [name, value] : request.headers) {
    const std::string lower = Lower(name);
    if (lower == "impersonate-user") {
      asked.user.name = value;
    } else if (lower == "impersonate-uid") {
      asked.user.uid = value;
    } else if (lower == "impersonate-group") {
      asked.user.groups.push_back(value);
    } else if (lower.starts_with(kExtra)) {
      asked.user.extra[UnescapeKey(lower.substr(kExtra.size()))].push_back(value);
    } else {
      continue;
    }
    asked.any = true;
  }
  return asked;
}

constexpr std::string_view kServiceAccountPrefix = "system:serviceaccount:";

Access AccessToUser(const User& target) {
  if (target.name.starts_with(kServiceAccountPrefix)) {
    const std::string rest = target.name.substr(kServiceAccountPrefix.size());
    const size_t colon = rest.find(':');
    if (colon != std::string::npos) {
      return {.version = "v1",
              .resource = "serviceaccounts",
              .namespace_name = rest.substr(0, colon),
              .name = rest.substr(colon + 1)};
    }
  }
  return {.version = "v1", .resource = "users", .name = target.name};
}

// A user named without groups gets those that authentication would have given.
void AddImpliedGroups(User& target) {
  if (target.name == kUserAnonymous) {
    if (!target.InGroup(kGroupUnauthenticated)) {
      target.groups.emplace_back(kGroupUnauthenticated);
    }
    return;
  }
  if (target.groups.empty() && target.name.starts_with(kServiceAccountPrefix)) {
    const std::string rest = target.name.substr(kServiceAccountPrefix.size());
    target.groups = {"system:serviceaccounts",
                     "system:serviceaccounts:" + rest.substr(0, rest.find(':'))};
  }
  target = WithAuthenticatedGroup(std::move(target));
}

}  // namespace

Result<User> Authentication::Authenticate(const http::Request& request,
                                          std::vector<std::string>& warnings) const {
  if (!request.peer_certificate_error.empty()) return Unauthorized();
  if (request.peer_certificate) {
    const auto& certificate = *request.peer_certificate;
    User user{.name = certificate.common_name, .groups = certificate.organizations};
    const std::string id = CredentialId(certificate.pem);
    if (!id.empty()) user.extra["authentication.kubernetes.io/credential-id"] = {id};
    return WithAuthenticatedGroup(std::move(user));
  }
  if (const auto token = BearerToken(request.Header("Authorization"), warnings)) {
    auto found = AuthenticateToken(*token, {});
    if (!found) return Unauthorized();
    return std::move(found->user);
  }
  const auto offered = TokenInProtocols(request);
  if (!offered) return Unauthorized();
  if (*offered) {
    auto found = AuthenticateToken(**offered, {});
    if (!found) return Unauthorized();
    return std::move(found->user);
  }
  if (!MayBeAnonymous(request)) return Unauthorized();
  return User{.name = std::string(kUserAnonymous), .groups = {std::string(kGroupUnauthenticated)}};
}

Result<TokenUser> Authentication::AuthenticateToken(std::string_view token,
                                                    std::vector<std::string> audiences) const {
  if (const User* user = options_.tokens.Find(token)) {
    return TokenUser{.user = WithAuthenticatedGroup(*user), .audiences = audiences};
  }
  if (options_.service_accounts != nullptr) {
    if (audiences.empty()) audiences = options_.service_accounts->audiences();
    if (auto found = options_.service_accounts->Authenticate(token, audiences)) {
      if (!*found) return Fail((*found).error());
      (*found)->user = WithAuthenticatedGroup(std::move((*found)->user));
      return std::move(**found);
    }
  }
  if (options_.bootstrap != nullptr) {
    if (auto user = options_.bootstrap->Authenticate(token)) {
      return TokenUser{.user = WithAuthenticatedGroup(std::move(*user)), .audiences = audiences};
    }
  }
  return Fail(Reason::kUnauthorized, "invalid bearer token");
}

bool Authentication::MayBeAnonymous(const http::Request& request) const {
  const auto& paths = options_.anonymous_paths;
  return options_.anonymous || std::find(paths.begin(), paths.end(), request.path) != paths.end();
}

Result<User> Impersonate(const http::Request& request, User user, Authorizer& authorizer) {
  Impersonation asked = ReadHeaders(request);
  if (!asked.any) return user;
  if (asked.user.name.empty()) {
    return Fail(Reason::kBadRequest,
                "requested " + std::string("impersonation") + " without impersonating a user");
  }
  TRY(MayImpersonate(authorizer, user, AccessToUser(asked.user)));
  for (const std::string& group : asked.user.groups) {
    TRY(MayImpersonate(authorizer, user, {.version = "v1", .resource = "groups", .name = group}));
  }
  if (!asked.user.uid.empty()) {
    TRY(MayImpersonate(authorizer, user,
                       {.group = "authentication.k8s.io",
                        .version = "v1",
                        .resource = "uids",
                        .name = asked.user.uid}));
  }
  for (const auto& [key, values] : asked.user.extra) {
    for (const std::string& value : values) {
      TRY(MayImpersonate(authorizer, user,
                         {.group = "authentication.k8s.io",
                          .version = "v1",
                          .resource = "userextras",
                          .subresource = key,
                          .name = value}));
    }
  }
  AddImpliedGroups(asked.user);
  return std::move(asked.user);
}

}  // namespace skiff
