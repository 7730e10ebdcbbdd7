#include "client/leadership.h"

namespace skiff {

Leadership::Leadership(Client& client, const Clock& clock, Random& random, Options options)
    : client_(client), clock_(clock), random_(random), options_(std::move(options)) {
  Elect();
}

void Leadership::Elect() {
  election_ = std::make_unique<LeaderElection>(
      client_, clock_, random_,
      LeaderElection::Options{.lease = options_.lease,
                              .identity = options_.name + "_" + random_.Uid(),
                              .on_started =
                                  [this] {
                                    knows_ = true;
                                    options_.begin();
                                  },
                              .on_stopped = [this] { lost_ = true; }});
}

bool Leadership::IsLedByAnother() const {
  const std::string holder = election_->holder();
  return !holder.empty() && !holder.starts_with(options_.name + "_");
}

Duration Leadership::Step() {
  const Duration wait = election_->Step();
  if (lost_) {
    lost_ = false;
    options_.end();
    Elect();
    return Duration(0);
  }
  if (!knows_ && IsLedByAnother()) {
    knows_ = true;
    options_.end();
  }
  return wait;
}

}  // namespace skiff
