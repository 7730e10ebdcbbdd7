// How many seats each priority level has: by its configuration, and, every ten seconds, by what it
// and the others asked for since the last time. A level that needs little lends, another borrows.
// Pure but for the time that it is told.
//
//   limits = LimitsOf(shares, 600);                        // By configuration.
//   demand.Note(now, seats_wanted); ...                    // Whenever it changes.
//   wish.Take(demand.Take(now));                           // Each period, of each level;
//   adjusted = AdjustLimits(levels, sum_of_nominal);       // then all limits together.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"

namespace skiff::flow_control {

inline constexpr Duration kAdjustPeriod = 10s;

struct Shares {
  bool exempt = false;
  int nominal = 0;
  int lendable_percent = 0;
  std::optional<int> borrowing_percent = {};  // Unset: whatever others lend.
};

struct Limits {
  int nominal = 0;
  int lower = 0;  // What is never lent.
  int upper = 0;  // Nominal, and the most that may be borrowed.
  // What a level begins with.
  int initial() const { return nominal - (nominal - lower) / 2; }
  bool operator==(const Limits&) const = default;
};
// `seats`: of the whole server.
std::vector<Limits> LimitsOf(const std::vector<Shares>& shares, int seats);

// The most seats one request of a level may be estimated to take.
int SeatsPerRequestMax(int nominal, int hand_size);

// A number over time: its average, its deviation, and its highest value.
class Integrator {
 public:
  struct Results {
    Duration length = Duration::zero();
    double average = 0;
    double deviation = 0;
    double highest = 0;
  };
  explicit Integrator(Duration now) : since_(now), last_(now) {}
  // From `now` on it is `value`.
  void Note(Duration now, double value);
  // Since the last Take; begins anew with the present value.
  Results Take(Duration now);
  double value() const { return value_; }

 private:
  void Advance(Duration now);
  Duration since_;
  Duration last_;
  double value_ = 0;
  double highest_ = 0;
  double sum_ = 0;          // Value times seconds,
  double sum_squares_ = 0;  // and its square.
};

// What a level wants, judged by what it wanted lately.
struct Wish {
  double highest = 0;
  double average = 0;
  double deviation = 0;
  double smoothed = 0;  // Follows a rise at once, and falls slowly.
  void Take(const Integrator::Results& results);
};

struct Demand {
  Limits limits;
  Wish wish;
  bool exempt = false;
};
struct Adjusted {
  std::vector<int> seats;  // Of each level, in order.
  std::vector<double> targets;
  double fair_fraction = 0;  // Of its target each level gets, within its bounds.
};
// Shares `seats` out. Levels that are exempt come first, with what they really need.
Adjusted AdjustLimits(const std::vector<Demand>& levels, int seats);

}  // namespace skiff::flow_control
