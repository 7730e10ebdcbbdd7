// Who may do what: policy, rbac, admission, flow control, certificates.
#include "api/codec/typed.h"
#include "api/columns/cells.h"
#include "api/select/selector_go_text.h"
#include "api/text/human_duration.h"
#include "base/seconds.h"

namespace skiff::columns {
namespace {

constexpr TableColumn kDisruptionBudget[] = {
    kName,
    {"Min Available", Given<"spec.minAvailable", "N/A">},
    {"Max Unavailable", Given<"spec.maxUnavailable", "N/A">},
    {"Allowed Disruptions", Number<"status.disruptionsAllowed">, "integer"},
    kAge,
};

Json RoleCell(const CellInput& input) {
  return TextAt(input.object, "roleRef.kind") + "/" + TextAt(input.object, "roleRef.name");
}

template <Literal kind>
Json SubjectsCell(const CellInput& input) {
  std::vector<std::string> out;
  for (const Json& subject : ListAt(input.object, "subjects")) {
    if (TextAt(subject, "kind") != kind.view()) continue;
    std::string name = TextAt(subject, "name");
    if (kind.view() == "ServiceAccount") name = TextAt(subject, "namespace") + "/" + name;
    out.push_back(std::move(name));
  }
  return Join(out, ", ");
}

constexpr TableColumn kBinding[] = {
    kName,
    {"Role", RoleCell},
    kAge,
    {"Users", SubjectsCell<"User">, "string", 1},
    {"Groups", SubjectsCell<"Group">, "string", 1},
    {"ServiceAccounts", SubjectsCell<"ServiceAccount">, "string", 1},
};

Json DurationCell(const CellInput& input) {
  if (FindPath(input.object, "spec.expirationSeconds") == nullptr) return "<none>";
  return HumanDuration(Seconds(NumberAt(input.object, "spec.expirationSeconds")));
}

Json SigningCell(const CellInput& input) {
  const auto has = [&](const char* type) { return FindCondition(input.object, type) != nullptr; };
  std::string out = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending";
  if (has("Failed")) out += ",Failed";
  if (!TextAt(input.object, "status.certificate").empty()) out += ",Issued";
  return out;
}

constexpr TableColumn kSigningRequest[] = {
    kName,
    kAge,
    {"SignerName", Text<"spec.signerName", "<none>">},
    {"Requestor", Text<"spec.username">},
    {"RequestedDuration", DurationCell},
    {"Condition", SigningCell},
};

constexpr TableColumn kWebhooks[] = {kName, {"Webhooks", Count<"webhooks">, "integer"}, kAge};

Json ParamKindCell(const CellInput& input) {
  const Json* kind = FindPath(input.object, "spec.paramKind");
  return kind == nullptr ? "<unset>" : TextAt(*kind, "apiVersion") + "/" + TextAt(*kind, "kind");
}

constexpr TableColumn kAdmissionPolicy[] = {
    kName,
    {"Validations", Count<"spec.validations">, "integer"},
    {"ParamKind", ParamKindCell},
    kAge,
};

constexpr TableColumn kMutatingPolicy[] = {
    kName,
    {"Mutations", Count<"spec.mutations">, "integer"},
    {"ParamKind", ParamKindCell},
    kAge,
};

Json ParamRefCell(const CellInput& input) {
  const Json* param = FindPath(input.object, "spec.paramRef");
  if (param == nullptr) return "<unset>";
  if (const std::string name = TextAt(*param, "name"); !name.empty()) {
    return OrElse(TextAt(*param, "namespace"), "*") + "/" + name;
  }
  const Json* selector = FindPath(*param, "selector");
  if (selector == nullptr) return "<unset>";
  const auto parsed = FromJson<meta_v1::LabelSelector>(*selector);
  return parsed ? GoSelectorText(*parsed) : parsed.error().message;
}

constexpr TableColumn kAdmissionBinding[] = {
    kName, {"PolicyName", Text<"spec.policyName">}, {"ParamRef", ParamRefCell}, kAge};

Json MissingLevelCell(const CellInput& input) {
  const Json* dangling = FindCondition(input.object, "Dangling");
  return dangling == nullptr ? "?" : TextAt(*dangling, "status");
}

constexpr TableColumn kFlowSchema[] = {
    kName,
    {"PriorityLevel", Text<"spec.priorityLevelConfiguration.name">},
    {"MatchingPrecedence", Number<"spec.matchingPrecedence">},
    {"DistinguisherMethod", Text<"spec.distinguisherMethod.type", "<none>">},
    kAge,
    {"MissingPL", MissingLevelCell},
};

int64_t PrecedenceOf(const Json& schema) {
  return NumberAt(schema, "spec.matchingPrecedence");
}

// The number at `path` when `parent` is there.
template <Literal parent, Literal path>
Json NumberIn(const CellInput& input) {
  if (FindPath(input.object, parent.view()) == nullptr) return "<none>";
  return NumberAt(input.object, path.view());
}

constexpr TableColumn kPriorityLevel[] = {
    kName,
    {"Type", Text<"spec.type">},
    {"NominalConcurrencyShares", NumberIn<"spec.limited", "spec.limited.nominalConcurrencyShares">},
    {"Queues",
     NumberIn<"spec.limited.limitResponse.queuing", "spec.limited.limitResponse.queuing.queues">},
    {"HandSize",
     NumberIn<"spec.limited.limitResponse.queuing", "spec.limited.limitResponse.queuing.handSize">},
    {"QueueLengthLimit", NumberIn<"spec.limited.limitResponse.queuing",
                                  "spec.limited.limitResponse.queuing.queueLengthLimit">},
    kAge,
};

}  // namespace

constinit const TableFormat kDisruptionBudgetTable = {kDisruptionBudget};
constinit const TableFormat kBindingTable = {kBinding};
constinit const TableFormat kSigningRequestTable = {kSigningRequest};
constinit const TableFormat kWebhooksTable = {kWebhooks};
constinit const TableFormat kAdmissionPolicyTable = {kAdmissionPolicy};
constinit const TableFormat kAdmissionBindingTable = {kAdmissionBinding};
constinit const TableFormat kMutatingPolicyTable = {kMutatingPolicy};
constinit const TableFormat kFlowSchemaTable = {.columns = kFlowSchema, .rank = PrecedenceOf};
constinit const TableFormat kPriorityLevelTable = {kPriorityLevel};

}  // namespace skiff::columns
