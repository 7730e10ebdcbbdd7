#include "apiserver/console/console_login.h"

#include <algorithm>

#include "api/codec/json.h"
#include "apiserver/auth/foreign_page.h"
#include "apiserver/request/respond.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr std::string_view kLink = "/console/link";
constexpr std::string_view kLogin = "/console/login";
constexpr size_t kBodyMax = 4096;

http::Response Answered(const Json& body) {
  http::Response response;
  response.content_type = "application/json";
  response.body = DumpJson(body);
  // It holds a secret.
  response.SetHeader("Cache-Control", "no-store");
  return response;
}

bool AsSomebodyElse(const http::Request& request) {
  return std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
    return Lower(header.first).starts_with("impersonate-");
  });
}

Result<Json> MakeLink(const http::Request& request, const Authentication& authentication,
                      ConsoleSessions& sessions) {
  if (AsSomebodyElse(request)) {
    return Fail(Reason::kForbidden,
                "a link to the console is one's own: it cannot be made while impersonating");
  }
  LinkCredential credential = TRY(authentication.CredentialOf(request));
  const std::string user = credential.user.name;
  return Json{{"code", TRY(sessions.MakeLink(std::move(credential)))},
              {"user", user},
              {"expiresInSeconds", ConsoleSessions::kLinkTime.count()}};
}

// Of this type, which no page of another site can send without asking first.
Result<Json> Login(const http::Request& request, ConsoleSessions& sessions) {
  if (!request.Header("Content-Type").starts_with("application/json")) {
    return Fail(Reason::kUnsupportedMediaType, "the code comes as application/json");
  }
  const std::string& text = request.Body();
  const auto body = text.size() > kBodyMax ? Fail(Reason::kBadRequest, "") : ParseJson(text);
  if (!body || !body->is_object() || !body->contains("code") || !(*body)["code"].is_string()) {
    return Fail(Reason::kBadRequest, "what is wanted is {\"code\": \"...\"}");
  }
  return Json{{"token", TRY(sessions.Redeem((*body)["code"].get_ref<const std::string&>()))}};
}

Json Logout(const http::Request& request, ConsoleSessions& sessions) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view given = request.Header("Authorization");
  if (given.starts_with(kBearer)) sessions.End(given.substr(kBearer.size()));
  return Json::object();
}

Result<Json> Serve(const http::Request& request, const Authentication& authentication,
                   ConsoleSessions& sessions) {
  if (IsFromForeignPage(request)) {
    return Fail(Reason::kForbidden, "a page of another site may not log in to the console");
  }
  if (request.method == "POST" && request.path == kLink) {
    return MakeLink(request, authentication, sessions);
  }
  if (request.method == "POST") return Login(request, sessions);
  return Logout(request, sessions);
}

}  // namespace

bool IsConsoleLogin(const http::Request& request) {
  return (request.path == kLink && request.method == "POST") ||
         (request.path == kLogin && (request.method == "POST" || request.method == "DELETE"));
}

http::Response AnswerConsoleLogin(const http::Request& request,
                                  const Authentication& authentication, ConsoleSessions& sessions) {
  const Result<Json> body = Serve(request, authentication, sessions);
  return body ? Answered(*body) : ErrorResponse(request, body.error());
}

}  // namespace skiff
