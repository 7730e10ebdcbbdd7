// What one of several programs does for as long as it leads, and again whenever it leads again: one
// election after the other.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/control_loop.h"
#include "base/id.h"
#include "client/leader_election.h"

namespace skiff {

class Leadership final : public ControlLoop {
 public:
  struct Options {
    ObjectKey lease;
    std::string name;  // Of this program among the others; one that is started anew keeps it.
    // Both are called in Step. `end` also before `begin`, once, where somebody else is found to
    // lead: what an earlier process of that name may have left of the duty ends then.
    std::function<void()> begin;
    std::function<void()> end;
  };
  Leadership(Client& client, const Clock& clock, Random& random, Options options);
  Duration Step() override;
  // After the last Step, when the duty has ended: another one may have it at once. Who ends without
  // it leaves the lease as it is, and all wait until it is over, this one's next process as well:
  // that the last one has ended nobody can tell from a name (a machine that is cut off, or a copy,
  // may go on under it).
  void Resign() { election_->Release(); }

 private:
  void Elect();
  bool IsLedByAnother() const;

  Client& client_;
  const Clock& clock_;
  Random& random_;
  const Options options_;
  std::unique_ptr<LeaderElection> election_;  // Replaced when the lease is lost.
  bool lost_ = false;
  bool knows_ = false;  // Whose the duty is.
};

}  // namespace skiff
