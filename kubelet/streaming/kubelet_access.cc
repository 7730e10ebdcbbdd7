#include "kubelet/streaming/kubelet_access.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "api/gen/authorization_v1.h"
#include "base/hash.h"
#include "kubelet/streaming/kubelet_request.h"

namespace skiff::kubelet {
namespace {

// To the API server, too, a certificate without a common name is nobody's.
bool NamesSomebody(const std::shared_ptr<const http::PeerCertificate>& peer) {
  return peer != nullptr && !peer->common_name.empty();
}

bool IsApiServer(const http::PeerCertificate& peer) {
  const auto& groups = peer.organizations;
  return std::find(groups.begin(), groups.end(), "system:masters") != groups.end() ||
         peer.common_name == "kube-apiserver-kubelet-client";
}

// "/pods", and what is below it.
bool IsAt(std::string_view path, std::string_view root) {
  return path == root || (path.starts_with(root) && path[root.size()] == '/');
}

std::string_view VerbOf(std::string_view method) {
  constexpr std::pair<std::string_view, std::string_view> kVerbs[] = {{"POST", "create"},
                                                                      {"GET", "get"},
                                                                      {"PUT", "update"},
                                                                      {"PATCH", "patch"},
                                                                      {"DELETE", "delete"}};
  for (const auto& [each, verb] : kVerbs) {
    if (each == method) return verb;
  }
  return "";
}

// What leads into a pod by GET does there what others ask for by POST: who may read what a kubelet
// measures is not to run commands in all of its pods.
std::string_view VerbFor(const http::Request& request) {
  constexpr std::string_view kInto[] = {"/exec", "/attach", "/portForward", "/run"};
  const bool leads_into_pod =
      std::any_of(std::begin(kInto), std::end(kInto),
                  [&](std::string_view root) { return IsAt(request.path, root); });
  return leads_into_pod && request.method == "GET" ? "create" : VerbOf(request.method);
}

std::string BearerToken(const http::Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view header = request.Header("Authorization");
  return header.starts_with(kBearer) ? std::string(header.substr(kBearer.size())) : "";
}

}  // namespace

std::vector<std::string_view> SubresourcesOf(std::string_view path) {
  std::vector<std::string_view> all;
  for (const auto& [root, name] : {std::pair<std::string_view, std::string_view>{"/pods", "pods"},
                                   {"/healthz", "healthz"},
                                   {"/configz", "configz"},
                                   {"/runningpods", "pods"}}) {
    if (IsAt(path, root)) all.push_back(name);
  }
  for (const auto& [root, name] : {std::pair<std::string_view, std::string_view>{"/stats", "stats"},
                                   {"/metrics", "metrics"},
                                   {"/logs", "log"},
                                   {"/checkpoint", "checkpoint"}}) {
    if (!IsAt(path, root)) continue;
    all.push_back(name);
    return all;
  }
  all.emplace_back("proxy");
  return all;
}

// A review under way.
class KubeletAccess::Turn {
 public:
  explicit Turn(std::atomic<int>& under_way)
      : under_way_(under_way), is_had_(++under_way <= kReviewsMax) {}
  ~Turn() { --under_way_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool is_had() const { return is_had_; }

 private:
  std::atomic<int>& under_way_;
  const bool is_had_;
};

namespace {

tl::unexpected<Error> Nobody() {
  return Fail(Reason::kUnauthorized, "Unauthorized");
}

}  // namespace

void KubeletAccess::UseAuthorities(const std::string& pem) {
  auto next = pem.empty() ? nullptr : std::make_shared<const ClientAuthorities>(pem);
  const MutexLock lock(mutex_);
  authorities_ = std::move(next);
  trusted_.clear();
}

bool KubeletAccess::IsTrusted(const http::PeerCertificate& peer) {
  const std::string key = Sha256(peer.pem);
  const TimePoint now = clock_.Now();
  std::shared_ptr<const ClientAuthorities> authorities;
  {
    const MutexLock lock(mutex_);
    if (!authorities_) return true;
    const auto known = trusted_.find(key);
    if (known != trusted_.end() && known->second.judged.Has(now)) return known->second.is_trusted;
    authorities = authorities_;
  }
  const auto good = authorities->HaveSignedAt(peer.pem, now);
  const bool is_trusted = good.has_value();
  const MutexLock lock(mutex_);
  if (authorities != authorities_) return is_trusted;  // Judged by those that have just gone.
  if (trusted_.size() >= kKeptMax) trusted_.clear();
  trusted_[key] = {is_trusted, good.value_or(Validity{now, now + kNobodyTime})};
  return is_trusted;
}

std::optional<http::Response> KubeletAccess::Refuse(const http::Request& request) {
  if (request.peer_certificate && !IsTrusted(*request.peer_certificate)) {
    return PlainAnswer(401, "Unauthorized");
  }
  const auto& peer = request.peer_certificate;
  if (NamesSomebody(peer) && IsApiServer(*peer)) return std::nullopt;
  std::string key;
  const auto caller = CallerOf(request, key);
  if (!caller && caller.error().reason == Reason::kTooManyRequests) {
    http::Response later = PlainAnswer(429, caller.error().message);
    later.SetHeader("Retry-After", "1");
    return later;
  }
  if (!caller) return PlainAnswer(401, "Unauthorized");
  const std::string_view verb = VerbFor(request);
  const auto subresources = SubresourcesOf(request.path);
  for (const std::string_view subresource : subresources) {
    const auto allowed = IsAllowed(*caller, key, verb, subresource);
    if (!allowed) {
      return PlainAnswer(500, fmt::format("Authorization error (user={}, verb={}, resource=nodes, "
                                          "subresource={})",
                                          caller->username, verb, subresource));
    }
    if (*allowed) return std::nullopt;
  }
  return PlainAnswer(403, fmt::format("Forbidden (user={}, verb={}, resource=nodes, "
                                      "subresource(s)=[{}])\n",
                                      caller->username, verb, fmt::join(subresources, " ")));
}

Result<KubeletAccess::Caller> KubeletAccess::CallerOf(const http::Request& request,
                                                      std::string& key) {
  if (!request.peer_certificate_error.empty()) return Nobody();
  if (const auto& peer = request.peer_certificate; NamesSomebody(peer)) {
    key = Sha256(peer->pem);
    Caller caller;
    caller.username = peer->common_name;
    caller.groups = peer->organizations;
    caller.groups.emplace_back("system:authenticated");
    return caller;
  }
  const std::string token = BearerToken(request);
  if (token.empty()) return Nobody();
  key = Sha256(token);  // Secrets are not kept, their digests are.
  return CallerOfToken(token, key);
}

Result<KubeletAccess::Caller> KubeletAccess::CallerOfToken(const std::string& token,
                                                           const std::string& key) {
  if (reviews_ == nullptr || !takes_tokens_) return Nobody();
  const Duration now = clock_.Monotonic();
  {
    const MutexLock lock(mutex_);
    const auto found = callers_.find(key);
    if (found != callers_.end() && found->second.until > now) return found->second.caller;
    const auto stranger = strangers_.find(key);
    if (stranger != strangers_.end() && stranger->second > now) return Nobody();
  }
  const Turn turn(under_way_);
  if (!turn.is_had()) return Fail(Reason::kTooManyRequests, "too many ask at once");
  authentication_v1::TokenReview review;
  review.spec.token = token;
  const auto answer = reviews_->Create(review);
  if (!answer) return Nobody();
  const Duration until = now + kCallerLifetime;
  const MutexLock lock(mutex_);
  if (!(*answer)->status.authenticated) {
    if (strangers_.size() >= kKeptMax) strangers_.clear();
    strangers_[key] = until;
    return Nobody();
  }
  if (callers_.size() >= kKeptMax) callers_.clear();
  callers_[key] = {(*answer)->status.user, until};
  return (*answer)->status.user;
}

Result<bool> KubeletAccess::IsAllowed(const Caller& caller, const std::string& key,
                                      std::string_view verb, std::string_view subresource) {
  if (reviews_ == nullptr) return false;
  const std::string question = fmt::format("{} {} {}", key, verb, subresource);
  const Duration now = clock_.Monotonic();
  {
    const MutexLock lock(mutex_);
    const auto found = decisions_.find(question);
    if (found != decisions_.end() && found->second.until > now) return found->second.allowed;
  }
  const Turn turn(under_way_);
  if (!turn.is_had()) return Fail(Reason::kTooManyRequests, "too many ask at once");
  authorization_v1::SubjectAccessReview review;
  review.spec.user = caller.username;
  review.spec.uid = caller.uid;
  review.spec.groups = caller.groups;
  review.spec.extra = caller.extra;
  auto& attributes = review.spec.resource_attributes.Ensure();
  attributes.verb = verb;
  attributes.version = "v1";
  attributes.resource = "nodes";
  attributes.subresource = subresource;
  attributes.name = node_name_;
  const auto answer = TRY(reviews_->Create(review));
  const bool allowed = answer->status.allowed;
  const MutexLock lock(mutex_);
  if (decisions_.size() >= kKeptMax) decisions_.clear();
  decisions_[question] = {allowed, now + (allowed ? kAllowedLifetime : kDeniedLifetime)};
  return allowed;
}

}  // namespace skiff::kubelet
