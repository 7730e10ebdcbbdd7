#include "apiserver/auth/authentication.h"

#include <algorithm>
#include <iterator>

#include "api/rules/names.h"
#include "api/values.h"
#include "apiserver/auth/authenticated_group.h"
#include "apiserver/auth/foreign_page.h"
#include "apiserver/auth/token_protocol.h"
#include "base/at_once.h"
#include "base/hash.h"
#include "base/text.h"

namespace skiff {
namespace {

tl::unexpected<Error> Unauthorized() {
  return Fail(Error{Reason::kUnauthorized, "Unauthorized"});
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

Result<> MayImpersonate(Authorizer& authorizer, const User& user, Access access) {
  access.verb = "impersonate";
  const Verdict verdict = authorizer.Authorize(user, access);
  if (verdict.allowed() && verdict.error.empty()) return {};
  return Fail(ForbiddenAccess(user, access, verdict.reason));
}

struct Impersonation {
  User user;
  bool any = false;
};

Impersonation ReadHeaders(const http::Request& request) {
  // Of several names the first counts, as in Go, and an empty one is none.
  Impersonation asked{.user = {.name = std::string(request.Header("Impersonate-User")),
                               .uid = std::string(request.Header("Impersonate-Uid"))}};
  asked.any = !asked.user.name.empty() || !asked.user.uid.empty();
  constexpr std::string_view kExtra = "impersonate-extra-";
  for (const auto& [name, value] : request.headers) {
    const std::string lower = Lower(name);
    if (lower == "impersonate-group") {
      asked.user.groups.push_back(value);
    } else if (lower.starts_with(kExtra)) {
      asked.user.extra[UnescapeExtraKey(lower.substr(kExtra.size()))].push_back(value);
    } else {
      continue;
    }
    asked.any = true;
  }
  return asked;
}

struct AccountName {
  std::string namespace_name;
  std::string name;
};
// Of a user who is a service account: as no account can be called, users may be.
std::optional<AccountName> AccountOf(std::string_view user) {
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  if (!user.starts_with(kPrefix)) return std::nullopt;
  user.remove_prefix(kPrefix.size());
  const size_t colon = user.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == user.size() ||
      user.find(':', colon + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  AccountName account{std::string(user.substr(0, colon)), std::string(user.substr(colon + 1))};
  if (!Dns1123LabelErrors(account.namespace_name).empty()) return std::nullopt;
  if (!Dns1123SubdomainErrors(account.name).empty()) return std::nullopt;
  return account;
}

Access AccessToUser(const User& target) {
  if (const auto account = AccountOf(target.name)) {
    return {.version = "v1",
            .resource = "serviceaccounts",
            .namespace_name = account->namespace_name,
            .name = account->name};
  }
  return {.version = "v1", .resource = "users", .name = target.name};
}

// Go's %v of the references that stand for what was asked.
std::string AsReferences(const User& asked) {
  std::string text;
  const auto add = [&](const std::string& reference) {
    text += (text.empty() ? "{" : " {") + reference + "}";
  };
  const std::string version = "authentication.k8s.io/v1";
  for (const std::string& group : asked.groups) add("Group  " + group + "    ");
  for (const auto& [key, values] : asked.extra) {
    for (const std::string& value : values) {
      add("UserExtra  " + value + "  " + version + "  " + key);
    }
  }
  if (!asked.uid.empty()) add("UID  " + asked.uid + "  " + version + "  ");
  return "[" + text + "]";
}

bool IsGoodUser(const CertificateHolder* holder, TimePoint now) {
  return holder != nullptr && holder->is_client && holder->fault.empty() && holder->IsGoodAt(now);
}

// An API server names in this header, to a node, the path by which it was asked for the node's
// proxy, and shows its own certificate there, mostly under this name. Both together come back to an
// API server from a node whose address and port lead here, as who may write its status can have it:
// who may ask for that node would be the server itself, and so may everything.
bool IsLedBackHere(const http::Request& request, const User& user) {
  constexpr std::string_view kAsksKubelets = "kube-apiserver-kubelet-client";
  constexpr std::string_view kNodes = "/api/v1/nodes/";
  const std::string_view asked = request.Header("X-Forwarded-Uri");
  return asked.starts_with(kNodes) || (!asked.empty() && user.name == kAsksKubelets);
}

// A user named without groups gets those that authentication would have given.
void AddImpliedGroups(User& target) {
  if (target.name == kUserAnonymous) {
    if (!target.InGroup(kGroupUnauthenticated)) {
      target.groups.emplace_back(kGroupUnauthenticated);
    }
    return;
  }
  const auto account = AccountOf(target.name);
  if (target.groups.empty() && account) {
    target.groups = {"system:serviceaccounts", "system:serviceaccounts:" + account->namespace_name};
  }
  target = WithAuthenticatedGroup(std::move(target));
}

}  // namespace

Authentication::Authentication(Options options)
    : options_(std::move(options)),
      certificates_({.client_ca_pem = options_.client_ca_pem,
                     .proxy_ca_pem = options_.front_proxy.client_ca_pem}) {}

// Whom the proxy in front names. Without one, and without a certificate, nobody.
Authentication::Found Authentication::ByFrontProxy(const http::Request& request) const {
  if (options_.front_proxy.client_ca_pem.empty()) return std::nullopt;
  if (request.peer_certificate_error.empty() && !request.peer_certificate) return std::nullopt;
  const auto holder = HolderIn(request);
  if (!holder || !holder->is_proxy || !holder->IsGoodAt(options_.clock->Now())) {
    return Unauthorized();
  }
  if (!MayBeFrontProxy(options_.front_proxy, holder->user.name)) return Unauthorized();
  return UserInHeaders(options_.front_proxy, request);
}

std::shared_ptr<const CertificateHolder> Authentication::HolderIn(
    const http::Request& request) const {
  if (!request.peer_certificate) return nullptr;
  return certificates_.HolderOf(request.peer_certificate->pem, options_.clock->Now());
}

std::shared_ptr<const CertificateHolder> Authentication::GoodHolder(
    const http::Request& request) const {
  auto holder = HolderIn(request);
  return IsGoodUser(holder.get(), options_.clock->Now()) ? holder : nullptr;
}

Authentication::Found Authentication::ByCertificate(const http::Request& request) const {
  if (request.peer_certificate_error.empty() && !request.peer_certificate) return std::nullopt;
  const auto holder = GoodHolder(request);
  if (!holder) return Unauthorized();
  if (holder->user.name.empty()) return std::nullopt;  // Good, and names nobody.
  if (IsFromForeignPage(request)) {
    return Fail(Reason::kForbidden,
                "a page of another site may not use this browser's client certificate");
  }
  if (IsLedBackHere(request, holder->user)) {
    return Fail(Reason::kForbidden,
                "this node leads back to the API server, which nobody is by way of a proxy of its");
  }
  if (options_.shown_certificate) {
    options_.shown_certificate(holder->not_after - options_.clock->Now());
  }
  return holder->user;
}

Authentication::Found Authentication::ByToken(std::string_view token, Fault& fault) const {
  auto found = UserOfToken(token, {}, fault);
  if (!found) return Unauthorized();
  return std::move(found->user);
}

Authentication::Found Authentication::ByBearerToken(const http::Request& request,
                                                    std::vector<std::string>& warnings,
                                                    Fault& fault) const {
  const auto token = BearerToken(request.Header("Authorization"), warnings);
  if (!token) return std::nullopt;
  return ByToken(*token, fault);
}

Authentication::Found Authentication::BySubprotocol(const http::Request& request,
                                                    Fault& fault) const {
  const auto token = TRY(TokenInProtocols(request));
  if (!token) return std::nullopt;
  return ByToken(*token, fault);
}

Result<User> Authentication::Authenticate(const http::Request& request,
                                          std::vector<std::string>& warnings) const {
  // The first that knows somebody decides, also after others found their credentials bad; but
  // nobody is anonymous who has shown bad ones.
  bool has_bad = false;
  std::optional<Error> forbidden;
  Fault fault;
  const std::function<Found()> ways[] = {[&] { return ByFrontProxy(request); },
                                         [&] { return ByCertificate(request); },
                                         [&] { return ByBearerToken(request, warnings, fault); },
                                         [&] { return BySubprotocol(request, fault); }};
  for (const auto& way : ways) {
    Found found = way();
    if (found && *found) return WithAuthenticatedGroup(std::move(**found));
    has_bad |= !found;
    if (!found && found.error().reason == Reason::kForbidden) forbidden = found.error();
  }
  if (forbidden) return Fail(*std::move(forbidden));
  // Who is told that his token is bad may throw it away.
  if (fault) return Fail(*std::move(fault));
  if (has_bad || !MayBeAnonymous(request)) return Unauthorized();
  return AnonymousUser();
}

Result<LinkCredential> Authentication::CredentialOf(const http::Request& request) const {
  std::vector<std::string> warnings;
  const User user = TRY(Authenticate(request, warnings));
  // Looked up once: while this goes on it may expire.
  const auto holder = GoodHolder(request);
  const auto by_certificate = ByCertificate(request);
  if (holder && by_certificate && *by_certificate && (*by_certificate)->name == user.name) {
    return LinkCredential{.user = user.name,
                          .token = {},
                          .until = holder->user_until,
                          .certificate_pem = request.peer_certificate->pem};
  }
  if (auto token = BearerToken(request.Header("Authorization"), warnings)) {
    if (auto known = AuthenticateToken(*token, {})) {
      return LinkCredential{
          .user = std::move(known->user.name), .token = *std::move(token), .until = {}};
    }
  }
  return Fail(Reason::kForbidden,
              "a link to the console is made for a token or a client certificate, and this request "
              "has neither");
}

Result<LinkCredential> Authentication::CredentialOf(const KeyProof& proof) const {
  TRY(CheckProof(proof));
  const TimePoint now = options_.clock->Now();
  const auto holder = certificates_.HolderOfSent(proof.certificate_pem, now);
  if (!holder) return Unauthorized();
  if (!holder->IsGoodAt(now)) {
    return Fail(Reason::kUnauthorized, "this certificate is good from " +
                                           Time(holder->not_before).Rfc3339() + " until " +
                                           Time(holder->not_after).Rfc3339() + ", and not now");
  }
  if (!holder->is_client) {
    return Fail(Reason::kUnauthorized,
                "no authority that this server trusts signed this certificate for clients and is "
                "good now: is it of another cluster?");
  }
  if (!holder->fault.empty()) return Fail(Reason::kUnauthorized, holder->fault);
  if (holder->user.name.empty()) {
    return Fail(Reason::kUnauthorized, "this certificate has no common name, and so no user");
  }
  if (options_.shown_certificate) options_.shown_certificate(holder->not_after - now);
  return LinkCredential{.user = holder->user.name,
                        .token = {},
                        .until = holder->user_until,
                        .certificate_pem = proof.certificate_pem,
                        .by_proof = true};
}

std::optional<User> Authentication::BySession(std::string_view token) const {
  const auto ticket = options_.console->Find(token);
  if (!ticket) return std::nullopt;
  // Where there are no authorities a handshake alone decides, and here there was none.
  if (ticket->by_proof && !certificates_.HasAuthorities()) return std::nullopt;
  const TimePoint now = options_.clock->Now();
  const auto holder = certificates_.HolderOf(ticket->certificate_pem, now);
  if (!IsGoodUser(holder.get(), now) || holder->user.name.empty()) return std::nullopt;
  return holder->user;
}

Result<TokenUser> Authentication::AuthenticateToken(std::string_view token,
                                                    std::vector<std::string> audiences) const {
  Fault fault;
  return UserOfToken(token, std::move(audiences), fault);
}

Result<TokenUser> Authentication::UserOfToken(std::string_view token,
                                              std::vector<std::string> audiences,
                                              Fault& fault) const {
  // Tokens that name no audience are good for the server's own.
  std::vector<std::string> shared;
  if (options_.service_accounts != nullptr) {
    const auto& own = options_.service_accounts->audiences();
    if (audiences.empty()) audiences = own;
    std::copy_if(own.begin(), own.end(), std::back_inserter(shared), [&](const auto& each) {
      return std::find(audiences.begin(), audiences.end(), each) != audiences.end();
    });
  }
  const bool for_us = !shared.empty() || audiences.empty();
  if (const User* user = for_us ? options_.tokens.Find(token) : nullptr) {
    return TokenUser{.user = WithAuthenticatedGroup(*user), .audiences = shared};
  }
  // Who is no (more) good here may be known to others.
  std::optional<Error> error;
  if (options_.service_accounts != nullptr) {
    auto found = options_.service_accounts->Authenticate(token, audiences);
    if (found && !*found) {
      error = std::move(*found).error();
      if (error->reason != Reason::kUnauthorized) fault = error;
    } else if (found) {
      (*found)->user = WithAuthenticatedGroup(std::move((*found)->user));
      return std::move(**found);
    }
  }
  if (options_.bootstrap != nullptr && for_us) {
    auto user = options_.bootstrap->Authenticate(token);
    if (user && *user) {
      return TokenUser{.user = WithAuthenticatedGroup(std::move(**user)), .audiences = shared};
    }
    if (!user) error = fault = std::move(user).error();
  }
  // Nobody else is shown one, also where it is over.
  if (options_.console != nullptr && IsConsoleTicket(token)) {
    auto user = for_us ? BySession(token) : std::nullopt;
    if (!user) return Fail(Reason::kUnauthorized, "this session of the console is over");
    return TokenUser{.user = WithAuthenticatedGroup(*std::move(user)), .audiences = shared};
  }
  if (options_.outside != nullptr && !IsVoid()) {
    if (auto found = options_.outside->Authenticate(token, audiences, shared)) {
      if (!*found) return Fail(std::move(*found).error());
      (*found)->user = WithAuthenticatedGroup(std::move((*found)->user));
      return std::move(**found);
    }
  }
  if (error) return Fail(*std::move(error));
  return Fail(Reason::kUnauthorized, "invalid bearer token");
}

OutboundPool::Names Authentication::WaitsFor(const http::Request& request) const {
  if (options_.outside == nullptr) return {};
  std::vector<std::string> warnings;
  auto token = BearerToken(request.Header("Authorization"), warnings);
  if (!token) token = TokenInProtocols(request).value_or(std::nullopt);
  return token ? options_.outside->NamesFor(*token) : OutboundPool::Names();
}

bool Authentication::MayBeAnonymous(const http::Request& request) const {
  const auto& paths = options_.anonymous_paths;
  return options_.anonymous || std::find(paths.begin(), paths.end(), request.path) != paths.end();
}

bool ImpersonatesSomebody(const http::Request& request) {
  return ReadHeaders(request).any;
}

Result<User> Impersonate(const http::Request& request, User user, Authorizer& authorizer) {
  Impersonation asked = ReadHeaders(request);
  if (!asked.any) return user;
  if (asked.user.name.empty()) {
    return Fail(Reason::kBadRequest,
                "requested " + AsReferences(asked.user) + " without impersonating a user");
  }
  TRY(MayImpersonate(authorizer, user, AccessToUser(asked.user)));
  for (const std::string& group : asked.user.groups) {
    TRY(MayImpersonate(authorizer, user, {.version = "v1", .resource = "groups", .name = group}));
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
  if (!asked.user.uid.empty()) {
    TRY(MayImpersonate(authorizer, user,
                       {.group = "authentication.k8s.io",
                        .version = "v1",
                        .resource = "uids",
                        .name = asked.user.uid}));
  }
  AddImpliedGroups(asked.user);
  return std::move(asked.user);
}

}  // namespace skiff
