#include "e2e/simulation/file_laws.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace skiff {
namespace {

// A worker looks at its pod every minute; after errors it may wait for two; and some more, as
// watches lag and lists back off.
constexpr Duration kFollows = 60s + 122s + 60s;

}  // namespace

std::optional<std::string> ReadMounted(const std::vector<cri::Mount>& mounts,
                                       const std::string& path) {
  for (const cri::Mount& mount : mounts) {
    if (path != mount.container_path && !path.starts_with(mount.container_path + "/")) continue;
    std::ifstream file(mount.host_path + path.substr(mount.container_path.size()));
    if (!file) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  return std::nullopt;
}

void FileLaws::Look(const cri::ContainerStatus& container, const std::string& pod,
                    std::optional<Duration> connected_since) {
  CheckNews(container, pod, connected_since);
  CheckPart(container, pod);
  if (ReadMounted(container.mounts, "/about/name") != pod) {
    laws_.Broken("pod " + pod + " has no file that tells its name");
  }
  if (ReadMounted(container.mounts, "/about/word") != "hush") {
    laws_.Broken("pod " + pod + " has no file that tells its secret");
  }
}

void FileLaws::CheckNews(const cri::ContainerStatus& container, const std::string& pod,
                         std::optional<Duration> connected_since) {
  const auto first = ReadMounted(container.mounts, "/news/first");
  const auto second = ReadMounted(container.mounts, "/news/second");
  if (!first || first != second || !laws_.news().contains(*first)) {
    laws_.Broken(fmt::format("pod {} sees \"{}\" and \"{}\" of one ConfigMap", pod,
                             first.value_or("nothing"), second.value_or("nothing")));
    return;
  }
  const Duration now = clock_.Monotonic();
  if (!connected_since || now - *connected_since <= kFollows) return;
  const Duration seen_at = laws_.news().at(*first);
  for (const auto& [text, said_at] : laws_.news()) {
    if (said_at <= seen_at || now - said_at <= kFollows) continue;
    laws_.Broken(fmt::format("pod {} sees \"{}\", though its ConfigMap says \"{}\" since {} s", pod,
                             *first, text, (now - said_at) / 1s));
    return;
  }
}

// A part of a volume is mounted by itself: it shows what was there then.
void FileLaws::CheckPart(const cri::ContainerStatus& container, const std::string& pod) {
  const auto part = ReadMounted(container.mounts, "/part");
  if (!part) {
    laws_.Broken("pod " + pod + " does not see a part of its volume");
    return;
  }
  const auto [first, is_new] = parts_.emplace(container.id, *part);
  if (first->second == *part) return;
  laws_.Broken(fmt::format("a part of a volume of pod {} was \"{}\" and is \"{}\"", pod,
                           first->second, *part));
}

}  // namespace skiff
