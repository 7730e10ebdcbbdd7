// Who makes a policy read objects as parameters may read them himself. Kubernetes asks in the
// kinds' storage; here it stands with the plugins, which know the user.
#include <fmt/format.h>

#include "api/gen/admissionregistration_v1.h"
#include "api/gen/admissionregistration_v1alpha1.h"
#include "api/gen/admissionregistration_v1beta1.h"
#include "api/text/group_version.h"
#include "api/violations.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/kinds/served_kinds.h"
#include "apiserver/objects/object_cache.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;
namespace v1alpha1 = admissionregistration_v1alpha1;
namespace v1beta1 = admissionregistration_v1beta1;

// As Go prints a user.
std::string UserText(const User& user) {
  std::vector<std::string> extra;
  for (const auto& [key, values] : user.extra) {
    extra.push_back(fmt::format("{}:[{}]", key, fmt::join(values, " ")));
  }
  return fmt::format("&{{{} {} [{}] map[{}]}}", user.name, user.uid,
                     fmt::join(user.groups, " "), fmt::join(extra, " "));
}

std::string KindText(const ParamKind& kind) {
  return fmt::format("&{{{} {}}}", kind.api_version, kind.kind);
}

class ParamAccess final : public AdmissionPlugin, public Validates {
 public:
  explicit ParamAccess(const AdmissionParts& parts)
      : authorizer_(parts.authorizer),
        served_(parts.served),
        validating_(parts.store),
        mutating_(parts.store) {}
  std::string_view name() const override { return "AdmissionPolicyParams"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.object == nullptr || !request.subresource.empty()) return {};
    if (request.user.InGroup(kGroupMasters)) return {};
    TRY(OfPolicy<ValidatingAdmissionPolicy>(request));
    TRY(OfPolicy<v1beta1::MutatingAdmissionPolicy>(request));
    TRY(OfPolicy<v1alpha1::MutatingAdmissionPolicy>(request));
    TRY(OfBinding<ValidatingAdmissionPolicyBinding>(request, validating_));
    TRY(OfBinding<v1beta1::MutatingAdmissionPolicyBinding>(request, mutating_));
    return OfBinding<v1alpha1::MutatingAdmissionPolicyBinding>(request, mutating_);
  }

 private:
  // What is not known of a kind has to be allowed of all. Every resource: the kind is not served.
  Access ReadOf(const Box<ParamKind>& kind) const {
    Access access{.verb = "get", .group = "*", .version = "*", .resource = "*"};
    if (!kind) return access;
    access.group = GroupPart(kind->api_version);
    access.version = VersionPart(kind->api_version);
    const auto served = served_();
    const KindInfo* known = served->kinds->FindKind(kind->api_version, kind->kind);
    if (known != nullptr) access.resource = known->resource;
    return access;
  }

  Result<> Check(const AdmissionRequest& request, const Access& access, const char* field,
                 const std::string& text) const {
    if (authorizer_.Authorize(request.user, access).allowed()) return {};
    Violations wrong;
    wrong.Forbidden(FieldPath("spec").Child(field), text);
    return Fail(wrong.ToError(request.kind.group, request.kind.kind,
                              request.object->metadata().name));
  }

  // Nothing, when it is something else that is written.
  template <typename Policy>
  Result<> OfPolicy(const AdmissionRequest& request) {
    const auto* policy = request.object->template As<Policy>();
    if (policy == nullptr || !policy->spec.param_kind) return {};
    const auto& kind = policy->spec.param_kind;
    const auto* old = request.old_object == nullptr
                          ? nullptr
                          : request.old_object->template As<Policy>();
    if (old != nullptr && old->spec.param_kind == kind) return {};
    Access access = ReadOf(kind);
    access.name = access.namespace_name = "*";
    return Check(request, access, "paramKind",
                 fmt::format("user {} must have \"get\" permission on all objects of the "
                             "referenced paramKind (kind={}, apiVersion={})",
                             UserText(request.user), kind->kind, kind->api_version));
  }

  template <typename Binding, typename Policy>
  Result<> OfBinding(const AdmissionRequest& request, ObjectCache<Policy>& policies) {
    const auto* binding = request.object->template As<Binding>();
    if (binding == nullptr || !binding->spec.param_ref) return {};
    const auto& ref = binding->spec.param_ref;
    const auto* old = request.old_object == nullptr
                          ? nullptr
                          : request.old_object->template As<Binding>();
    if (old != nullptr && old->spec.param_ref == ref &&
        old->spec.policy_name == binding->spec.policy_name) {
      return {};
    }
    const auto policy = policies.Find("", binding->spec.policy_name);
    Access access = ReadOf(policy ? policy->spec.param_kind : Box<ParamKind>());
    if (ref->name.empty()) access.verb = "list";  // By a selector, all are read.
    access.name = ref->name;
    access.namespace_name = ref->namespace_;
    const std::string user = UserText(request.user), verb = Quoted(access.verb);
    const bool is_served = access.resource != "*";
    if (policy && (!policy->spec.param_kind || is_served)) {
      return Check(request, access, "paramRef",
                   fmt::format("user {} does not have {} permission on the object referenced by "
                               "paramRef",
                               user, verb));
    }
    const std::string unknown = policy ? "resolve paramKind " + KindText(*policy->spec.param_kind)
                                       : "get policy " + binding->spec.policy_name;
    return Check(request, access, "paramRef",
                 fmt::format("unable to {} to determine minimum required permissions and user {} "
                             "does not have {} permission for all groups, versions and resources",
                             unknown, user, verb));
  }

  Authorizer& authorizer_;
  const std::function<std::shared_ptr<const Served>()> served_;
  ObjectCache<ValidatingAdmissionPolicy> validating_;
  ObjectCache<v1beta1::MutatingAdmissionPolicy> mutating_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeParamAccess(const AdmissionParts& parts) {
  return std::make_unique<ParamAccess>(parts);
}

}  // namespace skiff
