#include "apiserver/kinds/definition_index.h"

namespace skiff {
namespace {

std::string ApiServiceName(const GroupVersion& served) {
  return served.version + "." + served.group;
}

}  // namespace

void DefinitionIndex::Forget(const Known& known) {
  const auto taken = taken_.find(known.group);
  if (taken != taken_.end()) {
    taken->second.Remove(known.names);
    if (taken->second.empty()) taken_.erase(taken);
  }
  for (const GroupVersion& each : known.served) {
    const auto serving = serving_.find(ApiServiceName(each));
    if (serving != serving_.end() && --serving->second.definitions == 0) serving_.erase(serving);
  }
}

std::set<std::string> DefinitionIndex::Put(const std::string& name,
                                           const CustomResourceDefinition* definition) {
  std::set<std::string> touched;
  if (const auto before = known_.find(name); before != known_.end()) {
    for (const GroupVersion& each : before->second.served) touched.insert(ApiServiceName(each));
    Forget(before->second);
    known_.erase(before);
  }
  if (definition == nullptr) return touched;
  Known known{definition->spec.group, definition->status.accepted_names, {}};
  for (const auto& version : definition->spec.versions) {
    if (version.served) known.served.push_back({known.group, version.name});
  }
  for (const GroupVersion& each : known.served) {
    const auto [serving, is_new] = serving_.try_emplace(ApiServiceName(each), Serving{each});
    ++serving->second.definitions;
    touched.insert(serving->first);
  }
  taken_[known.group].Add(known.names);
  known_.emplace(name, std::move(known));
  return touched;
}

const TakenNames& DefinitionIndex::TakenIn(std::string_view group) const {
  static const TakenNames kNone;
  const auto found = taken_.find(group);
  return found == taken_.end() ? kNone : found->second;
}

std::optional<GroupVersion> DefinitionIndex::ServedAs(std::string_view api_service) const {
  const auto found = serving_.find(api_service);
  if (found == serving_.end()) return std::nullopt;
  return found->second.version;
}

std::set<std::string> DefinitionIndex::ApiServices() const {
  std::set<std::string> names;
  for (const auto& [name, serving] : serving_) names.insert(names.end(), name);
  return names;
}

}  // namespace skiff
