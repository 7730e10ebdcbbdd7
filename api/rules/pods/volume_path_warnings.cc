#include "api/rules/pods/volume_path_warnings.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "api/text/go_text.h"
#include "api/text/runes.h"

namespace skiff {
namespace {

using namespace core_v1;
using Warnings = std::vector<std::string>;

struct PlacedFile {
  std::string path;
  std::string_view source;  // "" where the volume has but one.

  std::string Text() const {
    return source.empty() ? GoQuote(path) : GoQuote(path) + " (" + std::string(source) + ")";
  }
};

// What a response says of a text: with a longer one all are cut to far less.
constexpr size_t kNameRunesMax = 4096;
// Beyond so many bytes, counting no more of a text than is said of one that is cut, nothing is
// said.
constexpr size_t kCutBytesMax = 1024;
constexpr size_t kSaidBytesMax = 20'000;

// A name may be as long as the document, and stands in each of the warnings.
std::string NamedSource(const char* kind, const std::string& name) {
  return kind + (" " + GoQuote(FirstRunes(name, kNameRunesMax)));
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

  template <typename Item>
  void Add(const std::vector<Item>& items, std::string source) {
    const std::string& kept = sources_.emplace_back(std::move(source));
    for (const Item& item : items) {
      if (IsEnough()) return;
      Place({item.path, kept});
    }
  }
  void AddFile(const std::string& path, std::string source) {
    Place({path, sources_.emplace_back(std::move(source))});
  }

 private:
  bool IsEnough() const { return count_ > kWarningsMax || bytes_ > kSaidBytesMax; }

  void Place(PlacedFile file) {
    while (file.path.ends_with('/')) file.path.pop_back();
    if (file.path.empty() || file.path.size() > kComparedPathBytesMax) return;
    for (const size_t other : Overlapping(file.path)) {
      if (++count_ > kWarningsMax || IsEnough()) return;
      out_.push_back(prefix_ + file.Text() + " with " + placed_[other].Text());
      bytes_ += std::min(out_.back().size(), kCutBytesMax);
    }
    by_path_.emplace(file.path, placed_.size());
    placed_.push_back(std::move(file));
  }

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
  std::deque<std::string> sources_;  // Of the files, once for all of a source.
  std::vector<PlacedFile> placed_;
  std::multimap<std::string, size_t> by_path_;
  size_t count_ = 0;
  size_t bytes_ = 0;  // Of the warnings, as far as they may be said.
  Warnings& out_;
};

void AddSource(const VolumeProjection& source, PathWarnings& warnings) {
  // Of several sources the first one that lists files counts.
  if (source.config_map && !source.config_map->items.empty()) {
    return warnings.Add(source.config_map->items,
                        NamedSource("ConfigMap", source.config_map->name));
  }
  if (source.secret && !source.secret->items.empty()) {
    return warnings.Add(source.secret->items, NamedSource("Secret", source.secret->name));
  }
  if (source.downward_api && !source.downward_api->items.empty()) {
    return warnings.Add(source.downward_api->items, "DownwardAPI");
  }
  if (source.service_account_token) {
    warnings.AddFile(source.service_account_token->path, "ServiceAccountToken");
  }
}

void WarnOfProjected(const Volume& volume, Warnings& out) {
  PathWarnings warnings(volume, "Projected", out);
  for (const VolumeProjection& source : volume.projected->sources) {
    if (out.size() >= kWarningsOfPodMax) return;
    if (source == VolumeProjection()) {
      out.push_back("volume " + GoQuote(volume.name) + " (Projected) has no sources provided");
      continue;
    }
    AddSource(source, warnings);
  }
}

}  // namespace

void WarnOfVolumePaths(const std::vector<Volume>& volumes, Warnings& out) {
  for (const Volume& volume : volumes) {
    if (out.size() >= kWarningsOfPodMax) return;
    if (volume.config_map) {
      PathWarnings(volume, NamedSource("ConfigMap", volume.config_map->name), out)
          .Add(volume.config_map->items, "");
    }
    if (volume.secret) {
      PathWarnings(volume, NamedSource("Secret", volume.secret->secret_name), out)
          .Add(volume.secret->items, "");
    }
    if (volume.downward_api) {
      PathWarnings(volume, "DownwardAPI", out).Add(volume.downward_api->items, "");
    }
    if (volume.projected) WarnOfProjected(volume, out);
  }
}

}  // namespace skiff
