// All extenders of a scheduler, and the conversations with them about one pod: where it may go, and
// who would have to go for it. A conversation never waits; it is stepped until it has an outcome,
// and `told` is called, on any thread, when there is something to step for.
//
//   ExtenderSearch search(extenders, pod, nodes, [&] { loop.Wake(); });
//   if (auto outcome = search.Step(now)) { ... }    // Else again when told, or at search.due().
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "controllers/scheduler/extenders/extender_client.h"
#include "controllers/scheduler/extenders/extender_wire.h"
#include "http/loop.h"

namespace skiff::scheduler {

using ExtenderTold = std::function<void()>;

// Thread-safe.
class Extenders {
 public:
  using Clients = std::vector<std::unique_ptr<ExtenderClient>>;
  // Those that may be passed over are asked last, as by kube-scheduler.
  static Result<std::unique_ptr<Extenders>> Make(std::vector<ExtenderOptions> options);

  const Clients& clients() const { return clients_; }
  // Whether one of them has a say in where the pod goes, or who goes for it.
  bool Judge(const core_v1::Pod& pod) const;
  // Whether one of them has a say in who goes for the pod.
  bool JudgePreemption(const core_v1::Pod& pod) const;
  // Whether any of them compares nodes, so that the first one will not do.
  bool CompareNodes() const;
  // Who binds the pod in place of the scheduler; nullptr: nobody.
  ExtenderClient* BinderOf(const core_v1::Pod& pod) const;

 private:
  Extenders() = default;

  http::Loops loops_{1};
  Clients clients_;
};

// A node that extenders refused.
struct ExtenderRefusal {
  std::string reason;
  bool may_change = false;  // Removing pods may help.
};
struct ExtenderFindings {
  std::vector<std::string> nodes;                  // Those that are left.
  std::map<std::string, ExtenderRefusal> refused;  // By node; of others than were asked about, too.
  std::map<std::string, int64_t> scores;           // By node, weighed.
};

// One thread.
class ExtenderSearch {
 public:
  // `nodes` are those that take the pod by the scheduler's own rules.
  ExtenderSearch(const Extenders& extenders, PodPtr pod, std::vector<NodePtr> nodes,
                 ExtenderTold told)
      : extenders_(extenders),
        pod_(std::move(pod)),
        nodes_(std::move(nodes)),
        told_(std::move(told)) {}
  // Once; nullopt: not yet. Fails where an extender that must not be passed over cannot answer.
  std::optional<Result<ExtenderFindings>> Step(Duration now);
  Duration due() const;

 private:
  struct Scoring {
    const ExtenderClient* client;
    std::unique_ptr<ExtenderCall> call;
  };
  // nullopt: one has not answered yet.
  std::optional<Result<>> Filter(Duration now);
  Result<> TakeFilterAnswer(const ExtenderClient& client, const Result<std::string>& body);
  Result<> ApplyFilter(const ExtenderClient& client, const std::string& body);
  void BeginScoring(Duration now);
  // False: one has not answered yet.
  bool Score(Duration now);
  void ApplyScores(const ExtenderClient& client, const Result<std::string>& body);

  const Extenders& extenders_;
  const PodPtr pod_;
  std::vector<NodePtr> nodes_;
  const ExtenderTold told_;
  size_t next_ = 0;  // Of the clients, the one to ask, or that is asked.
  std::unique_ptr<ExtenderCall> filtering_;
  bool scores_ = false;
  std::vector<Scoring> scoring_;
  ExtenderFindings findings_;
  const Log log_{"scheduler"};
};

// One thread.
class ExtenderPreemption {
 public:
  // nullptr: there is no such node. Of the moment.
  using FindNode = std::function<const NodeInfo*(const std::string& name)>;
  ExtenderPreemption(const Extenders& extenders, PodInfoPtr pod, std::vector<Victims> candidates,
                     ExtenderTold told)
      : extenders_(extenders),
        pod_(std::move(pod)),
        candidates_(std::move(candidates)),
        told_(std::move(told)) {}
  // The candidates that are left, once; nullopt: not yet.
  std::optional<Result<std::vector<Victims>>> Step(Duration now, const FindNode& find);
  Duration due() const { return call_ ? call_->deadline() : kNever; }

 private:
  Result<> TakeAnswer(const ExtenderClient& client, const Result<std::string>& body,
                      const FindNode& find);
  Result<std::vector<Victims>> Read(const ExtenderClient& client, const Result<std::string>& body,
                                    const FindNode& find) const;
  Result<Victims> Resolve(const ExtenderClient& client, const std::string& node,
                          const MetaVictims& named, const FindNode& find) const;

  const Extenders& extenders_;
  const PodInfoPtr pod_;
  std::vector<Victims> candidates_;
  const ExtenderTold told_;
  size_t next_ = 0;
  std::unique_ptr<ExtenderCall> call_;
  const Log log_{"scheduler"};
};

// Bindings that an extender makes: many at a time, and none holds up a thread. Thread-safe.
class ExtenderBindings {
 public:
  // More wait for their turn.
  static constexpr size_t kAtOnceMax = 256;
  // Called once, on the thread of a Deliver, and not after the end of this.
  using Done = std::function<void(Result<> bound)>;

  void Begin(ExtenderClient& client, PodPtr pod, const std::string& node, Duration now,
             ExtenderTold told, Done done);
  // Calls what is due, and says when to come again at the latest.
  Duration Deliver(Duration now);

 private:
  struct Wanted {
    ExtenderClient* client;
    PodPtr pod;
    std::string node;
    ExtenderTold told;
    Done done;
  };
  struct UnderWay {
    std::unique_ptr<ExtenderCall> call;
    Done done;
  };
  void Start(Wanted wanted, Duration now) REQUIRES(mutex_);

  Mutex mutex_;
  std::deque<Wanted> waiting_ GUARDED_BY(mutex_);
  std::vector<UnderWay> under_way_ GUARDED_BY(mutex_);
};

}  // namespace skiff::scheduler
