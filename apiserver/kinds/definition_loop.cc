#include "apiserver/kinds/definition_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/crd/definition.h"
#include "api/crd/light_definition.h"
#include "api/rules/identity/x509.h"
#include "apiserver/kinds/own_answer.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/resources.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/webhooks/answer_text.h"
#include "apiserver/webhooks/outbound_pool.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kDefinitionLog("definitions");

constexpr Duration kDefinitionRetry = 1s;
constexpr Duration kAfterFailure = 5s;  // Objects that could not be deleted are tried again.
// Between what is said of a definition's end and its objects': long enough for a request that
// follows its deletion at once to be told so, and no more.
constexpr Duration kBeforeObjectsGo = 25ms;
// Objects that were told to go are waited for so long, then it is said that they are still there.
constexpr Duration kObjectsGoTime = 1min;
constexpr size_t kEventsPerLook = 256;
constexpr size_t kRemovedAtOnce = 256;

// Becomes the message of a condition.
Error CouldNot(std::string_view what, std::string_view why) {
  return {Reason::kInternalError, fmt::format("could not {}: {}", what, BeginningOf(why))};
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
  return bundle.empty() || crd::IsEstablished(definition) || AuthoritiesFault(bundle).empty();
}

// Of most definitions there is nothing to say.
bool IsSettled(const CustomResourceDefinition& definition) {
  return !definition.metadata.deletion_timestamp &&
         definition.spec.names == definition.status.accepted_names &&
         crd::IsEstablished(definition) && !crd::IsProtectedGroup(definition.spec.group);
}

// The version that objects are stored in; null where the definition names none.
const apiextensions_v1::CustomResourceDefinitionVersion* StoredVersionOf(
    const CustomResourceDefinition& definition) {
  const auto& versions = definition.spec.versions;
  const auto stored = std::find_if(versions.begin(), versions.end(),
                                   [](const auto& version) { return version.storage; });
  return stored == versions.end() ? nullptr : &*stored;
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
  for (const std::string& each : index_.Put(name, definition.get())) api_services_.DueNow(each);
  open_.insert(name);
  failed_.Forget(name);
  has_learned_ = true;
}

void DefinitionLoop::BeginAnew() {
  index_ = {};
  open_.clear();
  failed_.Clear();
  for (const DefinitionPtr& each : definitions_.All()) Learn(each->metadata.name);
  api_services_.AllDueNow();
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
                         [this](const std::string& name) { api_services_.DueNow(name); }));
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
  return UnlessRefused(parts_.ask(request, nullptr));
}

Result<DefinitionLoop::ServedPtr> DefinitionLoop::UnservedKinds(
    const CustomResourceDefinition& definition) const {
  const auto record = TRY(core_.store.Get(
      KeyOf(CustomResourceDefinition::Info(), "", definition.metadata.name)));
  const auto view = TRY(ObjectView::Of(*record));
  auto cut = TRY(crd::CutDefinition(view.body()));
  for (Json& version : cut.document["spec"]["versions"]) {
    version["served"] = version.value("storage", false);
  }
  return std::make_shared<const Served>(std::make_shared<const KindSet>(parts_.make(cut)));
}

// As Kubernetes tells it, which reads all of them before it deletes any.
Error DefinitionLoop::WhyNotEmptied(http::Request request, const http::Response& deleted,
                                    const ServedPtr& kinds) const {
  request.method = "GET";
  request.query = {{"limit", "500"}, {"includeObject", "None"}};
  request.headers.emplace("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1");
  const http::Response listed = parts_.ask(request, kinds);
  const bool lists = listed.status < 400;
  return lists ? CouldNot("issue all deletes", SaidBy(deleted))
               : CouldNot("list instances", SaidBy(listed));
}

// Earlier versions served such kinds. Nobody is shown their objects any more, so nobody could take
// a finalizer off one either.
Result<bool> DefinitionLoop::RemoveUnserved(const std::string& prefix) {
  const auto failed = [](const Error& error) {
    return CouldNot("issue all deletes", error.message);
  };
  std::string after;
  for (bool more = true; more;) {
    const auto page =
        TRY(core_.store.List({.prefix = prefix, .start_after = after, .limit = kRemovedAtOnce})
                .map_error(failed));
    std::vector<Write> removals;
    for (const RecordPtr& record : page.records) removals.push_back({.key = record->key});
    if (!page.records.empty()) after = page.records.back()->key;
    for (const auto& removed : core_.store.ApplyAll(std::move(removals))) {
      // Another server may have been faster.
      const bool is_gone = removed || removed.error().reason == Reason::kNotFound;
      if (!is_gone) return Fail(failed(removed.error()));
    }
    more = page.more;
  }
  return true;
}

// In the version that the objects are stored in, whether it is served or not, as Kubernetes does.
Result<bool> DefinitionLoop::Empty(const CustomResourceDefinition& definition) {
  const std::string storage_key = StorageKeyOf(definition);
  const std::string prefix = StorePrefix(storage_key);
  if (IsBuiltInGroup(definition.spec.group)) return RemoveUnserved(prefix);
  const auto* const version = StoredVersionOf(definition);
  if (version == nullptr) {
    return Fail(CouldNot("list instances", "no version is stored"));
  }
  const auto not_listed = [](const Error& error) {
    return CouldNot("list instances", error.message);
  };
  const bool is_namespaced = definition.spec.scope == "Namespaced";
  ServedPtr kinds;
  std::string after;
  while (true) {
    const auto page =
        TRY(core_.store.List({.prefix = prefix, .start_after = after, .limit = 1})
                .map_error(not_listed));
    if (page.records.empty()) break;
    after = page.records.front()->key;
    const auto parts = ParseStoreKey(storage_key, after);
    if (!parts || parts->object_namespace.empty() == is_namespaced) {
      // That is no object of anything, or one of another scope, which no request could name.
      TRY(core_.store.Apply({.key = after}).map_error([](const Error& error) {
        return CouldNot("issue all deletes", error.message);
      }));
      continue;
    }
    if (!version->served && !kinds) {
      kinds = TRY(UnservedKinds(definition).map_error(not_listed));
    }
    const std::string space(parts->object_namespace);
    http::Request request;
    request.method = "DELETE";
    request.path = fmt::format("/apis/{}/{}{}/{}", definition.spec.group, version->name,
                               space.empty() ? "" : "/namespaces/" + space,
                               definition.spec.names.plural);
    request.headers.emplace("User-Agent", "kube-apiserver");
    const http::Response answer = parts_.ask(request, kinds);
    if (IsRefusal(answer)) return Fail(WhyNotEmptied(request, answer, kinds));
    if (space.empty()) break;
    after = prefix + space + "/\xff";  // The next namespace's; no name begins with that byte.
  }
  return HasNone(definition);
}

Result<bool> DefinitionLoop::HasNone(const CustomResourceDefinition& definition) {
  const std::string prefix = StorePrefix(StorageKeyOf(definition));
  const auto left =
      TRY(core_.store.List({.prefix = prefix, .limit = 1}).map_error([](const Error& error) {
        return CouldNot("list instances", error.message);
      }));
  return left.records.empty();
}

bool DefinitionLoop::IsToldAgain(const Going& going) const {
  return going.told_at && core_.clock.Monotonic() - *going.told_at >= kObjectsGoTime;
}

Result<std::optional<bool>> DefinitionLoop::AreGone(const DefinitionPtr& definition, Going& going) {
  if (going.told_at && !IsToldAgain(going)) {
    const bool has_none = TRY(HasNone(*definition));
    return std::optional<bool>(has_none);
  }
  const std::optional<bool> is_empty = TRY(EmptyAside(definition));
  if (is_empty) going.told_at = core_.clock.Monotonic();
  return is_empty;
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
    // Of its kinds there may be none any more.
    const std::string name = ConversionName(definition->metadata.name);
    const bool taken = core_.outbound->Submit({name}, [this, definition, emptying = at->second] {
      auto is_empty = Empty(*definition);
      {
        const MutexLock lock(emptying->mutex);
        emptying->done = std::move(is_empty);
      }
      Wake();
    });
    if (taken) return std::optional<bool>();
    emptying_.erase(at);
    return Fail(CouldNot("list instances", "too many requests wait for its webhook"));
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
  if (!definition->metadata.deletion_timestamp) {
    CustomResourceDefinition wanted = *definition;
    const TimePoint now = core_.clock.Now();
    SettleNames(wanted, index_.TakenIn(definition->spec.group), now,
                HasValidCaBundle(*definition));
    SettleApproval(wanted, now);
    if (!(wanted.status == definition->status)) TRY(WriteStatus(wanted));
    return kNever;
  }
  return HasInstanceFinalizer(*definition) ? EndOf(definition) : kNever;
}

Result<Duration> DefinitionLoop::EndOf(const DefinitionPtr& definition) {
  CustomResourceDefinition wanted = *definition;
  const auto say = [&](std::string_view status, std::string_view reason, std::string message) {
    SetDefinitionCondition(wanted, {"Terminating", status, reason, std::move(message)},
                           core_.clock.Now());
  };
  if (crd::IsBuiltInResource(definition->spec.group, definition->spec.names.plural)) {
    say("False", "OverlappingBuiltInResource",
        "instances overlap with built-in resources in storage");
  } else if (crd::IsEstablished(*definition)) {
    // First it is said that none can be made any more, for whoever looks; a moment later they go.
    const Duration now = core_.clock.Monotonic();
    const auto [going, is_new] = going_.try_emplace(
        definition->metadata.uid, Going{definition->metadata.name, now + kBeforeObjectsGo});
    if (is_new) {
      say("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress");
      if (!(wanted.status == definition->status)) TRY(WriteStatus(wanted));
    }
    if (now < going->second.empty_at) return going->second.empty_at - now;
    if (IsToldAgain(going->second)) {
      say("True", "InstanceDeletionCheck",
          "could not confirm zero CustomResources remaining: context deadline exceeded");
      const bool is_news = !(wanted.status == definition->status);
      if (is_news) TRY(WriteStatus(wanted));
      if (is_news) return Duration::zero();
    }
    const auto is_empty = AreGone(definition, going->second);
    if (!is_empty) {
      // A webhook that does not answer holds up the end of its own definition, and no other's.
      going->second.empty_at = now + kAfterFailure;
      going->second.told_at.reset();  // Not all of them were: that they are there is no news.
      say("True", "InstanceDeletionFailed", is_empty.error().message);
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

// One that cannot be settled holds up no other.
Duration DefinitionLoop::SettleOne(const DefinitionPtr& definition) {
  const std::string& name = definition->metadata.name;
  const Duration now = core_.clock.Monotonic();
  const Duration left = failed_.Left(name, now);
  if (left > Duration::zero()) return left;
  const auto again = Settle(definition);
  if (again) {
    failed_.Forget(name);
    return *again;
  }
  kDefinitionLog.Error("definition not settled",
                       {{"definition", name}, {"error", BeginningOf(again.error().message)}});
  return failed_.Failed(name, now);
}

Result<Duration> DefinitionLoop::SettleOpen() {
  Duration again = kNever;
  const std::set<std::string> open = open_;
  has_learned_ = false;
  for (const std::string& name : open) {
    const DefinitionPtr definition = definitions_.Find(name);
    if (definition == nullptr || IsSettled(*definition)) {
      open_.erase(name);
      failed_.Forget(name);
      continue;
    }
    again = std::min(again, SettleOne(definition));
    // What was accepted already counts for the next one.
    TRY(Follow());
  }
  std::erase_if(going_, [&](const auto& going) {
    const DefinitionPtr definition = definitions_.Find(going.second.name);
    return definition == nullptr || definition->metadata.uid != going.first;
  });
  std::erase_if(emptying_, [&](const auto& each) { return !going_.contains(each.first); });
  return has_learned_ ? Duration::zero() : again;
}

Duration DefinitionLoop::Step() {
  if (lacks_some_) {
    // Nobody tells of what can be read again.
    (void)definitions_.Version();
    if (definitions_.IsWhole()) BeginAnew();
  }
  const auto again = Follow().and_then([this] { return SettleOpen(); });
  if (!again) {
    kDefinitionLog.Error("definitions not followed", {{"error", again.error().message}});
    cursor_.reset();
    return kDefinitionRetry;
  }
  parts_.build();
  const Duration next = std::min(*again, api_services_.Settle());
  lacks_some_ = !definitions_.IsWhole();
  return lacks_some_ ? std::min(next, kDefinitionRetry) : next;
}

}  // namespace skiff
