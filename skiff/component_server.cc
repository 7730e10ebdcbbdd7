#include "skiff/component_server.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "base/hash.h"
#include "base/version.h"

namespace skiff {
namespace {

http::Response Text(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.SetHeader("X-Content-Type-Options", "nosniff");
  response.body = std::move(text);
  return response;
}

std::string BearerToken(const http::Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view header = request.Header("Authorization");
  return header.starts_with(kBearer) ? std::string(header.substr(kBearer.size())) : "";
}

}  // namespace

http::Response ComponentServer::Handle(const http::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    return Text(405, "405 method not allowed\n");
  }
  if (!IsOpen(request.path)) {
    const Decision decision = Decide(request);
    if (decision.status != 200) return Text(decision.status, decision.text);
  }
  for (const std::string root : {"healthz", "livez", "readyz"}) {
    if (request.path != "/" + root) continue;
    if (!request.HasQuery("verbose")) return Text(200, "ok");
    return Text(200, "[+]ping ok\n" + root + " check passed\n");
  }
  if (request.path == "/metrics") {
    http::Response response = Text(200, parts_.metrics.Text());
    response.content_type = MetricRegistry::kContentType;
    return response;
  }
  if (request.path == "/version") {
    http::Response response = Text(200, Json{{"gitVersion", kKubernetesRelease}}.dump(2));
    response.content_type = "application/json";
    return response;
  }
  return Text(404, "404 page not found\n");
}

bool ComponentServer::IsOpen(const std::string& path) const {
  return std::any_of(open_paths_.begin(), open_paths_.end(), [&](const std::string& open) {
    if (open.ends_with("/*")) return path.starts_with(open.substr(0, open.size() - 1));
    return path == open;
  });
}

ComponentServer::Decision ComponentServer::Decide(const http::Request& request) {
  // Secrets are not kept, their digests are.
  const std::string who =
      request.peer_certificate ? request.peer_certificate->pem : BearerToken(request);
  const std::string key = Sha256(who) + request.path;
  const Duration now = parts_.clock.Monotonic();
  {
    const MutexLock lock(mutex_);
    const auto found = decisions_.find(key);
    if (found != decisions_.end() && found->second.until > now) return found->second;
  }
  Decision decision = Ask(request);
  decision.until = now + kDecisionLifetime;
  const MutexLock lock(mutex_);
  if (decisions_.size() >= kDecisionsMax) decisions_.clear();
  decisions_[key] = decision;
  return decision;
}

ComponentServer::Decision ComponentServer::Ask(const http::Request& request) const {
  const auto asker = Authenticate(request);
  if (!asker) return {401, "Unauthorized\n"};
  authorization_v1::SubjectAccessReview review;
  review.spec.user = asker->name;
  review.spec.uid = asker->uid;
  review.spec.groups = asker->groups;
  auto& attributes = review.spec.non_resource_attributes.Ensure();
  attributes.path = request.path;
  attributes.verb = "get";
  const auto answer = parts_.reviews.Create(review);
  if (!answer) return {500, "Internal Server Error: " + answer.error().message + "\n"};
  if ((*answer)->status.allowed) return {200, ""};
  return {403, fmt::format("forbidden: User \"{}\" cannot get path \"{}\"\n", asker->name,
                           request.path)};
}

Result<ComponentServer::Asker> ComponentServer::Authenticate(const http::Request& request) const {
  if (!request.peer_certificate_error.empty()) {
    return Fail(Reason::kUnauthorized, request.peer_certificate_error);
  }
  if (request.peer_certificate) {
    Asker asker{request.peer_certificate->common_name, "", request.peer_certificate->organizations};
    asker.groups.emplace_back("system:authenticated");
    return asker;
  }
  const std::string token = BearerToken(request);
  if (token.empty()) return Asker{"system:anonymous", "", {"system:unauthenticated"}};
  authentication_v1::TokenReview review;
  review.spec.token = token;
  const auto answer = TRY(parts_.reviews.Create(review));
  if (!answer->status.authenticated) return Fail(Reason::kUnauthorized, answer->status.error);
  return Asker{answer->status.user.username, answer->status.user.uid, answer->status.user.groups};
}

}  // namespace skiff
