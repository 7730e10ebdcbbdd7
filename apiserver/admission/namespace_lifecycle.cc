// Objects need a namespace that is there and not on its way out; some namespaces stay for ever.
#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/rule_match.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/list_options.h"

namespace skiff {
namespace {

bool IsImmortal(std::string_view name) {
  return name == "default" || name == "kube-system" || name == "kube-public";
}

Error IsGoing(Error refusal, const std::string& space) {
  refusal.causes.push_back({.reason = "NamespaceTerminating",
                            .message = "namespace " + space + " is being terminated",
                            .field = "metadata.namespace"});
  return refusal;
}

std::string GoingText(const std::string& space) {
  return "unable to create new content in namespace " + space + " because it is being terminated";
}

Result<> CheckItsNamespace(const Object& object, const Record* now) {
  const std::string& space = object.metadata().namespace_;
  if (now == nullptr) return Fail(NotFoundError({"", "namespaces"}, space));
  if (!IsTerminating(core_v1::Namespace::Info(), *now)) return {};
  return Fail(IsGoing(
      Forbidden(GroupResourceOf(object.kind()), object.metadata().name, GoingText(space)), space));
}

class NamespaceLifecycle final : public AdmissionPlugin, public Admits {
 public:
  explicit NamespaceLifecycle(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "NamespaceLifecycle"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation == Operation::kDelete && request.Is("", "namespaces") &&
        IsImmortal(request.name)) {
      return Deny(request, "this namespace may not be deleted");
    }
    if (request.namespace_name.empty() || request.operation == Operation::kDelete) return {};
    if (IsNamespaces(request.kind) ||
        request.Is("authorization.k8s.io", "localsubjectaccessreviews")) {
      return {};
    }
    const auto space = TRY(caches_.namespaces.FindOrRead("", request.namespace_name));
    if (!space) return Fail(NotFoundError({"", "namespaces"}, request.namespace_name));
    if (request.operation != Operation::kCreate) return {};
    const std::string& name = request.namespace_name;
    if (space->metadata.deletion_timestamp) {
      return Fail(IsGoing(Deny(request, GoingText(name)).value(), name));
    }
    if (request.grounds == nullptr || request.reinvocation.again) return {};
    const uint64_t revision = TRY(ParseResourceVersion(space->metadata.resource_version));
    request.grounds->push_back({.key = KeyOf(core_v1::Namespace::Info(), "", name),
                                .modified = Revision{revision},
                                .check = &CheckItsNamespace});
    return {};
  }

 private:
  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeNamespaceLifecycle(const AdmissionParts& parts) {
  return std::make_unique<NamespaceLifecycle>(parts.caches);
}

}  // namespace skiff
