// What one evaluation may make, whatever its cost: Kubernetes' units count looks, not bytes, so
// that a cheap expression could fill the memory ("%s".format of one long text a thousand times).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace skiff::cel {

// Of one text or one list that a function makes; longer: the call fails.
inline constexpr size_t kTextBytesMax = size_t{16} << 20;
inline constexpr size_t kListItemsMax = size_t{2} << 20;
// How deep values that expressions make may stand in one another (Value::depth).
inline constexpr int kValueDepthMax = 1000;
// How deep the trees that this thread evaluates are at present: of an evaluation, and of those that
// it began. Each level is a level of the thread's stack, half a kilobyte. No evaluation begins
// where this is more than kLevelsMax; a tree adds no more than kTreeDepthMax (api/cel/parser.h).
inline constexpr int kLevelsMax = 20000;
inline constinit thread_local int levels_of_thread = 0;

// So many looks are a unit of cost at least, where Kubernetes counts less: to it two documents of
// three megabytes are as cheap to compare as two that have as many members.
inline constexpr uint64_t kLooksPerUnit = 20;
inline constexpr size_t kTextBytesPerLook = 16;
// What this thread has looked at: values that were compared or printed, texts that calls were
// given, and steps of evaluations. Whoever evaluates reads it before and after; functions know
// nothing but their arguments.
inline constinit thread_local uint64_t looks_of_thread = 0;

// What ends the evaluations of this thread from outside: a deadline, a server that stops.
using GiveUp = std::function<bool()>;

// When the present evaluation of this thread has to end. Kept by LookScope and GiveUpScope.
struct LookEnd {
  uint64_t begin = 0;           // Of the evaluation.
  uint64_t end = UINT64_MAX;    // Its budget is spent.
  uint64_t ask_at = 0;          // Somebody is to be asked again.
  uint64_t pause = UINT64_MAX;  // The first of these, or 0: no look is free any more.
  const GiveUp* give_up = nullptr;
  bool interrupted = false;
  bool crowded = false;  // There was no memory for it (api/cel/made_bytes.h).
  bool waited = false;   // For memory, since the outermost GiveUpScope began.
};
inline constinit thread_local LookEnd look_end_of_thread = {};

bool LookOn();

// Counts looks. False: the evaluation is over, and whoever works for it gives up at once with any
// answer; the evaluator makes an error of it.
inline bool Look(uint64_t count = 1) {
  looks_of_thread += count;
  return looks_of_thread < look_end_of_thread.pause || LookOn();
}

// Asks now whether to give up: for who waits in the midst of an evaluation.
bool AskedToGiveUp();
// Nothing more is evaluated, as if somebody had said so, until the outermost GiveUpScope goes.
void Crowded();
// It waited for memory, which took of its time: who says from now on that it has taken too long
// says that it is crowded.
void WaitedForMemory();

// Whether the budget of the innermost LookScope is spent; whether somebody gave up is not asked.
inline bool LooksAreSpent() { return looks_of_thread >= look_end_of_thread.end; }

// One evaluation's looks, which are none of an evaluation around it.
class LookScope {
 public:
  explicit LookScope(uint64_t cost_max);
  ~LookScope();
  LookScope(const LookScope&) = delete;
  LookScope& operator=(const LookScope&) = delete;
  // In units of cost.
  uint64_t Cost() const { return (looks_of_thread - look_end_of_thread.begin) / kLooksPerUnit; }

 private:
  const uint64_t outer_begin_, outer_end_;
};

// Until it goes, the evaluations of this thread end soon after `give_up` says yes. It is asked
// every so many looks. What ended one within as there was no memory ends those around it, too.
class GiveUpScope {
 public:
  explicit GiveUpScope(GiveUp give_up);
  ~GiveUpScope();
  GiveUpScope(const GiveUpScope&) = delete;
  GiveUpScope& operator=(const GiveUpScope&) = delete;
  // Whether an evaluation within it ended as others held too much memory: later there may be some.
  bool crowded() const { return look_end_of_thread.crowded; }

 private:
  const GiveUp give_up_;
  const GiveUp* const outer_;
  const bool outer_interrupted_, outer_crowded_;
};

// Says yes when `when` does, and when whoever is asked at present does, who outlives it: for a
// scope within a scope.
GiveUp OrAsBefore(GiveUp when);

inline constexpr char kTooDeep[] = "value is nested too deeply";
inline constexpr char kBudgetText[] = "operation cancelled: actual cost limit exceeded";
inline constexpr char kInterruptedText[] = "operation interrupted";
inline constexpr char kTextTooLong[] = "text is longer than 16777216 bytes";
inline constexpr char kListTooLong[] = "list is longer than 2097152 items";

}  // namespace skiff::cel
