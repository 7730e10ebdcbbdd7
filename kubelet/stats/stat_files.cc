#include "kubelet/stats/stat_files.h"

#include <algorithm>
#include <fstream>

namespace skiff::kubelet {

std::string ReadStatFile(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  // Their sizes are not known before they are read.
  char piece[8192];
  while (file && text.size() < kStatFileBytesMax) {
    file.read(piece, static_cast<std::streamsize>(
                         std::min(sizeof piece, kStatFileBytesMax - text.size())));
    text.append(piece, static_cast<size_t>(file.gcount()));
  }
  return text;
}

std::optional<uint64_t> NumberNamed(std::string_view text, std::string_view name) {
  std::optional<uint64_t> found;
  ForEachLine(text, [&](std::string_view line) {
    if (found || !line.starts_with(name)) return;
    line.remove_prefix(name.size());
    if (line.starts_with(' ')) found = LeadingNumber(line.substr(1));
  });
  return found;
}

std::vector<std::string_view> WordsOf(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty()) return words;
    const size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

}  // namespace skiff::kubelet
