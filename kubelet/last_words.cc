#include "kubelet/last_words.h"

#include <algorithm>
#include <fstream>

#include "kubelet/streaming/log_file.h"

namespace skiff::kubelet {
namespace {

constexpr int64_t kTerminationMessageMax = 4096;
constexpr int64_t kLogLinesMax = 80;
constexpr size_t kLogBytesMax = 2048;
// Lines have a head of less than 64 bytes, and runtimes cut them at 16 KiB.
constexpr int64_t kLogReadMax = 64 * 1024;
constexpr char kPathAnnotation[] = "io.kubernetes.container.terminationMessagePath";
constexpr char kPolicyAnnotation[] = "io.kubernetes.container.terminationMessagePolicy";

std::string Find(const cri::StringMap& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? "" : found->second;
}

std::string ReadEnd(const std::string& path, int64_t bytes_max) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const int64_t size = file.tellg();
  const int64_t wanted = std::min(size, bytes_max);
  if (wanted <= 0) return "";
  file.seekg(size - wanted);
  std::string text(static_cast<size_t>(wanted), '\0');
  file.read(text.data(), wanted);
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

}  // namespace

std::string ReadTerminationMessage(const std::string& path) {
  return ReadEnd(path, kTerminationMessageMax);
}

std::string ReadLogEnd(const std::string& path) {
  const std::string contents = ReadEnd(path, kLogReadMax);
  std::string_view rest = contents;
  rest.remove_prefix(TailOffset(rest, kLogLinesMax));
  std::string text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    // The first line may have been cut, and is none then.
    if (const auto line = ParseLogLine(rest.substr(0, end))) {
      text += line->text;
      if (!line->is_partial) text += '\n';
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (text.size() > kLogBytesMax) text.erase(0, text.size() - kLogBytesMax);
  return text;
}

std::string LastWords(const cri::ContainerStatus& status) {
  const std::string path = Find(status.annotations, kPathAnnotation);
  std::string words;
  for (const cri::Mount& mount : status.mounts) {
    if (path.empty() || mount.container_path != path) continue;
    words = ReadTerminationMessage(mount.host_path);
    break;
  }
  if (!words.empty() || status.exit_code == 0 || status.reason == "ContainerCannotRun" ||
      Find(status.annotations, kPolicyAnnotation) != "FallbackToLogsOnError") {
    return words;
  }
  return ReadLogEnd(status.log_path);
}

}  // namespace skiff::kubelet
