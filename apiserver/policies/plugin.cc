// ValidatingAdmissionPolicy: refuses, warns of or puts down what policies say of a request.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <forward_list>
#include <optional>
#include <set>
#include <utility>

#include "api/codec/json.h"
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

using namespace admissionregistration_v1;

using ValidatingBound = BoundPolicy<ValidatingFamily>;

constexpr const char* kFailureAnnotation = "validation.policy.admission.k8s.io/validation_failure";

bool Does(const ValidatingAdmissionPolicyBinding& binding, std::string_view action) {
  const auto& actions = binding.spec.validation_actions;
  return std::find(actions.begin(), actions.end(), action) != actions.end();
}

// Counted under kube-apiserver's names.
class CheckMetrics {
 public:
  explicit CheckMetrics(MetricRegistry& registry)
      : checks_(registry.AddCounter(
            {"apiserver_validating_admission_policy_check_total",
             "[BETA] Validations of policies that failed or could not be evaluated.",
             {"policy", "policy_binding", "error_type", "enforcement_action"}})),
        seconds_(registry.AddHistogram(
            {"apiserver_validating_admission_policy_check_duration_seconds",
             "[BETA] Time that those took, in seconds.",
             {"policy", "policy_binding", "error_type", "enforcement_action"}},
            {0.0000005, 0.001, 0.01, 0.1, 1.0})) {}

  // `action`: "allow", "deny", "warn", "audit".
  void Count(const ValidatingAdmissionPolicyBinding& binding, const PolicyVerdict::Check& check,
             std::string_view action) {
    const std::string& policy = binding.spec.policy_name;
    const std::string& name = binding.metadata.name;
    checks_.Add({policy, name, check.error_type, action});
    seconds_.Observe({policy, name, check.error_type, action}, check.seconds);
  }

 private:
  CounterFamily& checks_;
  HistogramFamily& seconds_;
};

// The values of one policy's audit annotations by key, each once: there may be one for each of ten
// thousand parameters.
class Annotations {
 public:
  void Add(const std::string& key, const std::string& value) {
    if (bytes_ > kBytesMax) return;
    Values& values = all_[key];
    const auto [added, is_new] = values.known.insert(value);
    if (!is_new) return;
    bytes_ += value.size();
    values.in_order.push_back(*added);
  }
  // "first, second, ..." of each key.
  std::map<std::string, std::string> Texts() const {
    std::map<std::string, std::string> texts;
    for (const auto& [key, values] : all_) {
      texts[key] = fmt::format("{}", fmt::join(values.in_order, ", "));
    }
    return texts;
  }

 private:
  static constexpr size_t kBytesMax = 1 << 20;
  struct Values {
    std::set<std::string> known;
    std::vector<std::string_view> in_order;  // Of those.
  };
  std::map<std::string, Values> all_;
  size_t bytes_ = 0;
};

// One request on its way past the policies.
class Passage {
 public:
  using Binding = ValidatingAdmissionPolicyBinding;
  struct Parts {
    Store& store;
    Caches& caches;
    Authorizer& authorizer;
    const KindSet& kinds;
    CheckMetrics* metrics;  // nullptr: nothing is counted.
  };
  Passage(const Parts& parts, const AdmissionRequest& request)
      : parts_(parts), request_(request), authorizer_(parts.authorizer, request.user) {}

  // A policy that cannot be asked at all refuses, or not, as its failure policy says.
  Result<> Ask(const ValidatingBound& bound) {
    Annotations annotations;
    TRY(SelectBindings(
        {parts_.store, parts_.caches, parts_.kinds}, request_, bound,
        [&](const Binding& binding, const KindInfo& kind, const PolicyParams& params) {
          return AskUnder(bound, binding, kind, params, annotations);
        },
        [&](const Binding* binding, const std::string& why) { Unusable(bound, binding, why); }));
    const std::string& name = bound.policy->policy().metadata.name;
    for (const auto& [key, text] : annotations.Texts()) Annotate(request_, name + "/" + key, text);
    return {};
  }

  // The first of all refusals answers.
  Result<> Answer() const {
    if (!refused_) return {};
    Error error =
        Forbidden(GroupResourceOf(request_.kind), ShownName(request_), refused_->message);
    error.reason = refused_->reason;
    error.causes.push_back({.reason = "", .message = refused_->message, .field = ""});
    return Fail(std::move(error));
  }

 private:
  // More of them than there is room for in an answer's headers (WarningHeaders).
  static constexpr size_t kWarningsMax = 128;

  struct Refused {
    std::string message;
    Reason reason;
  };

  void Refuse(const ValidatingBound& bound, const Binding* binding, const std::string& why,
              Reason reason) {
    if (refused_) return;
    const std::string& policy = bound.policy->policy().metadata.name;
    refused_ = Refused{
        binding == nullptr
            ? fmt::format("ValidatingAdmissionPolicy '{}' denied request: {}", policy, why)
            : fmt::format("ValidatingAdmissionPolicy '{}' with binding '{}' denied request: {}",
                          policy, binding->metadata.name, why),
        reason};
  }

  void Unusable(const ValidatingBound& bound, const Binding* binding, const std::string& why) {
    if (!bound.policy->ignores_failure()) Refuse(bound, binding, why, Reason::kInvalid);
  }

  Result<> AskUnder(const ValidatingBound& bound, const Binding& binding, const KindInfo& kind,
                    const PolicyParams& params, Annotations& annotations) {
    const PolicyExpressions& expressions = bound.policy->expressions();
    expressions.Prefetch();
    const NamedInputs& named = expressions.named;
    TRY(namespace_.LookAt(named.namespace_object));
    const RequestView* view = TRY(ViewFor(bound, kind));
    const cel::Authorizer* asked = named.authorizer ? &authorizer_ : nullptr;
    for (const auto& param : params) {
      // Each is judged within a budget; there may be ten thousand, under as many bindings.
      if (std::chrono::steady_clock::now() >= request_.deadline) {
        Unusable(bound, &binding, "failed to configure binding: context deadline exceeded");
        return {};
      }
      const IgnoredTime time(bound.policy->ignores_failure(), request_.deadline);
      const PolicyVerdict verdict = Judge(expressions, {.object = view->ObjectValue(),
                                                        .old_object = view->OldObjectValue(),
                                                        .params = param.get(),
                                                        .request = &view->request,
                                                        .namespace_object = namespace_.shown(),
                                                        .authorizer = asked,
                                                        .request_resource = view->Resource()});
      TRY(HadRoom());
      Act(bound, binding, verdict, annotations);
    }
    return {};
  }

  void Act(const ValidatingBound& bound, const Binding& binding, const PolicyVerdict& verdict,
           Annotations& annotations) {
    for (const PolicyVerdict::Refusal& refusal : verdict.refusals) {
      if (Does(binding, "Deny")) {
        Count(binding, refusal.check, "deny");
        Refuse(bound, &binding, refusal.message, refusal.reason);
      }
      if (Does(binding, "Warn")) {
        Count(binding, refusal.check, "warn");
        Warn(binding, refusal.message);
      }
      if (Does(binding, "Audit")) {
        Count(binding, refusal.check, "audit");
        PutDown(binding, refusal);
      }
    }
    for (const PolicyVerdict::Check& check : verdict.ignored) Count(binding, check, "allow");
    for (const auto& [key, value] : verdict.annotations) annotations.Add(key, value);
    for (const std::string& error : verdict.failed_annotations) {
      Refuse(bound, &binding, error, Reason::kInvalid);
    }
  }

  void Warn(const Binding& binding, const std::string& message) {
    std::string text =
        fmt::format("Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {}",
                    binding.spec.policy_name, binding.metadata.name, message);
    if (warned_.size() >= kWarningsMax || !warned_.insert(text).second) return;
    request_.warnings.push_back(std::move(text));
  }

  void Count(const Binding& binding, const PolicyVerdict::Check& check,
             std::string_view action) const {
    if (parts_.metrics != nullptr) parts_.metrics->Count(binding, check, action);
  }

  // The first alone is kept.
  void PutDown(const Binding& binding, const PolicyVerdict::Refusal& refusal) {
    if (request_.annotations == nullptr || std::exchange(put_down_, true)) return;
    nlohmann::ordered_json failure;
    failure["message"] = refusal.message;
    failure["policy"] = binding.spec.policy_name;
    failure["binding"] = binding.metadata.name;
    failure["expressionIndex"] = refusal.index;
    failure["validationActions"] = binding.spec.validation_actions;
    // A message may hold anything, and what is no text would be thrown back.
    const auto replace = nlohmann::ordered_json::error_handler_t::replace;
    Annotate(request_, kFailureAnnotation, "[" + failure.dump(-1, ' ', false, replace) + "]");
  }

  Result<const RequestView*> ViewFor(const ValidatingBound& bound, const KindInfo& kind) {
    const NamedInputs& named = bound.policy->expressions().named;
    const bool sees_structs = bound.policy->seen_kinds().Has(kind, named);
    const auto is_enough = [&](const NamedInputs& made) {
      return sees_structs ? made.CoversRest(named) : made.Covers(named);
    };
    const auto known = std::ranges::find_if(views_, [&](const Shown& each) {
      return each.kind == &kind && each.sees_structs == sees_structs;
    });
    if (known != views_.end() && is_enough(*known->made)) return &known->view;
    // Where a second policy names something else, a third may as well.
    const NamedInputs& made = known != views_.end() ? NamedInputs::All() : named;
    Shown& shown = views_.emplace_front();
    TRY(FillView(request_, kind, made, sees_structs, shown.view));
    shown.kind = &kind;
    shown.sees_structs = sees_structs;
    shown.made = &made;
    return &shown.view;
  }

  const Parts parts_;
  const AdmissionRequest& request_;
  const RequestAuthorizer authorizer_;
  struct Shown {
    const KindInfo* kind = nullptr;
    bool sees_structs = false;          // As they lie.
    const NamedInputs* made = nullptr;  // What of it.
    RequestView view;
  };
  std::forward_list<Shown> views_;  // The last one of a kind first.
  RequestNamespace namespace_{parts_.caches, request_};
  std::set<std::string> warned_;
  bool put_down_ = false;
  std::optional<Refused> refused_;
};

class ValidatingPolicies final : public AdmissionPlugin, public Validates {
 public:
  explicit ValidatingPolicies(const AdmissionParts& parts)
      : store_(parts.store),
        caches_(parts.caches),
        authorizer_(parts.authorizer),
        served_(parts.served),
        table_(parts.store) {
    if (parts.metrics != nullptr) metrics_.emplace(*parts.metrics);
  }
  std::string_view name() const override { return "ValidatingAdmissionPolicy"; }
  bool Handles(Operation) const override { return true; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.own || IsExemptFromPolicies(request.kind)) return {};
    const auto policies = table_.Now();
    if (policies == nullptr) return DenyUnready(request);
    if (policies->empty()) return {};
    const auto served = served_();
    Passage passage({store_, caches_, authorizer_, *served->kinds, metrics_ ? &*metrics_ : nullptr},
                    request);
    for (const ValidatingBound& bound : *policies) TRY(passage.Ask(bound));
    return passage.Answer();
  }

 private:
  Store& store_;
  Caches& caches_;
  Authorizer& authorizer_;
  const std::function<std::shared_ptr<const Served>()> served_;
  PolicyTable<ValidatingFamily> table_;
  std::optional<CheckMetrics> metrics_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeValidatingPolicies(const AdmissionParts& parts) {
  return std::make_unique<ValidatingPolicies>(parts);
}

}  // namespace skiff
