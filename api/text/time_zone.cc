#include "api/text/time_zone.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>

namespace skiff {
namespace {

using std::chrono::seconds;

constexpr std::string_view kDatabase = "/usr/share/zoneinfo/";
constexpr std::string_view kLocal = "/etc/localtime";
constexpr size_t kHeaderSize = 44;
constexpr size_t kFileMax = 1 << 20;

// Numbers as the file has them: big endian.
int64_t Number(const std::string& content, size_t at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value = value << 8 | static_cast<unsigned char>(content[at + i]);
  }
  if (bytes == 4) return static_cast<int32_t>(static_cast<uint32_t>(value));
  return static_cast<int64_t>(value);
}

struct Counts {
  size_t utc = 0, standard = 0, leaps = 0, times = 0, types = 0, letters = 0;
  size_t Size(size_t time_size) const {
    return times * (time_size + 1) + types * 6 + letters + leaps * (time_size + 4) + standard + utc;
  }
};

Counts CountsAt(const std::string& content, size_t header) {
  const auto count = [&](size_t index) {
    return static_cast<size_t>(Number(content, header + 20 + 4 * index, 4)) & 0xffff;
  };
  return {count(0), count(1), count(2), count(3), count(4), count(5)};
}

// Reads a POSIX TZ string from left to right.
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}
  bool at_end() const { return text_.empty(); }
  bool Skip(char wanted) {
    if (text_.empty() || text_[0] != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  // "CET" or "<+0330>".
  bool SkipName() {
    const bool quoted = Skip('<');
    const auto belongs = [&](char letter) {
      return quoted ? letter != '>' : std::isalpha(static_cast<unsigned char>(letter)) != 0;
    };
    size_t length = 0;
    while (length < text_.size() && belongs(text_[length])) ++length;
    text_.remove_prefix(length);
    return length > 0 && (!quoted || Skip('>'));
  }
  std::optional<int> Integer() {
    int value = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc()) return std::nullopt;
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return value;
  }
  // "[+-]hh[:mm[:ss]]"
  std::optional<Duration> Time() {
    const bool negative = Skip('-');
    if (!negative) Skip('+');
    const auto hours = Integer();
    if (!hours) return std::nullopt;
    seconds time = std::chrono::hours(*hours);
    if (Skip(':')) time += std::chrono::minutes(Integer().value_or(0));
    if (Skip(':')) time += seconds(Integer().value_or(0));
    return negative ? -time : time;
  }

 private:
  std::string_view text_;
};

}  // namespace

Result<TimeZone> TimeZone::Load(const std::string& name) {
  if (name == "UTC") return Utc();
  const bool is_path = name.starts_with('/') || name.find("..") != std::string::npos;
  if (is_path) return Fail(Reason::kNotFound, "unknown time zone " + name);
  std::ifstream file(name.empty() ? std::string(kLocal) : std::string(kDatabase) + name,
                     std::ios::binary);
  // A machine that was not told where it is keeps UTC.
  if (!file && name.empty()) return Utc();
  if (!file) return Fail(Reason::kNotFound, "unknown time zone " + name);
  std::string content(kFileMax, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<size_t>(file.gcount()));
  return Parse(content);
}

Result<TimeZone> TimeZone::Parse(const std::string& content) {
  const auto broken = [] { return Fail(Reason::kInvalid, "malformed time zone information"); };
  if (content.size() < kHeaderSize || !content.starts_with("TZif")) return broken();
  // From version 2 on the same follows once more with times of 64 bits.
  const bool wide = content[4] >= '2';
  const size_t header = wide ? kHeaderSize + CountsAt(content, 0).Size(4) : 0;
  const size_t time_size = wide ? 8 : 4;
  if (content.size() < header + kHeaderSize) return broken();
  const Counts counts = CountsAt(content, header);
  const size_t times = header + kHeaderSize;
  const size_t indexes = times + counts.times * time_size;
  const size_t types = indexes + counts.times;
  const size_t end = times + counts.Size(time_size);
  if (content.size() < end || counts.types == 0) return broken();
  const auto offset_of = [&](size_t type) {
    return Duration(seconds(Number(content, types + 6 * std::min(type, counts.types - 1), 4)));
  };
  TimeZone zone;
  zone.first_ = offset_of(0);
  for (size_t i = 0; i < counts.times; ++i) {
    const int64_t at = Number(content, times + i * time_size, time_size);
    // The beginning of time in some files, which nanoseconds do not reach.
    constexpr int64_t kReach = 9'000'000'000;
    if (at < -kReach || at > kReach) continue;
    zone.changes_.push_back(
        {TimePoint(seconds(at)), offset_of(static_cast<unsigned char>(content[indexes + i]))});
  }
  if (wide && end < content.size() && content[end] == '\n') {
    const size_t newline = content.find('\n', end + 1);
    if (newline != std::string::npos) {
      zone.rule_ = ParseRule(content.substr(end + 1, newline - end - 1));
    }
  }
  return zone;
}

std::optional<TimeZone::Rule> TimeZone::ParseRule(const std::string& text) {
  RuleReader reader(text);
  Rule rule;
  if (!reader.SkipName()) return std::nullopt;
  const auto standard = reader.Time();
  if (!standard) return std::nullopt;
  rule.standard = -*standard;  // POSIX counts west of Greenwich.
  if (reader.at_end()) return rule;
  if (!reader.SkipName()) return std::nullopt;
  rule.summer = rule.standard + std::chrono::hours(1);
  if (!reader.Skip(',')) {
    const auto summer = reader.Time();
    if (!summer || !reader.Skip(',')) return std::nullopt;
    rule.summer = -*summer;
  }
  for (Day* day : {&rule.begin, &rule.end}) {
    if (day == &rule.end && !reader.Skip(',')) return std::nullopt;
    day->form = reader.Skip('M') ? 'M' : reader.Skip('J') ? 'J' : 'n';
    std::vector<int> numbers;
    do {
      numbers.push_back(reader.Integer().value_or(-1));
    } while (day->form == 'M' && reader.Skip('.'));
    if (numbers.size() != (day->form == 'M' ? 3U : 1U) || numbers[0] < 0) return std::nullopt;
    day->day = numbers.back();
    if (day->form == 'M') {
      day->month = std::clamp(numbers[0], 1, 12);
      day->week = std::clamp(numbers[1], 1, 5);
    }
    if (reader.Skip('/')) day->time = reader.Time().value_or(std::chrono::hours(2));
  }
  return rule;
}

TimePoint TimeZone::MomentOf(const Day& day, int year, Duration offset) {
  using namespace std::chrono;  // NOLINT: calendar arithmetic.
  // Not all of the years 1677 and 2262 has moments that we can say.
  if (year < 1678) return TimePoint::min();
  if (year > 2261) return TimePoint::max();
  const auto of_year = std::chrono::year(year);
  sys_days date = of_year / January / 1;
  if (day.form == 'M') {
    const auto month = of_year / std::chrono::month(static_cast<unsigned>(day.month));
    const weekday wanted(static_cast<unsigned>(day.day % 7));
    date = day.week == 5 ? sys_days(month / wanted[last])
                         : sys_days(month / wanted[static_cast<unsigned>(day.week)]);
  } else {
    // Jn never counts the 29th of February, n does.
    const bool after_leap_day = day.form == 'J' && of_year.is_leap() && day.day >= 60;
    date += days(day.form == 'J' ? day.day - 1 + (after_leap_day ? 1 : 0) : day.day);
  }
  return TimePoint(date) + day.time - offset;
}

std::vector<TimeZone::Change> TimeZone::RuleChanges(TimePoint at) const {
  std::vector<Change> changes;
  if (!rule_ || !rule_->summer) return changes;
  const auto today = std::chrono::floor<std::chrono::days>(at);
  const int year = static_cast<int>(std::chrono::year_month_day(today).year());
  for (int each = year - 1; each <= year + 1; ++each) {
    changes.push_back({MomentOf(rule_->begin, each, rule_->standard), *rule_->summer});
    changes.push_back({MomentOf(rule_->end, each, *rule_->summer), rule_->standard});
  }
  std::sort(changes.begin(), changes.end(),
            [](const Change& a, const Change& b) { return a.at < b.at; });
  return changes;
}

Duration TimeZone::OffsetAt(TimePoint at) const {
  const auto offset_in = [&](const std::vector<Change>& changes, Duration before) {
    const auto next = std::upper_bound(changes.begin(), changes.end(), at,
                                       [](TimePoint a, const Change& b) { return a < b.at; });
    return next == changes.begin() ? before : std::prev(next)->offset;
  };
  if (rule_ && (changes_.empty() || at >= changes_.back().at)) {
    return offset_in(RuleChanges(at), rule_->standard);
  }
  return offset_in(changes_, first_);
}

TimePoint TimeZone::NextChange(TimePoint at) const {
  for (const Change& change : changes_) {
    if (change.at > at) return change.at;
  }
  for (const Change& change : RuleChanges(at)) {
    if (change.at > at) return change.at;
  }
  return TimePoint::max();
}

}  // namespace skiff
