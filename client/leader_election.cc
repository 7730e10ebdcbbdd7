#include "client/leader_election.h"

#include <algorithm>

namespace skiff {

using coordination_v1::Lease;

namespace {

Result<bool> NotInTime() {
  return Fail(Reason::kTimeout, "the lease was not renewed in time");
}

}  // namespace

LeaderElection::LeaderElection(Client& client, const Clock& clock, Random& random, Options options)
    : client_(client), clock_(clock), random_(random), options_(std::move(options)) {}

Duration LeaderElection::Step() {
  if (stopped_) return kNever;
  // Asked once more when it is too late, the server may say nothing until the lease is another's.
  const bool gives_up = leading_ && is_failing_ && IsTooLate();
  const Result<bool> held = gives_up ? NotInTime() : TryAcquireOrRenew();
  is_failing_ = !held;
  const Duration now = clock_.Monotonic();
  if (held && *held) {
    renewed_at_ = now;
    if (!leading_.exchange(true)) {
      log_.Info("became leader", {{"lease", options_.lease}, {"identity", options_.identity}});
      options_.on_started();
    }
    return options_.retry_period;
  }
  if (leading_) {
    const bool lost = held.has_value();  // Somebody else holds it.
    const Duration left = renewed_at_ + options_.renew_deadline - now;
    if (!lost && left > Duration(0)) return std::min(options_.retry_period, left);
    leading_ = false;
    stopped_ = true;
    log_.Info("stopped leading", {{"lease", options_.lease}, {"identity", options_.identity}});
    options_.on_stopped();
    return kNever;
  }
  // Up to 1.2 times the period, so that candidates do not come all at once.
  const double jitter = 1.2 * random_.Fraction();
  return options_.retry_period + Duration(static_cast<int64_t>(
                                     static_cast<double>(options_.retry_period.count()) * jitter));
}

bool LeaderElection::IsTooLate() const {
  return clock_.Monotonic() - renewed_at_ >= options_.renew_deadline;
}

// As client-go with ReleaseOnCancel.
void LeaderElection::Release() {
  if (!leading_.exchange(false) || !observed_) return;
  stopped_ = true;
  Lease lease = *observed_;
  const Time now = clock_.Now();
  lease.spec.holder_identity.reset();
  lease.spec.lease_duration_seconds = 1;
  lease.spec.acquire_time = lease.spec.renew_time = now;
  // By the version that was seen last: whoever took the lease over meanwhile keeps it.
  if (const auto released = client_.Update(lease); !released) {
    log_.Info("lease not released",
              {{"lease", options_.lease}, {"error", released.error().message}});
  }
}

std::string LeaderElection::holder() const {
  return observed_ ? observed_->spec.holder_identity.value_or("") : "";
}

Result<bool> LeaderElection::TryAcquireOrRenew() {
  // A leader whose lease is valid writes straight over its own last copy.
  if (leading_ && observed_ && clock_.Monotonic() - observed_at_ < options_.lease_duration) {
    if (auto renewed = client_.Update(LeaseNow(observed_.get()))) {
      Observe(std::move(*renewed));
      return true;
    }
    // A server that lets all wait says nothing to a second question, either.
    if (IsTooLate()) return NotInTime();
  }
  auto current = client_.Get<Lease>(options_.lease);
  if (!current && current.error().reason == Reason::kNotFound) {
    auto created = TRY(client_.Create(LeaseNow(nullptr)));
    Observe(std::move(created));
    return true;
  }
  if (!current) return Fail(current.error());
  Observe(std::move(*current));
  if (leading_ && IsTooLate()) return NotInTime();
  const bool expired = clock_.Monotonic() - observed_at_ >= options_.lease_duration;
  if (!holder().empty() && holder() != options_.identity && !expired) return false;
  if (leading_) ++slow_renewals_;
  auto taken = TRY(client_.Update(LeaseNow(observed_.get())));
  Observe(std::move(taken));
  return true;
}

void LeaderElection::Observe(Ptr<Lease> lease) {
  if (!observed_ || !(observed_->spec == lease->spec)) observed_at_ = clock_.Monotonic();
  observed_ = std::move(lease);
}

Lease LeaderElection::LeaseNow(const Lease* previous) const {
  Lease lease;
  if (previous) lease = *previous;
  lease.metadata.namespace_ = options_.lease.namespace_;
  lease.metadata.name = options_.lease.name;
  const bool renewing = previous && previous->spec.holder_identity == options_.identity;
  const Time now = clock_.Now();
  lease.spec.holder_identity = options_.identity;
  lease.spec.lease_duration_seconds = static_cast<int32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(options_.lease_duration).count());
  lease.spec.renew_time = now;
  if (!renewing) lease.spec.acquire_time = now;
  const int32_t transitions = previous ? previous->spec.lease_transitions.value_or(0) : 0;
  lease.spec.lease_transitions = previous && !renewing ? transitions + 1 : transitions;
  return lease;
}

}  // namespace skiff
