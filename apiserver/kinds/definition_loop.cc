#include "apiserver/kinds/definition_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/crd/definition.h"
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

apiregistration_v1::APIServiceSpec ApiServiceSpecOf(const std::string& group,
                                                    const std::string& version) {
  apiregistration_v1::APIServiceSpec spec;
  spec.group = group;
  spec.version = version;
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

// Of most definitions there is nothing to say, each time that another one is written.
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

ObjectCacheBase::Erased DefinitionCache::Decode(std::string_view body) const {
  auto definition = std::make_shared<CustomResourceDefinition>();
  if (!DecodeStruct(CustomResourceDefinition::Describe(), body, FieldValidation::kIgnore,
                    definition.get())) {
    return nullptr;
  }
  TrimDefinition(*definition);
  return definition;
}

Result<> DefinitionLoop::Follow() {
  const std::string prefix = StorePrefix(CustomResourceDefinition::Info().storage_key);
  std::vector<EventPtr> events;
  do {
    events.clear();
    if (cursor_ && !cursor_->Next(kEventsPerLook, events)) cursor_.reset();
  } while (cursor_ && !events.empty());
  if (cursor_) return {};
  cursor_ = TRY(core_.store.Watch(prefix, core_.store.Current(), [this] { Wake(); }));
  events.clear();
  // A cursor wakes whoever has come to its end.
  TRY(cursor_->Next(kEventsPerLook, events));
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

Result<Duration> DefinitionLoop::Settle(const DefinitionPtr& definition,
                                        const std::vector<DefinitionPtr>& all) {
  if (IsSettled(*definition)) return kNever;
  CustomResourceDefinition wanted = *definition;
  const TimePoint now = core_.clock.Now();
  if (!definition->metadata.deletion_timestamp) {
    SettleNames(wanted, all, now, HasValidCaBundle(*definition));
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
    const auto [told, is_new] =
        told_.try_emplace(definition->metadata.uid, core_.clock.Monotonic());
    if (is_new) {
      say("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress");
      if (!(wanted.status == definition->status)) TRY(WriteStatus(wanted));
    }
    const Duration since = core_.clock.Monotonic() - told->second;
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

Result<> DefinitionLoop::SettleApiServices(const std::vector<DefinitionPtr>& all) {
  std::map<std::string, apiregistration_v1::APIServiceSpec> wanted;
  for (const DefinitionPtr& definition : all) {
    for (const auto& version : definition->spec.versions) {
      if (!version.served) continue;
      wanted.try_emplace(version.name + "." + definition->spec.group,
                         ApiServiceSpecOf(definition->spec.group, version.name));
    }
  }
  for (const auto& present : api_services_.All()) {
    const auto found = wanted.find(present->metadata.name);
    const bool is_wanted = found != wanted.end();
    TRY(SettleApiService(*present, is_wanted ? &found->second : nullptr));
    if (is_wanted) wanted.erase(found);
  }
  std::vector<Json> missing;
  for (const auto& [name, spec] : wanted) missing.push_back(ApiServiceOf(name, spec));
  return WriteMissing(core_, missing);
}

Duration DefinitionLoop::Step() {
  const auto settle = [&]() -> Result<Duration> {
    TRY(Follow());
    Duration again = kNever;
    std::optional<Error> problem;
    uint64_t version = definitions_.Version();
    const auto all = definitions_.All();
    auto now = all;
    for (const DefinitionPtr& each : all) {
      // What this round has accepted already counts for the next. One that cannot be settled holds
      // up no other.
      if (const uint64_t current = definitions_.Version(); current != version) {
        version = current;
        now = definitions_.All();
      }
      const auto done = Settle(each, now);
      if (!done && !problem) problem = done.error();
      if (done) again = std::min(again, *done);
    }
    std::erase_if(told_, [&](const auto& told) {
      return std::none_of(all.begin(), all.end(), [&](const DefinitionPtr& each) {
        return each->metadata.uid == told.first;
      });
    });
    std::erase_if(emptying_, [&](const auto& each) {
      return std::none_of(all.begin(), all.end(), [&](const DefinitionPtr& definition) {
        return definition->metadata.uid == each.first;
      });
    });
    build_();
    (void)api_service_bell_.HasRung();  // All are looked at, whoever woke us.
    TRY(SettleApiServices(definitions_.All()));
    if (problem) return Fail(std::move(*problem));
    return again;
  };
  const auto again = settle();
  if (again) return *again;
  kDefinitionLog.Error("definitions not settled", {{"error", again.error().message}});
  cursor_.reset();
  return kDefinitionRetry;
}

}  // namespace skiff
