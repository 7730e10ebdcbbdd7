// How long admission takes, under kube-apiserver's names: as a whole, and plugin by plugin.
//
// A write comes by fifty plugins: to count one costs an addition, and a look at the clock.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/metrics.h"

namespace skiff {

enum class Operation : uint8_t;

// Thread-safe, but for Add.
class AdmissionTimes {
 public:
  enum class Type : uint8_t { kAdmit, kValidate };
  using Clock = std::chrono::steady_clock;

  // Both outlive it. Tells of the plugins that have been added by then, and of later ones.
  void TellTo(MetricRegistry& metrics);
  // Before anything is counted. The numbers of plugins rise from 0.
  void Add(std::string_view plugin);

  // The time from `begin` on, of one plugin or of all together. Returns when it was.
  Clock::time_point CountPlugin(size_t plugin, Type type, Operation operation, bool rejected,
                                Clock::time_point begin) const;
  void CountAll(Type type, Operation operation, bool rejected, Clock::time_point begin) const;

 private:
  static constexpr std::array<double, 6> kBounds = {0.005, 0.025, 0.1, 0.5, 1, 2.5};
  static constexpr size_t kTypes = 2;
  static constexpr size_t kOperations = 4;
  struct Row {
    std::array<std::atomic<uint64_t>, kBounds.size() + 1> counts = {};
    std::atomic<int64_t> nanoseconds = 0;
  };
  // By type, operation and whether it was rejected.
  using Rows = std::array<Row, kTypes * kOperations * 2>;
  struct Plugin {
    std::string name;
    mutable Rows rows;
  };

  static size_t IndexOf(Type type, Operation operation, bool rejected);
  static Clock::time_point Count(Row& row, Clock::time_point begin);
  // `name` is the first label; "": there is none.
  static void Append(const std::string& name, const Rows& rows,
                     std::vector<HistogramSample>& samples);

  mutable Rows all_;
  std::deque<Plugin> plugins_;
};

}  // namespace skiff
