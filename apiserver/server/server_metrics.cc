#include "apiserver/server/server_metrics.h"

#include <algorithm>
#include <array>

#include "api/kinds/behaviour.h"
#include "apiserver/request/answer_stream.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/followed_stream.h"
#include "apiserver/request/media.h"
#include "apiserver/request/routes.h"
#include "apiserver/storage/keys.h"
#include "base/build_info.h"

namespace skiff {
namespace {

const std::vector<std::string> kRequestLabels = {"verb",     "dry_run",     "group", "version",
                                                 "resource", "subresource", "scope", "component"};

std::vector<std::string> RequestLabels(bool dry_run, bool code) {
  std::vector<std::string> labels;
  for (const std::string& label : kRequestLabels) {
    if (label != "dry_run" || dry_run) labels.push_back(label);
  }
  if (code) labels.emplace_back("code");
  return labels;
}

// As its route is called; a path without that method is called by its words.
std::string_view VerbLabel(const ApiRequest& request) {
  const RequestInfo& info = request.info;
  if (info.verb == "patch" && info.is_resource &&
      BareMediaType(request.http.Header("Content-Type")) == "application/apply-patch+yaml") {
    return "APPLY";
  }
  if (request.route != nullptr) return request.route->label;
  static constexpr std::pair<std::string_view, std::string_view> kVerbs[] = {
      {"get", "GET"},       {"list", "LIST"},
      {"watch", "WATCH"},   {"create", "POST"},
      {"update", "PUT"},    {"patch", "PATCH"},
      {"delete", "DELETE"}, {"deletecollection", "DELETECOLLECTION"}};
  for (const auto& [verb, label] : kVerbs) {
    if (info.is_resource ? info.verb == verb : request.http.method == label) return label;
  }
  return "other";
}

std::string_view ScopeLabel(const RequestInfo& info) {
  if (!info.is_resource) return "";
  if (!info.name.empty() || info.verb == "create") return "resource";
  return info.namespace_name.empty() ? "cluster" : "namespace";
}

std::string_view DryRunLabel(const http::Request& request) {
  const auto value = request.Query("dryRun");
  if (!value) return "";
  return *value == "All" ? "All" : "invalid";
}

// Of a path outside the resources only the known ones are told apart.
std::string_view SubresourceLabel(const ApiRequest& request) {
  if (request.kind != nullptr) return request.info.subresource;  // Of a path that is served.
  for (const std::string_view path : {"/healthz", "/livez", "/readyz", "/metrics", "/version"}) {
    if (request.http.path == path) return path;
  }
  return "";
}

constexpr std::string_view kComponent = "apiserver";

// Group, version, resource and scope. Only of kinds that are served: what else a client writes into
// a URL would be labels without end.
std::array<std::string_view, 4> KindLabels(const ApiRequest& request) {
  const KindInfo* kind = request.route != nullptr ? request.route->kind : request.kind;
  if (kind == nullptr) return {};
  return {kind->group, kind->version, kind->resource, ScopeLabel(request.info)};
}

std::vector<double> Powers(double first, double factor, int count) {
  std::vector<double> bounds;
  for (; count > 0; --count, first *= factor) bounds.push_back(first);
  return bounds;
}

std::vector<double> BodyBytesBounds() {
  std::vector<double> bounds;
  constexpr double kFirst = 50'000, kStep = 100'000;
  constexpr int kCount = 31;
  for (int i = 0; i < kCount; ++i) bounds.push_back(kFirst + kStep * i);
  return bounds;
}

// What a request with a body does, as that is measured; "": it has none to be measured.
std::string_view BodyVerbLabel(const ApiRequest& request) {
  if (request.kind == nullptr || request.http.handed) return "";  // Handed over, not sent.
  static constexpr std::pair<std::string_view, std::string_view> kVerbs[] = {
      {"create", "create"},
      {"update", "update"},
      {"patch", "patch"},
      {"delete", "delete"},
      {"deletecollection", "delete_collection"}};
  for (const auto& [verb, label] : kVerbs) {
    if (request.info.verb == verb) return label;
  }
  return "";
}

double SecondsIn(Duration took) {
  return std::chrono::duration<double>(took).count();
}

// The values of a row's key, which '\0' ends each.
std::vector<std::string> ValuesOf(const std::string& key) {
  std::vector<std::string> values;
  for (size_t at = 0; at < key.size();) {
    const size_t end = key.find('\0', at);
    values.push_back(key.substr(at, end - at));
    at = end + 1;
  }
  return values;
}

// Tells how long an answer was that was sent while it was made.
class MeasuredStream final : public AnswerStream {
 public:
  MeasuredStream(std::unique_ptr<http::StreamSource> inner, size_t held_bytes_max,
                 std::function<void(size_t)> done)
      : inner_(std::move(inner)), held_bytes_max_(held_bytes_max), done_(std::move(done)) {}
  ~MeasuredStream() override { done_(bytes_); }
  void Attach(http::Waker waker) override { inner_->Attach(std::move(waker)); }
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    const size_t before = out.size();
    const http::Pulled pulled = inner_->Pull(bytes_max, out);
    for (size_t i = before; i < out.size(); ++i) bytes_ += out[i]->size();
    return pulled;
  }
  int PullEveryMs() const override { return inner_->PullEveryMs(); }
  size_t HeldBytesMax() const override { return held_bytes_max_; }

 private:
  const std::unique_ptr<http::StreamSource> inner_;
  const size_t held_bytes_max_;
  const std::function<void(size_t)> done_;
  size_t bytes_ = 0;
};

double CountOf(Store& store, const KindInfo& kind) {
  const auto count = store.CountAny(StorePrefix(kind.storage_key));
  // As Kubernetes says that it does not know.
  return count ? static_cast<double>(*count) : -1;
}

}  // namespace

std::vector<double> RequestSecondsBounds() {
  return {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
          3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};
}

ServerMetrics::ServerMetrics()
    : requests_(registry_.AddCounter({"apiserver_request_total",
                                      "[STABLE] Requests answered, by what they asked for and the "
                                      "code of the answer.",
                                      RequestLabels(true, true)})),
      terminations_(registry_.AddCounter({"apiserver_request_terminations_total",
                                          "[ALPHA] Requests that the server refused to look at in "
                                          "its own defence.",
                                          RequestLabels(false, true)})),
      seconds_(registry_.AddHistogram({"apiserver_request_duration_seconds",
                                       "[STABLE] Time to the answer, in seconds; long-running "
                                       "requests apart.",
                                       RequestLabels(true, false)},
                                      RequestSecondsBounds())),
      sli_seconds_(registry_.AddHistogram(
          {"apiserver_request_sli_duration_seconds",
           "[ALPHA] Time to the answer that the server itself is to blame for, in seconds.",
           RequestLabels(false, false)},
          {0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60})),
      response_bytes_(
          registry_.AddHistogram({"apiserver_response_sizes", "[STABLE] Size of answers, in bytes.",
                                  RequestLabels(false, false)},
                                 Powers(1000, 10, 7))),
      authenticated_(registry_.AddCounter({"authenticated_user_requests",
                                           "[ALPHA] Requests of known users, by who in groups.",
                                           {"username"}})),
      authentications_(registry_.AddCounter({"authentication_attempts",
                                             "[ALPHA] Requests, by whether it was found out who "
                                             "asks.",
                                             {"result"}})),
      authorizations_(registry_.AddCounter({"authorization_attempts_total",
                                            "[ALPHA] Requests, by whether they were allowed.",
                                            {"result"}})),
      certificate_seconds_(registry_.AddHistogram(
          {"apiserver_client_certificate_expiration_seconds",
           "[ALPHA] For how long clients' certificates are good still, request by request."},
          {0, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 345600, 604800, 2592000, 7776000,
           15552000, 31104000})),
      authentication_seconds_(registry_.AddHistogram(
          {"authentication_duration_seconds",
           "[ALPHA] Time to find out who asks, in seconds, by whether it was found out.",
           {"result"}},
          Powers(0.001, 2, 15))),
      authorization_seconds_(registry_.AddHistogram(
          {"authorization_duration_seconds",
           "[ALPHA] Time to find out whether that is allowed, in seconds, by what came of it.",
           {"result"}},
          Powers(0.001, 2, 15))),
      body_bytes_(registry_.AddHistogram({"apiserver_request_body_size_bytes",
                                          "[ALPHA] Size of what requests bring along, in bytes.",
                                          {"group", "resource", "verb"}},
                                         BodyBytesBounds())) {
  AddProgramMetrics(registry_);
  AddCompatibilityMetric(registry_);
  registry_.AddMeasured({"apiserver_current_inflight_requests",
                         "[STABLE] Requests that are being worked on.",
                         {"request_kind"}},
                        [this] {
                          return std::vector<Sample>{
                              {{"mutating"}, static_cast<double>(writing_.load())},
                              {{"readOnly"}, static_cast<double>(reading_.load())}};
                        });
  registry_.AddMeasured(
      {"apiserver_longrunning_requests", "[STABLE] Requests whose answer is a stream that goes on.",
       RequestLabels(false, false)},
      [this] {
        std::vector<Sample> samples;
        for (const auto& [key, row] : long_running_->Sum()) {
          samples.push_back({ValuesOf(key), row[0]});
        }
        return samples;
      });
  registry_.AddMeasured(
      {"apiserver_requested_deprecated_apis",
       "[STABLE] Always 1; the labels say which deprecated APIs have been asked for.",
       {"group", "version", "resource", "subresource", "removed_release"}},
      [this] {
        std::vector<Sample> samples;
        for (const auto& [key, row] : deprecated_.Sum()) samples.push_back({ValuesOf(key), 1});
        return samples;
      });
}

void ServerMetrics::CountObjectsOf(Store& store) {
  const auto count = [&store](bool by_group) {
    std::vector<Sample> samples;
    for (const KindInfo* kind : BuiltInKinds()) {
      if (kind->storage_key.empty() || kind->storage_version != kind->api_version) continue;
      Sample sample{{}, CountOf(store, *kind)};
      if (by_group)
        sample.labels = {std::string(kind->group), std::string(kind->resource)};
      else
        sample.labels = {GroupResourceOf(*kind).Text()};
      samples.push_back(std::move(sample));
    }
    return samples;
  };
  registry_.AddMeasured({"apiserver_resource_objects",
                         "[ALPHA] Objects that are stored, by group and resource.",
                         {"group", "resource"}},
                        [count] { return count(/*by_group=*/true); });
  registry_.AddMeasured(
      {"apiserver_storage_objects", "[STABLE] Objects that are stored, by kind.", {"resource"}},
      [count] { return count(/*by_group=*/false); });
}

void ServerMetrics::TellStoreBytes(std::function<std::optional<uint64_t>()> bytes) {
  registry_.AddMeasured({"apiserver_storage_size_bytes",
                         "[STABLE] What the stored objects take on the disk, in bytes.",
                         {"storage_cluster_id"}},
                        [bytes = std::move(bytes)] {
                          std::vector<Sample> samples;
                          if (const auto now = bytes()) {
                            samples.push_back({{"embedded"}, static_cast<double>(*now)});
                          }
                          return samples;
                        });
}

void ServerMetrics::TellFailedHandshakes(std::shared_ptr<const std::atomic<uint64_t>> count) {
  registry_.AddMeasured(
      {"apiserver_tls_handshake_errors_total", "[ALPHA] Handshakes of TLS that failed."},
      [count = std::move(count)] {
        return std::vector<Sample>{{{}, static_cast<double>(count->load())}};
      },
      MetricRegistry::MeasuredType::kCounter);
}

void ServerMetrics::Authenticated(const Result<User>& user, Duration took) {
  const std::string_view result = user ? "success" : "failure";
  authentications_.Add({result});
  authentication_seconds_.Observe({result}, SecondsIn(took));
  if (!user) return;
  static constexpr std::string_view kNamed[] = {"admin", "client", "kube_proxy", "kubelet",
                                                "system:serviceaccount:kube-system:default"};
  // No name that a user chose becomes a label.
  const bool is_named =
      std::find(std::begin(kNamed), std::end(kNamed), user->name) != std::end(kNamed);
  const bool is_mail = user->name.find('@') != std::string::npos;
  authenticated_.Add({is_named ? std::string_view(user->name) : is_mail ? "email_id" : "other"});
}

void ServerMetrics::Authorized(const Verdict& verdict, Duration took) {
  const bool is_denied = verdict.decision == Verdict::Decision::kDeny;
  const std::string_view result = verdict.allowed()        ? "allowed"
                                  : !verdict.error.empty() ? "error"
                                  : is_denied              ? "denied"
                                                           : "no-opinion";
  authorizations_.Add({result});
  authorization_seconds_.Observe({result}, SecondsIn(took));
}

void ServerMetrics::ShownCertificate(Duration left) {
  certificate_seconds_.Observe({}, SecondsIn(left));
}

void ServerMetrics::Count(const ApiRequest& request, const http::Response& response) {
  const auto [group, version, resource, scope] = KindLabels(request);
  requests_.Add({VerbLabel(request), DryRunLabel(request.http), group, version, resource,
                 SubresourceLabel(request), scope, kComponent, std::to_string(response.status)});
}

void ServerMetrics::Refused(const ApiRequest& request, const http::Response& response) {
  Count(request, response);
  if (!request.info.is_resource) return;
  const auto [group, version, resource, scope] = KindLabels(request);
  terminations_.Add({VerbLabel(request), group, version, resource, SubresourceLabel(request), scope,
                     kComponent, std::to_string(response.status)});
}

// The labels are copies: what goes on may outlast the kind that it shows.
std::shared_ptr<void> ServerMetrics::CountLongRunning(std::array<std::string, 6> labels) {
  const auto count = [rows = long_running_, labels = std::move(labels)](double change) {
    rows->Update({labels[0], labels[1], labels[2], labels[3], labels[4], labels[5], kComponent},
                 [change](double* row) { *row += change; });
  };
  count(1);
  return {long_running_.get(), [count](void*) { count(-1); }};
}

void ServerMetrics::Answered(const ApiRequest& request, http::Response& response,
                             const RequestTimes& times) {
  Count(request, response);
  if (const std::string_view body_verb = BodyVerbLabel(request); !body_verb.empty()) {
    body_bytes_.Observe({request.kind->group, request.kind->resource, body_verb},
                        static_cast<double>(request.http.body.size()));
  }
  const auto [group, version, resource, scope] = KindLabels(request);
  const std::string_view verb = VerbLabel(request);
  const std::string_view dry_run = DryRunLabel(request.http);
  const std::string_view subresource = SubresourceLabel(request);
  if (request.is_deprecated) {
    deprecated_.Update(
        {group, version, resource, subresource, request.kind->behaviour->removed_release},
        [](double* row) { *row = 1; });
  }
  const AnswerStream* const answer = AnswerStreamOf(response);
  const bool streams = response.stream && answer == nullptr;
  const bool goes_on = response.pending && IsLongRunning(request.info);
  if (streams || response.upgrade || goes_on) {
    KeepUntilOver(
        CountLongRunning({std::string(verb), std::string(group), std::string(version),
                          std::string(resource), std::string(subresource), std::string(scope)}),
        response);
  }
  if (streams || response.upgrade || response.pending) return;
  seconds_.Observe({verb, dry_run, group, version, resource, subresource, scope, kComponent},
                   SecondsIn(times.since_arrival));
  if (dry_run.empty()) {
    sli_seconds_.Observe({verb, group, version, resource, subresource, scope, kComponent},
                         SecondsIn(times.at_work - request.hook_times.Together()));
  }
  if (verb != "GET" && verb != "LIST") return;  // How much others are told says little.
  if (answer != nullptr) {
    const size_t held = answer->HeldBytesMax();
    using Labels = std::array<std::string, 6>;
    response.stream = std::make_unique<MeasuredStream>(
        std::move(response.stream), held,
        [this, labels = Labels{std::string(verb), std::string(group), std::string(version),
                               std::string(resource), std::string(subresource),
                               std::string(scope)}](size_t bytes) {
          response_bytes_.Observe(
              {labels[0], labels[1], labels[2], labels[3], labels[4], labels[5], kComponent},
              static_cast<double>(bytes));
        });
    return;
  }
  size_t bytes = response.handed ? response.handed->TextBytes() : response.body.size();
  for (const auto& piece : response.pieces) bytes += piece->size();
  response_bytes_.Observe({verb, group, version, resource, subresource, scope, kComponent},
                          static_cast<double>(bytes));
}

}  // namespace skiff
