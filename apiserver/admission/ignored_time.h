// How long expressions may take whose failure is ignored: so that the request is still answered.
#pragma once

#include <chrono>
#include <optional>

#include "api/cel/limits.h"

namespace skiff {

// While it lives, the evaluations of this thread are interrupted once half of the time is over that
// is left of the request: what runs out of its time fails, and what is ignored then must not have
// taken all of it. Whatever else ends them, ends them as before.
class IgnoredTime {
 public:
  // `ignores_failure`: false where the request fails with them, which then have all of its time.
  IgnoredTime(bool ignores_failure, std::chrono::steady_clock::time_point deadline) {
    if (!ignores_failure) return;
    const auto now = std::chrono::steady_clock::now();
    const auto end = now + (deadline - now) / 2;
    scope_.emplace(cel::OrAsBefore([end] { return std::chrono::steady_clock::now() >= end; }));
  }

 private:
  std::optional<cel::GiveUpScope> scope_;
};

}  // namespace skiff
