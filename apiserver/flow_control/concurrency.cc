#include "apiserver/flow_control/concurrency.h"

#include <algorithm>
#include <cmath>

namespace skiff::flow_control {
namespace {

// By how much of it a wish of the past outlives a period in which there was none.
constexpr double kSmoothing = 0.977;
// A level that wants nothing is shared out to as if it wanted this.
constexpr double kLeastTarget = 0.001;
constexpr int kUpperMax = 1 << 30;

double InSeconds(Duration length) {
  return std::chrono::duration<double>(length).count();
}

struct Item {
  double lower;
  double upper;
  double target;
  double At(double fraction) const { return std::clamp(fraction * target, lower, upper); }
};

double SumAt(const std::vector<Item>& items, double fraction) {
  double sum = 0;
  for (const Item& item : items) sum += item.At(fraction);
  return sum;
}

// The fraction at which all items together have `seats`. What they have rises with it, in straight
// lines between the fractions at which one of them leaves its lower bound or reaches its upper one.
double FairFraction(const std::vector<Item>& items, double seats) {
  std::vector<double> bends = {0};
  for (const Item& item : items) {
    bends.push_back(item.lower / item.target);
    bends.push_back(item.upper / item.target);
  }
  std::sort(bends.begin(), bends.end());
  double before = bends.front();
  for (const double bend : bends) {
    const double sum = SumAt(items, bend);
    if (sum < seats) {
      before = bend;
      continue;
    }
    const double sum_before = SumAt(items, before);
    if (sum <= sum_before) return bend;
    return before + (bend - before) * (seats - sum_before) / (sum - sum_before);
  }
  return before;  // All of them have what they may.
}

}  // namespace

std::vector<Limits> LimitsOf(const std::vector<Shares>& shares, int seats) {
  double sum = 0;
  for (const Shares& each : shares) sum += each.nominal;
  std::vector<Limits> limits;
  for (const Shares& each : shares) {
    // Rounded up, as Kubernetes does: the limits may come to a little more than there is.
    const double wanted = static_cast<double>(seats) * each.nominal;
    const int nominal = sum == 0 ? 0 : static_cast<int>(std::ceil(wanted / sum));
    const int lendable = static_cast<int>(std::round(nominal * each.lendable_percent / 100.0));
    double borrowed = seats;
    if (each.borrowing_percent) borrowed = std::round(nominal * (*each.borrowing_percent / 100.0));
    // A percentage may be any number.
    const int upper = static_cast<int>(std::min<double>(nominal + borrowed, kUpperMax));
    limits.push_back({nominal, nominal - lendable, upper});
  }
  return limits;
}

int SeatsPerRequestMax(int nominal, int hand_size) {
  const int by_share = static_cast<int>(std::ceil(nominal * 0.15));
  return std::max(1, std::min(by_share, nominal / std::max(1, hand_size)));
}

void Integrator::Advance(Duration now) {
  const double seconds = InSeconds(now - last_);
  last_ = now;
  sum_ += value_ * seconds;
  sum_squares_ += value_ * value_ * seconds;
}

void Integrator::Note(Duration now, double value) {
  Advance(now);
  value_ = value;
  highest_ = std::max(highest_, value);
}

Integrator::Results Integrator::Take(Duration now) {
  Advance(now);
  Results results{.length = now - since_, .highest = highest_};
  if (const double seconds = InSeconds(results.length); seconds > 0) {
    results.average = sum_ / seconds;
    const double variance = sum_squares_ / seconds - results.average * results.average;
    results.deviation = std::sqrt(std::max(0.0, variance));
  }
  since_ = now;
  highest_ = value_;
  sum_ = sum_squares_ = 0;
  return results;
}

void Wish::Take(const Integrator::Results& results) {
  highest = results.highest;
  if (results.length <= Duration::zero()) return;
  average = results.average;
  deviation = results.deviation;
  const double envelope = average + deviation;
  // Nobody looks while nothing happens, so that a period may have been a long one.
  const double periods = InSeconds(results.length) / InSeconds(kAdjustPeriod);
  const double kept = std::pow(kSmoothing, std::max(1.0, periods));
  smoothed = std::max(envelope, kept * smoothed + (1 - kept) * envelope);
}

Adjusted AdjustLimits(const std::vector<Demand>& levels, int seats) {
  Adjusted adjusted;
  std::vector<Item> items;
  double left = seats;
  double lower_sum = 0;
  double needed_sum = 0;
  for (const Demand& level : levels) {
    const double needed = std::max<double>(
        level.limits.lower, std::min<double>(level.limits.nominal, level.wish.highest));
    adjusted.seats.push_back(static_cast<int>(std::round(needed)));
    adjusted.targets.push_back(std::max(needed, level.wish.smoothed));
    if (level.exempt) {
      left -= needed;
      continue;
    }
    lower_sum += level.limits.lower;
    needed_sum += needed;
    items.push_back({needed, std::max<double>(needed, level.limits.upper),
                     std::max(kLeastTarget, adjusted.targets.back())});
  }
  const bool scarce = left <= needed_sum;
  const double share = needed_sum > lower_sum
                           ? std::clamp((left - lower_sum) / (needed_sum - lower_sum), 0.0, 1.0)
                           : 0;
  if (!scarce) adjusted.fair_fraction = FairFraction(items, left);
  auto item = items.begin();
  for (size_t i = 0; i < levels.size(); ++i) {
    if (levels[i].exempt) continue;
    const double lower = levels[i].limits.lower;
    const double seats_of =
        scarce ? lower + (item->lower - lower) * share : item->At(adjusted.fair_fraction);
    adjusted.seats[i] = static_cast<int>(std::round(seats_of));
    ++item;
  }
  return adjusted;
}

}  // namespace skiff::flow_control
