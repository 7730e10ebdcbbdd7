#include "kubelet/network/route_problems.h"

#include <algorithm>

namespace skiff {

std::vector<std::string> RouteProblems::Note(const std::vector<std::string>& problems,
                                             Duration now) {
  std::map<std::string, Seen> seen;
  std::vector<std::string> due;
  for (const std::string& problem : problems) {
    const auto before = seen_.find(problem);
    Seen& entry = seen[problem] = before == seen_.end() ? Seen{.since = now} : before->second;
    if (entry.told || now - entry.since < kPatience) continue;
    entry.told = true;
    due.push_back(problem);
  }
  seen_ = std::move(seen);
  return due;
}

Duration RouteProblems::UntilDue(Duration now) const {
  Duration until = kNever;
  for (const auto& [problem, entry] : seen_) {
    if (!entry.told) until = std::min(until, entry.since + kPatience - now);
  }
  return until;
}

}  // namespace skiff
