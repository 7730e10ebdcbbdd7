#include "apiserver/objects/remover.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/gen/core_v1.h"
#include "api/kinds/behaviour.h"
#include "api/kinds/versions.h"
#include "api/pods/pod_phase.h"
#include "apiserver/kinds/custom_definitions.h"
#include "apiserver/objects/late_write.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/time_limit.h"
#include "apiserver/services/allocation.h"
#include "base/at_once.h"
#include "base/seconds.h"

namespace skiff {
namespace {

constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";
constexpr int kTriesMax = 64;

TimePoint WholeSeconds(TimePoint point) {
  return std::chrono::time_point_cast<std::chrono::seconds>(point);
}

}  // namespace

Result<> CheckPreconditions(const Object& object, const DeleteQuery& options) {
  const KindInfo& kind = object.kind();
  // An error names the group of the kind that all versions are turned into.
  const GroupResource named = {StorageKindOf(kind).group, kind.kind};
  const meta_v1::ObjectMeta& meta = object.metadata();
  if (options.uid && *options.uid != meta.uid) {
    if (kind.behaviour->marks_own_end) {
      return Fail(ConflictError(GroupResourceOf(kind), meta.name,
                                fmt::format("Precondition failed: UID in precondition: {}, UID in "
                                            "object meta: {}",
                                            *options.uid, meta.uid)));
    }
    return Fail(ConflictError(
        named, meta.name,
        fmt::format("the UID in the precondition ({}) does not match the UID in record ({}). The "
                    "object might have been deleted and then recreated",
                    *options.uid, meta.uid)));
  }
  if (options.resource_version && *options.resource_version != meta.resource_version) {
    if (kind.behaviour->marks_own_end) {
      return Fail(ConflictError(
          GroupResourceOf(kind), meta.name,
          fmt::format("Precondition failed: ResourceVersion in precondition: {}, ResourceVersion "
                      "in object meta: {}",
                      *options.resource_version, meta.resource_version)));
    }
    return Fail(ConflictError(
        named, meta.name,
        fmt::format("the ResourceVersion in the precondition ({}) does not match the "
                    "ResourceVersion in record ({}). The object might have been modified",
                    *options.resource_version, meta.resource_version)));
  }
  return {};
}

namespace {

bool Lists(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

Propagation PropagationFor(const Object& object, const DeleteQuery& options) {
  if (options.orphan_dependents) {
    return *options.orphan_dependents ? Propagation::kOrphan : Propagation::kBackground;
  }
  if (options.propagation != Propagation::kUnset) return options.propagation;
  if (Lists(object.metadata().finalizers, kOrphan)) return Propagation::kOrphan;
  if (Lists(object.metadata().finalizers, kForeground)) return Propagation::kForeground;
  return DefaultPropagation(object.kind());
}

// Sets the finalizers that the garbage collector works by.
void SetCollectorFinalizers(Object& object, const DeleteQuery& options) {
  // Events own nothing.
  if (object.kind().kind == "Event") return;
  std::vector<std::string>& finalizers = object.metadata().finalizers;
  const Propagation propagation = PropagationFor(object, options);
  const bool orphan = propagation == Propagation::kOrphan;
  const bool foreground = propagation == Propagation::kForeground;
  std::erase_if(finalizers, [&](const std::string& finalizer) {
    return (finalizer == kOrphan && !orphan) || (finalizer == kForeground && !foreground);
  });
  if (orphan && !Lists(finalizers, kOrphan)) finalizers.emplace_back(kOrphan);
  if (foreground && !Lists(finalizers, kForeground)) finalizers.emplace_back(kForeground);
}

// Less than nothing stands for one second.
int64_t GraceAsked(const DeleteQuery& options) {
  return *options.grace_seconds < 0 ? 1 : *options.grace_seconds;
}

int64_t GraceOf(const core_v1::Pod& pod, const DeleteQuery& options) {
  int64_t grace = pod.spec.termination_grace_period_seconds.value_or(0);
  if (options.grace_seconds) grace = *options.grace_seconds;
  if (pod.spec.node_name.empty() || HasEnded(pod.status.phase)) grace = 0;
  return grace < 0 ? 1 : grace;
}

// Whether the record holds that very object.
Result<bool> HoldsObject(const KindInfo& kind, const Record& record,
                         const Object& object) {
  if (IsSentAsKept(kind)) return HoldsText(record, object);
  return TextOf(object) == TRY(TextOf(kind, record));
}

// What a client is shown of an object that went, or changed, at that revision. An object that was
// not marked first is shown as it was kept.
Result<std::string> ShownAt(Revision revision, const Record* kept, const Object& object) {
  const KindInfo& kind = object.kind();
  if (kept != nullptr) {
    const ObjectView view = TRY(ObjectView::Of(*kept));
    if (IsSentAsKept(kind, view)) return view.BodyAt(revision);
  }
  ObjectBody body = kept == nullptr ? BodyText(object) : BodyText(TRY(ObjectOf(kind, *kept)));
  body.text.insert(body.revision_at, std::to_string(revision.value));
  return std::move(body.text);
}

}  // namespace

Propagation DefaultPropagation(const KindInfo& kind) {
  return kind.behaviour->orphans_dependents ? Propagation::kOrphan : Propagation::kUnset;
}

namespace {

// Whether it is being deleted already and nothing is to change: nobody is asked about that.
bool IsPending(const Object& object, const DeleteQuery& options) {
  const meta_v1::ObjectMeta& meta = object.metadata();
  if (!meta.deletion_timestamp) return false;
  if (const auto* space = object.As<core_v1::Namespace>()) return !space->spec.finalizers.empty();
  if (object.As<core_v1::Pod>() == nullptr) return false;
  const int64_t before = meta.deletion_grace_period_seconds.value_or(0);
  return before > 0 && (!options.grace_seconds || GraceAsked(options) >= before);
}

// The options as admission sees them, where one object is to go: kube-apiserver has completed them
// by then.
DeleteQuery AsMeant(const Object& object, DeleteQuery options) {
  const meta_v1::ObjectMeta& meta = object.metadata();
  if (object.kind().behaviour->marks_own_end && !options.uid) options.uid = meta.uid;
  if (options.grace_seconds) options.grace_seconds = GraceAsked(options);
  if (const auto* pod = object.As<core_v1::Pod>(); pod != nullptr && !meta.deletion_timestamp) {
    options.grace_seconds = GraceOf(*pod, options);
  }
  return options;
}

}  // namespace

// What is to become of an object whose deletion was asked for; its changes are made already.
struct ObjectRemover::Decision {
  bool remove = false;   // Now.
  bool pending = false;  // It was being deleted already and nothing changes.
  bool as_kept = false;  // It goes without having been marked: clients see it as it was kept.
};

Result<ObjectRemover::Decision> ObjectRemover::Decide(Object& object,
                                                      const DeleteQuery& options) const {
  meta_v1::ObjectMeta& meta = object.metadata();
  const TimePoint now = WholeSeconds(parts_.clock.Now());
  if (auto* space = object.As<core_v1::Namespace>(); space && !space->spec.finalizers.empty()) {
    meta.deletion_timestamp = Time(now);
    space->status.phase = "Terminating";
    SetCollectorFinalizers(object, options);
    return Decision{};
  }
  if (auto* definition = object.As<CustomResourceDefinition>();
      definition && !meta.deletion_timestamp) {
    BeginTermination(*definition, now);
    return Decision{};
  }
  bool graceful = false;
  int64_t grace = 0;
  if (auto* pod = object.As<core_v1::Pod>()) {
    if (!meta.deletion_timestamp) {
      grace = GraceOf(*pod, options);
      graceful = true;
      meta.deletion_timestamp = Time(now + Seconds(grace));
      if (meta.generation > 0) ++meta.generation;
    } else if (const int64_t before = meta.deletion_grace_period_seconds.value_or(0); before > 0) {
      grace = GraceAsked(options);
      graceful = true;
      const TimePoint sooner =
          meta.deletion_timestamp->point() - Seconds(before) + Seconds(grace);
      if (sooner < now && grace > 0) grace = 1;
      meta.deletion_timestamp = Time(std::max(sooner, now));
    }
  }
  if (graceful) meta.deletion_grace_period_seconds = grace;
  SetCollectorFinalizers(object, options);
  if (!graceful && !meta.finalizers.empty()) {
    if (!meta.deletion_timestamp && meta.generation > 0) ++meta.generation;
    if (!meta.deletion_timestamp || meta.deletion_timestamp->point() > now) {
      meta.deletion_timestamp = Time(now);
    }
    meta.deletion_grace_period_seconds = 0;
  }
  return Decision{.remove = meta.finalizers.empty() && grace == 0, .as_kept = !graceful};
}

// A deletion as it is to be written.
struct ObjectRemover::Plan {
  Object object;  // What the decision made of it.
  Decision decision;
  std::optional<Write> write;  // nullopt: nothing changes.
  std::optional<Error> refusal = {};  // What the client is told once that is written.

  Removed ToRemoved() const {
    return {.kind = &object.kind(),
            .text = {},
            .name = object.metadata().name,
            .uid = object.metadata().uid,
            .gone = decision.remove,
            .pending = decision.pending};
  }
};

Result<ObjectRemover::Plan> ObjectRemover::Prepare(ApiRequest& request, const StoreKeyParts& where,
                                                   const RecordPtr& record,
                                                   const DeleteQuery& options) const {
  Object object = TRY(ObjectOf(*request.kind, *record));
  TRY(CheckPreconditions(object, options));
  if (IsPending(object, options)) {
    return Plan{.object = std::move(object), .decision = {.pending = true}};
  }
  const bool of_collection = request.info.name.empty();
  const DeleteQuery shown = of_collection ? options : AsMeant(object, options);
  const Json options_document = OptionsDocument(shown);
  const auto ask = [&](const Object& old) -> Result<> {
    AdmissionRequest admission = AdmissionOf(request, Operation::kDelete, *request.kind);
    admission.namespace_name = where.object_namespace;
    admission.name = where.name;
    admission.dry_run = options.dry_run;
    admission.old_object = &old;
    admission.options = &options_document;
    admission.of_collection = of_collection;
    TRY(parts_.admission.Admit(admission));
    return parts_.admission.Validate(admission);
  };
  TRY(ask(object));
  const Decision decision = TRY(Decide(object, options));
  Plan plan{.object = std::move(object), .decision = decision};
  if (options.dry_run) return plan;
  if (decision.remove && !decision.as_kept) {
    // Kubernetes marks it first, and asks anew when it goes: who says no then leaves it marked.
    const Result<> goes = ask(plan.object);
    if (IsVoid()) return Fail(WouldWait());
    if (!goes) {
      plan.refusal = goes.error();
      plan.decision.remove = false;
    }
  }
  Write write{.key = record->key,
              .expect = {.kind = Precondition::Kind::kRevision, .revision = record->modified}};
  if (!plan.decision.remove) {
    if (TRY(HoldsObject(*request.kind, *record, plan.object))) return plan;
    StoredObject stored = TRY(EncodeForStore(plan.object));
    write.value = std::move(stored.value);
    write.revision_at = stored.revision_at;
  }
  plan.write = std::move(write);
  return plan;
}

Result<Removed> ObjectRemover::Outcome(const Plan& plan, const Record& record,
                                       const Written& written) {
  const KindInfo& kind = plan.object.kind();
  Removed removed = plan.ToRemoved();
  // Clients hear of most kinds only that the object is gone.
  if (removed.gone && !kind.delete_returns_object) return removed;
  const bool as_kept = removed.gone && plan.decision.as_kept;
  removed.text = TRY(ShownAt(written.revision, as_kept ? &record : nullptr, plan.object));
  return removed;
}

bool ObjectRemover::MayLeave(const ApiRequest& request, const Plan& plan,
                             const Record& record) const {
  const KindInfo& kind = plan.object.kind();
  // What the object owned is given back by who waits for the write.
  return request.late != nullptr && IsSentAsKept(kind) && !parts_.allocations.Owns(kind) &&
         !plan.refusal && record.value.size() <= LateWrite::kBytesMax;
}

Result<Removed> ObjectRemover::Delete(ApiRequest& request, const std::string& namespace_name,
                                      const std::string& name, const DeleteQuery& options,
                                      const AnswerRemoved& later) {
  const KindInfo& kind = *request.kind;
  const std::string key = KeyOf(kind, namespace_name, name);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto record = parts_.store.Get(key);
    if (!record) {
      if (record.error().reason != Reason::kNotFound) return Fail(record.error());
      return Fail(NotFoundError(GroupResourceOf(kind), name));
    }
    Plan plan = TRY(Prepare(request, {namespace_name, name}, *record, options));
    TRY(CheckTime(request));
    if (!plan.write && plan.refusal) return Fail(*plan.refusal);
    if (!plan.write) {
      Removed removed = plan.ToRemoved();
      removed.text = TextOf(plan.object);
      return removed;
    }
    if (later && MayLeave(request, plan, **record)) {
      request.late->write = std::move(*plan.write);
      const auto held = std::make_shared<const Plan>(std::move(plan));
      request.late->answer = [later, held, old = *record](const Written& written) {
        return Outcome(*held, *old, written).and_then(later);
      };
      return LeftToWrite();
    }
    if (IsVoid()) return Fail(WouldWait());
    const auto written = parts_.store.Apply(std::move(*plan.write));
    if (written) {
      if (plan.refusal) return Fail(*plan.refusal);
      if (plan.decision.remove) parts_.allocations.Release(plan.object);
      return Outcome(plan, **record, *written);
    }
    const Reason reason = written.error().reason;
    if (reason != Reason::kConflict && reason != Reason::kNotFound) return Fail(written.error());
    if (plan.refusal) request.refusal = nullptr;  // It was of another object than is there now.
  }
  return Fail(ModifiedError(GroupResourceOf(kind), name));
}

// Deletions that wait for their common commit.
class ObjectRemover::Batch {
 public:
  Batch(ObjectRemover& remover, ApiRequest& request, const DeleteQuery& options)
      : remover_(remover), request_(request), options_(options) {}

  bool full() const { return writes_.size() >= kWritesMax || bytes_ >= kBytesMax; }

  Result<> Add(const StoreKeyParts& where, Plan plan) {
    if (!plan.write && plan.refusal) return Fail(*plan.refusal);
    if (!plan.write) return {};
    bytes_ += plan.write->value ? plan.write->value->size() : 0;
    writes_.push_back(std::move(*plan.write));
    std::optional<Object> removed;
    if (plan.decision.remove) removed = std::move(plan.object);
    waiting_.push_back({std::string(where.object_namespace), std::string(where.name),
                        std::move(removed), std::move(plan.refusal)});
    return {};
  }

  // Who was changed meanwhile is looked at again, alone.
  Result<> Commit() {
    if (IsVoid()) return Fail(WouldWait());
    TRY(CheckTime(request_));
    const auto results = remover_.parts_.store.ApplyAll(std::exchange(writes_, {}));
    const std::vector<Waiting> waiting = std::exchange(waiting_, {});
    bytes_ = 0;
    std::optional<Error> first;
    for (size_t i = 0; i < results.size(); ++i) {
      if (Result<> done = Finish(waiting[i], results[i]); !done && !first) first = done.error();
    }
    if (first) return Fail(*first);
    return {};
  }

 private:
  static constexpr size_t kWritesMax = 256;
  static constexpr size_t kBytesMax = 1 << 20;

  struct Waiting {
    std::string namespace_name;
    std::string name;
    std::optional<Object> removed;  // As it was last, when it goes now.
    std::optional<Error> refusal;   // As in Plan.
  };

  Result<> Finish(const Waiting& waiting, const Result<Written>& result) {
    if (result) {
      if (waiting.refusal) return Fail(*waiting.refusal);
      if (waiting.removed) remover_.parts_.allocations.Release(*waiting.removed);
      return {};
    }
    if (result.error().reason == Reason::kNotFound) return {};
    if (result.error().reason != Reason::kConflict) return Fail(result.error());
    TRY(CheckTime(request_));
    const auto again = remover_.Delete(request_, waiting.namespace_name, waiting.name, options_);
    if (again || again.error().reason == Reason::kNotFound) return {};
    return Fail(again.error());
  }

  ObjectRemover& remover_;
  ApiRequest& request_;
  const DeleteQuery& options_;
  std::vector<Write> writes_;
  std::vector<Waiting> waiting_;  // One a write.
  size_t bytes_ = 0;
};

Result<> ObjectRemover::DeleteAll(ApiRequest& request, const std::vector<RecordPtr>& records,
                                  const DeleteQuery& options) {
  Batch batch(*this, request, options);
  for (const RecordPtr& record : records) {
    const auto where = ParseStoreKey(request.kind->storage_key, record->key);
    if (!where) continue;
    auto plan = Prepare(request, *where, record, options);
    if (!plan) {
      TRY(batch.Commit());
      return Fail(plan.error());
    }
    const bool is_refused = plan->refusal.has_value();
    auto added = batch.Add(*where, std::move(*plan));
    if (is_refused || batch.full()) TRY(batch.Commit());
    if (!added) return added;
  }
  return batch.Commit();
}

}  // namespace skiff
