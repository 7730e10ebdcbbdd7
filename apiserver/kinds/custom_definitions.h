// What CustomResourceDefinitions say of themselves, and how they go. Pure decisions;
// definition_loop.h writes them.
//
//   names wanted -> NamesAccepted -> Established -> served
//   deleted -> Terminating: its objects go, then its finalizer, then it
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "api/gen/apiextensions_v1.h"
#include "api/values.h"

namespace skiff {

inline constexpr std::string_view kInstanceFinalizer =
    "customresourcecleanup.apiextensions.k8s.io";

using apiextensions_v1::CustomResourceDefinition;
using DefinitionPtr = std::shared_ptr<const CustomResourceDefinition>;

// What makes the status of a stored definition that of this one, and of one that goes its
// finalizers, if nobody has written it since: a JSON patch.
Json StatusPatch(const CustomResourceDefinition& definition);

// The condition, or nullptr.
const apiextensions_v1::CustomResourceDefinitionCondition* FindDefinitionCondition(
    const CustomResourceDefinition& definition, std::string_view type);

struct DefinitionCondition {
  std::string_view type;
  std::string_view status;
  std::string_view reason;
  std::string message;
};
// Its time moves with its status alone.
void SetDefinitionCondition(CustomResourceDefinition& definition,
                            const DefinitionCondition& condition, TimePoint now);

// A deletion that was asked for: nothing goes before its objects.
void BeginTermination(CustomResourceDefinition& definition, TimePoint now);

using AcceptedNames = apiextensions_v1::CustomResourceDefinitionNames;

// The names of a group that are taken, each as often as it is.
struct TakenNames {
  std::multiset<std::string> resources;
  std::multiset<std::string> kinds;
  void Add(const AcceptedNames& names);
  void Remove(const AcceptedNames& names);
  bool empty() const { return resources.empty() && kinds.empty(); }
};

// Accepts names that no other definition of the group has, and establishes what has all of them.
// What the definition itself has may be among those that are taken. One whose webhook could not be
// trusted is not established.
void SettleNames(CustomResourceDefinition& definition, const TakenNames& taken, TimePoint now,
                 bool has_valid_ca_bundle = true);
// What is said of a group that is Kubernetes' own.
void SettleApproval(CustomResourceDefinition& definition, TimePoint now);

}  // namespace skiff
