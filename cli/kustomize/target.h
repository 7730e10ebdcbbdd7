// One kustomization of a build: what it accumulates, and what it does to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/kustomize/fields.h"
#include "cli/kustomize/kustomization.h"
#include "cli/kustomize/resource.h"
#include "cli/kustomize/variables.h"

namespace skiff::cli::kustomize {

struct Accumulated {
  ResourceSet resources = {};
  FieldTables more_tables = {};  // Besides those that are built in.
  Variables variables = {};
};

// What all kustomizations of a build share.
struct BuildState {
  explicit BuildState(std::vector<std::string>& lines) : warnings(lines) {}
  ReadSoFar read = {};
  std::vector<std::string>& warnings;
  bool tracks_origins = false;           // buildMetadata of the outermost asks for any.
  std::unique_ptr<Json> definitions = {};  // Of an OpenAPI document, which stands for our tables.
  size_t copied_bytes = 0;
};

class Target {
 public:
  // `path`: from the outermost kustomization to this one. Both outlive the target.
  Target(const Loader& loader, std::string path, BuildState& state)
      : loader_(loader), path_(std::move(path)), state_(state) {}

  Result<> Read();
  const Kustomization& kustomization() const { return read_; }
  // Of a component: into what its parent has accumulated.
  Result<> Accumulate(Accumulated& into);

 private:
  Result<> AddResources(Accumulated& into);
  Result<> AddFile(const std::string& path, ResourceSet& resources);
  Result<> AddDirectory(const std::string& path, bool component, Accumulated& into);
  Result<> AddComponents(Accumulated& into);
  Result<> MergeTables(Accumulated& into);
  Result<> RunGenerators(Accumulated& into);
  Result<> RunTransformers(Accumulated& into);
  Result<> RunReplacements(Accumulated& into);
  Result<> ReadDefinitions();
  // Notes on all objects which of the built-in transformers they went through.
  void Note(ResourceSet& resources, const char* transformer);
  std::string Joined(const std::string& path) const;

  const Loader& loader_;
  const std::string path_;
  BuildState& state_;
  Kustomization read_;
};

}  // namespace skiff::cli::kustomize
