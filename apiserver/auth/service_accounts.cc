#include "apiserver/auth/service_accounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <unordered_set>

#include "api/codec/document.h"
#include "api/rules/identity/rule_coverage.h"
#include "apiserver/auth/pki.h"
#include "base/at_once.h"

namespace skiff {
namespace {

constexpr const char* kPrivateClaims = "kubernetes.io";

int64_t Seconds(TimePoint point) {
  return std::chrono::duration_cast<std::chrono::seconds>(point.time_since_epoch()).count();
}

std::vector<std::string> Audiences(const Json& claims) {
  const auto member = claims.find("aud");
  std::vector<std::string> list;
  if (member == claims.end()) return list;
  if (member->is_string()) list.push_back(member->get<std::string>());
  if (member->is_array()) {
    for (const Json& item : *member) {
      if (item.is_string()) list.push_back(item.get<std::string>());
    }
  }
  return list;
}

tl::unexpected<Error> Refuse(std::string message) {
  return Fail(Reason::kUnauthorized, std::move(message));
}

// Seconds, of which RFC 7519 (section 2) and go-jose allow parts; those go. 0 where it is not said.
// What is no time is refused: a date that is not understood must not count as none.
Result<int64_t> NumericDate(const Json& claims, const char* name) {
  constexpr auto kMax = std::numeric_limits<int64_t>::max();
  const auto refuse = [] {
    return Refuse("go-jose/go-jose/jwt: expected number value to unmarshal NumericDate");
  };
  const auto member = claims.find(name);
  if (member == claims.end() || member->is_null()) return 0;
  if (member->is_number_unsigned() && member->get<uint64_t>() > uint64_t{kMax}) return refuse();
  if (member->is_number_integer()) return member->get<int64_t>();
  if (!member->is_number_float()) return refuse();
  constexpr double kLimit = 0x1p63;  // The first that is too many.
  const double seconds = member->get<double>();
  if (!std::isfinite(seconds) || seconds < -kLimit || seconds >= kLimit) return refuse();
  return static_cast<int64_t>(seconds);
}

struct Dates {
  int64_t not_before, expires, issued;
};
Result<Dates> DatesOf(const Json& claims) {
  Dates dates{};
  dates.not_before = TRY(NumericDate(claims, "nbf"));
  dates.expires = TRY(NumericDate(claims, "exp"));
  dates.issued = TRY(NumericDate(claims, "iat"));
  return dates;
}

// A token and a review of it may name a hundred thousand each.
std::vector<std::string> InBoth(const std::vector<std::string>& list,
                                const std::vector<std::string>& other) {
  const std::unordered_set<std::string_view> others(other.begin(), other.end());
  std::vector<std::string> both;
  std::copy_if(list.begin(), list.end(), std::back_inserter(both),
               [&](const std::string& each) { return others.contains(each); });
  return both;
}

tl::unexpected<Error> RefuseAudiences(const std::vector<std::string>& meant,
                                      const std::vector<std::string>& wanted) {
  return Refuse("token audiences " + QuotedList(meant) +
                " is invalid for the target audiences " + QuotedList(wanted));
}

Json Reference(const TokenObject& object) {
  Json reference = {{"name", object.name}};
  if (!object.uid.empty()) reference["uid"] = object.uid;
  return reference;
}

}  // namespace

Result<std::unique_ptr<ServiceAccountTokens>> ServiceAccountTokens::Create(Options options,
                                                                           Lookup find,
                                                                           Secrets secrets,
                                                                           const Clock& clock,
                                                                           Random& random) {
  if (options.signing_key_pem.empty() && !options.generated_key_path.empty()) {
    auto kept = ReadWholeFile(options.generated_key_path);
    // One that is there would be replaced, and all tokens be those of nobody.
    if (!kept && kept.error().reason != Reason::kNotFound) return Fail(kept.error());
    if (kept) options.signing_key_pem = std::move(*kept);
  }
  std::unique_ptr<ServiceAccountTokens> tokens(
      new ServiceAccountTokens(
      std::move(options), std::move(find), std::move(secrets), clock, random));
  if (tokens->options_.audiences.empty()) tokens->options_.audiences = tokens->Issuers();
  if (!tokens->options_.signing_key_pem.empty()) TRY(tokens->SigningKeys());
  return tokens;
}

Result<ServiceAccountTokens::Keys> ServiceAccountTokens::SigningKeys() {
  const PatientLock lock(mutex_);
  if (!lock) return Fail(WouldWait());
  if (keys_) return keys_;
  if (!MayWait()) return Fail(WouldWait());
  std::string signing_pem = options_.signing_key_pem;
  if (signing_pem.empty()) {
    const SigningKeyPair pair = TRY(NewSigningKey(KeyKind::kRsa2048));
    signing_pem = pair.private_pem;
    if (!options_.generated_key_path.empty()) {
      TRY(WriteWholeFile(options_.generated_key_path, signing_pem, 0600));
    }
  }
  auto keys = TRY(TokenKey::FromPem(signing_pem));
  for (const std::string& pem : options_.verify_key_pems) {
    auto more = TRY(TokenKey::FromPem(pem));
    for (TokenKey& key : more) {
      if (key.id() != keys[0].id()) keys.push_back(std::move(key));
    }
  }
  keys_ = std::make_shared<const std::vector<TokenKey>>(std::move(keys));
  return keys_;
}

Result<std::string> ServiceAccountTokens::Sign(const Json& claims) {
  const Keys keys = TRY(SigningKeys());
  return SignToken(keys->front(), claims);
}

Result<std::string> ServiceAccountTokens::SecretFor(std::string_view purpose) {
  const Keys keys = TRY(SigningKeys());
  return keys->front().SecretFor(purpose);
}

Result<std::string> ServiceAccountTokens::Issue(const TokenOrder& order) {
  const int64_t now = Seconds(clock_.Now());
  Json own = {{"namespace", order.namespace_name},
              {"serviceaccount", Reference(order.service_account)}};
  if (order.pod) own["pod"] = Reference(*order.pod);
  if (order.secret) own["secret"] = Reference(*order.secret);
  if (order.node) own["node"] = Reference(*order.node);
  if (order.warn_after_s > 0) own["warnafter"] = now + order.warn_after_s;
  const Json claims = {
      {"iss", options_.issuer},
      {"sub", "system:serviceaccount:" + order.namespace_name + ":" + order.service_account.name},
      {"aud", order.audiences},
      {"iat", now},
      {"nbf", now},
      {"exp", now + order.lifetime_s},
      {"jti", order.id.empty() ? random_.Uid() : order.id},
      {kPrivateClaims, own}};
  return Sign(claims);
}

Result<> ServiceAccountTokens::CheckBound(const Json& reference, const Bound& bound,
                                          std::string_view namespace_name) {
  const auto found = TRY(find_(bound.resource, namespace_name, TextAt(reference, "name")));
  if (!found) return Refuse(bound.missing);
  const std::string wanted = TextAt(reference, "uid");
  if (found->uid != wanted) {
    return Refuse(std::string(bound.kind) + " UID (" + found->uid + ") does not match " +
                  std::string(bound.claim) + " (" + wanted + ")");
  }
  if (found->deletion && *found->deletion < clock_.Now() - kLeeway) return Refuse(bound.deleted);
  return {};
}

Result<User> ServiceAccountTokens::UserOf(const Json& claims) {
  const Json own = claims.value(kPrivateClaims, Json::object());
  const std::string space = TextAt(own, "namespace");
  const Json account = own.is_object() ? own.value("serviceaccount", Json::object()) : Json();
  const std::string name = TextAt(account, "name");
  if (space.empty() || name.empty()) return Refuse("token has no service account");
  const std::string gone = "service account token has been invalidated";
  TRY(CheckBound(account,
                 {"serviceaccounts", "service account", "claim",
                  "serviceaccounts \"" + name + "\" not found",
                  "service account " + space + "/" + name + " has been deleted"},
                 space));
  User user{.name = "system:serviceaccount:" + space + ":" + name,
            .uid = TextAt(account, "uid"),
            .groups = {"system:serviceaccounts", "system:serviceaccounts:" + space}};
  const std::string id = TextAt(claims, "jti");
  if (!id.empty()) user.extra["authentication.kubernetes.io/credential-id"] = {"JTI=" + id};
  if (const auto secret = own.find("secret"); secret != own.end()) {
    TRY(CheckBound(*secret, {"secrets", "secret", "service account secret ref claim", gone, gone},
                   space));
  }
  const auto pod = own.find("pod");
  if (pod != own.end()) {
    TRY(CheckBound(*pod, {"pods", "pod", "service account pod ref claim", gone, gone}, space));
    user.extra["authentication.kubernetes.io/pod-name"] = {TextAt(*pod, "name")};
    user.extra["authentication.kubernetes.io/pod-uid"] = {TextAt(*pod, "uid")};
  }
  if (const auto node = own.find("node"); node != own.end()) {
    // A pod's token only mentions its node; a token bound to a node dies with it.
    if (pod == own.end()) {
      TRY(CheckBound(*node, {"nodes", "node", "service account node ref claim", gone, gone}, ""));
    }
    user.extra["authentication.kubernetes.io/node-name"] = {TextAt(*node, "name")};
    const std::string uid = TextAt(*node, "uid");
    if (!uid.empty()) user.extra["authentication.kubernetes.io/node-uid"] = {uid};
  }
  return user;
}

void ServiceAccountTokens::MarkUsed(const core_v1::Secret& secret) {
  constexpr size_t kDateSize = sizeof("2006-01-02") - 1;
  const std::string today = Time(clock_.Now()).Rfc3339().substr(0, kDateSize);
  const auto marked = secret.metadata.labels.find(kLegacyTokenLastUsed);
  if (marked != secret.metadata.labels.end() && marked->second == today) return;
  if (!MayWait()) return;
  secrets_.mark_used(secret.metadata.namespace_, secret.metadata.name, today);
}

Result<User> ServiceAccountTokens::LegacyUserOf(const Json& claims, std::string_view token) {
  const LegacyClaims said = TRY(ReadLegacyClaims(claims));
  const auto secret = TRY(secrets_.find(said.namespace_name, said.secret));
  TRY(CheckHeld(token, secret));
  const auto account = TRY(find_("serviceaccounts", said.namespace_name, said.account));
  if (!account) return Refuse("serviceaccounts \"" + said.account + "\" not found");
  if (account->deletion) {
    return Refuse("ServiceAccount " + said.namespace_name + "/" + said.account +
                  " has been deleted");
  }
  if (account->uid != said.account_uid) {
    return Refuse("ServiceAccount UID (" + account->uid + ") does not match claim (" +
                  said.account_uid + ")");
  }
  // Also of one that is refused it is good to know that somebody still tries.
  MarkUsed(*secret);
  TRY(CheckNotInvalidated(said, *secret));
  const std::string everybody = "system:serviceaccounts";
  return User{.name = TextAt(claims, "sub"),
              .uid = said.account_uid,
              .groups = {everybody, everybody + ":" + said.namespace_name}};
}

// Such a token says neither for whom it is nor until when.
Result<TokenUser> ServiceAccountTokens::CheckLegacy(std::string_view token, const Json& claims,
                                                    const std::vector<std::string>& audiences) {
  TRY(DatesOf(claims));
  TokenUser found;
  std::vector<std::string> meant = Audiences(claims);
  if (meant.empty()) meant = options_.audiences;
  found.audiences = InBoth(meant, audiences);
  if (found.audiences.empty()) return RefuseAudiences(meant, audiences);
  found.user = TRY(LegacyUserOf(claims, token));
  if (!IsVoid()) legacy_.fetch_add(1, std::memory_order_relaxed);
  return found;
}

Result<ServiceAccountTokens::ClaimsPtr> ServiceAccountTokens::Verified(std::string_view token) {
  const Keys keys = TRY(SigningKeys());
  ++verifications_;
  auto claims = VerifyToken(*keys, token);
  if (!claims) return Refuse("invalid bearer token");
  const auto kept = std::make_shared<const Json>(std::move(*claims));
  verified_.Keep(token, kept);
  return kept;
}

Result<TokenUser> ServiceAccountTokens::Check(const Json& claims,
                                              const std::vector<std::string>& audiences) {
  const int64_t now = Seconds(clock_.Now());
  constexpr int64_t kLeewaySeconds = std::chrono::seconds(kLeeway).count();
  const Dates dates = TRY(DatesOf(claims));
  if (dates.not_before > now + kLeewaySeconds) {
    return Refuse("service account token is not valid yet");
  }
  if (dates.expires < now - kLeewaySeconds) {
    return Refuse("service account token has expired");
  }
  if (dates.issued > now + kLeewaySeconds) {
    return Refuse("service account token is issued in the future");
  }
  TokenUser found;
  found.audiences = InBoth(Audiences(claims), audiences);
  if (found.audiences.empty()) return RefuseAudiences(Audiences(claims), audiences);
  found.user = TRY(UserOf(claims));
  if (IsVoid()) return found;  // It is asked again.
  valid_.fetch_add(1, std::memory_order_relaxed);
  if (SecondsLate(claims) > 0) stale_.fetch_add(1, std::memory_order_relaxed);
  return found;
}

std::vector<std::string> ServiceAccountTokens::Issuers() const {
  std::vector<std::string> all = options_.other_issuers;
  all.insert(all.begin(), options_.issuer);
  return all;
}

bool ServiceAccountTokens::IsIssuer(const std::string& name) const {
  const auto& others = options_.other_issuers;
  return name == options_.issuer || std::find(others.begin(), others.end(), name) != others.end();
}

std::optional<Result<TokenUser>> ServiceAccountTokens::Authenticate(
    std::string_view token, const std::vector<std::string>& audiences) {
  ClaimsPtr claims = verified_.Find(token);
  const auto unchecked = claims ? std::nullopt : PeekClaims(token);
  if (!claims && !unchecked) return std::nullopt;
  const std::string issuer = TextAt(claims ? *claims : *unchecked, "iss");
  const bool is_ours = IsIssuer(issuer);
  const bool is_legacy = issuer == kLegacyIssuer && secrets_.find && !is_ours;
  if (!is_ours && !is_legacy) return std::nullopt;
  if (!claims) {
    auto verified = Verified(token);
    if (!verified) return tl::unexpected(std::move(verified).error());
    claims = std::move(*verified);
  }
  return is_legacy ? CheckLegacy(token, *claims, audiences) : Check(*claims, audiences);
}

int64_t ServiceAccountTokens::SecondsLate(const Json& claims) const {
  const auto own = claims.find(kPrivateClaims);
  if (own == claims.end() || !own->is_object()) return 0;
  const auto warn_after = own->find("warnafter");
  if (warn_after == own->end() || !warn_after->is_number_integer()) return 0;
  return std::max<int64_t>(0, Seconds(clock_.Now()) - warn_after->get<int64_t>());
}

void ServiceAccountTokens::AddMetrics(MetricRegistry& registry) const {
  const auto add = [&registry](const char* name, const char* help,
                               const std::atomic<uint64_t>& count) {
    registry.AddMeasured(
        {name, help},
        [&count] {
          return std::vector<Sample>{{{}, static_cast<double>(count.load())}};
        },
        MetricRegistry::MeasuredType::kCounter);
  };
  add("serviceaccount_valid_tokens_total",
      "[ALPHA] Tokens of service accounts with a lifetime that were taken.", valid_);
  add("serviceaccount_stale_tokens_total",
      "[ALPHA] Those whose holder ought to have read a newer one.", stale_);
  add("serviceaccount_legacy_tokens_total", "[ALPHA] Tokens of Secrets that were taken.", legacy_);
}

std::string ServiceAccountTokens::StaleNote(std::string_view token) {
  const ClaimsPtr claims = verified_.Find(token);
  if (!claims) return "";
  const int64_t late = SecondsLate(*claims);
  if (late == 0) return "";
  return fmt::format("subject: {}, seconds after warning threshold: {}", TextAt(*claims, "sub"),
                     late);
}

Result<Json> ServiceAccountTokens::KeySet() {
  const Keys keys = TRY(SigningKeys());
  Json list = Json::array();
  for (const TokenKey& key : *keys) list.push_back(key.Jwk());
  return Json{{"keys", std::move(list)}};
}

std::string_view ServiceAccountTokens::algorithm() {
  const MutexLock lock(mutex_);
  return keys_ ? keys_->front().algorithm() : "RS256";
}

}  // namespace skiff
