#include "client/manager.h"

#include <algorithm>
#include <exception>

#include "api/text/group_version.h"
#include "base/log.h"
#include "client/refusals.h"

namespace skiff {
namespace {

constexpr int kHands = 8;
// Tries, over 1.3 s, that may find nothing before somebody is told.
constexpr int kMissingQuietly = 8;

}  // namespace

// Works on one key a step, so that keys take turns.
class ControllerParts::Worker final : public ControlLoop {
 public:
  explicit Worker(ControllerParts& controller)
      : controller_(controller), log_(controller.name), answers_([this] { Wake(); }) {}

  Duration Step() override {
    for (const InformerCache* cache : controller_.needed_) {
      if (!cache->synced()) return kNever;  // The cache wakes us.
    }
    answers_.Deliver();
    if (!answers_.HasRoom()) return kNever;  // The next answer wakes us.
    WorkQueue& queue = *controller_.queue_;
    const auto key = queue.TakeOrWait(*this);
    if (!key) return queue.UntilNext();
    Work(queue, *key);
    answers_.Deliver();
    return Duration(0);
  }

 private:
  void Work(WorkQueue& queue, const ObjectKey& key) {
    // Asked first: the event may come in between.
    const bool is_newest = controller_.primary_->ShowsWritesOf(key);
    const CachedObject object = controller_.primary_->Get(key);
    if (!object) {
      controller_.forget(key);
      Forget(queue, key);
      return queue.Done(key);
    }
    // Whoever acts on an old version loses by it. The event of the newest wakes the key, if there
    // is still something to do for it.
    if (!is_newest) return queue.Done(key);
    const auto done = Reconciled(object);
    if (!done || !done->last) return Finish(key, done);
    done->last(answers_, [this, key, after = done->after](const Result<>& written) {
      if (!written) return Finish(key, Fail(written.error()));
      Finish(key, Requeue{after});
    });
  }

  void Finish(const ObjectKey& key, const Result<Requeue>& done) {
    WorkQueue& queue = *controller_.queue_;
    if (done || IsNamespaceTerminating(done.error())) {
      Forget(queue, key);
      if (done && done->after) queue.AddAfter(key, *done->after);
      return queue.Done(key);
    }
    if (IsNews(done.error(), queue.Failures(key)) &&
        controller_.news_.IsNew(key, done.error().message)) {
      log_.Info(
          "reconcile failed",
          {{"key", key}, {"error", done.error().message}, {"attempt", queue.Failures(key) + 1}});
    }
    if (IsGivenUp(done.error(), queue.Failures(key))) {
      log_.Info("tried too often, left until it changes",
                {{"key", key}, {"error", done.error().message}});
      Forget(queue, key);
    } else {
      queue.AddRateLimited(key);
    }
    queue.Done(key);
  }

  bool IsGivenUp(const Error& error, int failures) const {
    const int tries_max = controller_.retry.tries_max;
    return tries_max > 0 && failures >= tries_max && IsRefusal(error);
  }

  // Its failures.
  void Forget(WorkQueue& queue, const ObjectKey& key) {
    queue.Forget(key);
    controller_.news_.Forget(key);
  }

  // We throw nothing; a library that does must not leave the key at work for ever.
  Result<Requeue> Reconciled(const CachedObject& object) {
    try {
      return controller_.reconcile(object);
    } catch (const std::exception& failure) {
      return Fail(Reason::kInternalError, std::string("it threw: ") + failure.what());
    }
  }

  // Somebody else wrote first, or the object is gone: the cache will show it, or the next try will.
  // What is missing for longer is something else.
  static bool IsNews(const Error& error, int failures) {
    if (error.reason == Reason::kNotFound) return failures >= kMissingQuietly;
    return error.reason != Reason::kConflict;
  }

  ControllerParts& controller_;
  const Log log_;
  Mailbox answers_;  // To what reconciles do last.
};

ControllerParts::ControllerParts(std::string name, const Clock& clock)
    : name(std::move(name)), clock_(clock), news_(clock) {}

ControllerParts::~ControllerParts() = default;

WorkQueue& ControllerParts::queue() {
  if (!queue_) queue_ = std::make_unique<WorkQueue>(clock_, retry);
  return *queue_;
}

void ControllerParts::SetPrimary(InformerCache& cache) {
  primary_ = &cache;
  Need(cache);
  cache.OnChange([this](const CachedObject& before, const CachedObject& now) {
    if (!IsConcernedBy(before) && !IsConcernedBy(now)) return;
    const meta_v1::ObjectMeta& metadata = now ? *now.metadata : *before.metadata;
    queue().Add({metadata.namespace_, metadata.name});
  });
}

void ControllerParts::WakeOwners(InformerCache& owned, const KindInfo& owner) {
  Need(owned);
  owned.OnChange([this, &owner](const CachedObject& before, const CachedObject& now) {
    for (const CachedObject* object : {&before, &now}) {
      if (!*object) continue;
      const meta_v1::OwnerReference* reference = ControllerOf(*object->metadata);
      if (!reference || reference->kind != owner.kind) continue;
      const Resource owner_resource = owner;
      if (GroupPart(reference->api_version) != owner_resource.Group()) continue;
      const ObjectKey key = {owner.namespaced ? object->metadata->namespace_ : "", reference->name};
      // A namesake of a dead owner has nothing to do with it.
      const CachedObject cached = primary_->Get(key);
      if (cached && cached.metadata->uid != reference->uid) continue;
      queue().Add(key);
    }
  });
}

void ControllerParts::WakeMapped(InformerCache& other,
                                 std::function<std::vector<ObjectKey>(const CachedObject&)> map,
                                 SameFor same) {
  Need(other);
  other.OnChange([this, map = std::move(map), same = std::move(same)](const CachedObject& before,
                                                                      const CachedObject& now) {
    if (same && before && now && same(before, now)) return;
    for (const CachedObject* object : {&before, &now}) {
      if (!*object) continue;
      for (const ObjectKey& key : map(*object)) queue().Add(key);
    }
  });
}

void ControllerParts::Need(InformerCache& cache) {
  if (std::find(needed_.begin(), needed_.end(), &cache) != needed_.end()) return;
  needed_.push_back(&cache);
  cache.OnSynced([this] {
    for (const auto& loop : loops_) loop->Wake();
  });
}

Manager::Manager(Dependencies dependencies)
    : dependencies_(std::move(dependencies)),
      own_(dependencies_.transport,
           dependencies_.events_transport ? *dependencies_.events_transport
                                          : dependencies_.transport,
           dependencies_),
      hands_(kHands) {}

Manager::~Manager() {
  Stop();
}

void Manager::ActAs(const std::string& controller, const std::string& account) {
  acting_ = &own_;
  if (controller.empty() || !dependencies_.transport_of) return;
  std::unique_ptr<Actor>& actor = actors_[controller];
  if (!actor) {
    Transport& transport = dependencies_.transport_of(controller, account);
    actor = std::make_unique<Actor>(transport, transport, dependencies_);
  }
  acting_ = actor.get();
}

EventRecorder& Manager::Recorder(const std::string& component, const std::string& host,
                                 const Clock* clock) {
  const Clock& by = clock == nullptr ? dependencies_.clock : *clock;
  return *recorders_.emplace_back(
      std::make_unique<EventRecorder>(acting_->events, by, component, host));
}

void Manager::AddLoop(std::unique_ptr<ControlLoop> loop) {
  loops_.push_back(std::move(loop));
}

std::unique_ptr<ControllerParts> Manager::NewController(std::string name) {
  return std::make_unique<ControllerParts>(std::move(name), dependencies_.clock);
}

WorkQueue& Manager::Complete(std::unique_ptr<ControllerParts> controller) {
  const auto asked = workers_.find(controller->name);
  const int workers = asked == workers_.end() ? controller->workers : asked->second;
  for (int i = 0; i < workers; ++i) {
    controller->loops_.push_back(std::make_unique<ControllerParts::Worker>(*controller));
  }
  return controllers_.emplace_back(std::move(controller))->queue();
}

std::vector<std::pair<std::string, WorkQueue::Counts>> Manager::Queues() const {
  std::vector<std::pair<std::string, WorkQueue::Counts>> queues;
  for (const auto& controller : controllers_) {
    queues.emplace_back(controller->name, controller->queue_->counts());
  }
  return queues;
}

void Manager::Start(Executor& executor) {
  CHECK(!executor_);
  CHECK(acting_ == &own_);
  executor_ = &executor;
  for (const auto& controller : controllers_) {
    for (const auto& loop : controller->loops_) executor.Add(*loop);
  }
  executor.Add(own_.events);
  for (const auto& [controller, actor] : actors_) executor.Add(actor->events);
  hands_.Start(executor);
  dependencies_.informers.Start(executor);
  // Last: a loop may ask for caches and come to them, as for custom kinds, and this start would
  // take one for complete to which the loop has not come yet.
  for (const auto& loop : loops_) executor.Add(*loop);
}

void Manager::Stop() {
  if (!executor_) return;
  // Informers first: nothing is queued any more.
  dependencies_.informers.Stop();
  for (const auto& loop : loops_) executor_->Remove(*loop);
  for (const auto& controller : controllers_) {
    for (const auto& loop : controller->loops_) executor_->Remove(*loop);
  }
  executor_->Remove(own_.events);
  for (const auto& [controller, actor] : actors_) executor_->Remove(actor->events);
  hands_.Stop();
  executor_ = nullptr;
}

}  // namespace skiff
