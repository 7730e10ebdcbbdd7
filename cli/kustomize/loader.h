// Which files a build may read. What a kustomization names lies in or below its own directory,
// unless --load-restrictor says otherwise; other kustomizations may lie anywhere, but never at or
// above one that leads to them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::cli::kustomize {

// Kustomizations lead to each other no deeper, ...
inline constexpr int kBuildDepthMax = 50;
// ... no more of them are read (each as often as it is named), ...
inline constexpr int kKustomizationsMax = 2'000;
// ... and no more bytes, in all or of one file.
inline constexpr size_t kBuildBytesMax = size_t{128} << 20;
inline constexpr size_t kFileBytesMax = size_t{32} << 20;

// What all parts of a build have read together.
struct ReadSoFar {
  size_t bytes = 0;
  int kustomizations = 0;
};

class Loader {
 public:
  // Fails in kustomize's words where the directory is none.
  static Result<Loader> At(const std::string& directory, bool anywhere, ReadSoFar& so_far);
  // One for a kustomization that this one names.
  Result<Loader> Below(const std::string& path) const;
  Result<std::string> Load(const std::string& path) const;
  const std::string& root() const { return roots_.back(); }

 private:
  Loader(std::vector<std::string> roots, bool anywhere, ReadSoFar& so_far)
      : roots_(std::move(roots)), anywhere_(anywhere), so_far_(&so_far) {}
  static Result<Loader> Make(std::vector<std::string> roots, bool anywhere, ReadSoFar& so_far);

  std::vector<std::string> roots_;  // Of those that lead here, this one last; without links.
  bool anywhere_;
  ReadSoFar* so_far_;  // Outlives us.
};

// "https://...", "git@...", "github.com/...": what would have to be fetched.
bool IsRemote(std::string_view path);

}  // namespace skiff::cli::kustomize
