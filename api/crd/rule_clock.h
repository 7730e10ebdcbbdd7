// Whoever wants to know how long rules take brings the clock: api/ has none.
//
//   const RuleClockScope scope(&clock);      // For this thread, until it goes.
//   custom.Validate(...);                    // clock.Took(RuleWork::kEvaluation, begin), ...
#pragma once

#include <cstdint>

namespace skiff::crd {

enum class RuleWork : uint8_t {
  kCompilation,  // Of all rules of one schema node.
  kEvaluation,   // Of one value with all that is below it.
};

// Thread-safe.
class RuleClock {
 public:
  virtual ~RuleClock() = default;
  virtual int64_t Nanoseconds() const = 0;
  virtual void Took(RuleWork work, int64_t begin) = 0;
};

inline constinit thread_local RuleClock* rule_clock_of_thread = nullptr;

class RuleClockScope {
 public:
  // Null: nobody wants to know.
  explicit RuleClockScope(RuleClock* clock) : outer_(rule_clock_of_thread) {
    rule_clock_of_thread = clock;
  }
  ~RuleClockScope() { rule_clock_of_thread = outer_; }
  RuleClockScope(const RuleClockScope&) = delete;
  RuleClockScope& operator=(const RuleClockScope&) = delete;

 private:
  RuleClock* const outer_;
};

// Tells the thread's clock of the work that is done until it goes.
class TimedRuleWork {
 public:
  explicit TimedRuleWork(RuleWork work)
      : work_(work),
        clock_(rule_clock_of_thread),
        begin_(clock_ == nullptr ? 0 : clock_->Nanoseconds()) {}
  ~TimedRuleWork() {
    if (clock_ != nullptr) clock_->Took(work_, begin_);
  }
  TimedRuleWork(const TimedRuleWork&) = delete;
  TimedRuleWork& operator=(const TimedRuleWork&) = delete;

 private:
  const RuleWork work_;
  RuleClock* const clock_;
  const int64_t begin_;
};

}  // namespace skiff::crd
