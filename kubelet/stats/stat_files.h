// Files in which the kernel tells numbers. What is read is bounded, whatever lies there.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::kubelet {

inline constexpr size_t kStatFileBytesMax = 256 << 10;

// "" when it cannot be read.
std::string ReadStatFile(const std::string& path);

// The number that a text begins with.
template <typename Number = uint64_t>
std::optional<Number> LeadingNumber(std::string_view text) {
  Number value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

// Of the line "name value".
std::optional<uint64_t> NumberNamed(std::string_view text, std::string_view name);

std::vector<std::string_view> WordsOf(std::string_view line);

// Calls `take` with each line.
template <typename Take>
void ForEachLine(std::string_view text, Take take) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    take(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace skiff::kubelet
