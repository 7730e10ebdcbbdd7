#include "apiserver/kinds/definition_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/crd/definition.h"
#include "api/crd/light_definition.h"
#include "apiserver/server/bootstrap.h"
#include "apiserver/storage/keys.h"
#include "apiserver/webhooks/outbound_pool.h"
#include "base/log.h"
#include "http/tls.h"

namespace skiff {
namespace {

const Log kDefinitionLog("definitions");

constexpr Duration kDefinitionRetry = 1s;
constexpr Duration kAfterFailure = 5s;  // Objects that could not be deleted are tried again.
// Between what is said of a definition's end and its objects': long enough for a request that
// follows its deletion at once to be told so, and no more.
constexpr Duration kBeforeObjectsGo = 25ms;
constexpr size_t kEventsPerLook = 256;

// The message of a Status.
std::string SaidBy(const http::Response& answer) {
  const auto status = ParseJson(answer.body);
  return status && status->is_object() ? TextAt(*status, "message") : answer.body;
}

std::string StorageKeyOf(const CustomResourceDefinition& definition) {
  return definition.spec.group + "/" + definition.spec.names.plural;
}

bool HasInstanceFinalizer(const CustomResourceDefinition& definition) {
  const auto& finalizers = definition.metadata.finalizers;
  return std::find(finalizers.begin(), finalizers.end(), kInstanceFinalizer) != finalizers.end();
}

// Whether the webhook that converts could be trusted. No bundle at all is one, too.
bool HasValidCaBundle(const CustomResourceDefinition& definition) {
  const auto& conversion = definition.spec.conversion;
  if (!conversion || !conversion->webhook || !conversion->webhook->client_config) return true;
  const std::string& bundle = conversion->webhook->client_config->ca_bundle;
  // Only what is not established asks, so this is not read with each change.
  return bundle.empty() || IsEstablished(definition) ||
         http::MakeClientContext({.ca_pem = bundle}).has_value();
}

constexpr const char* kAutoManaged = "kube-aggregator.kubernetes.io/automanaged";

apiregistration_v1::APIServiceSpec ApiServiceSpecOf(const GroupVersion& served) {
  apiregistration_v1::APIServiceSpec spec;
  spec.group = served.group;
  spec.version = served.version;
  spec.group_priority_minimum = 1000;
  spec.version_priority = 100;
  return spec;
}

Json ApiServiceOf(const std::string& name, const apiregistration_v1::APIServiceSpec& spec) {
  return {{"apiVersion", "apiregistration.k8s.io/v1"},
          {"kind", "APIService"},
          {"metadata", {{"name", name}, {"labels", {{kAutoManaged, "true"}}}}},
          {"spec", ToJson(spec)}};
}

// Of most definitions there is nothing to say.
bool IsSettled(const CustomResourceDefinition& definition) {
  return !definition.metadata.deletion_timestamp &&
         definition.spec.names == definition.status.accepted_names && IsEstablished(definition) &&
         !crd::IsProtectedGroup(definition.spec.group);
}

// The version that objects are stored in, if it is served, since to read them costs least then; ""
// when none is served.
std::string ServedVersionOf(const CustomResourceDefinition& definition) {
  std::string served;
  for (const auto& version : definition.spec.versions) {
    if (version.served && (served.empty() || version.storage)) served = version.name;
  }
  return served;
}

}  // namespace

std::vector<DefinitionPtr> DefinitionCache::All() {
  std::vector<Erased> erased;
  CollectErased("", erased);
  std::vector<DefinitionPtr> all;
  for (Erased& each : erased) {
    all.push_back(std::static_pointer_cast<const CustomResourceDefinition>(std::move(each)));
  }
  return all;
}

DefinitionPtr DefinitionCache::Find(std::string_view name) {
  return std::static_pointer_cast<const CustomResourceDefinition>(FindErased("", name));
}

ObjectCacheBase::Erased DefinitionCache::Decode(std::string_view body) const {
  auto definition = std::make_shared<CustomResourceDefinition>();
  return crd::ReadLightDefinition(body, *definition) ? definition : nullptr;
}

void DefinitionLoop::Learn(const std::string& name) {
  const DefinitionPtr definition = definitions_.Find(name);
  due_api_services_.merge(index_.Put(name, definition.get()));
  open_.insert(name);
  has_learned_ = true;
}

void DefinitionLoop::BeginAnew() {
  index_ = {};
  open_.clear();
  for (const DefinitionPtr& each : definitions_.All()) Learn(each->metadata.name);
  for (const auto& each : api_services_.All()) due_api_services_.insert(each->metadata.name);
}

Result<> DefinitionLoop::Follow() {
  const auto follow = [this](const KindInfo& kind, std::unique_ptr<WatchCursor>& cursor,
                             const auto& tell) -> Result<bool> {
    std::vector<EventPtr> events;
    do {
      events.clear();
      if (cursor && !cursor->Next(kEventsPerLook, events)) cursor.reset();
      for (const EventPtr& event : events) {
        const auto parts = ParseStoreKey(kind.storage_key, event->record->key);
        if (parts) tell(std::string(parts->name));
      }
    } while (cursor && !events.empty());
    if (cursor) return true;
    cursor = TRY(core_.store.Watch(StorePrefix(kind.storage_key), core_.store.Current(),
                                   [this] { Wake(); }));
    events.clear();
    // A cursor wakes whoever has come to its end.
    TRY(cursor->Next(kEventsPerLook, events));
    return false;
  };
  bool is_known = TRY(follow(CustomResourceDefinition::Info(), cursor_,
                             [this](const std::string& name) { Learn(name); }));
  is_known &= TRY(follow(apiregistration_v1::APIService::Info(), api_service_cursor_,
                         [this](std::string name) { due_api_services_.insert(std::move(name)); }));
  if (!is_known) BeginAnew();
  return {};
}

Result<> DefinitionLoop::WriteStatus(const CustomResourceDefinition& definition) {
  const KindInfo& kind = CustomResourceDefinition::Info();
  http::Request request;
  request.method = "PATCH";
  request.path =
      fmt::format("/apis/{}/{}/{}/status", kind.api_version, kind.resource,
                  definition.metadata.name);
  request.headers.emplace("User-Agent", "kube-apiserver");
  request.headers.emplace("Content-Type", "application/json-patch+json");
  request.body = StatusPatch(definition).dump();
  const http::Response answer = ask_(request);
  // Somebody else has written it meanwhile, which wakes us.
  if (answer.status == 409 || answer.status == 404 || answer.status < 400) return {};
  return Fail(Reason::kInternalError, answer.body);
}

Result<bool> DefinitionLoop::Empty(const CustomResourceDefinition& definition) {
  if (crd::IsBuiltInResource(definition.spec.group, definition.spec.names.plural)) return true;
  const std::string storage_key = StorageKeyOf(definition);
  const std::string prefix = StorePrefix(storage_key);
  const std::string version = ServedVersionOf(definition);
  std::string after;
  while (true) {
    const auto page = TRY(core_.store.List({.prefix = prefix, .start_after = after, .limit = 1}));
    if (page.records.empty()) break;
    after = page.records.front()->key;
    const auto parts = ParseStoreKey(storage_key, after);
    if (version.empty() || !parts) {
      TRY(core_.store.Apply({.key = after}));
      continue;
    }
    const std::string space(parts->object_namespace);
    http::Request request;
    request.method = "DELETE";
    request.path = fmt::format("/apis/{}/{}{}/{}", definition.spec.group, version,
                               space.empty() ? "" : "/namespaces/" + space,
                               definition.spec.names.plural);
    request.headers.emplace("User-Agent", "kube-apiserver");
    const http::Response answer = ask_(request);
    if (answer.status >= 500) return Fail(Reason::kInternalError, SaidBy(answer));
    if (space.empty()) break;
    after = prefix + space + "/\xff";  // The next namespace's; no name begins with that byte.
  }
  const auto left = TRY(core_.store.List({.prefix = prefix, .limit = 1}));
  return left.records.empty();
}

Result<std::optional<bool>> DefinitionLoop::EmptyAside(const DefinitionPtr& definition) {
  const auto& conversion = definition->spec.conversion;
  const bool may_wait = conversion && conversion->strategy == "Webhook";
  if (!may_wait || core_.outbound == nullptr) {
    const bool is_empty = TRY(Empty(*definition));
    return std::optional<bool>(is_empty);
  }
  const auto [at, is_new] = emptying_.try_emplace(definition->metadata.uid, nullptr);
  if (is_new) {
    at->second = std::make_shared<Emptying>();
    const bool taken = core_.outbound->Submit(
        {"conversion/" + definition->metadata.name}, [this, definition, emptying = at->second] {
          auto is_empty = Empty(*definition);
          {
            const MutexLock lock(emptying->mutex);
            emptying->done = std::move(is_empty);
          }
          Wake();
        });
    if (taken) return std::optional<bool>();
    emptying_.erase(at);
    return Fail(Reason::kTooManyRequests, "too many requests wait for its webhook");
  }
  std::optional<Result<bool>> done;
  {
    const MutexLock lock(at->second->mutex);
    done = std::move(at->second->done);
  }
  if (!done) return std::optional<bool>();
  emptying_.erase(at);
  const bool is_empty = TRY(std::move(*done));
  return std::optional<bool>(is_empty);
}

Result<Duration> DefinitionLoop::Settle(const DefinitionPtr& definition) {
  CustomResourceDefinition wanted = *definition;
  const TimePoint now = core_.clock.Now();
  if (!definition->metadata.deletion_timestamp) {
    SettleNames(wanted, index_.TakenIn(definition->spec.group), now,
                HasValidCaBundle(*definition));
    SettleApproval(wanted, now);
    if (!(wanted.status == definition->status)) TRY(WriteStatus(wanted));
    return kNever;
  }
  if (!HasInstanceFinalizer(*definition)) return kNever;
  const auto say = [&](std::string_view status, std::string_view reason, std::string message) {
    SetDefinitionCondition(wanted, {"Terminating", status, reason, std::move(message)}, now);
  };
  if (IsEstablished(*definition)) {
    // First it is said that none can be made any more, for whoever looks; a moment later they go.
    const auto [going, is_new] = going_.try_emplace(
        definition->metadata.uid, Going{definition->metadata.name, core_.clock.Monotonic()});
    if (is_new) {
      say("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress");
      if (!(wanted.status == definition->status)) TRY(WriteStatus(wanted));
    }
    const Duration since = core_.clock.Monotonic() - going->second.told_at;
    if (is_new || since < kBeforeObjectsGo) return kBeforeObjectsGo - since;
    const auto is_empty = EmptyAside(definition);
    if (!is_empty) {
      // A webhook that does not answer holds up the end of its own definition, and no other's.
      say("True", "InstanceDeletionFailed",
          "could not issue all deletes: " + is_empty.error().message);
      if (!(wanted.status == definition->status)) TRY(WriteStatus(wanted));
      return kAfterFailure;
    }
    if (!*is_empty) return kNever;
    if (!**is_empty) return kDefinitionRetry;
    say("False", "InstanceDeletionCompleted", "removed all instances");
  } else {
    say("False", "NeverEstablished", "resource was never established");
  }
  std::erase(wanted.metadata.finalizers, kInstanceFinalizer);
  TRY(WriteStatus(wanted));
  return kNever;
}

Result<> DefinitionLoop::SettleApiService(const apiregistration_v1::APIService& present,
                                          const apiregistration_v1::APIServiceSpec* wanted) {
  const auto& labels = present.metadata.labels;
  const auto managed = labels.find(kAutoManaged);
  if (managed == labels.end() || managed->second != "true") return {};
  http::Request request;
  request.path = "/apis/apiregistration.k8s.io/v1/apiservices/" + present.metadata.name;
  request.headers.emplace("User-Agent", "kube-apiserver");
  request.method = "DELETE";
  if (wanted != nullptr) {
    if (*wanted == present.spec) return {};
    apiregistration_v1::APIService object = present;
    object.spec = *wanted;
    request.method = "PUT";
    request.body = ToJson(object).dump();
  }
  const http::Response answer = ask_(request);
  // Somebody else was faster, which wakes us.
  return answer.status >= 500 ? Fail(Reason::kInternalError, answer.body) : Result<>();
}

Result<> DefinitionLoop::SettleApiServices() {
  while (!due_api_services_.empty()) {
    const std::string name = *due_api_services_.begin();
    const auto served = index_.ServedAs(name);
    std::optional<apiregistration_v1::APIServiceSpec> wanted;
    if (served) wanted = ApiServiceSpecOf(*served);
    if (const auto present = api_services_.Find("", name)) {
      TRY(SettleApiService(*present, wanted ? &*wanted : nullptr));
    } else if (wanted) {
      TRY(WriteMissing(core_, {ApiServiceOf(name, *wanted)}));
    }
    due_api_services_.erase(name);
  }
  return {};
}

Result<Duration> DefinitionLoop::SettleOpen() {
  Duration again = kNever;
  std::optional<Error> problem;
  const std::set<std::string> open = open_;
  has_learned_ = false;
  for (const std::string& name : open) {
    const DefinitionPtr definition = definitions_.Find(name);
    if (definition == nullptr || IsSettled(*definition)) {
      open_.erase(name);
      continue;
    }
    // One that cannot be settled holds up no other.
    const auto done = Settle(definition);
    if (!done && !problem) problem = done.error();
    if (done) again = std::min(again, *done);
    // What was accepted already counts for the next one.
    TRY(Follow());
  }
  std::erase_if(going_, [&](const auto& going) {
    const DefinitionPtr definition = definitions_.Find(going.second.name);
    return definition == nullptr || definition->metadata.uid != going.first;
  });
  std::erase_if(emptying_, [&](const auto& each) { return !going_.contains(each.first); });
  if (problem) return Fail(std::move(*problem));
  return has_learned_ ? Duration::zero() : again;
}

Duration DefinitionLoop::Step() {
  const auto settle = [&]() -> Result<Duration> {
    TRY(Follow());
    const auto again = SettleOpen();
    build_();
    TRY(SettleApiServices());
    return again;
  };
  const auto again = settle();
  if (again) return *again;
  kDefinitionLog.Error("definitions not settled", {{"error", again.error().message}});
  cursor_.reset();
  return kDefinitionRetry;
}

}  // namespace skiff
