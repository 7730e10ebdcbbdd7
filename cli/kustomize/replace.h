// `replacements`: values that are copied from a field of one object to fields of others.
//
//   spec.template.spec.containers.[name=web].env.0.value
//
// A path may have [KEY=VALUE] for items of a list, their numbers, and in targets "*" for all of
// them; there the value is a regular expression. What holds a dot is written [so.it.is] or so\.it.
#pragma once

#include <vector>

#include "cli/kustomize/resource.h"

namespace skiff::cli::kustomize {

// What all replacements of a build may copy: each could double an object.
inline constexpr size_t kCopiedBytesMax = size_t{64} << 20;

// One item of `replacements`. `copied`: how much the build has copied so far.
Result<> Replace(ResourceSet& resources, const Json& replacement, size_t& copied);

// The value at such a path; nullptr when there is none.
const Json* Lookup(const Json& object, const std::vector<std::string>& path);
std::vector<std::string> SplitFieldPath(const std::string& path);

}  // namespace skiff::cli::kustomize
