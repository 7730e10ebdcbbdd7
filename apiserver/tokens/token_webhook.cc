#include "apiserver/tokens/token_webhook.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "apiserver/request/api_errors.h"
#include "base/at_once.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kTokenWebhookLog("token-webhook");
constexpr std::string_view kReviewGroup = "authentication.k8s.io/";
std::vector<std::string> TextsOf(const Json& json) {
  std::vector<std::string> texts;
  if (!json.is_array()) return texts;
  for (const Json& each : json) {
    if (each.is_string()) texts.push_back(each.get<std::string>());
  }
  return texts;
}

std::string TextIn(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return json.is_object() && found != json.end() && found->is_string() ? found->get<std::string>()
                                                                       : std::string();
}

User UserInReview(const Json& json) {
  User user{.name = TextIn(json, "username"), .uid = TextIn(json, "uid")};
  if (!json.is_object()) return user;
  user.groups = TextsOf(json.value("groups", Json()));
  const Json extra = json.value("extra", Json());
  if (!extra.is_object()) return user;
  for (const auto& [key, values] : extra.items()) user.extra[key] = TextsOf(values);
  return user;
}

}  // namespace

std::string TokenReviewText(const std::string& version, std::string_view token,
                            const std::vector<std::string>& audiences) {
  Json spec = {{"token", token}};
  if (!audiences.empty()) spec["audiences"] = audiences;
  return DumpJson({{"kind", "TokenReview"},
                   {"apiVersion", std::string(kReviewGroup) + version},
                   {"metadata", Json::object()},
                   {"spec", std::move(spec)},
                   {"status", {{"user", Json::object()}}}});
}

Result<TokenVerdict> ReadTokenReview(std::string_view body, const std::string& version,
                                     const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& own) {
  const auto review = ParseJson(body);
  if (!review || !IsReviewOf(*review, "TokenReview", std::string(kReviewGroup) + version)) {
    return Fail(Reason::kInternalError,
                fmt::format("the webhook did not answer with a TokenReview of {}{}", kReviewGroup,
                            version));
  }
  const Json status = review->value("status", Json::object());
  if (!status.is_object()) return Fail(Reason::kInternalError, "status of the review is no object");
  TokenVerdict verdict;
  std::vector<std::string> shared;
  if (!wanted.empty()) {
    std::vector<std::string> got = TextsOf(status.value("audiences", Json()));
    if (got.empty()) got = own;
    std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(shared), [&](const auto& each) {
      return std::find(got.begin(), got.end(), each) != got.end();
    });
    if (shared.empty()) return verdict;
  }
  if (status.value("authenticated", Json()) != true) {
    verdict.error = TextIn(status, "error");
    return verdict;
  }
  verdict.user =
      TokenUser{.user = UserInReview(status.value("user", Json())), .audiences = std::move(shared)};
  return verdict;
}

Result<std::unique_ptr<TokenWebhook>> TokenWebhook::Create(TokenWebhookOptions options,
                                                           Parts parts) {
  if (options.version != "v1" && options.version != "v1beta1") {
    return Fail(Reason::kInvalid,
                fmt::format("unsupported authentication webhook version {}, supported versions are "
                            "\"v1\", \"v1beta1\"",
                            Quoted(options.version)));
  }
  auto poster = TRY(ReviewPoster::Create(options.server, ReviewPoster::kTimeMax, parts.calls));
  return std::unique_ptr<TokenWebhook>(
      new TokenWebhook(std::move(options), std::move(parts), std::move(poster)));
}

TokenWebhook::TokenWebhook(TokenWebhookOptions options, Parts parts,
                           std::unique_ptr<ReviewPoster> poster)
    : options_(std::move(options)), parts_(std::move(parts)), poster_(std::move(poster)) {}

TokenWebhook::Answer TokenWebhook::Review(std::string_view token,
                                          const std::vector<std::string>& audiences) {
  Answer answer;
  const auto read = [&](const std::string& body) -> Result<> {
    answer.verdict = TRY(ReadTokenReview(body, options_.version, audiences, parts_.audiences));
    answer.bytes = body.size();
    return {};
  };
  const auto done = poster_->Post(TokenReviewText(options_.version, token, audiences), read);
  if (!done) {
    kTokenWebhookLog.Info("webhook not asked", {{"error", done.error().message}});
    return {{.error = done.error().message}, false, 0};
  }
  // Who says why not may say something else the next time.
  answer.is_final = answer.verdict.user.has_value() || answer.verdict.error.empty();
  return answer;
}

std::optional<TokenVerdict> TokenWebhook::Ask(std::string_view token,
                                              const std::vector<std::string>& audiences) {
  const std::string digest = TokenDigest(token, audiences);
  if (auto known = remembered_.Find(digest, parts_.clock.Monotonic())) return known;
  if (!MayWait() || !MayWaitLong()) return std::nullopt;
  auto verdict = questions_.Ask(digest, [&] {
    Answer answer = Review(token, audiences);
    if (answer.is_final && options_.cache_ttl > Duration::zero()) {
      remembered_.Keep(digest, answer.verdict, answer.bytes,
                       parts_.clock.Monotonic() + options_.cache_ttl);
    }
    return std::move(answer.verdict);
  });
  return verdict ? std::move(verdict) : TokenVerdict{.error = "context canceled"};
}

}  // namespace skiff
