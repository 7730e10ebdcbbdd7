#include "apiserver/tokens/issued_token.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/text/go_value.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

tl::unexpected<Error> NotGood(std::string message) {
  return Fail(Reason::kUnauthorized, std::move(message));
}

// As Go reads a text: null is none.
std::optional<std::string> ClaimText(const Json& value) {
  if (value.is_null()) return std::string();
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

const Json* ClaimNamed(const Json& claims, std::string_view name) {
  const auto found = claims.find(name);
  return found == claims.end() ? nullptr : &*found;
}

// As Go's decoder says of another type.
std::string WrongType(const Json& value, const char* wanted) {
  return fmt::format("json: cannot unmarshal {} into Go value of type {}", GoFound(value), wanted);
}

// Seconds, written as a number or as a text that is one.
// Beyond the year 9999 all times are alike: so far ahead, and so far back, that the sums that
// follow hold them.
std::optional<int64_t> ClaimSeconds(const Json& value) {
  double number = 0;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
      return std::nullopt;
    }
  } else {
    return std::nullopt;
  }
  if (!std::isfinite(number)) return std::nullopt;
  constexpr double kSecondsMax = 253402300799;
  return static_cast<int64_t>(std::clamp(number, -kSecondsMax, kSecondsMax));
}

Result<std::vector<std::string>> AudiencesOf(const Json& claims) {
  const Json* value = ClaimNamed(claims, "aud");
  std::vector<std::string> audiences;
  if (value == nullptr || value->is_null()) return audiences;
  if (value->is_string()) return std::vector{value->get<std::string>()};
  if (!value->is_array()) {
    return NotGood("oidc: failed to unmarshal claims: " + WrongType(*value, "[]string"));
  }
  for (const Json& each : *value) {
    auto text = ClaimText(each);
    if (!text) return NotGood("oidc: failed to unmarshal claims: " + WrongType(each, "string"));
    audiences.push_back(*std::move(text));
  }
  return audiences;
}

Result<std::optional<int64_t>> TimeClaim(const Json& claims, const char* name) {
  const Json* value = ClaimNamed(claims, name);
  if (value == nullptr) return std::nullopt;
  const auto seconds = ClaimSeconds(*value);
  if (!seconds) {
    return NotGood("oidc: failed to unmarshal claims: " + WrongType(*value, "json.Number"));
  }
  return seconds;
}

// What is read of every token, whether it matters here or not.
Result<> CheckShapes(const Json& claims) {
  for (const char* name : {"iss", "sub", "nonce", "at_hash"}) {
    const Json* value = ClaimNamed(claims, name);
    if (value != nullptr && !ClaimText(*value)) {
      return NotGood("oidc: failed to unmarshal claims: " + WrongType(*value, "string"));
    }
  }
  (void)TRY(TimeClaim(claims, "iat"));
  const Json* names = ClaimNamed(claims, "_claim_names");
  const Json* sources = ClaimNamed(claims, "_claim_sources");
  if (sources != nullptr && !sources->is_null() && !sources->is_object()) {
    return NotGood("oidc: failed to unmarshal claims: " + WrongType(*sources, "map[string]"));
  }
  if (names == nullptr || names->is_null()) return {};
  if (!names->is_object()) {
    return NotGood("oidc: failed to unmarshal claims: " + WrongType(*names, "map[string]string"));
  }
  for (const auto& [claim, source] : names->items()) {
    const auto text = ClaimText(source);
    if (!text) return NotGood("oidc: failed to unmarshal claims: " + WrongType(source, "string"));
    if (text->empty()) return NotGood("oidc: failed to obtain source from claim name");
    if (sources == nullptr || !sources->is_object() || !sources->contains(*text)) {
      return NotGood("oidc: source does not exist");
    }
  }
  return {};
}

std::string ListOf(const std::vector<std::string>& texts) {
  std::string shown;
  for (const std::string& each : texts) shown += (shown.empty() ? "" : " ") + Quoted(each);
  return "[" + shown + "]";
}

Result<> CheckAudience(const std::vector<std::string>& wanted,
                       const std::vector<std::string>& got) {
  const bool any = std::any_of(wanted.begin(), wanted.end(), [&](const std::string& each) {
    return std::find(got.begin(), got.end(), each) != got.end();
  });
  if (any) return {};
  if (wanted.size() == 1) {
    return NotGood(
        fmt::format("oidc: expected audience {} got {}", Quoted(wanted[0]), ListOf(got)));
  }
  std::vector<std::string> sorted = wanted;
  std::sort(sorted.begin(), sorted.end());
  return NotGood(fmt::format("oidc: expected audience in {} got {}", ListOf(sorted), ListOf(got)));
}

int64_t SecondsNow(TimePoint now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

Result<> CheckTimes(IssuedToken& token, const Json& claims, TimePoint now) {
  // Without one it ended in the year 1.
  constexpr int64_t kYearOne = -62135596800;
  token.expiry = TRY(TimeClaim(claims, "exp"))
  .value_or(kYearOne);
  const auto not_before = TRY(TimeClaim(claims, "nbf"));
  const bool is_over = token.expiry < SecondsNow(now) ||
                       (token.expiry == SecondsNow(now) &&
                        now.time_since_epoch() > std::chrono::seconds(token.expiry));
  if (is_over) {
    return NotGood(
        fmt::format("oidc: token is expired (Token Expiry: {:%Y-%m-%d %H:%M:%S} +0000 "
                    "UTC)",
                    fmt::gmtime(static_cast<std::time_t>(std::max(token.expiry, kYearOne)))));
  }
  if (not_before && SecondsNow(now) + kNotBeforeLeeway / 1s < *not_before) {
    return NotGood("oidc: current time before the nbf (not before) time");
  }
  return {};
}

Result<std::string> UsernameOf(const JwtConfiguration& config, const Json& claims,
                               const Json& for_cel, ClaimBudget& budget) {
  const ClaimMapping& mapping = config.username;
  if (mapping.program) {
    const auto value = EvaluateClaims(*mapping.program, mapping.expression, for_cel, budget);
    constexpr const char* kWrong = "oidc: error evaluating username claim expression: ";
    if (!value) return NotGood(kWrong + value.error().message);
    if (!value->Is(cel::Kind::kString)) {
      return NotGood(std::string(kWrong) + "username claim expression must return a string");
    }
    if (value->text().empty()) {
      return NotGood("oidc: empty username via CEL expression is not allowed");
    }
    return std::string(value->text());
  }
  const Json* value = ClaimNamed(claims, mapping.claim);
  const std::string wrong = fmt::format("oidc: parse username claims {}: ", Quoted(mapping.claim));
  if (value == nullptr) return NotGood(wrong + "claim not present");
  const auto name = ClaimText(*value);
  if (!name) return NotGood(wrong + WrongType(*value, "string"));
  const Json* verified = mapping.claim == "email" ? ClaimNamed(claims, "email_verified") : nullptr;
  if (verified != nullptr) {
    if (!verified->is_boolean() && !verified->is_null()) {
      return NotGood("oidc: parse 'email_verified' claim: " + WrongType(*verified, "bool"));
    }
    if (*verified != true) return NotGood("oidc: email not verified");
  }
  return mapping.prefix.value_or("") + *name;
}

Result<std::vector<std::string>> GroupsOf(const JwtConfiguration& config, const Json& claims,
                                          const Json& for_cel, ClaimBudget& budget) {
  const ClaimMapping& mapping = config.groups;
  if (mapping.program) {
    constexpr const char* kWrong = "oidc: error evaluating group claim expression: ";
    const auto value = EvaluateClaims(*mapping.program, mapping.expression, for_cel, budget);
    if (!value) return NotGood(kWrong + value.error().message);
    auto groups = TextsOfValue(*value);
    if (!groups) return NotGood(kWrong + groups.error().message);
    return groups;
  }
  std::vector<std::string> groups;
  const Json* value = mapping.claim.empty() ? nullptr : ClaimNamed(claims, mapping.claim);
  if (value == nullptr || value->is_null()) return groups;
  const auto add = [&](const Json& each) {
    const auto text = ClaimText(each);
    if (text) groups.push_back(mapping.prefix.value_or("") + *text);
    return text.has_value();
  };
  const bool are_texts = value->is_array() ? std::all_of(value->begin(), value->end(), add)
                                           : value->is_string() && add(*value);
  if (!are_texts) {
    return NotGood(fmt::format("oidc: parse groups claim {}: {}", Quoted(mapping.claim),
                               WrongType(*value, "string")));
  }
  return groups;
}

Result<std::string> UidOf(const JwtConfiguration& config, const Json& claims, const Json& for_cel,
                          ClaimBudget& budget) {
  const ClaimMapping& mapping = config.uid;
  if (!mapping.claim.empty()) {
    const Json* value = ClaimNamed(claims, mapping.claim);
    const std::string wrong = fmt::format("oidc: parse uid claim {}: ", Quoted(mapping.claim));
    if (value == nullptr) return NotGood(wrong + "claim not present");
    auto uid = ClaimText(*value);
    if (!uid) return NotGood(wrong + WrongType(*value, "string"));
    return *std::move(uid);
  }
  if (!mapping.program) return std::string();
  constexpr const char* kWrong = "oidc: error evaluating uid claim expression: ";
  const auto value = EvaluateClaims(*mapping.program, mapping.expression, for_cel, budget);
  if (!value) return NotGood(kWrong + value.error().message);
  if (!value->Is(cel::Kind::kString)) {
    return NotGood(std::string(kWrong) + "uid claim expression must return a string");
  }
  return std::string(value->text());
}

Result<> AddExtra(const JwtConfiguration& config, const Json& claims, const Json& for_cel,
                  ClaimBudget& budget, User& user) {
  const Json* id = ClaimNamed(claims, "jti");
  if (id != nullptr && id->is_string() && !id->get_ref<const std::string&>().empty()) {
    user.extra["authentication.kubernetes.io/credential-id"] = {"JTI=" + id->get<std::string>()};
  }
  for (const ExtraMapping& mapping : config.extra) {
    const cel::Value value =
        TRY(EvaluateClaims(*mapping.program, mapping.expression, for_cel, budget));
    auto texts = TextsOfValue(value);
    if (!texts) {
      return NotGood(fmt::format("oidc: error evaluating extra claim expression: {}: {}",
                                 mapping.expression, texts.error().message));
    }
    if (!texts->empty()) user.extra[mapping.key] = *std::move(texts);
  }
  return {};
}

Result<> CheckRequiredClaims(const JwtConfiguration& config, const Json& claims) {
  for (const ClaimRule& rule : config.claim_rules) {
    if (rule.claim.empty()) continue;
    const Json* value = ClaimNamed(claims, rule.claim);
    if (value == nullptr) {
      return NotGood(fmt::format("oidc: required claim {} not present in ID token", rule.claim));
    }
    const auto text = ClaimText(*value);
    if (!text) {
      return NotGood(
          fmt::format("oidc: parse claim {}: {}", rule.claim, WrongType(*value, "string")));
    }
    if (*text != rule.required_value) {
      return NotGood(
          fmt::format("oidc: required claim {} value does not match. Got = {}, want = {}",
                      rule.claim, *text, rule.required_value));
    }
  }
  return {};
}

template <typename Rule, typename Evaluate>
Result<> CheckRules(const std::vector<Rule>& rules, const char* wrong, Evaluate evaluate) {
  // All are evaluated before any is judged.
  std::vector<std::pair<const Rule*, bool>> results;
  for (const Rule& rule : rules) {
    if (!rule.program) continue;
    const Result<cel::Value> value = evaluate(rule);
    if (!value) return NotGood(wrong + value.error().message);
    results.emplace_back(&rule, value->IsTrue());
  }
  for (const auto& [rule, holds] : results) {
    if (holds) continue;
    return NotGood(fmt::format("{}validation expression '{}' failed: {}", wrong, rule->expression,
                               rule->message));
  }
  return {};
}

}  // namespace

std::optional<IssuedToken> IssuedToken::Parse(std::string_view text) {
  auto parts = SplitToken(text);
  if (!parts) return std::nullopt;
  IssuedToken token{.parts = *std::move(parts)};
  const Json* issuer = ClaimNamed(token.parts.claims, "iss");
  if (issuer == nullptr || !issuer->is_string()) return std::nullopt;
  token.issuer = issuer->get<std::string>();
  // What Google writes in the place of its URL.
  if (token.issuer == "accounts.google.com") token.issuer = "https://accounts.google.com";
  const auto header = [&](const char* name) {
    const Json* value = ClaimNamed(token.parts.header, name);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  };
  token.algorithm = header("alg");
  token.key_id = header("kid");
  return token;
}

Result<> CheckIssuedToken(IssuedToken& token, const JwtConfiguration& config,
                          const std::vector<std::string>& algorithms, TimePoint now) {
  const Json& claims = token.parts.claims;
  TRY(CheckShapes(claims));
  const auto audiences = TRY(AudiencesOf(claims));
  TRY(CheckAudience(config.issuer.audiences, audiences));
  TRY(CheckTimes(token, claims, now));
  if (token.parts.header.contains("crit")) {
    return NotGood("failed to verify signature: failed to verify id token signature");
  }
  if (std::find(algorithms.begin(), algorithms.end(), token.algorithm) == algorithms.end()) {
    return NotGood(
        fmt::format("oidc: id token signed with unsupported algorithm, expected {} got "
                    "{}",
                    ListOf(algorithms), Quoted(token.algorithm)));
  }
  return {};
}

Result<std::optional<ClaimSource>> SourceOfGroups(const JwtConfiguration& config,
                                                  const Json& claims) {
  const std::string& claim = config.groups.claim;
  if (claim.empty() || claims.contains(claim)) return std::nullopt;
  const Json* names = ClaimNamed(claims, "_claim_names");
  if (names == nullptr) return std::nullopt;
  const Json* sources = ClaimNamed(claims, "_claim_sources");
  constexpr const char* kWrong = "oidc: could not expand distributed claims: ";
  if (sources == nullptr) return NotGood(std::string(kWrong) + "oidc: no claim sources");
  const auto source = names->is_object() ? names->find(claim) : names->end();
  if (!names->is_object() || source == names->end() || !source->is_string()) return std::nullopt;
  const Json* found =
      sources->is_object() ? ClaimNamed(*sources, source->get<std::string>()) : nullptr;
  if (found == nullptr || !found->is_object()) {
    return NotGood(
        fmt::format("{}id token _claim_names contained a source {} missing in "
                    "_claims_sources",
                    kWrong, source->get<std::string>()));
  }
  const auto text = [&](const char* name) {
    const Json* value = ClaimNamed(*found, name);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  };
  if (text("endpoint").empty()) return std::nullopt;  // Aggregated ones are not looked into.
  return ClaimSource{.endpoint = text("endpoint"), .access_token = text("access_token")};
}

Result<User> UserOfClaims(const JwtConfiguration& config, const Json& claims) {
  const auto has_program = [](const auto& each) { return each.program != nullptr; };
  const bool uses_cel =
      has_program(config.username) || has_program(config.groups) || has_program(config.uid) ||
      !config.extra.empty() ||
      std::any_of(config.claim_rules.begin(), config.claim_rules.end(), has_program);
  const Json for_cel = uses_cel ? ClaimsForCel(claims) : Json();
  ClaimBudget budget;
  User user;
  user.name = TRY(UsernameOf(config, claims, for_cel, budget));
  user.groups = TRY(GroupsOf(config, claims, for_cel, budget));
  user.uid = TRY(UidOf(config, claims, for_cel, budget));
  TRY(AddExtra(config, claims, for_cel, budget, user));
  TRY(CheckRequiredClaims(config, claims));
  TRY(CheckRules(config.claim_rules, "oidc: error evaluating claim validation expression: ",
                 [&](const ClaimRule& rule) {
                   return EvaluateClaims(*rule.program, rule.expression, for_cel, budget);
                 }));
  const Json for_rules = config.user_rules.empty() ? Json() : UserForCel(user);
  TRY(CheckRules(config.user_rules,
                 "oidc: error evaluating user info validation rule: ", [&](const UserRule& rule) {
                   return EvaluateUser(*rule.program, rule.expression, for_rules, budget);
                 }));
  return user;
}

}  // namespace skiff
