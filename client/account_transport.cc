#include "client/account_transport.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/document.h"
#include "api/gen/core_v1.h"

namespace skiff {

AccountTokens::AccountTokens(Client& client, const Clock& clock, ObjectKey account)
    : client_(client), clock_(clock), account_(std::move(account)), log_("client") {}

Result<Credentials> AccountTokens::Get() {
  const MutexLock lock(mutex_);
  if (token_.empty() || clock_.Monotonic() >= renew_at_) {
    auto fetched = Fetch();
    if (!fetched) {
      return Fail(fetched.error().reason,
                  fmt::format("failed to get token for {}: {}", account_, fetched.error().message));
    }
    token_ = *std::move(fetched);
  }
  return Credentials{.token = token_, .certificate_pem = {}, .key_pem = {}};
}

void AccountTokens::Refused(const Credentials& credentials) {
  const MutexLock lock(mutex_);
  if (credentials.token == token_) token_.clear();
}

Result<std::string> AccountTokens::Fetch() {
  TRY(MakeAccount());
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(kLifetime).count();
  const Json asked = {{"apiVersion", "authentication.k8s.io/v1"},
                      {"kind", "TokenRequest"},
                      {"spec", {{"expirationSeconds", seconds}}}};
  const Json given = TRY(client_.Create(core_v1::ServiceAccount::Info(), account_, asked, "token"));
  const std::string token = TextAt(given, "status.token");
  const auto expires = Time::Parse(TextAt(given, "status.expirationTimestamp"));
  if (token.empty() || !expires) {
    return Fail(Reason::kInternalError, "the server's answer has no token, or no end of it");
  }
  const Duration lifetime = std::max(expires->point() - clock_.Now(), kLifetimeMin);
  renew_at_ = clock_.Monotonic() + lifetime / 5 * 4;
  return token;
}

Result<> AccountTokens::MakeAccount() {
  const auto found = client_.Get<core_v1::ServiceAccount>(account_);
  if (found) return {};
  if (found.error().reason != Reason::kNotFound) return Fail(found.error());
  core_v1::ServiceAccount account;
  account.metadata.namespace_ = account_.namespace_;
  account.metadata.name = account_.name;
  const auto made = client_.Create(account);
  if (!made && made.error().reason != Reason::kAlreadyExists) return Fail(made.error());
  if (made) log_.Info("service account made", {{"account", account_}});
  return {};
}

http::Response AccountTransport::Send(http::Request request) {
  const auto known = tokens_->Get();
  if (!known) return NotAsked(known.error().message);
  request.headers.emplace("Authorization", "Bearer " + known->token);
  http::Response answer = below_.Send(std::move(request));
  if (answer.status == 401) tokens_->Refused(*known);
  return answer;
}

}  // namespace skiff
