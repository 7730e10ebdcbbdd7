#include "apiserver/server/health_monitor.h"

#include <fmt/format.h>

#include "base/at_once.h"

namespace skiff {
namespace {

std::vector<Sample> LevelsOf(const std::vector<HealthMonitor::Verdict>& verdicts) {
  std::vector<Sample> levels;
  for (const auto& verdict : verdicts) {
    for (const std::string_view root : HealthMonitor::kRoots) {
      if (!verdict.IsAskedAt(root)) continue;
      levels.push_back({{verdict.name, std::string(root)}, verdict.fault.empty() ? 1.0 : 0.0});
    }
  }
  return levels;
}

}  // namespace

HealthMonitor::HealthMonitor(const Clock& clock, std::vector<Check> checks)
    : clock_(clock),
      checks_(std::move(checks)),
      told_(levels_.AddCounter({"kubernetes_healthchecks_total",
                                "[STABLE] What the health checks said to those who asked.",
                                {"name", "status", "type"}})),
      seen_(checks_.size()) {
  levels_.AddMeasured(
      {"kubernetes_healthcheck", "[STABLE] Whether a health check passes.", {"name", "type"}},
      [this] { return LevelsOf(Verdicts()); });
}

void HealthMonitor::Count(const Verdict& verdict, std::string_view root) {
  told_.Add({verdict.name, verdict.fault.empty() ? "success" : "error", root});
}

HealthMonitor::Seen HealthMonitor::Look(const Check& check, Seen before) const {
  if (before.done) return before;
  Seen seen{.result = check.look()};
  seen.done = check.once && seen.result;
  if (before.result.has_value() != seen.result.has_value()) {
    if (seen.result) {
      log_.Info("health check passes again", {{"check", check.name}});
    } else {
      log_.Info("health check fails",
                {{"check", check.name}, {"error", seen.result.error().message}});
    }
  }
  return seen;
}

void HealthMonitor::LookAside() {
  (void)Step();  // Nobody has to wait for a first answer.
  MutexLock lock(mutex_);
  aside_ = true;
}

Duration HealthMonitor::Step() {
  for (size_t i = 0; i < checks_.size(); ++i) {
    if (checks_[i].immediate) continue;
    Seen before;
    {
      MutexLock lock(mutex_);
      before = seen_[i];
    }
    Seen seen = Look(checks_[i], std::move(before));
    MutexLock lock(mutex_);
    seen_[i] = std::move(seen);
  }
  MutexLock lock(mutex_);
  looked_at_ = clock_.Monotonic();
  return kPeriod;
}

std::vector<HealthMonitor::Verdict> HealthMonitor::Verdicts() {
  bool aside;
  std::vector<Seen> seen;
  Duration age;
  {
    MutexLock lock(mutex_);
    aside = aside_;
    seen = seen_;
    age = clock_.Monotonic() - looked_at_;
  }
  std::vector<Verdict> verdicts;
  if (!aside && !MayWait()) return verdicts;
  for (size_t i = 0; i < checks_.size(); ++i) {
    const Check& check = checks_[i];
    Verdict verdict{.name = check.name,
                    .ready_only = check.ready_only,
                    .not_live = check.not_live,
                    .fault = ""};
    if (check.immediate || !aside) {
      seen[i] = Look(check, std::move(seen[i]));
      MutexLock lock(mutex_);
      seen_[i] = seen[i];
    }
    if (!seen[i].result) {
      verdict.fault = seen[i].result.error().message;
    } else if (aside && !check.immediate && !check.once && age > kAgeMax) {
      verdict.fault = fmt::format("nothing was seen of it for {} s",
                                  std::chrono::duration_cast<std::chrono::seconds>(age).count());
    }
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

}  // namespace skiff
