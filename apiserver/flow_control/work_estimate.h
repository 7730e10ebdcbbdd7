// How much work a request is before it is begun: the seats it takes while it is worked on, and
// those that its consequences take after it. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "apiserver/request/request_info.h"
#include "base/clock.h"
#include "http/message.h"

namespace skiff::flow_control {

struct Work {
  int initial_seats = 1;
  // Taken with the first ones, and held on for a time when the request is done.
  int final_seats = 0;
  Duration after = Duration::zero();

  int seats() const { return std::max(initial_seats, final_seats); }
  // In seat-seconds, when the request itself takes `estimate`.
  double Total(Duration estimate) const {
    return initial_seats * std::chrono::duration<double>(estimate).count() +
           final_seats * std::chrono::duration<double>(after).count();
  }
};

// What is known of the kind that a request is about.
struct KindFacts {
  std::function<int64_t()> objects;   // How many are stored; negative: unknown.
  std::function<int64_t()> watchers;  // How many watches hear of a change to them.
};

// `seats_max`: of one request of its level (SeatsPerRequestMax).
Work EstimateWork(const RequestInfo& info, const http::Request& request, const KindFacts& facts,
                  int seats_max);

}  // namespace skiff::flow_control
