#include "controllers/scheduler/devices/device_search.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/cel/limits.h"
#include "controllers/scheduler/devices/device_constraint.h"
#include "controllers/scheduler/devices/device_result.h"

namespace skiff::scheduler {
namespace {

using resource_v1::ResourceClaim;

struct Candidate {
  const DevicePool* pool;
  const resource_v1::ResourceSlice* slice;
  const resource_v1::Device* device;
  bool is_allocated = false;   // By a claim that is none of those.
  std::vector<size_t> takers;  // Of those claims; several where administrators look on.
};

// A wish on a certain node.
struct WishHere {
  DeviceWish wish;
  int64_t count = 0;
  bool wants_all = false;
  std::vector<size_t> all;  // Candidates.
};

struct RequestHere {
  std::vector<WishHere> wishes;
  bool has_alternatives = false;
  size_t chosen = 0;
};

struct ClaimHere {
  const ResourceClaim* claim;
  std::vector<RequestHere> requests;
  std::vector<MatchAttribute> constraints;
  std::vector<ChosenDevice> devices;
};

// Where the search is: what is to be taken next.
struct Place {
  size_t claim = 0;
  size_t request = 0;
  size_t wish = 0;
  int64_t device = 0;
  bool is_in_wish = false;  // One of the alternatives has been picked.
};

// What is tried at a place, until it comes to something or nothing is left. The search keeps them
// on a stack of its own: it goes as deep as there are devices to be taken.
struct Try {
  enum class What {
    kClaim,         // All that begins with a claim.
    kAlternatives,  // The wishes of a request, one after the other.
    kAll,           // The next device of those that are taken all.
    kAny,           // Any candidate.
  };
  What what;
  Place place;
  size_t candidate = 0;    // Taken at present.
  bool all_exceed = true;  // No alternative has failed but by the bound of devices.
};

enum class Step {
  kDown,  // Go on at the place.
  kFound,
  kFailed,   // Nothing comes of what was taken last.
  kExceeds,  // Nor of anything like it, as it would be too many devices.
  kStop,     // `outcome` says why.
};

}  // namespace

// One search on one node.
class DeviceAttempt {
 public:
  DeviceAttempt(DeviceSearch& search, const DeviceSlices::Slices& reached,
                const std::function<bool()>& give_up)
      : search_(search), give_up_(give_up), pools_(search.input_.slices->PoolsOf(reached)) {}

  DeviceOutcome Run() {
    for (const DevicePool& pool : pools_) {
      for (const auto* slice : pool.slices) {
        for (const auto& device : slice->spec.devices) {
          const bool taken = search_.input_.allocated->Contains(pool.key, device.name);
          candidates_.push_back({&pool, slice, &device, taken, {}});
        }
      }
    }
    for (const DeviceClaimPtr& claim : search_.input_.claims) {
      auto here = Prepare(*claim);
      if (!here) return Stopped(here.error());
      claims_.push_back(*std::move(here));
    }
    switch (Walk()) {
      case Step::kFound:
        return Found();
      case Step::kStop:
        return std::move(outcome_);
      default:
        break;
    }
    const bool any_invalid = std::ranges::any_of(pools_, &DevicePool::is_invalid);
    outcome_.code = any_invalid ? DeviceOutcome::Code::kInvalidPools : DeviceOutcome::Code::kNone;
    return std::move(outcome_);
  }

 private:
  // Before anything is taken: what is wrong with a claim is said, whatever the devices.
  Result<ClaimHere> Prepare(const ResourceClaim& claim) {
    ClaimHere here{.claim = &claim, .requests = {}, .constraints = {}, .devices = {}};
    int64_t devices = 0;
    for (const auto& request : claim.spec.devices.requests) {
      DeviceRequestWishes given = WishesOf(request);
      RequestHere& prepared = here.requests.emplace_back();
      prepared.has_alternatives = given.has_alternatives;
      int64_t fewest = given.wishes.empty() ? 0 : INT64_MAX;
      for (DeviceWish& wish : given.wishes) {
        WishHere ready = TRY(Prepare(claim, std::move(wish)));
        fewest = std::min(fewest, ready.count);
        prepared.wishes.push_back(std::move(ready));
      }
      if (__builtin_add_overflow(devices, fewest, &devices)) devices = INT64_MAX;
    }
    if (devices > kDevicesPerClaimMax) {
      return Fail(Reason::kInvalid,
                  fmt::format("claim {}: number of requested devices {} exceeds the claim limit "
                              "of {}",
                              NameOf(claim), devices, kDevicesPerClaimMax));
    }
    const auto& constraints = claim.spec.devices.constraints;
    for (size_t i = 0; i < constraints.size(); ++i) {
      if (!constraints[i].match_attribute) {
        return Fail(Reason::kInvalid, fmt::format("claim {}, constraint #{}: empty constraint "
                                                  "(unsupported constraint type?)",
                                                  NameOf(claim), i));
      }
      here.constraints.emplace_back(constraints[i]);
    }
    return here;
  }

  Result<WishHere> Prepare(const ResourceClaim& claim, DeviceWish wish) {
    const std::string owner = fmt::format("claim {}, request {}", NameOf(claim), wish.name);
    const auto wrong = [&](const std::string& why) { return Fail(Reason::kInvalid, owner + why); };
    for (size_t i = 0; i < wish.selectors.size(); ++i) {
      if (wish.selectors[i].cel) continue;
      return wrong(
          fmt::format(", selector #{}: CEL expression empty (unsupported selector type?)", i));
    }
    if (wish.class_name.empty()) {
      return wrong(": missing device class name (unsupported request type?)");
    }
    wish.device_class = search_.input_.device_class(wish.class_name);
    if (!wish.device_class) {
      return wrong(
          fmt::format(": could not retrieve device class {0}: "
                      "deviceclass.resource.k8s.io \"{0}\" not found",
                      wish.class_name));
    }
    WishHere here{.wish = wish, .count = wish.count, .wants_all = wish.mode == "All", .all = {}};
    if (wish.mode == "ExactCount") return here;
    if (!here.wants_all) return wrong(": unsupported count mode " + wish.mode);
    for (const DevicePool& pool : pools_) {
      if (!pool.is_incomplete && !pool.is_invalid) continue;
      return wrong(fmt::format(": asks for all devices, but resource pool {} is currently {}",
                               pool.Text(), pool.is_incomplete ? "being updated" : "invalid"));
    }
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (TRY(IsSelectable(claim, wish, candidates_[i]))) here.all.push_back(i);
    }
    here.count = static_cast<int64_t>(here.all.size());
    return here;
  }

  Result<bool> IsSelectable(const ResourceClaim& claim, const DeviceWish& wish,
                            const Candidate& candidate) {
    // Of a feature that is off.
    if (!candidate.device->binding_conditions.empty()) return false;
    const DeviceSearch::Asked asked{&wish.name, candidate.device};
    if (const auto known = search_.selected_.find(asked); known != search_.selected_.end()) {
      return known->second;
    }
    const bool selected = TRY(IsSelected(claim, wish, candidate.slice->spec.driver,
                                         *candidate.device, *search_.input_.selectors));
    search_.selected_.emplace(asked, selected);
    return selected;
  }

  Step Walk() {
    Place place;
    Step step = Step::kDown;
    for (;;) {
      if (step == Step::kDown) step = Enter(place);
      if (step == Step::kDown) continue;
      if (step == Step::kFound || step == Step::kStop || tries_.empty()) return step;
      step = TryAgain(step, place);
    }
  }

  // Begins with what is to be taken at the place, and moves it on.
  Step Enter(Place& place) {
    if (give_up_()) return GivenUp();
    if (place.claim >= claims_.size()) return Step::kFound;
    ClaimHere& claim = claims_[place.claim];
    if (place.request >= claim.requests.size()) {
      tries_.push_back({.what = Try::What::kClaim, .place = place});
      place = {.claim = place.claim + 1};
      return Step::kDown;
    }
    RequestHere& request = claim.requests[place.request];
    if (request.has_alternatives && !place.is_in_wish) {
      tries_.push_back({.what = Try::What::kAlternatives, .place = place});
      request.chosen = place.wish = 0;
      place.is_in_wish = true;
      return Step::kDown;
    }
    if (request.wishes.empty()) return Step::kFailed;
    const WishHere& here = request.wishes[place.wish];
    if (here.wants_all && here.all.empty()) return Step::kFailed;
    if (place.device >= here.count) {
      place = {.claim = place.claim, .request = place.request + 1};
      return Step::kDown;
    }
    const auto taken = static_cast<int64_t>(claim.devices.size());
    if (here.count - place.device > kDevicesPerClaimMax - taken) return Step::kExceeds;
    if (here.wants_all) return TakeOneOfAll(here, place);
    tries_.push_back({.what = Try::What::kAny, .place = place});
    return TakeAny(tries_.back(), place);
  }

  // What was taken last came to nothing: puts it back and takes something else.
  Step TryAgain(Step failure, Place& place) {
    Try& last = tries_.back();
    switch (last.what) {
      case Try::What::kClaim:
        // Another choice for the claims before may leave one of this that takes fewer.
        failure = Step::kFailed;
        break;
      case Try::What::kAlternatives: {
        last.all_exceed &= failure == Step::kExceeds;
        RequestHere& request = claims_[last.place.claim].requests[last.place.request];
        if (request.chosen + 1 < request.wishes.size()) {
          place = last.place;
          place.wish = ++request.chosen;
          place.is_in_wish = true;
          return Step::kDown;
        }
        failure = last.all_exceed ? Step::kExceeds : Step::kFailed;
        break;
      }
      case Try::What::kAll:
        PutBack(last);
        break;
      case Try::What::kAny:
        PutBack(last);
        if (failure == Step::kExceeds) break;
        ++last.candidate;
        return TakeAny(last, place);
    }
    tries_.pop_back();
    return failure;
  }

  // Whichever comes first makes no difference, as all have to be taken.
  Step TakeOneOfAll(const WishHere& here, Place& place) {
    const size_t candidate = here.all[static_cast<size_t>(place.device)];
    const auto taken = Take(here.wish, candidate, place);
    if (taken == Taken::kInUse) return Step::kFailed;
    if (taken == Taken::kAgainstConstraint) {
      const Candidate& device = candidates_[candidate];
      return Stop(
          fmt::format("claim {}, request {}: cannot add device {}/{} because a claim "
                      "constraint would not be satisfied",
                      NameOf(*claims_[place.claim].claim), here.wish.name, device.pool->Text(),
                      device.device->name));
    }
    tries_.push_back({.what = Try::What::kAll, .place = place, .candidate = candidate});
    ++place.device;
    return Step::kDown;
  }

  // The next one from the try's candidate on. The try ends where there is none.
  Step TakeAny(Try& current, Place& place) {
    const Place& at = current.place;
    const ClaimHere& claim = claims_[at.claim];
    const DeviceWish& wish = claim.requests[at.request].wishes[at.wish].wish;
    for (; current.candidate < candidates_.size(); ++current.candidate) {
      // Being held is cheap to find out, and goes first.
      if (IsInUse(wish, candidates_[current.candidate], at)) continue;
      const auto selectable = IsSelectable(*claim.claim, wish, candidates_[current.candidate]);
      if (!selectable) return Stop(selectable.error().message);
      if (give_up_()) return GivenUp();
      if (!*selectable || Take(wish, current.candidate, at) != Taken::kYes) continue;
      place = at;
      ++place.device;
      return Step::kDown;
    }
    tries_.pop_back();
    return Step::kFailed;
  }

  // Administrators look on devices that others hold, but at each once.
  static bool IsInUse(const DeviceWish& wish, const Candidate& candidate, const Place& place) {
    if (!wish.is_admin) return candidate.is_allocated || !candidate.takers.empty();
    return std::ranges::find(candidate.takers, place.claim) != candidate.takers.end();
  }

  enum class Taken { kYes, kInUse, kAgainstConstraint };
  Taken Take(const DeviceWish& wish, size_t number, const Place& place) {
    Candidate& candidate = candidates_[number];
    if (IsInUse(wish, candidate, place)) return Taken::kInUse;
    // Of a feature that is off.
    if (!candidate.device->consumes_counters.empty()) return Taken::kInUse;
    ClaimHere& claim = claims_[place.claim];
    for (size_t i = 0; i < claim.constraints.size(); ++i) {
      if (claim.constraints[i].Add(wish, candidate.slice->spec.driver, *candidate.device)) continue;
      while (i > 0) claim.constraints[--i].Remove(wish);
      return Taken::kAgainstConstraint;
    }
    candidate.takers.push_back(place.claim);
    claim.devices.push_back({&wish, candidate.slice, candidate.device});
    return Taken::kYes;
  }

  void PutBack(const Try& from) {
    ClaimHere& claim = claims_[from.place.claim];
    for (MatchAttribute& constraint : claim.constraints) {
      constraint.Remove(*claim.devices.back().wish);
    }
    claim.devices.pop_back();
    std::erase(candidates_[from.candidate].takers, from.place.claim);
  }

  Step Stop(std::string error) {
    outcome_.code = DeviceOutcome::Code::kFailed;
    outcome_.error = std::move(error);
    if (give_up_()) return GivenUp();  // It was cut short.
    return Step::kStop;
  }
  Step GivenUp() {
    outcome_.code = DeviceOutcome::Code::kGivenUp;
    return Step::kStop;
  }
  DeviceOutcome Stopped(const Error& error) {
    (void)Stop(error.message);
    return std::move(outcome_);
  }

  DeviceOutcome Found() {
    for (const ClaimHere& claim : claims_) {
      std::vector<const DeviceWish*> met;
      for (const RequestHere& request : claim.requests) {
        met.push_back(&request.wishes[request.chosen].wish);
      }
      auto result = AllocationOf(*claim.claim, met, claim.devices);
      if (!result) return Stopped(result.error());
      outcome_.results.push_back(*std::move(result));
    }
    outcome_.code = DeviceOutcome::Code::kFound;
    return std::move(outcome_);
  }

  DeviceSearch& search_;
  const std::function<bool()>& give_up_;
  const std::vector<DevicePool> pools_;
  std::vector<Candidate> candidates_;  // Of pools that are whole.
  std::vector<ClaimHere> claims_;
  std::vector<Try> tries_;
  DeviceOutcome outcome_;
};

DeviceOutcome DeviceSearch::Allocate(const core_v1::Node& node,
                                     const std::function<bool()>& give_up) {
  const cel::GiveUpScope scope(give_up);
  const auto reached = input_.slices->ReachedFrom(node);
  const bool has_own = std::ranges::any_of(
      reached, [](const auto* slice) { return !slice->spec.node_name.value_or("").empty(); });
  if (has_own) return DeviceAttempt(*this, reached, give_up).Run();
  const auto known = outcomes_.find(reached);
  if (known != outcomes_.end()) return known->second;
  DeviceOutcome outcome = DeviceAttempt(*this, reached, give_up).Run();
  outcomes_.emplace(reached, outcome);
  return outcome;
}

}  // namespace skiff::scheduler
