// MutatingAdmissionPolicy: changes objects as policies say.
#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "api/codec/document.h"
#include "api/crd/custom_kind.h"
#include "api/kinds/versions.h"
#include "apiserver/admission/change_object.h"
#include "apiserver/admission/had_room.h"
#include "apiserver/admission/ignored_time.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/kinds/served_kinds.h"
#include "apiserver/policies/request_view.h"
#include "apiserver/policies/selection.h"
#include "apiserver/request/api_errors.h"
#include "base/metrics.h"

namespace skiff {
namespace {

using MutatingBound = BoundPolicy<MutatingFamily>;
using MutatingBinding = MutatingFamily::Binding;

// Counted under kube-apiserver's names.
class MutationMetrics {
 public:
  explicit MutationMetrics(MetricRegistry& registry)
      : checks_(registry.AddCounter({"apiserver_mutating_admission_policy_check_total",
                                     "[ALPHA] Mutations of policies that were evaluated.",
                                     {"policy", "policy_binding", "error_type"}})),
        seconds_(registry.AddHistogram(
            {"apiserver_mutating_admission_policy_check_duration_seconds",
             "[ALPHA] Time that those took, in seconds.",
             {"policy", "policy_binding", "error_type"}},
            {0.0000005, 0.001, 0.01, 0.1, 1.0})) {}

  // `error`: "" where there is none.
  void Count(const MutatingBinding& binding, std::string_view error, double seconds) {
    const std::string_view type = error.empty() ? "no_error" : ErrorTypeOf(error, "invalid_error");
    const std::string& policy = binding.spec.policy_name;
    checks_.Add({policy, binding.metadata.name, type});
    seconds_.Observe({policy, binding.metadata.name, type}, seconds);
  }

 private:
  CounterFamily& checks_;
  HistogramFamily& seconds_;
};

// A policy that concerns the request, under one binding and with one parameter.
struct Invocation {
  const MutatingBound* policy;
  const MutatingBinding* binding;
  const KindInfo* kind;  // As which the request concerns it.
  std::shared_ptr<const Json> param;

  // Of no other.
  std::string Key() const {
    std::string key = binding->spec.policy_name + "\n" + binding->metadata.name + "\n";
    if (param != nullptr) {
      key += TextAt(*param, "metadata.namespace") + "\n" + TextAt(*param, "metadata.name");
    }
    return key;
  }
};

// One request on its way past the policies.
class MutatingPassage {
 public:
  struct Parts {
    Store& store;
    Caches& caches;
    Authorizer& authorizer;
    const KindSet& kinds;
    MutationMetrics* metrics;  // nullptr: nothing is counted.
  };
  MutatingPassage(const Parts& parts, AdmissionRequest& request)
      : parts_(parts), request_(request), authorizer_(parts.authorizer, request.user) {}

  // All policies are chosen before any of them changes anything.
  Result<> Choose(const MutatingBound& bound) {
    return SelectBindings(
        {parts_.store, parts_.caches, parts_.kinds, &param_bytes_left_}, request_, bound,
        [&](const MutatingBinding& binding, const KindInfo& kind,
            const PolicyParams& params) -> Result<> {
          for (const auto& param : params) {
            invocations_.push_back({&bound, &binding, &kind, param});
          }
          return {};
        },
        [&](const MutatingBinding* binding, const std::string& why) {
          Refuse(bound, binding, why, Reason::kForbidden);
        });
  }

  Result<> Run() {
    if (invocations_.empty()) return {};
    TRY(namespace_.LookAt(true));
    Reinvocation& again = request_.reinvocation;
    AskedBefore& asked = again.policies;
    // In the second round the plugins before may have changed what the policies had left.
    if (again.again && TextOfObject(request_) != asked.last_output) asked.RequireCalled();
    bool mutated = false;
    for (const Invocation& invocation : invocations_) {
      TRY(Invoke(invocation, mutated));
      TRY(HadRoom());
    }
    if (mutated) {
      asked.RequireCalled();
      again.wanted = true;
    }
    asked.last_output = TextOfObject(request_);
    return {};
  }

  // The first of all refusals answers, and names the others, as many as were kept.
  Result<> Answer() const {
    if (refusals_.empty()) return {};
    Error error = Forbidden(GroupResourceOf(request_.kind), ShownName(request_), "");
    error.message = refusals_[0].message;
    error.reason = first_reason_;
    error.http_code = kForbiddenCode;
    error.causes = refusals_;
    return Fail(std::move(error));
  }

 private:
  static constexpr int kForbiddenCode = 403;
  // Each may hold the text of an expression, for each of ten thousand parameters.
  static constexpr size_t kRefusalsBytesMax = 1 << 20;

  void Refuse(const MutatingBound& bound, const MutatingBinding* binding, const std::string& why,
              Reason reason) {
    if (bound.policy->ignores_failure() || refusals_bytes_ > kRefusalsBytesMax) return;
    const std::string& policy = bound.policy->policy().metadata.name;
    if (refusals_.empty()) first_reason_ = reason;
    refusals_.push_back(
        {.reason = "",
         .message = binding == nullptr
                        ? fmt::format("policy {} denied request: {}", Quoted(policy), why)
                        : fmt::format("policy '{}' with binding '{}' denied request: {}", policy,
                                      binding->metadata.name, why),
         .field = ""});
    refusals_bytes_ += refusals_.back().message.size();
  }

  // `mutated`: gets true when a mutation was done, whether it changed anything or not.
  Result<> Invoke(const Invocation& invocation, bool& mutated) {
    const MutationExpressions& expressions = invocation.policy->policy->expressions();
    // Each takes its budget; there may be ten thousand parameters, under as many bindings.
    if (std::chrono::steady_clock::now() >= request_.deadline) {
      Refuse(*invocation.policy, invocation.binding, "context deadline exceeded",
             Reason::kInvalid);
      return {};
    }
    const IgnoredTime time(invocation.policy->policy->ignores_failure(), request_.deadline);
    if (!expressions.conditions.empty()) {
      const RequestView view = TRY(ViewOf(request_, *invocation.kind, expressions.named));
      const auto hold = cel::ConditionsHold(expressions.conditions, Inputs(invocation, view));
      if (!hold) {
        Refuse(*invocation.policy, invocation.binding, hold.error().message, Reason::kInvalid);
        return {};
      }
      if (!*hold) return {};
    }
    AskedBefore& asked = request_.reinvocation.policies;
    const std::string key = invocation.Key();
    if (request_.reinvocation.again && !asked.due.contains(key)) return {};
    bool changed = false;
    for (const MutationExpressions::Mutation& mutation : expressions.mutations) {
      if (request_.object == nullptr && request_.body == nullptr) break;
      const auto since = std::chrono::steady_clock::now();
      const Result<bool> done = Mutate(invocation, mutation);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - since;
      if (parts_.metrics != nullptr) {
        parts_.metrics->Count(*invocation.binding, done ? "" : done.error().message, took.count());
      }
      if (done) {
        mutated = true;
        changed |= *done;
        continue;
      }
      if (done.error().reason != Reason::kInvalid) return Fail(done.error());
      Refuse(*invocation.policy, invocation.binding, done.error().message, Reason::kInvalid);
    }
    if (changed) {
      asked.RequireCalled();
      request_.reinvocation.wanted = true;
    }
    if (invocation.policy->policy->policy().spec.reinvocation_policy == "IfNeeded") {
      asked.called.insert(key);
    }
    return {};
  }

  // Whether it changed anything.
  Result<bool> Mutate(const Invocation& invocation,
                      const MutationExpressions::Mutation& mutation) {
    const MutationExpressions& expressions = invocation.policy->policy->expressions();
    const RequestView view = TRY(ViewOf(request_, *invocation.kind, expressions.named));
    const Type* type = TypeOf(*invocation.kind, view.object);
    Json patched = TRY(Mutated(expressions, mutation, Inputs(invocation, view), type, view.object));
    if (request_.body != nullptr) {
      const bool changed = patched != *request_.body;
      *request_.body = std::move(patched);
      return changed;
    }
    const bool lacks_defaults = !FillInChanged(*invocation.kind, request_.kind, patched);
    const Json document = TRY(DocumentAs(*invocation.kind, request_.kind, std::move(patched)));
    const auto changed = ChangeObject(request_, document, lacks_defaults);
    if (!changed) return Fail(InternalErrorOf(changed.error().message));
    return *changed;
  }

  // Of what is changed. Kubernetes looks for it in the schemas of the version that it is of, which
  // do not hold what only subresources of other groups take: nullptr.
  const Type* TypeOf(const KindInfo& kind, const Json& object) const {
    if (request_.body == nullptr) return &crd::WholeType(kind);
    const std::string version = TextAt(object, "apiVersion");
    if (version != request_.kind.api_version) return nullptr;
    return FindBuiltInType(version, TextAt(object, "kind"));
  }

  cel::AdmissionInputs Inputs(const Invocation& invocation, const RequestView& view) const {
    return {.object = view.ObjectValue(),
            .old_object = view.OldObjectValue(),
            .params = invocation.param.get(),
            .request = &view.request,
            .namespace_object = namespace_.shown(),
            .authorizer =
                invocation.policy->policy->expressions().named.authorizer ? &authorizer_ : nullptr,
            .request_resource = view.Resource()};
  }

  const Parts parts_;
  AdmissionRequest& request_;
  const RequestAuthorizer authorizer_;
  size_t param_bytes_left_ = kParamDocumentBytesMax;  // All are held until the last has changed.
  std::vector<Invocation> invocations_;
  RequestNamespace namespace_{parts_.caches, request_};
  std::vector<Cause> refusals_;
  size_t refusals_bytes_ = 0;
  Reason first_reason_ = Reason::kForbidden;
};

class MutatingPolicies final : public AdmissionPlugin, public Admits {
 public:
  explicit MutatingPolicies(const AdmissionParts& parts)
      : act_(parts.mutating_policies_act),
        store_(parts.store),
        caches_(parts.caches),
        authorizer_(parts.authorizer),
        served_(parts.served),
        table_(parts.store) {
    if (act_ && parts.metrics != nullptr) metrics_.emplace(*parts.metrics);
  }
  std::string_view name() const override { return "MutatingAdmissionPolicy"; }
  // What goes cannot be changed.
  bool Handles(Operation operation) const override {
    return act_ && operation != Operation::kDelete;
  }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.own || IsExemptFromPolicies(request.kind)) return {};
    const auto policies = table_.Now();
    if (policies == nullptr) return DenyUnready(request);
    if (policies->empty()) return {};
    const auto served = served_();
    MutatingPassage passage(
        {store_, caches_, authorizer_, *served->kinds, metrics_ ? &*metrics_ : nullptr}, request);
    for (const MutatingBound& bound : *policies) TRY(passage.Choose(bound));
    TRY(passage.Run());
    return passage.Answer();
  }

 private:
  const bool act_;
  Store& store_;
  Caches& caches_;
  Authorizer& authorizer_;
  const std::function<std::shared_ptr<const Served>()> served_;
  PolicyTable<MutatingFamily> table_;
  std::optional<MutationMetrics> metrics_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeMutatingPolicies(const AdmissionParts& parts) {
  return std::make_unique<MutatingPolicies>(parts);
}

}  // namespace skiff
