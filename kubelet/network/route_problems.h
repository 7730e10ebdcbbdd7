// What stands in the way of routes to other nodes, and whether somebody should hear of it now.
// Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace skiff {

// Each problem is told once, when it has lasted: a machine that comes back with another address has
// some until its Node says so. One that went and came again is told again.
class RouteProblems {
 public:
  static constexpr Duration kPatience = 5s;
  // The problems of now; times are monotonic and do not go back. Returns those to be told.
  std::vector<std::string> Note(const std::vector<std::string>& problems, Duration now);
  // How long after `now` some problem will have lasted; kNever: all are told.
  Duration UntilDue(Duration now) const;

 private:
  struct Seen {
    Duration since;
    bool told = false;
  };
  std::map<std::string, Seen> seen_;
};

}  // namespace skiff
