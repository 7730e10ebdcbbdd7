// Annotations of pods that are more than notes: most were later replaced by fields.
#include <charconv>
#include <optional>
#include <set>

#include "api/codec/json.h"
#include "api/pods/mirror_pods.h"
#include "api/rules/checks.h"
#include "api/rules/pods/app_armor.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/rules/pods/pod_validation.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

using namespace core_v1;
using Annotations = std::map<std::string, std::string>;

constexpr const char* kTolerations = "scheduler.alpha.kubernetes.io/tolerations";
constexpr const char* kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";
constexpr const char* kPodSeccomp = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view kContainerSeccomp = "container.seccomp.security.alpha.kubernetes.io/";
constexpr std::string_view kLocalhost = "localhost/";

const std::string* Find(const Annotations& annotations, const std::string& key) {
  const auto found = annotations.find(key);
  return found == annotations.end() ? nullptr : &found->second;
}

void ValidateTolerationsAnnotation(const std::string& text, const FieldPath& path,
                                   Violations& out) {
  const auto document = ParseJson(text);
  if (!document) return out.Invalid(path, kTolerations, document.error().message);
  std::vector<Toleration> tolerations;
  for (const Json& item : *document) {
    auto toleration = FromJson<Toleration>(item);
    if (!toleration) return out.Invalid(path, kTolerations, toleration.error().message);
    tolerations.push_back(std::move(*toleration));
  }
  ValidateTolerations(tolerations, path.Child(kTolerations), out);
}

// A 32 bit integer as one writes it: no plus, no leading zeros.
bool IsCost(const std::string& text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::to_string(value) == text;
}

void ValidateSeccompText(const std::string& profile, const FieldPath& path, Violations& out) {
  if (IsOneOf(profile, {"runtime/default", "docker/default", "unconfined"})) return;
  if (profile.starts_with(kLocalhost)) {
    return CheckRelativePath(profile.substr(kLocalhost.size()), path, out);
  }
  out.Invalid(path, profile, "must be a valid seccomp profile");
}

using NamedContainers = std::set<std::string_view>;

NamedContainers NamesOfContainers(const PodSpec& spec) {
  NamedContainers names;
  ForEachContainer(spec, FieldPath(),
                   [&](const auto& container, const FieldPath&) { names.insert(container.name); });
  return names;
}

void ValidateAppArmorText(const std::string& key, const std::string& profile,
                          const NamedContainers& names, const FieldPath& path, Violations& out) {
  const std::string container = key.substr(kAppArmorAnnotationPrefix.size());
  if (!names.contains(container)) out.Invalid(path.Key(key), container, "container not found");
  if (profile.empty() || profile == "runtime/default" || profile == "unconfined" ||
      profile.starts_with(kLocalhost)) {
    return;
  }
  out.Invalid(path.Key(key), profile, "invalid AppArmor profile name: " + GoQuote(profile));
}

// The profile that an annotation stands for; absent when it names none.
std::optional<SeccompProfile> SeccompFromText(const std::string& text) {
  SeccompProfile profile;
  if (text == "unconfined") {
    profile.type = "Unconfined";
  } else if (text == "runtime/default" || text == "docker/default") {
    profile.type = "RuntimeDefault";
  } else if (text.starts_with(kLocalhost)) {
    profile.type = "Localhost";
    profile.localhost_profile = text.substr(kLocalhost.size());
  } else {
    return std::nullopt;
  }
  return profile;
}

// A text that names no profile differs from every field, unless that is wrong by itself.
template <typename Profile>
void CompareProfiles(const std::optional<Profile>& annotated, const Profile& field,
                     const std::string& kind, const FieldPath& path, Violations& out) {
  if (!IsOneOf(field.type, {"Localhost", "RuntimeDefault", "Unconfined"})) return;
  if (!annotated || annotated->type != field.type) {
    return out.Forbidden(path.Child("type"), kind + " type in annotation and field must match");
  }
  if (annotated->localhost_profile != field.localhost_profile && field.type == "Localhost") {
    out.Forbidden(path.Child("localhostProfile"),
                  kind + " profile in annotation and field must match");
  }
}

bool IsWindows(const PodSpec& spec) {
  return spec.os && spec.os->name == "windows";
}

void CompareAppArmor(const Annotations& annotations, const PodSpec& spec,
                     const FieldPath& spec_path, Violations& out) {
  if (IsWindows(spec)) return;
  const auto& pod_security = spec.security_context;
  ForEachContainer(spec, spec_path, [&](const auto& container, const FieldPath& path) {
    const auto* text = Find(annotations, AppArmorAnnotation(container.name));
    if (text == nullptr) return;
    const auto& own = container.security_context;
    const AppArmorProfile* field = own && own->app_armor_profile ? &*own->app_armor_profile
                                   : pod_security && pod_security->app_armor_profile
                                       ? &*pod_security->app_armor_profile
                                       : nullptr;
    if (field == nullptr) return;
    CompareProfiles(AppArmorProfileFromAnnotation(*text), *field, "apparmor",
                    path.Child("securityContext").Child("appArmorProfile"), out);
  });
}

}  // namespace

void ValidatePodAnnotations(const meta_v1::ObjectMeta& meta, const PodSpec& spec,
                            const FieldPath& path, Violations& out) {
  const Annotations& annotations = meta.annotations;
  if (const auto* mirror = Find(annotations, kMirrorPodAnnotation);
      mirror && spec.node_name.empty()) {
    out.Invalid(path.Key(kMirrorPodAnnotation), *mirror,
                "must set spec.nodeName if mirror pod annotation is set");
  }
  if (const auto* text = Find(annotations, kTolerations); text && !text->empty()) {
    ValidateTolerationsAnnotation(*text, path, out);
  }
  if (const auto* cost = Find(annotations, kDeletionCost); cost && !IsCost(*cost)) {
    out.Invalid(path.Key(kDeletionCost), *cost, "must be a 32bit integer");
  }
  if (const auto* profile = Find(annotations, kPodSeccomp)) {
    ValidateSeccompText(*profile, path.Child(kPodSeccomp), out);
  }
  for (const auto& [key, value] : annotations) {
    if (key.starts_with(kContainerSeccomp)) ValidateSeccompText(value, path.Child(key), out);
  }
  // Gone through once: there may be ten thousands of both.
  std::optional<NamedContainers> names;
  for (const auto& [key, value] : annotations) {
    if (!key.starts_with(kAppArmorAnnotationPrefix)) continue;
    if (!names) names = NamesOfContainers(spec);
    ValidateAppArmorText(key, value, *names, path, out);
  }
}

void ValidatePodAnnotationUpdates(const Pod& pod, const Pod& old, Violations& out) {
  const FieldPath path = FieldPath("metadata").Child("annotations");
  const Annotations& now = pod.metadata.annotations;
  const Annotations& before = old.metadata.annotations;
  const auto forbid = [&](const std::string& key, const std::string& verb) {
    if (key.starts_with(kAppArmorAnnotationPrefix)) {
      out.Forbidden(path.Key(key), "may not " + verb + " AppArmor annotations");
    }
    if (key == kMirrorPodAnnotation) {
      out.Forbidden(path.Key(key), "may not " + verb + " mirror pod annotation");
    }
  };
  for (const auto& [key, value] : before) {
    const auto* same = Find(now, key);
    if (same == nullptr || *same != value) forbid(key, "remove or update");
  }
  for (const auto& [key, value] : now) {
    if (!before.contains(key)) forbid(key, "add");
  }
  ValidatePodAnnotations(pod.metadata, pod.spec, path, out);
}

void ValidateProfileAnnotations(const meta_v1::ObjectMeta& meta, const PodSpec& spec,
                                const FieldPath& spec_path, Violations& out) {
  const auto& security = spec.security_context;
  const auto* of_pod = Find(meta.annotations, kPodSeccomp);
  if (of_pod && security && security->seccomp_profile) {
    CompareProfiles(SeccompFromText(*of_pod), *security->seccomp_profile, "seccomp",
                    spec_path.Child("securityContext").Child("seccompProfile"), out);
  }
  ForEachContainer(spec, spec_path, [&](const auto& container, const FieldPath& path) {
    const auto* text = Find(meta.annotations, std::string(kContainerSeccomp) + container.name);
    if (!text || !container.security_context || !container.security_context->seccomp_profile) {
      return;
    }
    CompareProfiles(SeccompFromText(*text), *container.security_context->seccomp_profile, "seccomp",
                    path.Child("securityContext").Child("seccompProfile"), out);
  });
  CompareAppArmor(meta.annotations, spec, spec_path, out);
}

}  // namespace skiff
