#include "kubelet/env_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

constexpr std::string_view kBlanks = " \t";
// The kubelet reads a line with its end into a buffer of 64 KiB.
constexpr size_t kEnvLineBytesMax = 64 * 1024 - 1;

std::string_view WithoutBlanksBefore(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

class EnvFileParser {
 public:
  explicit EnvFileParser(std::string_view text) : rest_(text) {}

  EnvFile Parse() {
    while (file_.problem.empty()) {
      const auto line = NextLine();
      if (!line) break;
      const std::string_view text = WithoutBlanksBefore(*line);
      if (!text.empty() && text.front() != '#') ReadVariable(text);
    }
    return std::move(file_);
  }

 private:
  // Without its end, which may be "\r\n". nullopt: there is none, or it is too long.
  std::optional<std::string_view> NextLine() {
    if (rest_.empty()) return std::nullopt;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    if (end > kEnvLineBytesMax) {
      file_.problem = fmt::format("line {} is too long", line_ + 1);
      return std::nullopt;
    }
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_;
    return line;
  }

  void ReadVariable(std::string_view text) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return Stop("missing '='");
    const std::string_view name = text.substr(0, equals);
    if (name.empty()) return Stop("empty variable name");
    if (kBlanks.find(name.back()) != std::string_view::npos) {
      return Stop("whitespace before '=' is not allowed");
    }
    std::string_view value = text.substr(equals + 1);
    if (!value.empty() && kBlanks.find(value.front()) != std::string_view::npos) {
      return Keep(name, "");
    }
    if (!value.starts_with('\'')) return Stop("value must be enclosed in single quotes");
    value.remove_prefix(1);
    ReadQuoted(name, value);
  }

  // `line` is what follows the opening quote; more lines may belong to the value.
  void ReadQuoted(std::string_view name, std::string_view line) {
    const int first_line = line_;
    std::string value;
    size_t quote = 0;
    while ((quote = line.find('\'')) == std::string_view::npos) {
      value.append(line).append("\n");
      const auto next = NextLine();
      if (!next) return StopAt(first_line, "unclosed single quote");
      line = *next;
    }
    value.append(line.substr(0, quote));
    const std::string_view after = WithoutBlanksBefore(line.substr(quote + 1));
    if (!after.empty() && after.front() != '#') {
      return Stop("unexpected content after closing quote");
    }
    Keep(name, std::move(value));
  }

  void Keep(std::string_view name, std::string value) {
    file_.values.emplace(name, std::move(value));
  }
  void Stop(std::string_view what) { StopAt(line_, what); }
  void StopAt(int line, std::string_view what) {
    file_.problem = fmt::format("invalid environment variable format at line {}: {}", line, what);
  }

  std::string_view rest_;
  int line_ = 0;
  EnvFile file_;
};

}  // namespace

EnvFile ParseEnvFile(std::string_view text) {
  return EnvFileParser(text).Parse();
}

Result<EnvFile> ReadEnvFile(const std::string& volume_path, const std::string& path,
                            size_t bytes_max) {
  const Descriptor volume = TRY(OpenDirectory(volume_path));
  const Descriptor opened = TRY(OpenRegularFileBeneath(volume, path));
  const std::string text = TRY(ReadWhole(opened, bytes_max));
  EnvFile file = ParseEnvFile(text);
  file.path = std::filesystem::path(volume_path + "/" + path).lexically_normal();
  file.size_bytes = text.size();
  return file;
}

}  // namespace skiff::kubelet
