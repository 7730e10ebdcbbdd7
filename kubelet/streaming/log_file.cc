#include "kubelet/streaming/log_file.h"

#include <algorithm>

namespace skiff::kubelet {

std::optional<LogLine> ParseLogLine(std::string_view line) {
  const auto first = line.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto third = line.find(' ', second + 1);
  if (third == std::string_view::npos) return std::nullopt;
  const std::string_view tags = line.substr(second + 1, third - second - 1);
  return LogLine{line.substr(0, first), line.substr(third + 1), tags.starts_with("P")};
}

std::string ShownTimestamp(std::string_view timestamp) {
  constexpr size_t kSeconds = std::string_view("2006-01-02T15:04:05").size();
  constexpr size_t kDigits = 9;
  if (timestamp.size() <= kSeconds) return std::string(timestamp);
  size_t zone = kSeconds;
  std::string fraction;
  if (timestamp[zone] == '.') {
    zone = std::min(timestamp.find_first_not_of("0123456789", kSeconds + 1), timestamp.size());
    fraction = timestamp.substr(kSeconds + 1, zone - kSeconds - 1);
  }
  fraction.resize(kDigits, '0');
  return std::string(timestamp.substr(0, kSeconds)) + "." + fraction +
         std::string(timestamp.substr(zone));
}

size_t TailOffset(std::string_view contents, int64_t lines) {
  if (lines <= 0) return contents.size();
  size_t end = contents.size();
  // The end of a line whose text goes on in the next one does not count.
  int64_t found = 0;
  while (end > 0) {
    const auto newline = end >= 2 ? contents.rfind('\n', end - 2) : std::string_view::npos;
    const size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    const auto before = begin == 0 ? std::string_view() : contents.substr(0, begin - 1);
    const auto previous_begin = before.rfind('\n');
    const auto previous = ParseLogLine(
        previous_begin == std::string_view::npos ? before : before.substr(previous_begin + 1));
    const bool continues = previous && previous->is_partial;
    if (!continues && ++found == lines) return begin;
    end = begin;
  }
  return 0;
}

}  // namespace skiff::kubelet
