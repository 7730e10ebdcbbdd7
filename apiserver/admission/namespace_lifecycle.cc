// Objects need a namespace that is there and not on its way out; some namespaces stay for ever.
#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

bool IsImmortal(std::string_view name) {
  return name == "default" || name == "kube-system" || name == "kube-public";
}

class NamespaceLifecycle final : public AdmissionPlugin {
 public:
  explicit NamespaceLifecycle(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "NamespaceLifecycle"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation == Operation::kDelete && request.Is("", "namespaces") &&
        IsImmortal(request.name)) {
      return Deny(request, "this namespace may not be deleted");
    }
    if (request.namespace_name.empty() || request.operation == Operation::kDelete) return {};
    if (request.Is("", "namespaces", request.subresource) ||
        request.Is("authorization.k8s.io", "localsubjectaccessreviews")) {
      return {};
    }
    const auto space = caches_.namespaces.Find("", request.namespace_name);
    if (!space) return Fail(NotFoundError({"", "namespaces"}, request.namespace_name));
    if (request.operation != Operation::kCreate || !space->metadata.deletion_timestamp) return {};
    const std::string& name = request.namespace_name;
    tl::unexpected<Error> refusal = Deny(request, "unable to create new content in namespace " +
                                                      name + " because it is being terminated");
    refusal.value().causes.push_back({.reason = "NamespaceTerminating",
                                      .message = "namespace " + name + " is being terminated",
                                      .field = "metadata.namespace"});
    return refusal;
  }

 private:
  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeNamespaceLifecycle(const AdmissionParts& parts) {
  return std::make_unique<NamespaceLifecycle>(parts.caches);
}

}  // namespace skiff
