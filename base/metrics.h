// Numbers about a program, as Prometheus reads them. A family has a name and the names of its
// labels; each row of label values is a series of its own, there from its first use.
//
//   MetricRegistry metrics;
//   CounterFamily& requests = metrics.AddCounter(
//       {"apiserver_request_total", "[STABLE] Requests answered.", {"verb", "code"}});
//   requests.Add({"GET", "200"});
//   std::string text = metrics.Text();
//
// Counting never waits for another thread: each thread has a shard of its own, as far as there are
// shards, and a scrape adds them up. Everything is thread-safe; families live as long as the
// registry.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"

namespace skiff {

struct MetricDescription {
  std::string name;
  std::string help;
  std::vector<std::string> labels = {};
};

using LabelValues = std::initializer_list<std::string_view>;

// Rows of numbers under label values, spread over shards. For the families below.
class ShardedRows {
 public:
  // More rows than this in a shard are not kept: labels must not come from clients unbounded.
  static constexpr size_t kRowsMax = 10'000;
  explicit ShardedRows(size_t width) : width_(width) {}
  // Calls `change` with the row of these labels, `width` numbers that begin as 0.
  template <typename Change>
  void Update(LabelValues labels, Change change) {
    Shard& shard = ShardOfThread();
    const MutexLock lock(shard.mutex);
    if (double* row = RowOf(shard, labels)) change(row);
  }
  // All shards added up; the key joins the values by '\0'.
  std::map<std::string, std::vector<double>> Sum() const;

 private:
  static constexpr size_t kShards = 16;
  struct alignas(64) Shard {
    mutable Mutex mutex;
    std::string scratch GUARDED_BY(mutex);  // The key being looked up: no allocation a call.
    std::unordered_map<std::string, std::vector<double>> rows GUARDED_BY(mutex);
  };
  Shard& ShardOfThread();
  double* RowOf(Shard& shard, LabelValues labels) REQUIRES(shard.mutex);

  const size_t width_;
  std::array<Shard, kShards> shards_;
};

class MetricFamily {
 public:
  virtual ~MetricFamily() = default;
  // HELP, TYPE and the series; nothing while there is no series. Who counts without labels has its
  // series from the start: an alert can tell none from not known.
  virtual void Write(std::string& out) const = 0;
};

class CounterFamily final : public MetricFamily {
 public:
  explicit CounterFamily(MetricDescription description);
  void Add(LabelValues labels, double amount = 1) {
    rows_.Update(labels, [amount](double* row) { *row += amount; });
  }
  void Write(std::string& out) const override;

 private:
  const MetricDescription description_;
  ShardedRows rows_{1};
};

class HistogramFamily final : public MetricFamily {
 public:
  // `bounds` rise; +Inf is added.
  HistogramFamily(MetricDescription description, std::vector<double> bounds);
  void Observe(LabelValues labels, double value);
  void Write(std::string& out) const override;

 private:
  const MetricDescription description_;
  const std::vector<double> bounds_;
  ShardedRows rows_;  // A count for each bucket, then the sum.
};

// What is measured when somebody asks.
struct Sample {
  std::vector<std::string> labels;
  double value = 0;
};
using Measure = std::function<std::vector<Sample>()>;
struct HistogramSample {
  std::vector<std::string> labels;
  std::vector<double> counts;  // One a bound, and one of what lies above all of them.
  double sum = 0;
};
using MeasureHistogram = std::function<std::vector<HistogramSample>()>;

class MetricRegistry {
 public:
  CounterFamily& AddCounter(MetricDescription description);
  HistogramFamily& AddHistogram(MetricDescription description, std::vector<double> bounds);
  // `measure` is called on the thread that asks. A counter's value never falls.
  enum class MeasuredType { kGauge, kCounter };
  void AddMeasured(MetricDescription description, Measure measure,
                   MeasuredType type = MeasuredType::kGauge);
  void AddMeasuredHistogram(MetricDescription description, std::vector<double> bounds,
                            MeasureHistogram measure);
  // process_*: of this process, from the kernel.
  void AddProcessMetrics();

  // Of all families, whether or not they have series, in order of name. A measure may ask.
  std::vector<MetricDescription> Descriptions() const;

  // Exposition format 0.0.4, families in order of name.
  std::string Text() const;
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  void Put(const MetricDescription& description, std::unique_ptr<MetricFamily> family);

  mutable Mutex mutex_;
  std::map<std::string, std::unique_ptr<MetricFamily>> families_ GUARDED_BY(mutex_);
  mutable Mutex described_mutex_;                                                    // Taken last.
  std::map<std::string, MetricDescription> described_ GUARDED_BY(described_mutex_);  // By name.
};

}  // namespace skiff
