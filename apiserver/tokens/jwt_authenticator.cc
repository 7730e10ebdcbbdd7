#include <fmt/format.h>

#include "apiserver/request/api_errors.h"
#include "apiserver/tokens/outside_tokens.h"
#include "base/at_once.h"
#include "base/hash.h"

namespace skiff {
namespace {

using DeadlineClock = std::chrono::steady_clock;

}  // namespace

JwtAuthenticator::JwtAuthenticator(JwtConfiguration config,
                                   const std::vector<std::string>& algorithms,
                                   IssuerKeys::Parts parts)
    : config_(std::move(config)),
      algorithms_(algorithms),
      parts_(parts),
      url_digest_("sha256:" + Hex(Sha256(config_.issuer.url))),
      keys_({.url = config_.issuer.url,
             .discovery_url = config_.issuer.discovery_url,
             .certificate_authority = config_.issuer.certificate_authority},
            parts) {}

Result<> JwtAuthenticator::CheckSignature(IssuerKeys& keys, const IssuedToken& token) {
  const auto verifies = [&](const IssuerKeys::Keys& known) {
    for (const JsonWebKey& key : *known) {
      if (!token.key_id.empty() && key.id() != token.key_id) continue;
      if (key.Verify(token.algorithm, token.parts.signed_text, token.parts.signature)) return true;
    }
    return false;
  };
  const IssuerKeys::Keys known = keys.Now();
  if (verifies(known)) return {};
  if (keys.MayLearn()) {
    if (!MayWaitLong()) return Fail(WouldWait());
    keys.Await(DeadlineClock::now() + IssuerKeys::kTimeMax);
    if (verifies(keys.Now())) return {};
  }
  return Fail(Reason::kUnauthorized,
              "oidc: verify token: failed to verify signature: failed to verify id token "
              "signature");
}

std::shared_ptr<IssuerKeys> JwtAuthenticator::KeysOf(const std::string& issuer) {
  std::shared_ptr<IssuerKeys> keys;
  {
    const MutexLock lock(mutex_);
    const auto found = others_.find(issuer);
    if (found != others_.end()) return found->second;
    if (others_.size() >= kOtherIssuersMax) return nullptr;
    keys = std::make_shared<IssuerKeys>(
        IssuerKeys::Place{.url = issuer,
                          .certificate_authority = config_.issuer.certificate_authority},
        parts_);
    others_.emplace(issuer, keys);
  }
  parts_.wake();
  return keys;
}

// The claim of groups, from where the token says that it is: another token, which has to be good as
// well.
Result<> JwtAuthenticator::ExpandClaims(Json& claims, TimePoint now) {
  const auto source = TRY(SourceOfGroups(config_, claims));
  if (!source) return {};
  if (!MayWaitLong()) return Fail(WouldWait());
  const std::string& claim = config_.groups.claim;
  const auto failed = [](std::string text) {
    return Fail(Reason::kUnauthorized, "oidc: could not expand distributed claims: " + text);
  };
  const auto fetch =
      BeginFetch(parts_.calls, source->endpoint, config_.issuer.certificate_authority,
                 source->access_token, IssuerKeys::kAnswerBytesMax, IssuerKeys::kTimeMax, nullptr);
  const std::string getting = fmt::format("while getting distributed claim {}: ", Quoted(claim));
  if (!fetch) return failed(getting + fetch.error().message);
  const auto answer = (*fetch)->Wait(DeadlineClock::now() + IssuerKeys::kTimeMax);
  if (!answer) {
    (*fetch)->Cancel();
    return failed(getting + answer.error().message);
  }
  if (answer->status < 200 || answer->status > 226) {
    return failed(
        fmt::format("{}error while getting distributed claim JWT: {}", getting, answer->status));
  }
  auto token = IssuedToken::Parse(answer->body);
  if (!token) return failed("getting untrusted issuer failed: malformed token");
  JwtConfiguration config;
  config.issuer = config_.issuer;
  const auto keys = token->issuer == url() ? nullptr : KeysOf(token->issuer);
  IssuerKeys* const of_token = token->issuer == url() ? &keys_ : keys.get();
  if (of_token == nullptr || !of_token->Now()) {
    return failed(
        fmt::format("verifying untrusted issuer {} failed: verifier not initialized for "
                    "issuer: {}",
                    token->issuer, Quoted(token->issuer)));
  }
  if (auto good = CheckIssuedToken(*token, config, algorithms_, now); !good) {
    return failed("verify distributed claim token: " + good.error().message);
  }
  if (auto good = CheckSignature(*of_token, *token); !good) {
    return failed("verify distributed claim token: " + good.error().message);
  }
  const auto value = token->parts.claims.find(claim);
  if (value == token->parts.claims.end()) {
    return failed(
        fmt::format("jwt returned by distributed claim endpoint {} did not contain "
                    "claim: {}",
                    Quoted(source->endpoint), claim));
  }
  claims[claim] = *value;
  return {};
}

Result<User> JwtAuthenticator::Authenticate(IssuedToken& token, TimePoint now) {
  if (!keys_.Now()) return Fail(Reason::kUnauthorized, "oidc: authenticator not initialized");
  if (auto good = CheckIssuedToken(token, config_, algorithms_, now); !good) {
    return Fail(Reason::kUnauthorized, "oidc: verify token: " + good.error().message);
  }
  TRY(CheckSignature(keys_, token));
  TRY(ExpandClaims(token.parts.claims, now));
  return UserOfClaims(config_, token.parts.claims);
}

Duration JwtAuthenticator::Tend() {
  Duration due = keys_.Tend();
  std::vector<std::shared_ptr<IssuerKeys>> others;
  {
    const MutexLock lock(mutex_);
    for (const auto& [issuer, keys] : others_) others.push_back(keys);
  }
  for (const auto& keys : others) due = std::min(due, keys->Tend());
  return due;
}

void JwtAuthenticator::Stop() {
  keys_.Stop();
  const MutexLock lock(mutex_);
  for (const auto& [issuer, keys] : others_) keys->Stop();
}

}  // namespace skiff
