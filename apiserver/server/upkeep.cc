#include "apiserver/server/upkeep.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/codec/document.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/flowcontrol_v1.h"
#include "apiserver/identity/token_tracking.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/resources.h"
#include "apiserver/server/authentication_map.h"
#include "apiserver/server/flow_control_revision.h"
#include "apiserver/storage/keys.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kUpkeepLog("upkeep");

constexpr const char* kConsumer = "api-priority-and-fairness-config-consumer-v1";
constexpr const char* kDangling = "Dangling";
// Servers of two versions may want two things of it, and are not to take turns without a pause.
constexpr Duration kReviseEvery = 1min;
// When something could not be written, the store is looked at again after this.
constexpr Duration kRetry = 10s;

// Kinds of start objects that come back when they are deleted. The others (roles, priority
// classes) come back at the next start, as in Kubernetes.
bool IsKept(const KindInfo& kind) {
  static constexpr std::string_view kKept[] = {"namespaces",    "services", "configmaps",
                                               "endpoints",     "flowschemas",
                                               "apiservices",   "prioritylevelconfigurations",
                                               "servicecidrs",  "endpointslices"};
  return std::find(std::begin(kKept), std::end(kKept), kind.resource) != std::end(kKept);
}

const KindInfo& KindOf(const Json& document) {
  const KindInfo* kind =
      FindKind(document["apiVersion"].get<std::string>(), document["kind"].get<std::string>());
  CHECK(kind != nullptr);
  return *kind;
}

// Null where it is not there.
Result<RecordPtr> KeptRecord(Store& store, const std::string& key) {
  auto record = store.Get(key);
  if (!record && record.error().reason == Reason::kNotFound) return nullptr;
  return record;
}

using flowcontrol_v1::FlowSchema;
using flowcontrol_v1::FlowSchemaCondition;

FlowSchemaCondition Wanted(const FlowSchema& schema, bool exists) {
  FlowSchemaCondition condition;
  condition.type = kDangling;
  condition.status = exists ? "False" : "True";
  condition.reason = exists ? "Found" : "NotFound";
  condition.message =
      fmt::format("This FlowSchema references the PriorityLevelConfiguration object named {} {}",
                  Quoted(schema.spec.priority_level_configuration.name),
                  exists ? "and it exists" : "but there is no such object");
  return condition;
}

const FlowSchemaCondition* Current(const FlowSchema& schema) {
  for (const auto& condition : schema.status.conditions) {
    if (condition.type == kDangling) return &condition;
  }
  return nullptr;
}

bool SameButForTime(const FlowSchemaCondition& a, const FlowSchemaCondition& b) {
  return a.status == b.status && a.reason == b.reason && a.message == b.message;
}

http::Request ApplyStatus(const FlowSchema& schema, const FlowSchemaCondition& condition) {
  const KindInfo& kind = FlowSchema::Info();
  http::Request request;
  request.method = "PATCH";
  request.path =
      fmt::format("/apis/{}/{}/{}/status", kind.api_version, kind.resource, schema.metadata.name);
  request.query = {{"fieldManager", kConsumer}, {"force", "true"}};
  request.headers.emplace("Content-Type", "application/apply-patch+yaml");
  request.body = Json{{"apiVersion", kind.api_version},
                      {"kind", kind.kind},
                      {"metadata", {{"name", schema.metadata.name}}},
                      {"status", {{"conditions", Json::array({ToJson(condition)})}}}}
                     .dump();
  return request;
}

// One that an operator takes over at this moment stays.
http::Request DeleteAsRead(const KindInfo& kind, const Json& document) {
  http::Request request;
  request.method = "DELETE";
  request.path = fmt::format("/apis/{}/{}/{}", kind.api_version, kind.resource,
                             TextAt(document, "metadata.name"));
  request.headers.emplace("User-Agent", "kube-apiserver");
  Json body = {{"kind", "DeleteOptions"}, {"apiVersion", "v1"}};
  body["preconditions"]["uid"] = TextAt(document, "metadata.uid");
  body["preconditions"]["resourceVersion"] = TextAt(document, "metadata.resourceVersion");
  request.body = body.dump();
  return request;
}

}  // namespace

Upkeep::Upkeep(Core& core, StartOptions options, Ask ask)
    : core_(core), options_(std::move(options)), ask_(std::move(ask)), news_(core.clock) {
  std::set<std::string> prefixes;
  for (Json& object : StartObjects(options_)) {
    const KindInfo& kind = KindOf(object);
    if (!IsKept(kind)) continue;
    const std::string space = object["metadata"].value("namespace", "");
    prefixes.insert(StorePrefix(kind.storage_key, space));
    kept_.push_back(std::move(object));
  }
  for (const std::string& prefix : prefixes) {
    bells_.emplace_back(core_.store, prefix, [this] { Wake(); });
  }
}

// Only a server that has its store to itself keeps endpoints here (StartOptions::owns_endpoints):
// they name nobody else.
Result<> Upkeep::CorrectEndpoints() {
  for (const Json& wanted : kept_) {
    const KindInfo& kind = KindOf(wanted);
    if (kind.resource != "endpoints" && kind.resource != "endpointslices") continue;
    const RecordPtr record = TRY(KeptRecord(core_.store, KeyOf(kind, "default", "kubernetes")));
    if (!record) continue;  // It has just been deleted, and that wakes us.
    Json document = TRY(DocumentOf(kind, *record));
    const char* field = kind.resource == "endpoints" ? "subsets" : "endpoints";
    if (document[field] == wanted[field]) continue;
    document[field] = wanted[field];
    http::Request request;
    request.method = "PUT";
    request.path =
        fmt::format("/{}/{}/namespaces/default/{}/kubernetes", kind.group.empty() ? "api" : "apis",
                    kind.api_version, kind.resource);
    request.headers.emplace("User-Agent", "kube-apiserver");
    request.body = document.dump();
    const http::Response answer = ask_(request);
    if (answer.status >= 500) return Fail(Reason::kInternalError, answer.body);
  }
  return {};
}

Result<> Upkeep::CorrectTracking() {
  const KindInfo& kind = core_v1::ConfigMap::Info();
  const RecordPtr record = TRY(KeptRecord(core_.store, KeyOf(kind, "kube-system", kTokenTracking)));
  if (!record) return {};  // It has just been deleted, and that wakes us.
  Json document = TRY(DocumentOf(kind, *record));
  if (SaysSince(document)) return {};
  document["data"] = TokenTracking(core_.clock.Now())["data"];
  return PutMap(kTokenTracking, document);
}

Result<> Upkeep::PutMap(std::string_view name, const Json& document) {
  http::Request request;
  request.method = "PUT";
  request.path = fmt::format("/api/v1/namespaces/kube-system/configmaps/{}", name);
  request.headers.emplace("User-Agent", "kube-apiserver");
  request.body = document.dump();
  const http::Response answer = ask_(request);
  constexpr int kGone = 404, kChanged = 409;
  if (answer.status < 400 || answer.status == kGone || answer.status == kChanged) return {};
  return Fail(Reason::kInternalError, fmt::format("{}: {}", name, answer.body));
}

// By it servers behind this one believe what it says of who asks. Authorities are added to those
// that are there: other servers of the same store may have their own.
Result<> Upkeep::CorrectAuthentication() {
  const auto wanted = std::find_if(kept_.begin(), kept_.end(), [](const Json& each) {
    return each["metadata"]["name"] == kAuthenticationMap;
  });
  if (wanted == kept_.end()) return {};
  const KindInfo& kind = core_v1::ConfigMap::Info();
  const RecordPtr record =
      TRY(KeptRecord(core_.store, KeyOf(kind, "kube-system", kAuthenticationMap)));
  if (!record) return {};  // It has just been deleted, and that wakes us.
  Json document = TRY(DocumentOf(kind, *record));
  if (!MergeAuthentication((*wanted)["data"], core_.clock.Now(), document)) return {};
  return PutMap(kAuthenticationMap, document);
}

Result<> Upkeep::CorrectFlowControl() {
  const Duration now = core_.clock.Monotonic();
  look_at_ = now < revise_at_ ? revise_at_ : kNever;
  if (look_at_ != kNever) return {};
  bool any = ReviseFlowControl(core_, kept_);
  Result<> all;
  // What cannot be removed waits its time as well.
  for (const KindInfo* kind :
       {&FlowSchema::Info(), &flowcontrol_v1::PriorityLevelConfiguration::Info()}) {
    bool found = true;
    const Result<> removed = RemoveUnwantedFlowControl(*kind, found);
    any = any || found;
    if (all && !removed) all = removed;
  }
  if (any) look_at_ = revise_at_ = now + kReviseEvery;
  return all;
}

Result<> Upkeep::RemoveUnwantedFlowControl(const KindInfo& kind, bool& found) {
  const auto page = TRY(core_.store.List({.prefix = StorePrefix(kind.storage_key)}));
  found = false;
  Result<> all;
  for (const RecordPtr& record : page.records) {
    const auto document = DocumentOf(kind, *record);
    // Whose one that cannot be read is, nobody can tell.
    if (!document || !IsUnwantedFlowControl(*document, kept_)) continue;
    found = true;
    const http::Response answer = ask_(DeleteAsRead(kind, *document));
    constexpr int kGone = 404, kChanged = 409;
    if (answer.status < 400 || answer.status == kGone || answer.status == kChanged) continue;
    if (all) all = Fail(Reason::kInternalError, answer.body);
  }
  return all;
}

Result<> Upkeep::SettleFlowSchemas() {
  const KindInfo& kind = FlowSchema::Info();
  const KindInfo& level = flowcontrol_v1::PriorityLevelConfiguration::Info();
  const auto page = TRY(core_.store.List({.prefix = StorePrefix(kind.storage_key)}));
  for (const RecordPtr& record : page.records) {
    const auto document = DocumentOf(kind, *record);
    if (!document) continue;  // One that cannot be read takes no other's status.
    const auto schema = TRY(FromJson<FlowSchema>(*document));
    const std::string& wants = schema.spec.priority_level_configuration.name;
    const RecordPtr found = TRY(KeptRecord(core_.store, KeyOf(level, "", wants)));
    FlowSchemaCondition wanted = Wanted(schema, found != nullptr);
    const FlowSchemaCondition* current = Current(schema);
    if (current != nullptr && SameButForTime(*current, wanted)) continue;
    const bool turned = current == nullptr || current->status != wanted.status;
    wanted.last_transition_time =
        turned ? Time(std::chrono::time_point_cast<std::chrono::seconds>(core_.clock.Now()))
               : current->last_transition_time;
    const http::Response answer = ask_(ApplyStatus(schema, wanted));
    if (answer.status >= 500) return Fail(Reason::kInternalError, answer.body);
  }
  return {};
}

Result<> Upkeep::Settle() {
  for (Json& each : kept_) {
    if (each["metadata"]["name"] == kTokenTracking) each = TokenTracking(core_.clock.Now());
  }
  TRY(WriteMissing(core_, kept_));
  // One that somebody keeps from being written keeps no other waiting.
  Result<> all;
  for (const auto settle :
       {&Upkeep::CorrectEndpoints, &Upkeep::CorrectTracking, &Upkeep::CorrectAuthentication,
        &Upkeep::CorrectFlowControl, &Upkeep::SettleFlowSchemas}) {
    const Result<> settled = (this->*settle)();
    if (all && !settled) all = settled;
  }
  return all;
}

void Upkeep::UseClientAuthorities(const std::string& client_ca_pem,
                                  const std::string& proxy_ca_pem) {
  {
    const MutexLock lock(mutex_);
    authorities_ = Authorities{client_ca_pem, proxy_ca_pem};
  }
  Wake();
}

bool Upkeep::TakeAuthorities() {
  std::optional<Authorities> next;
  {
    const MutexLock lock(mutex_);
    next = std::exchange(authorities_, std::nullopt);
  }
  if (!next) return false;
  FrontProxyOptions front = options_.front_proxy;
  front.client_ca_pem = next->proxy_ca_pem;
  for (Json& each : kept_) {
    if (each["metadata"]["name"] != kAuthenticationMap) continue;
    each["data"] = AuthenticationData(next->client_ca_pem, front, core_.clock.Now());
  }
  return true;
}

Duration Upkeep::Step() {
  bool looks = TakeAuthorities() || failed_;
  for (PrefixBell& bell : bells_) looks |= bell.HasRung();
  const auto left = [this] {
    if (look_at_ == kNever) return kNever;
    return std::max(Duration::zero(), look_at_ - core_.clock.Monotonic());
  };
  if (!looks && left() > Duration::zero()) return left();
  const auto settled = Settle();
  failed_ = !settled;
  const ObjectKey all{.namespace_ = "", .name = "all"};
  if (settled) {
    news_.Forget(all);
    return left();
  }
  if (news_.IsNew(all, settled.error().message)) {
    kUpkeepLog.Error("upkeep failed", {{"error", settled.error().message}});
  }
  return kRetry;
}

}  // namespace skiff
