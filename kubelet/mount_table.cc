#include "kubelet/mount_table.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string_view>

namespace skiff {
namespace {

bool IsOctal(char c) {
  return c >= '0' && c <= '7';
}

// mountinfo writes a space as \040 and so on.
std::string Unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) &&
        IsOctal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

MountInfo ParseMountInfo(const std::string& line) {
  std::istringstream fields(line);
  std::string skip, path, options, word, type, source, super_options;
  fields >> skip >> skip >> skip >> skip >> path >> options;
  bool is_shared = false;
  while (fields >> word && word != "-") is_shared |= word.starts_with("shared:");
  fields >> type >> source >> super_options;
  return {Unescaped(path), type, options, super_options, is_shared};
}

std::vector<MountInfo> Mounts() {
  std::vector<MountInfo> mounts;
  std::ifstream in("/proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    if (MountInfo mount = ParseMountInfo(line); !mount.path.empty()) {
      mounts.push_back(std::move(mount));
    }
  }
  return mounts;
}

std::vector<std::string> MountsBelow(const std::string& path) {
  std::vector<std::string> below;
  for (const MountInfo& mount : Mounts()) {
    if (mount.path == path || mount.path.starts_with(path + "/")) below.push_back(mount.path);
  }
  std::reverse(below.begin(), below.end());
  std::stable_sort(below.begin(), below.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return below;
}

}  // namespace skiff
