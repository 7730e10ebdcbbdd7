#include "apiserver/console/console_login.h"

#include <algorithm>

#include "api/codec/json.h"
#include "apiserver/auth/foreign_page.h"
#include "apiserver/request/respond.h"
#include "base/certificates.h"
#include "base/hash.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr std::string_view kLink = "/console/link";
constexpr std::string_view kChallenge = "/console/challenge";
constexpr std::string_view kLogin = "/console/login";
constexpr size_t kBodyMax = 24 << 10;
constexpr size_t kCertificatesMax = 5;

struct Parts {
  const Authentication& authentication;
  ConsoleSessions& sessions;
  ConsoleChallenges& challenges;
  std::string& proven;
};

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
  const LinkCredential credential = TRY(authentication.CredentialOf(request));
  const std::string code = TRY(sessions.MakeLink(credential));
  return Json{{"code", code},
              {"user", credential.user},
              {"expiresInSeconds", ConsoleSessions::kLinkTime.count()}};
}

// "" where it is none.
std::string SentText(const Json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

// Browsers say whose page asks: it is to have signed that. Of a page that is sent with a
// Referrer-Policy of no-referrer, as ours is (console_pages.cc), some say "null".
bool IsOfOrigin(const http::Request& request, std::string_view origin) {
  const std::string_view said = request.Header("Origin");
  return said.empty() || said == "null" || said == origin;
}

// As a handshake hands them on.
Result<std::string> CertificatesIn(const std::string& text) {
  if (text.size() > kTicketCertificatesMax) {
    return Fail(Reason::kInvalid, "these are more certificates than a login takes (16 KiB)");
  }
  if (text.find("PRIVATE KEY") != std::string::npos) {
    return Fail(Reason::kInvalid,
                "a private key came with this certificate: a login never needs it, and whoever has "
                "seen it sent can use it");
  }
  size_t blocks = 0;
  for (size_t at = 0; (at = text.find("-----BEGIN", at)) != std::string::npos; ++at) ++blocks;
  if (blocks > kCertificatesMax) {
    return Fail(Reason::kInvalid, "these are more certificates than a login takes (5)");
  }
  std::string pem;
  for (const std::string& each : SplitCertificates(text)) pem += each;
  return pem;
}

Result<std::string> LoginByKey(const http::Request& request, const Json& body, const Parts& parts) {
  const std::string challenge = SentText(body, "challenge");
  const std::string origin = SentText(body, "origin");
  // Costs next to nothing; what follows does not.
  TRY(parts.challenges.Check(challenge));
  if (!IsOfOrigin(request, origin)) {
    return Fail(Reason::kForbidden, "a page of another origin signed this login");
  }
  const auto signature = FromBase64Url(SentText(body, "signature"));
  if (!signature) return Fail(Reason::kBadRequest, "the signature is no base64url");
  const KeyProof proof {
    .certificate_pem = TRY(CertificatesIn(SentText(body, "certificate")))
    , .text = SignedText(origin, challenge), .signature = *signature
  };
  const LinkCredential credential = TRY(parts.authentication.CredentialOf(proof));
  parts.proven = credential.user;
  TRY(parts.challenges.Use(challenge, credential.user));
  return parts.sessions.Begin(credential);
}

Result<std::string> LoginByCode(const std::string& code, const Parts& parts) {
  LinkCredential credential = TRY(parts.sessions.Redeem(code));
  if (!credential.token.empty()) return std::move(credential.token);
  return parts.sessions.Begin(credential);
}

// Of this type, which no page of another site can send without asking first.
Result<Json> Login(const http::Request& request, const Parts& parts) {
  if (!request.Header("Content-Type").starts_with("application/json")) {
    return Fail(Reason::kUnsupportedMediaType, "a login comes as application/json");
  }
  const std::string& text = request.Body();
  const auto body = text.size() > kBodyMax ? Fail(Reason::kBadRequest, "") : ParseJson(text);
  const bool has_any = body && body->is_object();
  if (has_any && body->contains("certificate")) {
    if (AsSomebodyElse(request)) {
      return Fail(Reason::kForbidden,
                  "one logs in to the console as oneself, and cannot while impersonating");
    }
    const std::string token = TRY(LoginByKey(request, *body, parts));
    return Json{{"token", token}};
  }
  if (!has_any || !body->contains("code") || !(*body)["code"].is_string()) {
    return Fail(
        Reason::kBadRequest,
        "what is wanted is {\"code\": \"...\"}, or a certificate with its challenge, origin "
        "and signature, in 24 KiB");
  }
  const std::string token = TRY(LoginByCode((*body)["code"].get_ref<const std::string&>(), parts));
  return Json{{"token", token}};
}

Result<Json> Logout(const http::Request& request, ConsoleSessions& sessions) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view given = request.Header("Authorization");
  if (given.starts_with(kBearer)) TRY(sessions.End(given.substr(kBearer.size())));
  return Json::object();
}

Result<Json> Serve(const http::Request& request, const Parts& parts) {
  if (IsFromForeignPage(request)) {
    return Fail(Reason::kForbidden, "a page of another site may not log in to the console");
  }
  if (request.method == "POST" && request.path == kLink) {
    return MakeLink(request, parts.authentication, parts.sessions);
  }
  if (request.path == kChallenge) {
    const std::string challenge = TRY(parts.challenges.Make());
    return Json{{"challenge", challenge}, {"expiresInSeconds", ConsoleChallenges::kTime.count()}};
  }
  if (request.method == "POST") return Login(request, parts);
  return Logout(request, parts.sessions);
}

}  // namespace

bool IsConsoleLogin(const http::Request& request) {
  if (request.method == "DELETE") return request.path == kLogin;
  return request.method == "POST" &&
         (request.path == kLink || request.path == kChallenge || request.path == kLogin);
}

ConsoleLogin AnswerConsoleLogin(const http::Request& request, const Authentication& authentication,
                                ConsoleSessions& sessions, ConsoleChallenges& challenges) {
  ConsoleLogin login;
  const Result<Json> body = Serve(request, {authentication, sessions, challenges, login.proven});
  login.response = body ? Answered(*body) : ErrorResponse(request, body.error());
  return login;
}

}  // namespace skiff
