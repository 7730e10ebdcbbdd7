// Pod Security admission: the labels of a namespace say which standard its pods must, or should,
// keep.
#include <algorithm>
#include <charconv>

#include "api/gen/apps_v1.h"
#include "api/gen/batch_v1.h"
#include "api/violations.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/pod_security_checks.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/storage/keys.h"

namespace skiff {
namespace {

constexpr std::string_view kPrefix = "pod-security.kubernetes.io/";
constexpr size_t kPodsCheckedMax = 3000;

using Labels = std::map<std::string, std::string>;

std::optional<SecurityLevel> ParseLevel(std::string_view text) {
  if (text == "privileged") return SecurityLevel::kPrivileged;
  if (text == "baseline") return SecurityLevel::kBaseline;
  if (text == "restricted") return SecurityLevel::kRestricted;
  return std::nullopt;
}

std::optional<int> ParseVersion(std::string_view text) {
  if (text == "latest") return 0;
  if (!text.starts_with("v1.")) return std::nullopt;
  text.remove_prefix(3);
  int minor = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), minor);
  if (code != std::errc() || end != text.data() + text.size() || minor < 0) return std::nullopt;
  return minor;
}

struct Policies {
  SecurityPolicy enforce;
  SecurityPolicy audit;
  SecurityPolicy warn;
};

std::string LabelKey(std::string_view mode, std::string_view suffix = "") {
  return std::string(kPrefix) + std::string(mode) + std::string(suffix);
}

// Reads one mode; what does not parse goes to `wrong`, and counts as `fallback`.
void ReadMode(const Labels& labels, std::string_view mode, SecurityLevel fallback,
              SecurityPolicy& policy, Violations& wrong) {
  const FieldPath path = FieldPath("metadata").Child("labels");
  if (const auto level = labels.find(LabelKey(mode)); level != labels.end()) {
    const auto parsed = ParseLevel(level->second);
    policy.level = parsed.value_or(fallback);
    if (!parsed) {
      wrong.Invalid(path.Key(level->first), level->second,
                    "must be one of privileged, baseline, restricted");
    }
  }
  if (const auto version = labels.find(LabelKey(mode, "-version")); version != labels.end()) {
    const auto parsed = ParseVersion(version->second);
    policy.minor = parsed.value_or(0);
    if (!parsed) {
      wrong.Invalid(path.Key(version->first), version->second, "must be \"latest\" or \"v1.x\"");
    }
  }
}

Policies PoliciesOf(const Labels& labels, Violations& wrong) {
  Policies policies;
  ReadMode(labels, "enforce", SecurityLevel::kRestricted, policies.enforce, wrong);
  ReadMode(labels, "audit", SecurityLevel::kPrivileged, policies.audit, wrong);
  ReadMode(labels, "warn", SecurityLevel::kPrivileged, policies.warn, wrong);
  // Who enforces without saying anything about warnings wants to be warned of the same.
  if (labels.contains(LabelKey("enforce")) && !labels.contains(LabelKey("warn"))) {
    policies.warn = policies.enforce;
  }
  return policies;
}

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

class PodSecurity final : public AdmissionPlugin {
 public:
  PodSecurity(Store& store, Caches& caches) : store_(store), caches_(caches) {}
  std::string_view name() const override { return "PodSecurity"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.object == nullptr) return {};
    if (request.Is("", "namespaces")) return CheckNamespace(request);
    if (request.namespace_name.empty()) return {};
    const auto space = caches_.namespaces.Find("", request.namespace_name);
    if (!space) return {};
    Violations ignored;
    const Policies policies = PoliciesOf(space->metadata.labels, ignored);
    if (request.Is("", "pods") || request.Is("", "pods", "ephemeralcontainers")) {
      return CheckPod(request, policies);
    }
    if (!request.subresource.empty()) return {};
    if (const auto made = TemplateOf(*request.object)) {
      PutDown(request, policies.audit, *made->meta, *made->spec);
      Warn(request, policies.warn, *made->meta, *made->spec);
    }
    return {};
  }

 private:
  static Result<> CheckPod(const AdmissionRequest& request, const Policies& policies) {
    const auto& pod = *request.object->As<core_v1::Pod>();
    if (request.operation == Operation::kUpdate &&
        !ChangesSecurity(pod.spec, request.old_object->As<core_v1::Pod>()->spec)) {
      return {};
    }
    const auto findings = CheckPodSecurity(policies.enforce, pod.metadata, pod.spec);
    Annotate(request, "pod-security.kubernetes.io/enforce-policy", policies.enforce.Text());
    PutDown(request, policies.audit, pod.metadata, pod.spec);
    if (!findings.empty()) {
      return Deny(request, "violates PodSecurity " + Quoted(policies.enforce.Text()) + ": " +
                               FindingsText(findings));
    }
    Warn(request, policies.warn, pod.metadata, pod.spec);
    return {};
  }

  static void Warn(const AdmissionRequest& request, const SecurityPolicy& policy,
                   const meta_v1::ObjectMeta& meta, const core_v1::PodSpec& spec) {
    const std::string text = WouldViolate(policy, meta, spec);
    if (!text.empty()) request.warnings.push_back(text);
  }

  // For the audit log.
  static void PutDown(const AdmissionRequest& request, const SecurityPolicy& policy,
                      const meta_v1::ObjectMeta& meta, const core_v1::PodSpec& spec) {
    if (request.annotations == nullptr) return;
    const std::string text = WouldViolate(policy, meta, spec);
    if (!text.empty()) Annotate(request, "pod-security.kubernetes.io/audit-violations", text);
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
    const Policies policies = PoliciesOf(now.metadata.labels, wrong);
    if (request.operation == Operation::kCreate) {
      if (wrong.empty()) return {};
      return Fail(wrong.ToError("", "Namespace", now.metadata.name));
    }
    const auto& old = *request.old_object->As<core_v1::Namespace>();
    Violations old_wrong;
    const Policies before = PoliciesOf(old.metadata.labels, old_wrong);
    if (!wrong.empty() && wrong.causes() != old_wrong.causes()) {
      return Fail(wrong.ToError("", "Namespace", now.metadata.name));
    }
    const bool tighter = policies.enforce.level > before.enforce.level ||
                         (policies.enforce.level == before.enforce.level &&
                          policies.enforce.minor != before.enforce.minor);
    if (tighter && policies.enforce.level != SecurityLevel::kPrivileged) {
      WarnOfPods(request, now.metadata.name, policies.enforce);
    }
    return {};
  }

  // Which of the pods that run already would be refused now.
  void WarnOfPods(const AdmissionRequest& request, const std::string& space,
                  const SecurityPolicy& policy) {
    const KindInfo& kind = core_v1::Pod::Info();
    const auto page =
        store_.List({.prefix = StorePrefix(kind.storage_key, space), .limit = kPodsCheckedMax});
    if (!page) return;
    std::map<std::string, std::vector<std::string>> pods_by_reasons;
    for (const RecordPtr& record : page->records) {
      const auto object = ObjectOf(kind, *record);
      if (!object) continue;
      const auto& pod = *object->As<core_v1::Pod>();
      std::string reasons;
      for (const auto& finding : CheckPodSecurity(policy, pod.metadata, pod.spec)) {
        reasons += (reasons.empty() ? "" : ", ") + finding.reason;
      }
      if (!reasons.empty()) pods_by_reasons[reasons].push_back(pod.metadata.name);
    }
    if (pods_by_reasons.empty()) return;
    request.warnings.push_back("existing pods in namespace " + Quoted(space) +
                               " violate the new PodSecurity enforce level " +
                               Quoted(policy.Text()));
    std::vector<std::string> lines;
    for (const auto& [reasons, pods] : pods_by_reasons) {
      std::string who = pods[0];
      if (pods.size() == 2) who += " (and 1 other pod)";
      if (pods.size() > 2) who += " (and " + std::to_string(pods.size() - 1) + " other pods)";
      lines.push_back(who + ": " + reasons);
    }
    std::sort(lines.begin(), lines.end());
    for (std::string& line : lines) request.warnings.push_back(std::move(line));
  }

  Store& store_;
  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakePodSecurity(const AdmissionParts& parts) {
  return std::make_unique<PodSecurity>(parts.store, parts.caches);
}

}  // namespace skiff
