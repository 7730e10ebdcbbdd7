// Pod Security admission: the labels of a namespace say which standard its pods must, or should,
// keep.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/apps_v1.h"
#include "api/gen/batch_v1.h"
#include "api/violations.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/pod_security_counts.h"
#include "apiserver/admission/pod_security_settings.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/storage/keys.h"

namespace skiff {
namespace {

constexpr size_t kPodsCheckedMax = 3000;
constexpr std::chrono::seconds kPodsCheckedFor{1};
// Of what is read of them at a time.
constexpr size_t kPodsPieceBytes = 1 << 20;

struct Template {
  const meta_v1::ObjectMeta* meta;
  const core_v1::PodSpec* spec;
};

// The pod that an object makes others of.
std::optional<Template> TemplateOf(const Object& object) {
  const auto of = [](const core_v1::PodTemplateSpec& made) {
    return Template{&made.metadata, &made.spec};
  };
  if (const auto* o = object.As<core_v1::PodTemplate>()) return of(o->template_);
  if (const auto* o = object.As<core_v1::ReplicationController>()) {
    if (!o->spec.template_) return std::nullopt;
    return of(*o->spec.template_);
  }
  if (const auto* o = object.As<apps_v1::ReplicaSet>()) return of(o->spec.template_);
  if (const auto* o = object.As<apps_v1::Deployment>()) return of(o->spec.template_);
  if (const auto* o = object.As<apps_v1::DaemonSet>()) return of(o->spec.template_);
  if (const auto* o = object.As<apps_v1::StatefulSet>()) return of(o->spec.template_);
  if (const auto* o = object.As<batch_v1::Job>()) return of(o->spec.template_);
  if (const auto* o = object.As<batch_v1::CronJob>()) {
    return of(o->spec.job_template.spec.template_);
  }
  return std::nullopt;
}

// Whether an update touches what the standards look at.
bool ChangesSecurity(const core_v1::PodSpec& spec, const core_v1::PodSpec& old) {
  const auto differ = [](const auto& a, const auto& b) {
    if (a.size() != b.size()) return true;
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i].image != b[i].image) return true;
    }
    return false;
  };
  return differ(spec.containers, old.containers) ||
         differ(spec.init_containers, old.init_containers) ||
         differ(spec.ephemeral_containers, old.ephemeral_containers);
}

bool IsExemptName(const std::vector<std::string>& exempt, const std::string& name) {
  return !name.empty() && std::find(exempt.begin(), exempt.end(), name) != exempt.end();
}

class PodSecurity final : public AdmissionPlugin, public Validates {
 public:
  explicit PodSecurity(const AdmissionParts& parts)
      : store_(parts.store),
        caches_(parts.caches),
        settings_(parts.settings.pod_security),
        counts_(parts.metrics) {}
  std::string_view name() const override { return "PodSecurity"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.object == nullptr) return {};
    if (request.Is("", "namespaces")) return CheckNamespace(request);
    if (request.namespace_name.empty()) return {};
    if (request.Is("", "pods") || request.Is("", "pods", "ephemeralcontainers") ||
        request.Is("", "pods", "resize")) {
      return CheckPod(request);
    }
    if (request.subresource.empty()) CheckTemplate(request);
    return {};
  }

 private:
  // What the namespace asks for; nullopt: nothing is looked at, as the namespace or the user is
  // exempt, or there is no such namespace.
  Result<std::optional<PodSecurityPolicies>> PoliciesFor(const AdmissionRequest& request,
                                                         Violations& wrong) {
    if (IsExemptName(settings_.exempt_namespaces, request.namespace_name)) {
      Exempt(request, "namespace");
      return std::nullopt;
    }
    if (IsExemptName(settings_.exempt_users, request.user.name)) {
      Exempt(request, "user");
      return std::nullopt;
    }
    const auto space = TRY(caches_.namespaces.FindOrRead("", request.namespace_name));
    if (!space) return std::nullopt;
    return PoliciesOf(space->metadata.labels, settings_.defaults, wrong);
  }

  void Exempt(const AdmissionRequest& request, const char* what) const {
    counts_.Exempted(request);
    Annotate(request, "pod-security.kubernetes.io/exempt", what);
  }

  bool IsOfExemptRuntime(const core_v1::PodSpec& spec) const {
    return IsExemptName(settings_.exempt_runtime_classes, spec.runtime_class_name.value_or(""));
  }

  void CheckTemplate(const AdmissionRequest& request) {
    const auto made = TemplateOf(*request.object);
    if (!made) return;
    Violations wrong;
    // Nothing is refused here: whoever cannot tell says nothing.
    const auto policies = PoliciesFor(request, wrong).value_or(std::nullopt);
    if (!policies) return;
    const bool looks_at_nothing = policies->warn.level == SecurityLevel::kPrivileged &&
                                  policies->audit.level == SecurityLevel::kPrivileged;
    if (wrong.empty() && looks_at_nothing) return;
    if (IsOfExemptRuntime(*made->spec)) return Exempt(request, "runtimeClass");
    PutDownFaults(request, wrong);
    PutDown(request, policies->audit, *made->meta, *made->spec);
    Warn(request, policies->warn, *made->meta, *made->spec);
  }

  Result<> CheckPod(const AdmissionRequest& request) {
    Violations wrong;
    const auto policies = TRY(PoliciesFor(request, wrong));
    if (!policies) return {};
    const auto& pod = *request.object->As<core_v1::Pod>();
    const bool is_quiet = wrong.empty() && policies->AllPrivileged();
    if (!is_quiet && request.operation == Operation::kUpdate &&
        !ChangesSecurity(pod.spec, request.old_object->As<core_v1::Pod>()->spec)) {
      return {};
    }
    if (!is_quiet && IsOfExemptRuntime(pod.spec)) {
      Exempt(request, "runtimeClass");
      return {};
    }
    PutDownFaults(request, wrong);
    // Of a version nobody is told where nothing is looked at.
    Annotate(request, "pod-security.kubernetes.io/enforce-policy",
             is_quiet ? SecurityPolicy().Text() : policies->enforce.Text());
    if (is_quiet) {
      counts_.Evaluated(request, "enforce", policies->enforce, true);
      return {};
    }
    const auto findings = CheckPodSecurity(policies->enforce, pod.metadata, pod.spec);
    counts_.Evaluated(request, "enforce", policies->enforce, findings.empty());
    PutDown(request, policies->audit, pod.metadata, pod.spec);
    if (!findings.empty()) {
      return Deny(request, "violates PodSecurity " + Quoted(policies->enforce.Text()) + ": " +
                               FindingsText(findings));
    }
    Warn(request, policies->warn, pod.metadata, pod.spec);
    return {};
  }

  void PutDownFaults(const AdmissionRequest& request, const Violations& wrong) const {
    if (wrong.empty()) return;
    counts_.Failed(request);
    Annotate(request, "pod-security.kubernetes.io/error",
             "Failed to parse policy: " + wrong.Text());
  }

  void Warn(const AdmissionRequest& request, const SecurityPolicy& policy,
            const meta_v1::ObjectMeta& meta, const core_v1::PodSpec& spec) const {
    const std::string text = WouldViolate(policy, meta, spec);
    if (text.empty()) return;
    counts_.Evaluated(request, "warn", policy, false);
    request.warnings.push_back(text);
  }

  // For the audit log.
  void PutDown(const AdmissionRequest& request, const SecurityPolicy& policy,
               const meta_v1::ObjectMeta& meta, const core_v1::PodSpec& spec) const {
    const std::string text = WouldViolate(policy, meta, spec);
    if (text.empty()) return;
    counts_.Evaluated(request, "audit", policy, false);
    Annotate(request, "pod-security.kubernetes.io/audit-violations", text);
  }

  // "": it would not.
  static std::string WouldViolate(const SecurityPolicy& policy, const meta_v1::ObjectMeta& meta,
                                  const core_v1::PodSpec& spec) {
    const auto findings = CheckPodSecurity(policy, meta, spec);
    if (findings.empty()) return "";
    return "would violate PodSecurity " + Quoted(policy.Text()) + ": " + FindingsText(findings);
  }

  Result<> CheckNamespace(const AdmissionRequest& request) {
    const auto& now = *request.object->As<core_v1::Namespace>();
    Violations wrong;
    const auto policies = PoliciesOf(now.metadata.labels, settings_.defaults, wrong);
    const bool is_exempt = IsExemptName(settings_.exempt_namespaces, now.metadata.name);
    if (request.operation == Operation::kCreate) {
      if (!wrong.empty()) return Fail(wrong.ToError("", "Namespace", now.metadata.name));
      if (is_exempt) WarnOfLabels(request, now, policies);
      return {};
    }
    const auto& old = *request.old_object->As<core_v1::Namespace>();
    Violations old_wrong;
    const auto before = PoliciesOf(old.metadata.labels, settings_.defaults, old_wrong);
    if (!wrong.empty() && wrong.causes() != old_wrong.causes()) {
      return Fail(wrong.ToError("", "Namespace", now.metadata.name));
    }
    if (IsRelaxed(before.enforce, policies.enforce)) return {};
    if (is_exempt)
      WarnOfLabels(request, now, policies);
    else
      WarnOfPods(request, now.metadata.name, policies.enforce);
    return {};
  }

  // Whether what was allowed before still is.
  static bool IsRelaxed(const SecurityPolicy& before, const SecurityPolicy& now) {
    if (now.level == SecurityLevel::kPrivileged) return true;
    return now.minor == before.minor && now.level <= before.level;
  }

  void WarnOfLabels(const AdmissionRequest& request, const core_v1::Namespace& space,
                    const PodSecurityPolicies& policies) const {
    std::string text = ExemptNamespaceWarning(space.metadata.name, space.metadata.labels, policies,
                                              settings_.defaults);
    if (!text.empty()) request.warnings.push_back(std::move(text));
  }

  // Pods that run already, and why they would be refused now.
  struct Survey {
    size_t count = 0;  // Of those that are not exempt.
    size_t checked = 0;
    std::map<std::string, std::vector<std::string>> pods_by_reasons = {};
  };

  // Shows one after the other, with its place, until told to stop.
  template <typename Look>
  static Result<> WalkPods(ListCursor& pods, Look look) {
    std::vector<RecordPtr> records;
    size_t place = 0;
    for (bool more = true; more;) {
      records.clear();
      more = TRY(pods.Next(kPodsPieceBytes, records));
      for (const RecordPtr& record : records) {
        if (!look(place++, *record)) return {};
      }
    }
    return {};
  }

  Result<size_t> CountBehind(const std::string& prefix, const std::string& key, Revision at) const {
    const auto rest = TRY(store_.OpenList(
        {.prefix = prefix, .start_after = key, .at = at, .limit = 1, .count_remaining = true}));
    std::vector<RecordPtr> next;
    TRY(rest->Next(1, next));
    return next.size() + rest->remaining();
  }

  static void CheckRunning(const core_v1::Pod& pod, const SecurityPolicy& policy, Survey& survey) {
    ++survey.checked;
    std::string reasons;
    for (const auto& finding : CheckPodSecurity(policy, pod.metadata, pod.spec)) {
      reasons += (reasons.empty() ? "" : ", ") + finding.reason;
    }
    if (!reasons.empty()) survey.pods_by_reasons[reasons].push_back(pod.metadata.name);
  }

  // Of each controller one pod comes first: the others are like it. They are read again, so that
  // a namespace of many pods is not held.
  Result<Survey> SurveyOf(const std::string& prefix, const SecurityPolicy& policy,
                          std::chrono::steady_clock::time_point end) const {
    const auto pods = TRY(store_.OpenList({.prefix = prefix}));
    Survey survey;
    std::set<std::string> controllers;
    std::vector<bool> waits;  // By place.
    std::string last_key;
    bool is_over = false;
    const auto goes_on = [&] {
      is_over = survey.checked == kPodsCheckedMax || std::chrono::steady_clock::now() >= end;
      return !is_over;
    };
    TRY(WalkPods(*pods, [&](size_t, const Record& record) {
      last_key = record.key;
      waits.push_back(false);
      ++survey.count;
      const auto object = ObjectOf(core_v1::Pod::Info(), record);
      if (!object) return goes_on();
      const auto& pod = *object->As<core_v1::Pod>();
      const auto& owners = pod.metadata.owner_references;
      const auto owner = std::find_if(owners.begin(), owners.end(), [](const auto& each) {
        return each.controller.value_or(false);
      });
      if (IsOfExemptRuntime(pod.spec)) {
        --survey.count;
      } else if (owner == owners.end() || controllers.insert(owner->uid).second) {
        CheckRunning(pod, policy, survey);
      } else {
        waits.back() = true;
      }
      return goes_on();
    }));
    if (is_over) {
      const size_t behind = TRY(CountBehind(prefix, last_key, pods->revision()));
      survey.count += behind;
      return survey;
    }
    if (std::find(waits.begin(), waits.end(), true) == waits.end()) return survey;
    pods->Rewind(0);
    TRY(WalkPods(*pods, [&](size_t place, const Record& record) {
      if (!waits[place]) return true;
      const auto object = ObjectOf(core_v1::Pod::Info(), record);
      if (object) CheckRunning(*object->As<core_v1::Pod>(), policy, survey);
      return goes_on();
    }));
    return survey;
  }

  // Which of the pods that run already would be refused now.
  void WarnOfPods(const AdmissionRequest& request, const std::string& space,
                  const SecurityPolicy& policy) {
    const auto now = std::chrono::steady_clock::now();
    const auto patience = std::min<std::chrono::steady_clock::duration>(
        kPodsCheckedFor, (request.deadline - now) / 2);
    const auto surveyed =
        SurveyOf(StorePrefix(core_v1::Pod::Info().storage_key, space), policy, now + patience);
    if (!surveyed) {
      request.warnings.push_back(
          "failed to list pods while checking new PodSecurity enforce level");
      return;
    }
    const Survey& survey = *surveyed;
    if (survey.checked < survey.count) {
      request.warnings.push_back(
          fmt::format("new PodSecurity enforce level only checked against the first {} of {} "
                      "existing pods",
                      survey.checked, survey.count));
    }
    if (survey.pods_by_reasons.empty()) return;
    request.warnings.push_back("existing pods in namespace " + Quoted(space) +
                               " violate the new PodSecurity enforce level " +
                               Quoted(policy.Text()));
    std::vector<std::string> lines;
    for (const auto& [reasons, names] : survey.pods_by_reasons) {
      std::string who = *std::min_element(names.begin(), names.end());
      if (names.size() == 2) who += " (and 1 other pod)";
      if (names.size() > 2) who += " (and " + std::to_string(names.size() - 1) + " other pods)";
      lines.push_back(who + ": " + reasons);
    }
    std::sort(lines.begin(), lines.end());
    for (std::string& line : lines) request.warnings.push_back(std::move(line));
  }

  Store& store_;
  Caches& caches_;
  const PodSecuritySettings settings_;
  const PodSecurityCounts counts_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakePodSecurity(const AdmissionParts& parts) {
  return std::make_unique<PodSecurity>(parts);
}

}  // namespace skiff
