#include "skiff/component_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "apiserver/auth/authenticated_group.h"
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

// Appends so that no two lists of texts, whatever bytes they hold, come to the same.
void AddText(std::string_view text, std::string& to) {
  to += fmt::format("{}:", text.size());
  to += text;
}
void AddTexts(const std::vector<std::string>& texts, std::string& to) {
  to += fmt::format("{};", texts.size());
  for (const std::string& text : texts) AddText(text, to);
}

// What a decision is kept by. The kind of who asks comes first: a token is whatever its sender
// likes, also what a user's name and groups read like here.
std::string KeyOfUser(const User& user) {
  std::string text("user\0", 5);
  AddText(user.name, text);
  AddText(user.uid, text);
  AddTexts(user.groups, text);
  for (const auto& [name, values] : user.extra) {
    AddText(name, text);
    AddTexts(values, text);
  }
  return Sha256(text);
}
std::string KeyOfToken(const std::string& token) {
  return Sha256(std::string("token\0", 6) + token);
}

bool ShowsCertificate(const http::Request& request) {
  return request.peer_certificate || !request.peer_certificate_error.empty();
}

}  // namespace

ComponentServer::ComponentServer(Parts parts, Access access)
    : parts_(std::move(parts)),
      access_(std::move(access)),
      certificates_({.client_ca_pem = access_.client_ca_pem,
                     .proxy_ca_pem = access_.front_proxy.client_ca_pem}),
      told_(levels_.AddCounter({"kubernetes_healthchecks_total",
                                "[STABLE] What the health checks said to those who asked.",
                                {"name", "status", "type"}})) {
  levels_.AddMeasured({"kubernetes_healthcheck",
                       "[STABLE] Whether a health check passed when it was asked for last.",
                       {"name", "type"}},
                      [this] {
                        const MutexLock lock(mutex_);
                        std::vector<Sample> samples;
                        for (const auto& [check, well] : well_) {
                          samples.push_back({{check.second, check.first}, well ? 1.0 : 0.0});
                        }
                        return samples;
                      });
}

http::Response ComponentServer::Handle(const http::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    return Text(405, "405 method not allowed\n");
  }
  if (!IsOpen(request.path)) {
    const Decision decision = Decide(request);
    if (decision.status != 200) return Text(decision.status, decision.text);
  }
  if (auto health = HealthAt(request)) return *std::move(health);
  if (auto told = MetricsAt(request.path)) {
    http::Response response = Text(200, *std::move(told));
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

std::vector<HealthCheck> ComponentServer::ChecksAt(const std::string& root) const {
  std::vector<HealthCheck> checks;
  for (const HealthCheck& each : parts_.checks) {
    if (each.root == root) checks.push_back(each);
  }
  if (checks.empty()) checks.push_back({root, "ping", [] { return std::string(); }});
  return checks;
}

std::string ComponentServer::FaultOf(const HealthCheck& check) {
  std::string fault = check.fault();
  told_.Add({check.name, fault.empty() ? "success" : "error", check.root});
  const MutexLock lock(mutex_);
  well_[{check.root, check.name}] = fault.empty();
  return fault;
}

std::optional<http::Response> ComponentServer::HealthAt(const http::Request& request) {
  for (const std::string root : {"healthz", "livez", "readyz"}) {
    const std::string path = "/" + root;
    if (request.path == path) return AllChecks(root, request);
    if (!request.path.starts_with(path + "/")) continue;
    for (const HealthCheck& each : ChecksAt(root)) {
      if (request.path != path + "/" + each.name) continue;
      const std::string fault = FaultOf(each);
      return fault.empty() ? Text(200, "ok") : Text(500, "internal server error: " + fault + "\n");
    }
  }
  return std::nullopt;
}

// As Kubernetes' programs: anybody may ask, so that nobody is told what is wrong, but where.
http::Response ComponentServer::AllChecks(const std::string& root, const http::Request& request) {
  std::set<std::string> excluded;
  for (const auto& [key, value] : request.query) {
    if (key == "exclude") excluded.insert(value);
  }
  std::string report;
  bool is_well = true;
  for (const HealthCheck& each : ChecksAt(root)) {
    if (excluded.erase(each.name) > 0) {
      report += fmt::format("[+]{} excluded: ok\n", each.name);
    } else if (FaultOf(each).empty()) {
      report += fmt::format("[+]{} ok\n", each.name);
    } else {
      is_well = false;
      report += fmt::format("[-]{} failed: reason withheld\n", each.name);
    }
  }
  if (!excluded.empty()) {
    report += fmt::format("warn: some health checks cannot be excluded: no matches for \"{}\"\n",
                          fmt::join(excluded, "\",\""));
  }
  if (!is_well) return Text(500, fmt::format("{}{} check failed\n", report, root));
  if (!request.HasQuery("verbose")) return Text(200, "ok");
  return Text(200, fmt::format("{}{} check passed\n", report, root));
}

std::optional<std::string> ComponentServer::MetricsAt(const std::string& path) const {
  if (path == "/metrics/slis") return levels_.Text();
  const MetricRegistry* registry = path == "/metrics" ? &parts_.metrics : nullptr;
  if (path == "/metrics/resources") registry = parts_.resources;
  if (registry == nullptr) return std::nullopt;
  return registry->Text() + (parts_.run == nullptr ? "" : parts_.run->TextAt(path));
}

bool ComponentServer::IsOpen(const std::string& path) const {
  return std::any_of(access_.open_paths.begin(), access_.open_paths.end(),
                     [&](const std::string& open) {
                       if (open.ends_with("/*"))
                         return path.starts_with(open.substr(0, open.size() - 1));
                       return path == open;
                     });
}

ComponentServer::Decision ComponentServer::Decide(const http::Request& request) {
  std::optional<User> known = Named(request);
  const std::string token = BearerToken(request);
  if (!known && token.empty()) {
    if (ShowsCertificate(request)) return {401, "Unauthorized\n"};
    known = AnonymousUser();
  }
  // Secrets are not kept, their digests are.
  const std::string key = (known ? KeyOfUser(*known) : KeyOfToken(token)) + request.path;
  const Duration now = parts_.clock.Monotonic();
  {
    const MutexLock lock(mutex_);
    const auto found = decisions_.find(key);
    if (found != decisions_.end() && found->second.until > now) return found->second;
  }
  Decision decision = Ask(request.path, known ? &*known : nullptr, token);
  if (decision.lifetime <= Duration(0)) return decision;
  decision.until = now + decision.lifetime;
  const MutexLock lock(mutex_);
  if (decisions_.size() >= kDecisionsMax) decisions_.clear();
  decisions_[key] = decision;
  return decision;
}

ComponentServer::Decision ComponentServer::Ask(const std::string& path, const User* known,
                                               const std::string& token) const {
  if (known != nullptr) return AskRights(path, *known);
  authentication_v1::TokenReview review;
  review.spec.token = token;
  const auto answer = parts_.tokens.Create(review);
  if (!answer) return {401, "Unauthorized\n"};
  const auto& status = (*answer)->status;
  if (!status.authenticated) return {401, "Unauthorized\n", access_.token_ttl};
  User user{status.user.username, status.user.uid, status.user.groups, {}};
  for (const auto& [name, values] : status.user.extra) user.extra[name] = values;
  Decision decision = AskRights(path, WithAuthenticatedGroup(std::move(user)));
  decision.lifetime = std::min(decision.lifetime, access_.token_ttl);
  return decision;
}

ComponentServer::Decision ComponentServer::AskRights(const std::string& path,
                                                     const User& user) const {
  authorization_v1::SubjectAccessReview review;
  review.spec.user = user.name;
  review.spec.uid = user.uid;
  review.spec.groups = user.groups;
  for (const auto& [name, values] : user.extra) review.spec.extra[name] = values;
  auto& attributes = review.spec.non_resource_attributes.Ensure();
  attributes.path = path;
  attributes.verb = "get";
  const auto answer = parts_.rights.Create(review);
  if (!answer) return {500, "Internal Server Error: " + answer.error().message + "\n"};
  if ((*answer)->status.allowed) return {200, "", access_.allowed_ttl};
  return {403, fmt::format("forbidden: User \"{}\" cannot get path \"{}\"\n", user.name, path),
          access_.denied_ttl};
}

std::optional<User> ComponentServer::Named(const http::Request& request) {
  if (!request.peer_certificate_error.empty() || !request.peer_certificate) return std::nullopt;
  const auto holder = certificates_.HolderOf(request.peer_certificate->pem, parts_.clock.Now());
  if (!holder || !holder->fault.empty() || !holder->IsGoodAt(parts_.clock.Now())) {
    return std::nullopt;
  }
  std::optional<User> user;
  if (holder->is_proxy && MayBeFrontProxy(access_.front_proxy, holder->user.name)) {
    user = UserInHeaders(access_.front_proxy, request);
  }
  if (!user && holder->is_client) user = holder->user;
  if (user) user = WithAuthenticatedGroup(std::move(*user));
  return user;
}

}  // namespace skiff
