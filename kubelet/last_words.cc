#include "kubelet/last_words.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "kubelet/streaming/log_file.h"
#include "kubelet/volumes/beneath.h"

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
  const auto file = OpenRegularFile(path);
  if (!file) return "";
  const auto info = file->Stat();
  if (!info) return "";
  const int64_t wanted = std::min<int64_t>(info->st_size, bytes_max);
  std::string text(static_cast<size_t>(wanted), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = pread(file->number(), text.data() + done, text.size() - done,
                              info->st_size - wanted + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  text.resize(done);
  return text;
}

}  // namespace

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
    words = ReadEnd(mount.host_path, kTerminationMessageMax);
    break;
  }
  if (!words.empty() || status.exit_code == 0 || status.reason == "ContainerCannotRun" ||
      Find(status.annotations, kPolicyAnnotation) != "FallbackToLogsOnError") {
    return words;
  }
  return ReadLogEnd(status.log_path);
}

}  // namespace skiff::kubelet
