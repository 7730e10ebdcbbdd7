// pods/eviction: a deletion that respects the pod's disruption budget.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/policy_v1.h"
#include "api/pods/pod_phase.h"
#include "api/select/selector.h"
#include "api/violations.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/objects/unstored.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/body.h"
#include "apiserver/request/respond.h"
#include "apiserver/request/time_limit.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

constexpr size_t kDisruptedPodsMax = 2000;
constexpr int kBusySeconds = 10;
// So often a pod that changes is looked at anew.
constexpr int kTriesMax = 20;

using policy_v1::PodDisruptionBudget;

Error Refused(const std::string& cause, int retry_after_s) {
  Error error{Reason::kTooManyRequests,
              "Cannot evict pod as it would violate the pod's disruption budget."};
  error.causes.push_back({.reason = "DisruptionBudget", .message = cause});
  error.details = ErrorDetails{.retry_after_s = retry_after_s};
  return error;
}

const meta_v1::Condition* AllowedCondition(const PodDisruptionBudget& budget) {
  for (const auto& condition : budget.status.conditions) {
    if (condition.type == "DisruptionAllowed") return &condition;
  }
  return nullptr;
}

// Nobody knows yet what it has left.
Error StillProcessed(const std::string& budget) {
  return Refused(
      fmt::format("The disruption budget {} is still being processed by the server.", budget),
      kBusySeconds);
}

// Why the budget has nothing left.
std::string WhyNone(const PodDisruptionBudget& budget) {
  const std::string& name = budget.metadata.name;
  const auto* condition = AllowedCondition(budget);
  const bool is_false = condition != nullptr && condition->status == "False";
  if (is_false && condition->reason == "SyncFailed" && !condition->message.empty()) {
    return fmt::format(
        "The disruption budget {} does not allow evicting pods currently because it failed sync: "
        "{}",
        name, condition->message);
  }
  if (budget.status.current_healthy <= budget.status.desired_healthy) {
    return fmt::format("The disruption budget {} needs {} healthy pods and has {} currently", name,
                       budget.status.desired_healthy, budget.status.current_healthy);
  }
  if (is_false && !condition->message.empty()) {
    return fmt::format("The disruption budget {} does not allow evicting pods currently ({}): {}",
                       name, condition->reason, condition->message);
  }
  return fmt::format("The disruption budget {} does not allow evicting pods currently", name);
}

// The condition moves with the number, so that nobody waits for the controller to see it.
void SetNoneLeft(policy_v1::PodDisruptionBudgetStatus& status, TimePoint now) {
  const auto found =
      std::find_if(status.conditions.begin(), status.conditions.end(),
                   [](const auto& condition) { return condition.type == "DisruptionAllowed"; });
  const bool missing = found == status.conditions.end();
  meta_v1::Condition& condition = missing ? status.conditions.emplace_back() : *found;
  if (condition.status != "False") condition.last_transition_time = Time(now);
  condition.type = "DisruptionAllowed";
  condition.status = "False";
  condition.reason = "InsufficientPods";
  condition.message.clear();
  condition.observed_generation = status.observed_generation;
}

// Takes one disruption from the budget.
Result<Object> Spend(const Object& old, const std::string& pod, TimePoint now) {
  Object object = old.Clone();
  PodDisruptionBudget& budget = *object.As<PodDisruptionBudget>();
  const std::string& name = budget.metadata.name;
  auto& status = budget.status;
  if (status.observed_generation < budget.metadata.generation) {
    return Fail(StillProcessed(name));
  }
  const GroupResource what{"policy", "poddisruptionbudget"};
  if (status.disruptions_allowed < 0) {
    return Fail(Forbidden(what, name, "pdb disruptions allowed is negative"));
  }
  if (status.disrupted_pods.size() > kDisruptedPodsMax) {
    return Fail(Forbidden(what, name,
                          "DisruptedPods map too big - too many evictions not confirmed by PDB "
                          "controller"));
  }
  if (status.disruptions_allowed == 0) return Fail(Refused(WhyNone(budget), 0));
  --status.disruptions_allowed;
  if (status.disruptions_allowed == 0) SetNoneLeft(status, now);
  status.disrupted_pods[pod] = Time(now);
  return object;
}

bool IsReady(const core_v1::Pod& pod) {
  for (const auto& condition : pod.status.conditions) {
    if (condition.type == "Ready") return condition.status == "True";
  }
  return false;
}

bool IsFreeToGo(const core_v1::Pod& pod) {
  return pod.metadata.deletion_timestamp || HasEnded(pod.status.phase) ||
         pod.status.phase == "Pending";
}

using BudgetPtr = std::shared_ptr<const PodDisruptionBudget>;

// Those of the namespace are asked for each pod that is to go, and may be many and large: they are
// decoded once.
Result<std::vector<BudgetPtr>> BudgetsOf(Core& core, const ApiRequest& request,
                                         const core_v1::Pod& pod) {
  bool is_whole = false;
  const auto budgets =
      core.caches.disruption_budgets.InNamespace(pod.metadata.namespace_, &is_whole);
  if (!is_whole) return Fail(PlainError("not all PodDisruptionBudgets can be read"));
  std::vector<BudgetPtr> matching;
  for (const BudgetPtr& budget : budgets) {
    TRY(CheckTime(request));
    if (!budget->spec.selector) continue;
    const auto selector = LabelSelector::From(*budget->spec.selector);
    if (selector && selector->Matches(pod.metadata.labels)) matching.push_back(budget);
  }
  return matching;
}

// What lets a pod go.
struct Leave {
  // Only as it was looked at: by now it may be ready, and count.
  bool as_read = false;
  std::string budget = {};  // That was asked; "" for none.
};

// Asks the budget, if there is one.
Result<Leave> AskBudget(Core& core, ApiRequest& request, const core_v1::Pod& pod,
                        const WriteOptions& options, TimePoint now) {
  const auto budgets = TRY(BudgetsOf(core, request, pod));
  if (budgets.empty()) return Leave{};
  if (budgets.size() > 1) {
    return Fail(PlainError(
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not "
        "support."));
  }
  const PodDisruptionBudget& budget = *budgets[0];
  if (!IsReady(pod)) {
    const bool enough = budget.status.current_healthy >= budget.status.desired_healthy &&
                        budget.status.desired_healthy > 0;
    if (enough || budget.spec.unhealthy_pod_eviction_policy.value_or("") == "AlwaysAllow") {
      return Leave{.as_read = true, .budget = budget.metadata.name};
    }
  }
  ApiRequest own{
      .http = request.http, .info = request.info, .user = request.user, .now = request.now};
  own.deadline = request.deadline;
  own.answer_deadline = request.answer_deadline;
  own.kind = &PodDisruptionBudget::Info();
  UpdateMode mode{.subresource = "status", .check_version = false};
  mode.skip_admission = true;
  mode.prepare = [](Object&, const Object&) {};
  mode.validate = [](const Object&, const Object&, Violations&) {};
  WriteOptions own_options = options;
  own_options.field_manager = "kube-apiserver";
  TRY(core.writer.Update(own, budget.metadata.name, own_options, mode,
                         [&](const Object& old) { return Spend(old, pod.metadata.name, now); }));
  return Leave{.budget = budget.metadata.name};
}

Result<Leave> LeaveFor(Core& core, ApiRequest& request, const core_v1::Pod& pod,
                       const WriteOptions& options, TimePoint now) {
  if (!IsFreeToGo(pod)) return AskBudget(core, request, pod, options, now);
  const bool is_over = pod.metadata.deletion_timestamp || HasEnded(pod.status.phase);
  return Leave{.as_read = !is_over};
}

// The pod says why it goes, if it is the one that is to. `options`: of its deletion, which then
// means the version that this made.
Result<> MarkDisrupted(Core& core, ApiRequest& request, DeleteQuery& options, TimePoint now) {
  UpdateMode mode{.subresource = "status", .check_version = false};
  mode.skip_admission = true;
  mode.keeps_managed_fields = true;
  mode.prepare = [](Object&, const Object&) {};
  mode.validate = [](const Object&, const Object&, Violations&) {};
  const auto mark = [&](const Object& old) -> Result<Object> {
    TRY(CheckPreconditions(old, options));
    Object object = old.Clone();
    auto& conditions = object.As<core_v1::Pod>()->status.conditions;
    const auto known = std::find_if(conditions.begin(), conditions.end(), [](const auto& each) {
      return each.type == "DisruptionTarget";
    });
    auto& condition = known == conditions.end() ? conditions.emplace_back() : *known;
    if (condition.status != "True") condition.last_transition_time = Time(now);
    condition.type = "DisruptionTarget";
    condition.status = "True";
    condition.reason = "EvictionByEvictionAPI";
    condition.message = "Eviction API: evicting";
    return object;
  };
  const Saved saved = TRY(core.writer.Update(request, request.info.name, {}, mode, mark));
  if (options.resource_version) {
    options.resource_version = std::to_string(saved.revision.value);
  }
  return {};
}

Result<policy_v1::Eviction> EvictionOf(ApiRequest& request, const WriteOptions& options) {
  const WantedType wanted{"policy", "v1", "Eviction", &policy_v1::Eviction::Describe(), "v1beta1"};
  auto eviction = TRY(ReadBody<policy_v1::Eviction>(request, wanted, options.validation));
  TRY(CompleteUnstored(request, options, "policy/v1", "eviction", eviction));
  return eviction;
}

// Whether what it says of its deletion suits the request.
Result<> CheckDeletion(const policy_v1::Eviction& eviction, const http::Request& request) {
  if (!eviction.delete_options) return {};
  const auto& given = *eviction.delete_options;
  if (given.ignore_store_read_error_with_cluster_breaking_potential.value_or(false)) {
    Violations wrong;
    wrong.Invalid(FieldPath("deleteOptions")
                      .Child("ignoreStoreReadErrorWithClusterBreakingPotential"),
                  true, "can not be set for pod eviction, try after removing the option");
    return Fail(wrong.ToError("policy", "Eviction", eviction.metadata.name));
  }
  std::vector<std::string> asked;
  for (const auto& [name, value] : request.query) {
    if (name == "dryRun") asked.push_back(value);
  }
  if (given.dry_run.empty() || asked.empty() || asked == given.dry_run) return {};
  return Fail(PlainError(
      fmt::format("Non-matching dry-run options in request and content: [{}] and [{}]",
                  fmt::join(asked, " "), fmt::join(given.dry_run, " "))));
}

// Of the deletion that it asks for.
Result<DeleteQuery> OptionsOf(const policy_v1::Eviction& eviction, bool dry_run) {
  const auto& given = eviction.delete_options;
  DeleteQuery options = TRY(CheckDeleteOptions(given ? *given : meta_v1::DeleteOptions()));
  options.dry_run |= dry_run;
  return options;
}

// Who drains a node takes a pod that is not found for one that has gone: a store that cannot tell
// says so.
Result<RecordPtr> PodRecord(Core& core, const ApiRequest& request) {
  const KindInfo& kind = *request.kind;
  auto record = core.store.Get(KeyOf(kind, request.info.namespace_name, request.info.name));
  if (record || record.error().reason != Reason::kNotFound) return record;
  return Fail(NotFoundError(GroupResourceOf(kind), request.info.name));
}

// Deletes the pod that was looked at, unless it is another one by now: kConflict, if it may only go
// as it was.
Result<> LetGo(Core& core, ApiRequest& request, DeleteQuery deletion, TimePoint now) {
  if (!deletion.dry_run) TRY(MarkDisrupted(core, request, deletion, now));
  // The eviction was admitted; that the pod goes follows from it.
  request.own = true;
  TRY(core.remover.Delete(request, request.info.namespace_name, request.info.name, deletion));
  return {};
}

Result<> Evict(Core& core, ApiRequest& request, Object object, const policy_v1::Eviction& eviction,
               const WriteOptions& options) {
  const TimePoint now = std::chrono::time_point_cast<std::chrono::seconds>(core.clock.Now());
  // A budget refuses first, and nothing is taken from it for what is not going to happen.
  const Result<DeleteQuery> wanted = OptionsOf(eviction, options.dry_run);
  WriteOptions spending = options;
  spending.dry_run |= !wanted;
  for (int tries = 1;; ++tries) {
    const Leave leave = TRY(LeaveFor(core, request, *object.As<core_v1::Pod>(), spending, now));
    if (!wanted) return Fail(wanted.error());
    DeleteQuery deletion = *wanted;
    const bool is_guarded = leave.as_read && !deletion.resource_version;
    if (is_guarded) deletion.resource_version = object.metadata().resource_version;
    const Result<> gone = LetGo(core, request, std::move(deletion), now);
    if (gone || !is_guarded || gone.error().reason != Reason::kConflict) return gone;
    if (!leave.budget.empty()) return Fail(StillProcessed(leave.budget));
    if (tries == kTriesMax) return gone;
    const RecordPtr record = TRY(PodRecord(core, request));
    object = TRY(ObjectOf(*request.kind, *record));
  }
}

}  // namespace

Result<http::Response> HandleEviction(Core& core, ApiRequest& request) {
  WriteOptions options = TRY(ParseWriteOptions(request.http, "CreateOptions"));
  policy_v1::Eviction eviction = TRY(EvictionOf(request, options));
  if (eviction.delete_options && !eviction.delete_options->dry_run.empty()) {
    options.dry_run = true;
  }
  const KindInfo& kind = *request.kind;
  Json body = ToJson(eviction);
  // Most clients leave out of what type the options are.
  if (const auto given = body.find("deleteOptions"); given != body.end() && given->is_object()) {
    for (const char* name : {"apiVersion", "kind"}) given->erase(name);
  }
  const Json options_document = OptionsDocument(options, "CreateOptions");
  AdmissionRequest admission = AdmissionOf(request, Operation::kCreate, kind, "eviction");
  admission.dry_run = options.dry_run;
  admission.body = &body;
  admission.options = &options_document;
  TRY(core.admission.Admit(admission));
  eviction = TRY(FromJson<policy_v1::Eviction>(body));
  if (eviction.metadata.name != request.info.name) {
    return Fail(Reason::kBadRequest, "name in URL does not match name in Eviction object");
  }
  TRY(CheckDeletion(eviction, request.http));
  TRY(core.admission.Validate(admission));
  const RecordPtr record = TRY(PodRecord(core, request));
  Object object = TRY(ObjectOf(kind, *record));
  TRY(CheckTime(request));  // Nothing is taken from a budget for who is told that it is too late.
  TRY(Evict(core, request, std::move(object), eviction, options));
  return SuccessResponse(request.http, 201, Json());
}

}  // namespace skiff
