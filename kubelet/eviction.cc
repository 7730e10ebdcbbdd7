#include "kubelet/eviction.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/flags.h"

namespace skiff::kubelet {
namespace {

struct SignalFacts {
  Signal signal;
  std::string_view text, resource, pressure;
};

constexpr std::array<SignalFacts, 9> kSignals = {{
    {Signal::kMemoryAvailable, "memory.available", "memory", "MemoryPressure"},
    {Signal::kAllocatableMemoryAvailable, "allocatableMemory.available", "memory",
     "MemoryPressure"},
    {Signal::kNodeFsAvailable, "nodefs.available", "ephemeral-storage", "DiskPressure"},
    {Signal::kNodeFsInodesFree, "nodefs.inodesFree", "inodes", "DiskPressure"},
    {Signal::kImageFsAvailable, "imagefs.available", "ephemeral-storage", "DiskPressure"},
    {Signal::kImageFsInodesFree, "imagefs.inodesFree", "inodes", "DiskPressure"},
    {Signal::kContainerFsAvailable, "containerfs.available", "ephemeral-storage", "DiskPressure"},
    {Signal::kContainerFsInodesFree, "containerfs.inodesFree", "inodes", "DiskPressure"},
    {Signal::kPidAvailable, "pid.available", "pids", "PIDPressure"},
}};

const SignalFacts& FactsOf(Signal signal) {
  return kSignals[static_cast<size_t>(signal)];
}

Result<Signal> ParseSignal(const std::string& text) {
  for (const SignalFacts& facts : kSignals) {
    if (facts.text == text) return facts.signal;
  }
  return Fail(Reason::kInvalid, fmt::format("unsupported eviction signal {}", text));
}

Result<Amount> ParseAmount(const std::string& signal, const std::string& text,
                           const std::string& what) {
  Amount amount;
  if (text.ends_with('%')) {
    char* end = nullptr;
    const double percent = std::strtod(text.c_str(), &end);
    if (end != text.c_str() + text.size() - 1) {
      return Fail(Reason::kInvalid,
                  fmt::format("strconv.ParseFloat: parsing \"{}\": invalid syntax",
                              text.substr(0, text.size() - 1)));
    }
    if (percent < 0 || percent > 100) {
      return Fail(Reason::kInvalid, fmt::format("eviction percentage {} {} must be >= 0% and <= "
                                                "100%: {}",
                                                what, signal, text));
    }
    amount.percent = percent;
    return amount;
  }
  const Quantity quantity = TRY(Quantity::Parse(text));
  amount.value = quantity.Value();
  if (amount.value < 0) {
    return Fail(Reason::kInvalid,
                fmt::format("eviction {} {} must be positive: {}", what, signal, text));
  }
  return amount;
}

Result<Threshold> MakeThreshold(const std::string& signal, const std::string& text,
                                const EvictionTexts& texts) {
  Threshold threshold;
  threshold.signal = TRY(ParseSignal(signal));
  threshold.amount = TRY(ParseAmount(signal, text, "threshold"));
  const auto reclaim = texts.minimum_reclaim.find(signal);
  if (reclaim != texts.minimum_reclaim.end()) {
    threshold.minimum_reclaim = TRY(ParseAmount(signal, reclaim->second, "minimum reclaim"));
  }
  return threshold;
}

EvictionTexts::Map HardTexts(const EvictionTexts& texts) {
  const EvictionTexts::Map defaults = DefaultHardThresholds();
  if (!texts.hard) return defaults;
  EvictionTexts::Map hard = *texts.hard;
  if (texts.merge_defaults) hard.insert(defaults.begin(), defaults.end());
  return hard;
}

bool IsOff(const std::string& text) {
  return text == "0%" || text == "100%";
}

}  // namespace

EvictionTexts::Map DefaultHardThresholds() {
  return {{"memory.available", "100Mi"},
          {"nodefs.available", "10%"},
          {"nodefs.inodesFree", "5%"},
          {"imagefs.available", "15%"},
          {"imagefs.inodesFree", "5%"}};
}

std::string_view SignalText(Signal signal) {
  return FactsOf(signal).text;
}
std::string_view StarvedResource(Signal signal) {
  return FactsOf(signal).resource;
}
std::string_view PressureOf(Signal signal) {
  return FactsOf(signal).pressure;
}

int64_t Amount::Of(int64_t capacity) const {
  if (!percent) return value;
  return static_cast<int64_t>(static_cast<double>(capacity) * *percent / 100);
}

Result<std::vector<Threshold>> ParseThresholds(const EvictionTexts& texts) {
  std::vector<Threshold> thresholds;
  for (const auto& [signal, text] : HardTexts(texts)) {
    if (IsOff(text)) continue;
    Threshold threshold = TRY(MakeThreshold(signal, text, texts));
    thresholds.push_back(threshold);
    // Pods keep within what they may have as they do within what there is.
    if (threshold.signal != Signal::kMemoryAvailable) continue;
    threshold.signal = Signal::kAllocatableMemoryAvailable;
    thresholds.push_back(std::move(threshold));
  }
  for (const auto& [signal, text] : texts.soft) {
    if (IsOff(text)) continue;
    Threshold threshold = TRY(MakeThreshold(signal, text, texts));
    const auto grace = texts.soft_grace.find(signal);
    if (grace == texts.soft_grace.end()) {
      return Fail(
          Reason::kInvalid,
          fmt::format("grace period must be specified for the soft eviction threshold {}", signal));
    }
    threshold.grace = TRY(ParseGoDuration(grace->second));
    if (threshold.grace <= Duration::zero()) {
      return Fail(Reason::kInvalid, fmt::format("invalid eviction grace period specified: {} must "
                                                "be a positive value",
                                                grace->second));
    }
    thresholds.push_back(std::move(threshold));
  }
  return thresholds;
}

bool IsMet(const Threshold& threshold, const Measurements& measured, bool with_reclaim) {
  const auto found = measured.find(threshold.signal);
  if (found == measured.end()) return false;
  const auto& [available, capacity] = found->second;
  int64_t wanted = threshold.amount.Of(capacity);
  if (with_reclaim) wanted += threshold.minimum_reclaim.Of(capacity);
  return available < wanted;
}

EvictionVerdict EvictionJudge::Judge(const Measurements& measured, Duration now) {
  std::map<size_t, Duration> first_met_at;
  EvictionVerdict verdict;
  for (size_t i = 0; i < settings_.thresholds.size(); ++i) {
    const Threshold& threshold = settings_.thresholds[i];
    const bool was_met = std::find(met_.begin(), met_.end(), threshold) != met_.end();
    if (!IsMet(threshold, measured, /*with_reclaim=*/was_met)) continue;
    const auto since = first_met_at_.find(i);
    first_met_at[i] = since == first_met_at_.end() ? now : since->second;
    condition_seen_at_[std::string(PressureOf(threshold.signal))] = now;
    if (now - first_met_at[i] >= threshold.grace) verdict.met.push_back(threshold);
  }
  met_ = verdict.met;
  first_met_at_ = std::move(first_met_at);
  for (const auto& [condition, seen_at] : condition_seen_at_) {
    if (seen_at == now || now - seen_at < settings_.transition_period) {
      verdict.conditions.insert(condition);
    }
  }
  std::stable_sort(verdict.met.begin(), verdict.met.end(),
                   [](const Threshold& a, const Threshold& b) { return a.signal < b.signal; });
  return verdict;
}

}  // namespace skiff::kubelet
