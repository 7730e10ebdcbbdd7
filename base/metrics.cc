#include "base/metrics.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace skiff {
namespace {

// What text of a label value needs: backslash, quote and line break are escaped.
std::string Escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

std::string NumberText(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == std::floor(value) && std::fabs(value) < 1e15) {
    return fmt::format("{}", static_cast<int64_t>(value));
  }
  return fmt::format("{}", value);
}

std::vector<std::string> SplitKey(const std::string& key, size_t count) {
  std::vector<std::string> values;
  size_t begin = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t end = std::min(key.find('\0', begin), key.size());
    values.push_back(key.substr(begin, end - begin));
    begin = end + 1;
  }
  return values;
}

void WriteHead(const MetricDescription& description, const char* type, std::string& out) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", description.name, description.help,
                     description.name, type);
}

// `name{a="b",le="1"} 7`
void WriteLine(std::string_view name, std::string_view suffix,
               const std::vector<std::string>& labels, const std::vector<std::string>& values,
               std::string_view bound, double value, std::string& out) {
  out.append(name).append(suffix);
  std::string inside;
  for (size_t i = 0; i < labels.size(); ++i) {
    inside += fmt::format("{}{}=\"{}\"", inside.empty() ? "" : ",", labels[i], Escaped(values[i]));
  }
  if (!bound.empty()) inside += fmt::format("{}le=\"{}\"", inside.empty() ? "" : ",", bound);
  if (!inside.empty()) out.append("{").append(inside).append("}");
  out.append(" ").append(NumberText(value)).append("\n");
}

// `row`: a count for each bucket, then the sum.
void WriteBuckets(const MetricDescription& description, const std::vector<std::string>& values,
                  const std::vector<double>& bounds, const std::vector<double>& row,
                  std::string& out) {
  const std::string& name = description.name;
  double count = 0;
  for (size_t i = 0; i <= bounds.size(); ++i) {
    count += row[i];
    const std::string bound = i < bounds.size() ? NumberText(bounds[i]) : "+Inf";
    WriteLine(name, "_bucket", description.labels, values, bound, count, out);
  }
  WriteLine(name, "_sum", description.labels, values, "", row.back(), out);
  WriteLine(name, "_count", description.labels, values, "", count, out);
}

class MeasuredFamily final : public MetricFamily {
 public:
  MeasuredFamily(MetricDescription description, Measure measure, const char* type)
      : description_(std::move(description)), measure_(std::move(measure)), type_(type) {}
  void Write(std::string& out) const override {
    const auto samples = measure_();
    if (samples.empty()) return;
    WriteHead(description_, type_, out);
    for (const Sample& sample : samples) {
      CHECK(sample.labels.size() == description_.labels.size());
      WriteLine(description_.name, "", description_.labels, sample.labels, "", sample.value, out);
    }
  }

 private:
  const MetricDescription description_;
  const Measure measure_;
  const char* const type_;
};

class MeasuredHistogramFamily final : public MetricFamily {
 public:
  MeasuredHistogramFamily(MetricDescription description, std::vector<double> bounds,
                          MeasureHistogram measure)
      : description_(std::move(description)),
        bounds_(std::move(bounds)),
        measure_(std::move(measure)) {}
  void Write(std::string& out) const override {
    const auto samples = measure_();
    if (samples.empty()) return;
    WriteHead(description_, "histogram", out);
    for (const HistogramSample& sample : samples) {
      CHECK(sample.labels.size() == description_.labels.size() &&
            sample.counts.size() == bounds_.size() + 1);
      std::vector<double> row = sample.counts;
      row.push_back(sample.sum);
      WriteBuckets(description_, sample.labels, bounds_, row, out);
    }
  }

 private:
  const MetricDescription description_;
  const std::vector<double> bounds_;
  const MeasureHistogram measure_;
};

// What /proc/self/stat says behind the name of the program: "R 1 2 ...".
std::vector<double> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream rest(line.substr(std::min(line.rfind(')') + 1, line.size())));
  std::string state;
  rest >> state;
  std::vector<double> fields;
  for (double value = 0; rest >> value;) fields.push_back(value);
  return fields;
}

// Field `index` of proc(5)'s /proc/PID/stat, counted from 1 as there.
double StatField(size_t index) {
  const auto fields = StatFields();
  return index >= 4 && index - 4 < fields.size() ? fields[index - 4] : 0;
}

double BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

double OpenFiles() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  double count = -3;  // ".", ".." and the directory itself.
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

double OpenFilesMax() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

ShardedRows::Shard& ShardedRows::ShardOfThread() {
  static std::atomic<size_t> next_thread = 0;
  thread_local const size_t number = next_thread++;
  return shards_[number % kShards];
}

double* ShardedRows::RowOf(Shard& shard, LabelValues labels) {
  shard.scratch.clear();
  for (const std::string_view value : labels) shard.scratch.append(value).push_back('\0');
  auto found = shard.rows.find(shard.scratch);
  if (found == shard.rows.end()) {
    if (shard.rows.size() >= kRowsMax) return nullptr;
    found = shard.rows.emplace(shard.scratch, std::vector<double>(width_)).first;
  }
  return found->second.data();
}

std::map<std::string, std::vector<double>> ShardedRows::Sum() const {
  std::map<std::string, std::vector<double>> total;
  for (const Shard& shard : shards_) {
    const MutexLock lock(shard.mutex);
    for (const auto& [key, row] : shard.rows) {
      std::vector<double>& sum = total.try_emplace(key, width_).first->second;
      for (size_t i = 0; i < width_; ++i) sum[i] += row[i];
    }
  }
  return total;
}

CounterFamily::CounterFamily(MetricDescription description)
    : description_(std::move(description)) {}

void CounterFamily::Write(std::string& out) const {
  auto rows = rows_.Sum();
  if (rows.empty() && description_.labels.empty()) rows[""] = {0};
  if (rows.empty()) return;
  WriteHead(description_, "counter", out);
  for (const auto& [key, row] : rows) {
    WriteLine(description_.name, "", description_.labels, SplitKey(key, description_.labels.size()),
              "", row[0], out);
  }
}

HistogramFamily::HistogramFamily(MetricDescription description, std::vector<double> bounds)
    : description_(std::move(description)), bounds_(std::move(bounds)), rows_(bounds_.size() + 2) {}

void HistogramFamily::Observe(LabelValues labels, double value) {
  const auto bucket = static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) -
                                          bounds_.begin());
  const size_t sum = bounds_.size() + 1;
  rows_.Update(labels, [=](double* row) {
    row[bucket] += 1;
    row[sum] += value;
  });
}

void HistogramFamily::Write(std::string& out) const {
  auto rows = rows_.Sum();
  if (rows.empty() && description_.labels.empty()) rows[""].resize(bounds_.size() + 2);
  if (rows.empty()) return;
  WriteHead(description_, "histogram", out);
  for (const auto& [key, row] : rows) {
    WriteBuckets(description_, SplitKey(key, description_.labels.size()), bounds_, row, out);
  }
}

void MetricRegistry::Put(const MetricDescription& description,
                         std::unique_ptr<MetricFamily> family) {
  const MutexLock lock(mutex_);
  families_[description.name] = std::move(family);
  const MutexLock described(described_mutex_);
  described_[description.name] = description;
}

CounterFamily& MetricRegistry::AddCounter(MetricDescription description) {
  auto family = std::make_unique<CounterFamily>(description);
  CounterFamily& added = *family;
  Put(description, std::move(family));
  return added;
}

HistogramFamily& MetricRegistry::AddHistogram(MetricDescription description,
                                              std::vector<double> bounds) {
  auto family = std::make_unique<HistogramFamily>(description, std::move(bounds));
  HistogramFamily& added = *family;
  Put(description, std::move(family));
  return added;
}

void MetricRegistry::AddMeasured(MetricDescription description, Measure measure,
                                 MeasuredType type) {
  const char* word = type == MeasuredType::kGauge ? "gauge" : "counter";
  Put(description, std::make_unique<MeasuredFamily>(description, std::move(measure), word));
}

void MetricRegistry::AddMeasuredHistogram(MetricDescription description, std::vector<double> bounds,
                                          MeasureHistogram measure) {
  Put(description, std::make_unique<MeasuredHistogramFamily>(description, std::move(bounds),
                                                             std::move(measure)));
}

std::vector<MetricDescription> MetricRegistry::Descriptions() const {
  std::vector<MetricDescription> all;
  const MutexLock lock(described_mutex_);
  for (const auto& [name, description] : described_) all.push_back(description);
  return all;
}

void MetricRegistry::AddProcessMetrics() {
  const auto add = [this](const char* name, const char* help, double (*measure)(),
                          MeasuredType type = MeasuredType::kGauge) {
    AddMeasured(
        {name, help},
        [measure] {
          return std::vector<Sample>{{{}, measure()}};
        },
        type);
  };
  add(
      "process_cpu_seconds_total", "Processor time of user and system, in seconds.",
      [] { return (StatField(14) + StatField(15)) / static_cast<double>(sysconf(_SC_CLK_TCK)); },
      MeasuredType::kCounter);
  add("process_resident_memory_bytes", "Memory that is resident, in bytes.",
      [] { return StatField(24) * static_cast<double>(sysconf(_SC_PAGESIZE)); });
  add("process_virtual_memory_bytes", "Address space, in bytes.", [] { return StatField(23); });
  add("process_start_time_seconds", "When the process began, in seconds since 1970.",
      [] { return BootTime() + StatField(22) / static_cast<double>(sysconf(_SC_CLK_TCK)); });
  add("process_open_fds", "File descriptors that are open.", &OpenFiles);
  add("process_max_fds", "File descriptors that may be open.", &OpenFilesMax);
}

std::string MetricRegistry::Text() const {
  std::string out;
  const MutexLock lock(mutex_);
  for (const auto& [name, family] : families_) family->Write(out);
  return out;
}

}  // namespace skiff
