// Holds a set of controllers: their shared informers, queues, workers and events. Everything it has
// to do are ControlLoops on the executor that Start is given: threads in a program, seeded steps in
// the simulation.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/id.h"
#include "client/client.h"
#include "client/failure_news.h"
#include "client/hands.h"
#include "client/informer.h"
#include "client/recorder.h"
#include "client/work_queue.h"

namespace skiff {

// When to look again although nothing changed. To retry soon with back-off, return an Error.
struct Requeue {
  // The last thing a reconcile does, where others are not to wait until it is done (decision 0080):
  // sends something by `answers`, and has `done` called once, with what then is the outcome. Until
  // then the key is not run again.
  using Last = std::function<void(Mailbox& answers, Client::Then<void> done)>;

  std::optional<Duration> after;
  Last last = nullptr;
  static Requeue None() { return {}; }
  static Requeue After(Duration delay) { return {delay}; }
};

// For `last`: writes what `change` changes in `object`, as Client::Patch does.
template <Kind K, typename Change>
Requeue::Last LastPatch(Client& client, const K& object, Change change,
                        const PatchOptions& options = {}) {
  return [&client, base = std::make_shared<const K>(object), change = std::move(change), options](
             Mailbox& answers, Client::Then<void> done) {
    client.PatchLater<K>(answers, base, change, options,
                         [done = std::move(done)](const Result<Ptr<K>>& written) {
                           done(written ? Result<>() : Fail(written.error()));
                         });
  };
}

// A controller, as ControllerBuilder puts it together. Lives until the manager dies; handlers of
// the informers point to it, so informers stop before.
class ControllerParts {
 public:
  ControllerParts(std::string name, const Clock& clock);
  ~ControllerParts();
  void SetPrimary(InformerCache& cache);
  void WakeOwners(InformerCache& owned, const KindInfo& owner);
  // `same`: of two versions of one object, whether a change between them concerns nobody.
  using SameFor = std::function<bool(const CachedObject&, const CachedObject&)>;
  void WakeMapped(InformerCache& other,
                  std::function<std::vector<ObjectKey>(const CachedObject&)> map,
                  SameFor same = nullptr);

  const std::string name;
  int workers = 2;
  WorkQueue::Retry retry;
  std::function<Result<Requeue>(const CachedObject&)> reconcile;
  std::function<void(const ObjectKey&)> forget;
  std::function<bool(const CachedObject&)> concerns;  // Null: all do.

 private:
  friend class Manager;
  class Worker;
  bool IsConcernedBy(const CachedObject& object) const {
    return object && (!concerns || concerns(object));
  }
  void Need(InformerCache& cache);
  WorkQueue& queue();  // Made with `retry` when first asked for, after the builder is done.

  const Clock& clock_;
  FailureNews news_;
  std::unique_ptr<WorkQueue> queue_;
  InformerCache* primary_ = nullptr;
  std::vector<InformerCache*> needed_;  // Workers start when all of these have synced.
  std::vector<std::unique_ptr<Worker>> loops_;
};

class Manager {
 public:
  struct Dependencies {
    Transport& transport;
    const Clock& clock;
    Random& random;
    // May be shared: then all managers are put together before the first one starts, and stop
    // together.
    InformerFactory& informers;
    std::string user_agent;  // "kube-controller-manager"
    // By which a controller sends what it does under the name of a service account (ActAs), or
    // under the program's, where that is "". Null: all controllers send all by `transport`.
    std::function<Transport&(const std::string& controller, const std::string& account)>
        transport_of = nullptr;
    // Of events, where they have one of their own.
    Transport* events_transport = nullptr;
  };
  explicit Manager(Dependencies dependencies);
  ~Manager();  // Stops.
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // Of who is added now.
  Client& client() { return acting_->client; }
  // Of the program itself, by whatever name controllers act: it may list and watch everything.
  Client& reader() { return own_.client; }
  // Whose client() and Recorder() those are that are asked for from now on; "": the program's own,
  // as they have to be again before Start.
  void ActAs(const std::string& controller, const std::string& account = "");
  const Clock& clock() const { return dependencies_.clock; }
  Random& random() { return dependencies_.random; }
  InformerFactory& informers() { return dependencies_.informers; }
  // For many calls at once.
  Hands& hands() { return hands_; }
  template <Kind K>
  Informer<K> informer() {
    return informers().For<K>();
  }
  // Writes Events as `component`, e.g. "replicaset-controller". Lives as long as the manager.
  // `clock`: where what it tells of has another one than the manager.
  EventRecorder& Recorder(const std::string& component, const std::string& host = "",
                          const Clock* clock = nullptr);

  // For controllers of those names that are added later, in place of what their builder says.
  void SetWorkers(std::map<std::string, int> workers) { workers_ = std::move(workers); }
  // A loop of a controller that does not reconcile objects one by one.
  void AddLoop(std::unique_ptr<ControlLoop> loop);
  // For ControllerBuilder.
  std::unique_ptr<ControllerParts> NewController(std::string name);
  WorkQueue& Complete(std::unique_ptr<ControllerParts> controller);

  // The queues of its controllers by name, for metrics. After the controllers were added; any
  // thread.
  std::vector<std::pair<std::string, WorkQueue::Counts>> Queues() const;

  // Both on the thread of the program. Stop returns when no loop of the manager runs.
  void Start(Executor& executor);
  void Stop();

 private:
  // Somebody who writes, and tells what he did.
  struct Actor {
    Actor(Transport& transport, Transport& events_transport, const Dependencies& dependencies)
        : client(transport, dependencies.user_agent),
          events_client(events_transport, dependencies.user_agent),
          events(events_client, dependencies.clock) {}
    Client client;
    Client events_client;
    EventSink events;
  };

  const Dependencies dependencies_;
  Actor own_;
  std::map<std::string, std::unique_ptr<Actor>> actors_;  // By controller.
  Actor* acting_ = &own_;
  Executor* executor_ = nullptr;
  Hands hands_;
  std::map<std::string, int> workers_;
  std::vector<std::unique_ptr<EventRecorder>> recorders_;
  std::vector<std::unique_ptr<ControllerParts>> controllers_;
  std::vector<std::unique_ptr<ControlLoop>> loops_;
};

}  // namespace skiff
