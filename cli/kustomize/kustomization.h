// What a kustomization file says: a Kustomization (v1beta1), or a Component (v1alpha1).
#pragma once

#include <string>
#include <vector>

#include "api/values.h"
#include "cli/kustomize/loader.h"

namespace skiff::cli::kustomize {

struct Kustomization {
  // Its fields, by their right names, each of the form that it has to have; what is not there reads
  // as empty. Deprecated fields have gone to those that took their place.
  Json fields = Json::object();
  std::string file;  // "kustomization.yaml"
  std::vector<std::string> warnings;
  bool is_component = false;

  std::vector<std::string> Texts(const char* name) const;
  std::string Text(const char* name) const;
  // The items of a list.
  std::vector<Json> Items(const char* name) const;
};

// Reads the one file of the three names that is there.
Result<Kustomization> ReadKustomization(const Loader& loader);
// Checks the replacements of a file that `replacements` names: one, or a list of them.
Result<std::vector<Json>> ReadReplacements(std::string_view text);

}  // namespace skiff::cli::kustomize
