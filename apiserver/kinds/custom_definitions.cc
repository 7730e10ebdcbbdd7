#include "apiserver/kinds/custom_definitions.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "api/crd/definition.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// "" is not a name, and not counted.
template <typename Each>
void EachName(const AcceptedNames& names, TakenNames& taken, Each each) {
  const auto count = [&](const std::string& name, std::multiset<std::string>& in) {
    if (!name.empty()) each(name, in);
  };
  count(names.plural, taken.resources);
  count(names.singular, taken.resources);
  for (const std::string& name : names.short_names) count(name, taken.resources);
  count(names.kind, taken.kinds);
  count(names.list_kind, taken.kinds);
}

// Takes a name over that nobody else has; else says so.
class NameJudge {
 public:
  void Take(const std::string& wanted, std::string& accepted,
            const std::multiset<std::string>& taken, std::string_view reason) {
    if (wanted != accepted && taken.contains(wanted)) {
      reason_ = reason;
      message_ = InUse(wanted);
    } else {
      accepted = wanted;
    }
  }

  void TakeShort(const std::vector<std::string>& wanted, std::vector<std::string>& accepted,
                 const std::multiset<std::string>& taken) {
    // Nothing bounds how many there are.
    const std::set<std::string_view> own(accepted.begin(), accepted.end());
    std::set<std::string_view> seen;
    std::vector<std::string> refused;
    for (const std::string& name : wanted) {
      if (own.contains(name) || !taken.contains(name) || !seen.insert(name).second) continue;
      refused.push_back(InUse(name));
    }
    if (refused.empty()) {
      accepted = wanted;
      return;
    }
    reason_ = "ShortNamesConflict";
    message_ = refused[0];
    if (refused.size() == 1) return;
    message_ = "[";
    for (const std::string& text : refused) message_ += (&text == &refused[0] ? "" : ", ") + text;
    message_ += "]";
  }

  DefinitionCondition Condition() const {
    if (reason_.empty()) return {"NamesAccepted", "True", "NoConflicts", "no conflicts found"};
    return {"NamesAccepted", "False", reason_, message_};
  }

 private:
  static std::string InUse(const std::string& name) { return Quoted(name) + " is already in use"; }

  std::string_view reason_;
  std::string message_;
};

// Once it is served a definition stays so, whatever becomes of its names.
void Establish(CustomResourceDefinition& definition, TimePoint now, bool has_valid_ca_bundle) {
  const auto* naming = FindDefinitionCondition(definition, "NamesAccepted");
  if (naming == nullptr || naming->status != "True" || crd::IsEstablished(definition)) return;
  if (!has_valid_ca_bundle) {
    SetDefinitionCondition(definition,
                           {"Established", "False", "InvalidCABundle",
                            "The conversion webhook CABundle is invalid"},
                           now);
    return;
  }
  SetDefinitionCondition(
      definition,
      {"Established", "True", "InitialNamesAccepted", "the initial names have been accepted"},
      now);
}

bool Says(const CustomResourceDefinition& definition, const DefinitionCondition& condition) {
  const auto* is = FindDefinitionCondition(definition, condition.type);
  return is != nullptr && is->status == condition.status && is->reason == condition.reason &&
         is->message == condition.message;
}

}  // namespace

Json StatusPatch(const CustomResourceDefinition& definition) {
  const auto add = [](const char* path, Json value) {
    return Json{{"op", "add"}, {"path", path}, {"value", std::move(value)}};
  };
  Json patch = Json::array({add("/metadata/resourceVersion", definition.metadata.resource_version),
                            add("/status", ToJson(definition.status))});
  if (definition.metadata.deletion_timestamp) {
    patch.push_back(add("/metadata/finalizers", definition.metadata.finalizers));
  }
  return patch;
}

const apiextensions_v1::CustomResourceDefinitionCondition* FindDefinitionCondition(
    const CustomResourceDefinition& definition, std::string_view type) {
  for (const auto& condition : definition.status.conditions) {
    if (condition.type == type) return &condition;
  }
  return nullptr;
}

void SetDefinitionCondition(CustomResourceDefinition& definition,
                            const DefinitionCondition& condition, TimePoint now) {
  auto& conditions = definition.status.conditions;
  auto found = std::find_if(conditions.begin(), conditions.end(),
                            [&](const auto& each) { return each.type == condition.type; });
  if (found == conditions.end()) {
    found = conditions.emplace(found);
    found->type = condition.type;
  }
  if (found->status != condition.status) {
    found->last_transition_time = Time(std::chrono::time_point_cast<std::chrono::seconds>(now));
  }
  found->status = condition.status;
  found->reason = condition.reason;
  found->message = condition.message;
}

void BeginTermination(CustomResourceDefinition& definition, TimePoint now) {
  auto& meta = definition.metadata;
  meta.deletion_timestamp = Time(std::chrono::time_point_cast<std::chrono::seconds>(now));
  if (std::find(meta.finalizers.begin(), meta.finalizers.end(), kInstanceFinalizer) ==
      meta.finalizers.end()) {
    meta.finalizers.emplace_back(kInstanceFinalizer);
  }
  SetDefinitionCondition(definition,
                         {"Terminating", "True", "InstanceDeletionPending",
                          "CustomResourceDefinition marked for deletion; CustomResource deletion "
                          "will begin soon"},
                         now);
}

void TakenNames::Add(const AcceptedNames& names) {
  EachName(names, *this, [](const std::string& name, auto& in) { in.insert(name); });
}

void TakenNames::Remove(const AcceptedNames& names) {
  EachName(names, *this, [](const std::string& name, auto& in) {
    if (const auto found = in.find(name); found != in.end()) in.erase(found);
  });
}

void SettleNames(CustomResourceDefinition& definition, const TakenNames& taken, TimePoint now,
                 bool has_valid_ca_bundle) {
  const AcceptedNames& wanted = definition.spec.names;
  AcceptedNames accepted = definition.status.accepted_names;
  if (wanted == accepted) return Establish(definition, now, has_valid_ca_bundle);
  NameJudge judge;
  judge.Take(wanted.plural, accepted.plural, taken.resources, "PluralConflict");
  judge.Take(wanted.singular, accepted.singular, taken.resources, "SingularConflict");
  judge.TakeShort(wanted.short_names, accepted.short_names, taken.resources);
  judge.Take(wanted.kind, accepted.kind, taken.kinds, "KindConflict");
  judge.Take(wanted.list_kind, accepted.list_kind, taken.kinds, "ListKindConflict");
  accepted.categories = wanted.categories;
  const DefinitionCondition naming = judge.Condition();
  definition.status.accepted_names = std::move(accepted);
  if (!Says(definition, naming)) SetDefinitionCondition(definition, naming, now);
  if (naming.status != "True" && FindDefinitionCondition(definition, "Established") == nullptr) {
    SetDefinitionCondition(
        definition, {"Established", "False", "NotAccepted", "not all names are accepted"}, now);
  }
  Establish(definition, now, has_valid_ca_bundle);
}

void SettleApproval(CustomResourceDefinition& definition, TimePoint now) {
  if (!crd::IsProtectedGroup(definition.spec.group)) return;
  const crd::Approval approval = crd::ApprovalOf(definition.metadata.annotations);
  const auto say = [&](std::string_view status, std::string_view reason, std::string message) {
    const DefinitionCondition condition{"KubernetesAPIApprovalPolicyConformant", status, reason,
                                        std::move(message)};
    if (!Says(definition, condition)) SetDefinitionCondition(definition, condition, now);
  };
  switch (approval.state) {
    case crd::Approval::State::kApproved:
      return say("True", "ApprovedAnnotation", "approved in " + approval.text);
    case crd::Approval::State::kBypassed:
      return say("False", "UnapprovedAnnotation", "not approved: " + Quoted(approval.text));
    case crd::Approval::State::kMissing:
      return say("False", "MissingAnnotation", approval.text);
    case crd::Approval::State::kInvalid:
      return say("False", "InvalidAnnotation", approval.text);
  }
}

}  // namespace skiff
