#include "api/rules/pods/volume_path_warnings.h"

#include <map>
#include <set>

#include "api/text/go_text.h"

namespace skiff {
namespace {

using namespace core_v1;
using Warnings = std::vector<std::string>;

struct PlacedFile {
  std::string path;
  std::string source;  // "" where the volume has but one.

  std::string Text() const {
    return source.empty() ? GoQuote(path) : GoQuote(path) + " (" + source + ")";
  }
};

template <typename Item>
std::vector<PlacedFile> FilesOf(const std::vector<Item>& items, const std::string& source) {
  std::vector<PlacedFile> files;
  for (const Item& item : items) files.push_back({item.path, source});
  return files;
}

// Of a volume, and about so many of a pod; more would not be read.
constexpr size_t kWarningsMax = 64;
constexpr size_t kWarningsOfPodMax = 1000;
// No machine makes a file at a longer one (PATH_MAX), which may be the whole document: all that is
// above it is looked for, and that takes the square of its length.
constexpr size_t kComparedPathBytesMax = 4096;

// Compares each file with those before it.
class PathWarnings {
 public:
  PathWarnings(const Volume& volume, const std::string& kind, Warnings& out)
      : prefix_("volume " + GoQuote(volume.name) + " (" + kind + "): overlapping paths: "),
        out_(out) {}

  void Add(std::vector<PlacedFile> files) {
    for (PlacedFile& file : files) {
      while (file.path.ends_with('/')) file.path.pop_back();
      if (file.path.empty() || file.path.size() > kComparedPathBytesMax) continue;
      for (const size_t other : Overlapping(file.path)) {
        if (++count_ > kWarningsMax) return;
        out_.push_back(prefix_ + file.Text() + " with " + placed_[other].Text());
      }
      by_path_.emplace(file.path, placed_.size());
      placed_.push_back(std::move(file));
    }
  }

 private:
  // Which of the placed files are at the path, above or below it, in their order.
  std::set<size_t> Overlapping(const std::string& path) const {
    std::set<size_t> found;
    for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
      const auto [first, last] = by_path_.equal_range(path.substr(0, end));
      for (auto at = first; at != last && found.size() < kWarningsMax; ++at) {
        found.insert(at->second);
      }
    }
    for (auto at = by_path_.lower_bound(path); at != by_path_.end(); ++at) {
      if (!at->first.starts_with(path) || found.size() >= kWarningsMax) break;
      const bool below = at->first.size() == path.size() || at->first[path.size()] == '/';
      if (below) found.insert(at->second);
    }
    return found;
  }

  const std::string prefix_;
  std::vector<PlacedFile> placed_;
  std::multimap<std::string, size_t> by_path_;
  size_t count_ = 0;
  Warnings& out_;
};

std::vector<PlacedFile> FilesOf(const VolumeProjection& source) {
  // Of several sources the first one that lists files counts.
  if (source.config_map && !source.config_map->items.empty()) {
    return FilesOf(source.config_map->items, "ConfigMap " + GoQuote(source.config_map->name));
  }
  if (source.secret && !source.secret->items.empty()) {
    return FilesOf(source.secret->items, "Secret " + GoQuote(source.secret->name));
  }
  if (source.downward_api && !source.downward_api->items.empty()) {
    return FilesOf(source.downward_api->items, "DownwardAPI");
  }
  if (source.service_account_token) {
    return {{source.service_account_token->path, "ServiceAccountToken"}};
  }
  return {};
}

void WarnOfProjected(const Volume& volume, Warnings& out) {
  PathWarnings warnings(volume, "Projected", out);
  for (const VolumeProjection& source : volume.projected->sources) {
    if (source == VolumeProjection()) {
      out.push_back("volume " + GoQuote(volume.name) + " (Projected) has no sources provided");
      continue;
    }
    warnings.Add(FilesOf(source));
  }
}

}  // namespace

void WarnOfVolumePaths(const std::vector<Volume>& volumes, Warnings& out) {
  for (const Volume& volume : volumes) {
    if (out.size() >= kWarningsOfPodMax) return;
    if (volume.config_map) {
      PathWarnings(volume, "ConfigMap " + GoQuote(volume.config_map->name), out)
          .Add(FilesOf(volume.config_map->items, ""));
    }
    if (volume.secret) {
      PathWarnings(volume, "Secret " + GoQuote(volume.secret->secret_name), out)
          .Add(FilesOf(volume.secret->items, ""));
    }
    if (volume.downward_api) {
      PathWarnings(volume, "DownwardAPI", out).Add(FilesOf(volume.downward_api->items, ""));
    }
    if (volume.projected) WarnOfProjected(volume, out);
  }
}

}  // namespace skiff
