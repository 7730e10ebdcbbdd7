// What is valid of a CustomResourceDefinition itself, in the words of apiextensions-apiserver.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/apiextensions_v1.h"
#include "api/violations.h"

namespace skiff::crd {

using apiextensions_v1::CustomResourceDefinition;

// What the groups and versions of definitions have among those of others.
inline constexpr int kGroupPriority = 1000;
inline constexpr int kVersionPriority = 100;

// Whether objects of that name are a built-in kind's, whatever their version: they are kept where a
// definition's would be.
bool IsBuiltInResource(std::string_view group, std::string_view plural);
// Whether it is served, and stays so until it goes.
bool IsEstablished(const CustomResourceDefinition& definition);
// Groups of Kubernetes itself, whose definitions say where they were approved.
bool IsProtectedGroup(std::string_view group);
struct Approval {
  enum class State { kApproved, kBypassed, kMissing, kInvalid };
  State state;
  std::string text;  // The annotation; of the last two what is wrong.
};
inline constexpr const char* kApprovalAnnotation = "api-approved.kubernetes.io";
Approval ApprovalOf(const std::map<std::string, std::string>& annotations);

// These are the rules of the kind (api/rules/rules.h). They presume what its rules to prepare have
// left: defaults are filled in, and status.storedVersions names the version that is stored. What
// all kinds have in common, as most of the metadata, was looked at before. Schemas may be any JSON
// that decodes as JSONSchemaProps. `out` gets what is wrong.
void ValidateDefinition(const CustomResourceDefinition& definition, Violations& out);
// As Kubernetes: what it did not look at once (VersionFaults, authorities, versions of reviews) may
// be wrong where that very thing is wrong with `old`; so may the approval.
void ValidateDefinitionUpdate(const CustomResourceDefinition& definition,
                              const CustomResourceDefinition& old, Violations& out);
// The spec is the old one's, and is not looked at. Nor is `old`: the names in a status have to be
// right, whatever they were.
void ValidateDefinitionStatusUpdate(const CustomResourceDefinition& definition,
                                    const CustomResourceDefinition& old, Violations& out);
// Formats that nobody checks; `old` is nullptr on create.
void WarnOfFormats(const CustomResourceDefinition& definition, const CustomResourceDefinition* old,
                   std::vector<std::string>& out);

}  // namespace skiff::crd
