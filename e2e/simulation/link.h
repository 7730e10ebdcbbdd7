// The network between one machine of the simulation and the API server: it loses requests and
// answers, delivers requests late, lets watches lag, and cuts them. Who gets no answer finds that
// out at once, or after a time-out if the program runs where steps may wait.
//
//   Link link(cluster.transport(), cluster.clock(), random);
//   executor.Add(link);
//   link.SetFaults({.loss = 0.01, .late = 0.01});
//   Client client(link, "kubelet");
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/id.h"
#include "client/transport.h"
#include "e2e/simulation/waiting_executor.h"

namespace skiff {

struct LinkFaults {
  // Of all requests; half of them never arrive, of the others the answer is lost.
  double loss = 0;
  // Of the requests that write: the sender gives up, and they arrive some seconds later all the
  // same, when it may have decided otherwise.
  double late = 0;
};

// Whom the server takes what comes over a link for. Without a name: for one who may do all.
struct LinkIdentity {
  std::string user;
  std::vector<std::string> groups;
};

// On one thread, as all of a simulation. Outlives the programs of its machine: what is under way
// arrives although its sender has died.
class Link final : public Transport, public ControlLoop {
 public:
  Link(Transport& below, const Clock& clock, Random& random, LinkIdentity identity = {});
  ~Link() override;

  void SetFaults(LinkFaults faults) {
    faults_ = faults;
    bad_until_ = Duration(0);
  }
  // For that long it is worse.
  void Worsen(LinkFaults faults, Duration length) {
    bad_faults_ = faults;
    bad_until_ = clock_.Monotonic() + length;
  }
  // Its programs run there: whoever gets no answer waits for it.
  void WaitIn(WaitingExecutor& executor) { executor_ = &executor; }
  // Nothing gets through, and open streams break off. Ends with Mend.
  void Break();
  // The next `requests` get through, and nothing after them: a program that dies in the middle of
  // what it does.
  void BreakAfter(int requests) { requests_left_ = requests; }
  void Mend();
  bool IsBroken() const { return requests_left_ == 0; }
  // Whether it is worse than it was made to be.
  bool IsBad() const { return clock_.Monotonic() < bad_until_; }
  // Open streams break off.
  void CutStreams();
  // Open streams show nothing new for that long.
  void StallStreams(Duration length);

  http::Response Send(http::Request request) override;
  // Delivers late requests; wakes streams at the end of a stall.
  Duration Step() override;

  // Whether a watch of "pods", or whatever, shows its program what the server has at this moment.
  bool Follows(std::string_view resource) const;
  // How often open streams were broken off together.
  int breaks() const { return breaks_; }
  // How many requests and answers were lost or late.
  int losses() const { return losses_; }
  // Uids of pods, ReplicaSets and Jobs whose maker was never told that they exist.
  const std::set<std::string>& unheard_objects() const { return unheard_objects_; }
  // Paths of what was written after its writer gave that up: it may be older than what it replaced,
  // or than what its writer did next.
  const std::set<std::string>& late_writes() const { return late_writes_; }
  // Uids of pods whose scheduler was never told that they have been bound.
  const std::set<std::string>& unheard_bindings() const { return unheard_bindings_; }

 private:
  class Stream;
  struct Late {
    Duration due;
    http::Request request;
  };
  bool Strikes(double rate) { return rate > 0 && random_.Fraction() < rate; }
  void NoteUnheard(const http::Request& request, const http::Response& answer);
  // For an answer that does not come.
  http::Response WaitInVain();

  Transport& below_;
  const Clock& clock_;
  Random& random_;
  const LinkIdentity identity_;
  LinkFaults faults_, bad_faults_;
  Duration bad_until_{};  // Monotonic.
  int requests_left_ = -1;  // -1: no bound.
  WaitingExecutor* executor_ = nullptr;
  int losses_ = 0;
  int breaks_ = 0;
  Duration stalled_until_{};
  std::vector<Late> late_;
  std::vector<Stream*> streams_;
  std::set<std::string> unheard_objects_;
  std::set<std::string> unheard_bindings_;
  std::set<std::string> late_writes_;
};

}  // namespace skiff
