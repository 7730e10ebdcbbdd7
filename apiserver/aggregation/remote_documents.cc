#include "apiserver/aggregation/remote_documents.h"

#include <algorithm>

#include "apiserver/aggregation/identity.h"

namespace skiff {
namespace {

constexpr const char* kDiscoveryAccept =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

// What one server has to say is all the same to another of the same service.
bool LeadsElsewhere(const RemoteService& a, const RemoteService& b) {
  return a.uid != b.uid || a.service_namespace != b.service_namespace ||
         a.service_name != b.service_name || a.port != b.port || a.ca_bundle != b.ca_bundle ||
         a.insecure != b.insecure;
}

}  // namespace

RemoteDocuments::RemoteDocuments(Parts parts)
    : parts_(std::move(parts)),
      api_services_(BellOf<apiregistration_v1::APIService>(parts_.store, *this)) {}

RemoteDocuments::~RemoteDocuments() {
  for (auto& [name, known] : known_) {
    if (known.question) known.question->Cancel();
  }
}

void RemoteDocuments::Follow() {
  const ApiServiceTablePtr table = parts_.services.Now();
  std::map<std::string, Known> next;
  for (const RemoteServicePtr& remote : table->remotes) {
    Known& known = next[remote->name];
    const auto before = known_.find(remote->name);
    if (before != known_.end() && !LeadsElsewhere(*before->second.remote, *remote)) {
      known = std::move(before->second);
      // A server that comes back may be another one; one that went is to be found so.
      if (known.remote->available != remote->available) known.due = Duration::zero();
    } else {
      known.documents.discovery.version = remote->version;
      known.documents.discovery.freshness = "Stale";
    }
    known.remote = remote;
  }
  for (auto& [name, known] : known_) {
    if (known.question) known.question->Cancel();  // Of those that were not taken over.
  }
  known_ = std::move(next);
  const MutexLock lock(mutex_);
  std::erase_if(published_, [&](const auto& each) { return !known_.contains(each.first); });
}

void RemoteDocuments::Publish(const Known& known) {
  auto documents = std::make_shared<const Documents>(known.documents);
  const MutexLock lock(mutex_);
  published_[known.remote->name].swap(documents);
}

RemoteDocuments::DocumentsPtr RemoteDocuments::Of(const std::string& name) const {
  {
    const MutexLock lock(mutex_);
    const auto found = published_.find(name);
    if (found != published_.end()) return found->second;
  }
  auto unknown = std::make_shared<Documents>();
  unknown->discovery.freshness = "Stale";
  return unknown;
}

void RemoteDocuments::Finish(Known& known, bool failed) {
  known.stage = Stage::kIdle;
  known.due = parts_.clock.Monotonic() + (failed ? kRetry : kPeriod);
  if (failed) known.documents.discovery.freshness = "Stale";
  Publish(known);
}

void RemoteDocuments::Ask(Known& known, Stage stage) {
  known.stage = stage;
  known.asked_at = parts_.clock.Monotonic();
  const RemoteService& remote = *known.remote;
  Backends::Question question{.answer_bytes_max = kDocumentBytesMax,
                              .connect_timeout = kTimeMax,
                              .head_timeout = kTimeMax};
  if (stage == Stage::kOpenApiV2) {
    question.more_bytes_max = kWholeDocumentBytesMax - kDocumentBytesMax;
  }
  question.target = stage == Stage::kAggregated  ? "/apis"
                    : stage == Stage::kResources ? remote.path()
                    : stage == Stage::kOpenApi   ? "/openapi/v3"
                                                 : "/openapi/v2";
  question.headers.emplace("Accept",
                           stage == Stage::kAggregated ? kDiscoveryAccept : "application/json");
  const std::string etag = stage == Stage::kAggregated  ? known.etag
                           : stage == Stage::kOpenApiV2 ? known.openapi_v2_etag
                                                        : "";
  if (!etag.empty()) question.headers.emplace("If-None-Match", etag);
  auto upstream = parts_.backends.Find(remote);
  auto context = parts_.backends.ContextFor(remote);
  if (!upstream || !context) return Finish(known, true);
  upstream->tls = *context;
  const bool is_openapi = stage == Stage::kOpenApi || stage == Stage::kOpenApiV2;
  const User user = is_openapi ? OpenApiAggregatorUser() : AggregatorUser();
  auto asked = parts_.backends.Ask(std::move(*upstream), std::move(question), user,
                                   [this] { Wake(); });
  if (!asked) return Finish(known, true);
  known.question = std::move(*asked);
}

void RemoteDocuments::Learn(Known& known, Result<VersionDiscovery> discovery) {
  if (!discovery) return Finish(known, true);
  known.documents.discovery = std::move(*discovery);
  known.documents.discovery.version = known.remote->version;
  known.documents.discovery.freshness = "Current";
  Ask(known, Stage::kOpenApi);
}

void RemoteDocuments::HearAggregated(Known& known, const WholeAnswer& answer) {
  const RemoteService& remote = *known.remote;
  if (answer.status == 304 && !known.etag.empty()) {
    return Learn(known, known.documents.discovery);
  }
  const bool is_aggregated =
      answer.Header("Content-Type").find("as=APIGroupDiscoveryList") != std::string::npos;
  known.etag.clear();
  if (answer.status != 200 || !is_aggregated) return Ask(known, Stage::kResources);
  auto discovery = ReadAggregatedDiscovery(answer.body, remote.group, remote.version);
  if (discovery) known.etag = answer.Header("ETag");
  Learn(known, std::move(discovery));
}

void RemoteDocuments::HearOpenApiV2(Known& known, const WholeAnswer& answer) {
  if (answer.status == 304 || answer.status >= 500) return;  // What it said last.
  const RemoteService& remote = *known.remote;
  known.documents.openapi_v2 =
      answer.status == 200 ? ReadOpenApiV2(answer.body, remote.group, remote.version) : nullptr;
  known.openapi_v2_etag = known.documents.openapi_v2 ? answer.Header("ETag") : "";
}

void RemoteDocuments::Hear(Known& known, const Result<WholeAnswer>& answer) {
  const RemoteService& remote = *known.remote;
  switch (known.stage) {
    case Stage::kAggregated:
      if (!answer) return Finish(known, true);
      return HearAggregated(known, *answer);
    case Stage::kResources:
      if (!answer || answer->status != 200) return Finish(known, true);
      return Learn(known, ReadResourceList(answer->body, remote.group, remote.version));
    case Stage::kOpenApi:
      // Servers that know no version 3 are as good as others.
      known.documents.openapi_hash =
          answer && answer->status == 200
              ? OpenApiHashIn(answer->body, "apis/" + remote.group + "/" + remote.version)
              : "";
      return Ask(known, Stage::kOpenApiV2);
    case Stage::kOpenApiV2:
      if (answer) HearOpenApiV2(known, *answer);
      return Finish(known, false);
    case Stage::kIdle:
      return;
  }
}

Duration RemoteDocuments::Tend(Known& known) {
  if (known.question) {
    auto answer = known.question->Take();
    const bool late = parts_.clock.Monotonic() - known.asked_at >= kTimeMax;
    if (!answer && late) answer = Fail(Reason::kTimeout, "context deadline exceeded");
    if (answer) {
      known.question->Cancel();
      known.question = nullptr;
      Hear(known, *answer);
    }
  }
  const Duration now = parts_.clock.Monotonic();
  if (!known.question && now >= known.due) {
    if (known.remote->available) {
      Ask(known, Stage::kAggregated);
    } else {
      Finish(known, true);
    }
  }
  const Duration until = known.question ? known.asked_at + kTimeMax : known.due;
  return std::max(until - parts_.clock.Monotonic(), Duration(1ms));
}

Duration RemoteDocuments::Step() {
  if (api_services_.HasRung()) Follow();
  Duration again = kNever;
  for (auto& [name, known] : known_) again = std::min(again, Tend(known));
  return again;
}

}  // namespace skiff
