#include "apiserver/identity/review_poster.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apiserver/auth/pki.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/tokens/issuer_url.h"
#include "apiserver/webhooks/caller.h"
#include "base/flags.h"
#include "base/hash.h"
#include "base/text.h"

namespace skiff {
namespace {

using RealClock = std::chrono::steady_clock;

// Between two tries; each is half as long again as the one before.
constexpr std::chrono::milliseconds kFirstPause{500};

// A server of a kubeconfig may be without a scheme.
std::string ServerUrl(const std::string& server) {
  return server.find("://") == server.npos ? "http://" + server : server;
}

bool IsRetried(int status) {
  return status == 429 || status == 500 || status == 504;
}

}  // namespace

bool IsReviewOf(const Json& answer, std::string_view kind, std::string_view api_version) {
  if (!answer.is_object()) return false;
  const auto says = [&](const char* name, std::string_view wanted) {
    const auto found = answer.find(name);
    return found == answer.end() || found->is_null() || *found == "" || *found == wanted;
  };
  return says("kind", kind) && says("apiVersion", api_version);
}

Result<std::unique_ptr<ReviewPoster>> ReviewPoster::Create(HttpsOptions server, Duration timeout,
                                                           OutboundCalls& calls) {
  const IssuerUrl place = IssuerUrl::Parse(ServerUrl(server.server));
  if (!place.error.empty() || place.host.empty()) {
    return Fail(Reason::kInvalid, place.error.empty() ? "host must be a URL or a host:port pair: " +
                                                            Quoted(server.server)
                                                      : place.error);
  }
  http::Upstream upstream;
  upstream.host = place.host;
  upstream.port = place.scheme == "http" && place.authority.rfind(':') == place.authority.npos
                      ? 80
                      : place.port;
  if (place.scheme == "https") {
    upstream.server_name = server.tls_server_name.empty() ? place.host : server.tls_server_name;
    upstream.tls = TRY(calls.ContextFor({.ca_pem = server.certificate_authority,
                                         .insecure = server.insecure_skip_tls_verify,
                                         .certificate_pem = server.client_certificate,
                                         .key_pem = server.client_key}));
  }
  upstream.kept = http::MakeKeptConnections();
  upstream.connect_timeout = timeout;
  upstream.head_timeout = timeout;
  return std::unique_ptr<ReviewPoster>(
      new ReviewPoster(std::move(server), timeout, calls, std::move(upstream)));
}

ReviewPoster::ReviewPoster(HttpsOptions server, Duration timeout, OutboundCalls& calls,
                           http::Upstream upstream)
    : server_(std::move(server)),
      timeout_(timeout),
      calls_(calls),
      upstream_(std::move(upstream)),
      target_(IssuerUrl::Parse(ServerUrl(server_.server)).target +
              "?timeout=" + GoDurationText(timeout)),
      host_(IssuerUrl::Parse(ServerUrl(server_.server)).authority) {}

Result<http::ClientRequest> ReviewPoster::RequestOf(const std::string& body) const {
  http::ClientRequest request{.method = "POST", .target = target_};
  request.headers.emplace("Host", host_);
  request.headers.emplace("Content-Type", "application/json");
  request.headers.emplace("Accept", "application/json, */*");
  request.headers.emplace("User-Agent", "kube-apiserver");
  const HttpsOptions& server = server_;
  std::string token = server.token;
  if (!server.token_file.empty()) {
    const std::string text = TRY(ReadWholeFile(server.token_file));
    token = WithoutBlanks(text);
  } else if (server.credentials) {
    const Credentials given = TRY(server.credentials->Get());
    token = given.token;
  }
  if (!token.empty()) {
    request.headers.emplace("Authorization", "Bearer " + token);
  } else if (!server.username.empty()) {
    request.headers.emplace("Authorization",
                            "Basic " + Base64(server.username + ":" + server.password));
  }
  request.body = body;
  return request;
}

Result<WholeAnswer> ReviewPoster::Send(const std::string& body) {
  auto request = TRY(RequestOf(body));
  ++sent_;
  const auto fetch =
      TRY(calls_.Begin(upstream_, std::move(request), {.answer_bytes_max = kAnswerBytesMax}));
  auto answer = fetch->Wait(RealClock::now() + timeout_);
  if (!answer) fetch->Cancel();
  return answer;
}

Result<> ReviewPoster::Post(const std::string& body, const Read& read, const Told& told) {
  const auto end = RealClock::now() + kTimeMax;
  auto pause = kFirstPause;
  for (int tries = 1;; ++tries) {
    const auto begin = RealClock::now();
    auto answer = Send(body);
    Result<> result;
    const char* outcome = "error";
    bool again = false;
    if (!answer) {
      const std::string& text = answer.error().message;
      result =
          Fail(answer.error().reason, fmt::format("Post {}: {}", Quoted(server_.server), text));
      again = text.find("connection reset") != text.npos;
      if (answer.error().reason == Reason::kTimeout) outcome = "timeout";
      if (text == "context canceled") outcome = "canceled";
    } else if (answer->status >= 200 && answer->status < 300) {
      result = read(answer->body);
      if (result) outcome = "success";
    } else {
      // Not with what: it may repeat what it was asked.
      result =
          Fail(Reason::kInternalError, fmt::format("the server answered with {}", answer->status));
      again = IsRetried(answer->status) || RetryAfter(*answer);
      if (answer->status == 504) outcome = "timeout";
    }
    if (told) told(outcome, std::chrono::duration<double>(RealClock::now() - begin).count());
    if (!again || tries == kTriesMax || RealClock::now() + pause >= end ||
        !calls_.WaitUntil(RealClock::now() + pause)) {
      return result;
    }
    pause += pause / 2;
  }
}

}  // namespace skiff
