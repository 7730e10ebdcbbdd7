#include "controllers/metrics/samples.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace skiff::metrics {
namespace {

using Labels = std::map<std::string, std::string, std::less<>>;

// A kubelet may say what it likes, and what it says is kept.
constexpr size_t kContainersMax = 10'000;
constexpr size_t kNameBytesMax = 253;
constexpr int64_t kLastMs = 9'000'000'000'000;  // In 2255: nanoseconds know no moment after 2262.

// A container that began later has not shown yet what it uses.
constexpr Duration kYoungest = 10s;

struct Line {
  std::string_view name;
  Labels labels;
  double value = 0;
  std::optional<TimePoint> at;
};

void SkipBlanks(std::string_view& rest) {
  while (rest.starts_with(' ') || rest.starts_with('\t')) rest.remove_prefix(1);
}

bool Take(std::string_view& rest, char wanted) {
  if (!rest.starts_with(wanted)) return false;
  rest.remove_prefix(1);
  return true;
}

// A text in quotes, behind the first of them.
std::optional<std::string> TakeQuoted(std::string_view& rest) {
  std::string text;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '"') return text;
    if (c != '\\') {
      text += c;
      continue;
    }
    if (rest.empty()) break;
    text += rest.front() == 'n' ? '\n' : rest.front();
    rest.remove_prefix(1);
  }
  return std::nullopt;
}

// {a="b",c="d"}, behind the brace.
bool TakeLabels(std::string_view& rest, Labels& labels) {
  while (!Take(rest, '}')) {
    const size_t equals = rest.find('=');
    if (equals == rest.npos) return false;
    const std::string name(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    if (!Take(rest, '"')) return false;
    auto value = TakeQuoted(rest);
    if (!value) return false;
    labels[name] = std::move(*value);
    Take(rest, ',');
  }
  return true;
}

template <typename Number>
bool TakeNumber(std::string_view& rest, Number& number) {
  SkipBlanks(rest);
  const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (read.ec != std::errc()) return false;
  rest.remove_prefix(read.ptr - rest.data());
  return rest.empty() || rest.front() == ' ' || rest.front() == '\r';
}

std::optional<Line> ReadLine(std::string_view text) {
  if (text.empty() || text.starts_with('#')) return std::nullopt;
  Line line;
  const size_t end = text.find_first_of("{ ");
  if (end == text.npos) return std::nullopt;
  line.name = text.substr(0, end);
  text.remove_prefix(end);
  if (Take(text, '{') && !TakeLabels(text, line.labels)) return std::nullopt;
  if (!TakeNumber(text, line.value) || !std::isfinite(line.value)) return std::nullopt;
  int64_t at = 0;
  const bool has_time = TakeNumber(text, at) && at >= 0 && at <= kLastMs;
  if (has_time) line.at = TimePoint(std::chrono::milliseconds(at));
  return line;
}

std::string LabelOf(const Line& line, std::string_view name) {
  const auto found = line.labels.find(name);
  return found == line.labels.end() ? "" : found->second;
}

// The time of a point is that of its CPU, which is what is divided by it.
void SetCpu(Point& point, const Line& line, TimePoint now) {
  point.cpu_seconds = line.value;
  point.at = line.at.value_or(now);
}

void SetMemory(Point& point, const Line& line) {
  constexpr double kMost = 9e18;
  point.memory_bytes = static_cast<int64_t>(std::clamp(line.value, 0.0, kMost));
}

bool MayBe(const ContainerName& name) {
  const auto is_name = [](const std::string& text) {
    return !text.empty() && text.size() <= kNameBytesMax;
  };
  return is_name(name.name_space) && is_name(name.pod) && is_name(name.container);
}

// nullptr: there are too many.
Point* PointOf(Sample& sample, const ContainerName& name) {
  const auto found = sample.containers.find(name);
  if (found != sample.containers.end()) return &found->second;
  if (sample.containers.size() >= kContainersMax) return nullptr;
  return &sample.containers[name];
}

void SetContainer(Sample& sample, const Line& line, TimePoint now) {
  const bool is_cpu = line.name == "container_cpu_usage_seconds_total";
  const bool is_memory = line.name == "container_memory_working_set_bytes";
  if (!is_cpu && !is_memory && line.name != "container_start_time_seconds") return;
  const ContainerName name{LabelOf(line, "namespace"), LabelOf(line, "pod"),
                           LabelOf(line, "container")};
  Point* const point = MayBe(name) ? PointOf(sample, name) : nullptr;
  if (point == nullptr) return;
  if (is_cpu) {
    SetCpu(*point, line, now);
  } else if (is_memory) {
    SetMemory(*point, line);
  } else {
    point->started_s = line.value;
  }
}

}  // namespace

Sample ParseSample(std::string_view text, TimePoint now) {
  Sample sample;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const auto line = ReadLine(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line) continue;
    if (line->name == "node_cpu_usage_seconds_total") SetCpu(sample.node, *line, now);
    if (line->name == "node_memory_working_set_bytes") SetMemory(sample.node, *line);
    SetContainer(sample, *line, now);
  }
  return sample;
}

std::optional<Usage> UsageBetween(const Point* before, const Point& now, Duration resolution) {
  if (!now.cpu_seconds || !now.memory_bytes) return std::nullopt;
  Duration window{};
  double used = *now.cpu_seconds;
  if (before != nullptr) {
    if (!before->cpu_seconds || before->started_s != now.started_s) return std::nullopt;
    window = now.at - before->at;
    used -= *before->cpu_seconds;
    if (window <= Duration(0)) return std::nullopt;
  } else {
    if (!now.started_s) return std::nullopt;
    const double lived =
        std::chrono::duration<double>(now.at.time_since_epoch()).count() - *now.started_s;
    if (!(lived >= std::chrono::duration<double>(kYoungest).count() &&
          lived < std::chrono::duration<double>(resolution).count())) {
      return std::nullopt;
    }
    window = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(lived));
  }
  if (used < 0) return std::nullopt;  // Counted anew.
  const double seconds = std::chrono::duration<double>(window).count();
  constexpr double kMost = 9e18;
  return Usage{.nano_cores = static_cast<int64_t>(std::min(used / seconds * 1e9, kMost)),
               .memory_bytes = *now.memory_bytes,
               .at = now.at,
               .window = window};
}

}  // namespace skiff::metrics
