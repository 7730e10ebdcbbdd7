#include "api/cel/limits.h"

#include <algorithm>
#include <utility>

#include "api/cel/estimate_size.h"

namespace skiff::cel {
namespace {

// Some milliseconds.
constexpr uint64_t kLooksPerQuestion = 100000;

void SetPause() {
  LookEnd& mine = look_end_of_thread;
  const uint64_t ask_at = mine.give_up == nullptr ? UINT64_MAX : mine.ask_at;
  mine.pause = mine.interrupted ? 0 : std::min(mine.end, ask_at);
}

}  // namespace

bool LookOn() {
  LookEnd& mine = look_end_of_thread;
  if (mine.interrupted) return false;
  if (mine.give_up != nullptr && looks_of_thread >= mine.ask_at) {
    mine.ask_at = looks_of_thread + kLooksPerQuestion;
    mine.interrupted = (*mine.give_up)();
    mine.crowded |= mine.interrupted && mine.waited;
    SetPause();
  }
  return !mine.interrupted && looks_of_thread < mine.end;
}

bool AskedToGiveUp() {
  look_end_of_thread.ask_at = 0;
  SetPause();
  return !LookOn();
}

void Crowded() {
  LookEnd& mine = look_end_of_thread;
  if (mine.give_up == nullptr) return;  // Nobody would say when that is over.
  mine.crowded = true;
  mine.interrupted = true;
  SetPause();
}

void WaitedForMemory() {
  look_end_of_thread.waited = true;
}

LookScope::LookScope(uint64_t cost_max)
    : outer_begin_(look_end_of_thread.begin), outer_end_(look_end_of_thread.end) {
  LookEnd& mine = look_end_of_thread;
  mine.begin = looks_of_thread;
  const bool endless = cost_max >= UINT64_MAX / kLooksPerUnit - 1;
  mine.end = endless ? UINT64_MAX : SaturatingAdd(mine.begin, (cost_max + 1) * kLooksPerUnit);
  SetPause();
}

LookScope::~LookScope() {
  LookEnd& mine = look_end_of_thread;
  const uint64_t taken = looks_of_thread - mine.begin;
  mine.begin = outer_begin_ + taken;
  mine.end = SaturatingAdd(outer_end_, taken);
  SetPause();
}

GiveUpScope::GiveUpScope(GiveUp give_up)
    : give_up_(std::move(give_up)),
      outer_(look_end_of_thread.give_up),
      outer_interrupted_(look_end_of_thread.interrupted),
      outer_crowded_(look_end_of_thread.crowded) {
  LookEnd& mine = look_end_of_thread;
  mine.crowded = false;
  if (outer_ == nullptr) mine.waited = false;
  mine.give_up = &give_up_;
  mine.interrupted = false;
  mine.ask_at = looks_of_thread + kLooksPerQuestion;
  SetPause();
}

GiveUpScope::~GiveUpScope() {
  LookEnd& mine = look_end_of_thread;
  const bool is_passed_on = mine.crowded && outer_ != nullptr;
  mine.give_up = outer_;
  mine.interrupted = outer_interrupted_ || is_passed_on;
  mine.crowded = outer_crowded_ || is_passed_on;
  SetPause();
}

GiveUp OrAsBefore(GiveUp when) {
  const GiveUp* const before = look_end_of_thread.give_up;
  if (before == nullptr) return when;
  return [when = std::move(when), before] { return (*before)() || when(); };
}

}  // namespace skiff::cel
