// How long the search for devices may take for claims that ask for the same. A cycle holds up all
// other pods, and a claim that nothing can meet is tried again and again, by the pods of a
// ReplicaSet one after the other: the first of them may take all of the time that there is, and
// from then on what they ask gets a tenth of the time that passes. So it is with all that is asked
// in vain together, once that has taken thrice as long; a claim of another kind then still gets a
// short while, in which what is there is found. What is found soon is not touched by any of it:
// only searches that were given up are counted.
//
//   const Duration left = allowances.Left(question, 20s, now);
//   ... search, no longer than that ...
//   if (it was given up) allowances.Spend(question, took, now);
#pragma once

#include <map>
#include <string>

#include "base/clock.h"

namespace skiff::scheduler {

class SearchAllowances {
 public:
  // Of the time that passes.
  static constexpr int kShare = 10;
  // Of what one may take, for all together.
  static constexpr int kTogether = 3;
  // For a question that was not asked before, however long others have taken.
  static constexpr Duration kFirst = 100ms;
  // Questions that are remembered; of more the one that has spent least is forgotten.
  static constexpr size_t kQuestionsMax = 1000;

  // Of `full`, what has not been spent.
  Duration Left(const std::string& question, Duration full, Duration now) const;
  // `now` never goes back.
  void Spend(const std::string& question, Duration took, Duration now);
  // Nothing is remembered of any question.
  bool empty() const { return spent_.empty(); }
  size_t size() const { return spent_.size(); }

 private:
  struct Spent {
    Duration time{};
    Duration at{};
    Duration By(Duration now) const;
  };
  void Forget(Duration now);

  std::map<std::string, Spent> spent_;
  Spent together_;
};

}  // namespace skiff::scheduler
