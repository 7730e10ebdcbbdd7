// Nothing is written in a namespace that is not there, nor deleted.
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/rule_match.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

class NamespaceExists final : public AdmissionPlugin, public Validates {
 public:
  explicit NamespaceExists(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "NamespaceExists"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.namespace_name.empty() || IsNamespaces(request.kind)) return {};
    const auto space = TRY(caches_.namespaces.FindOrRead("", request.namespace_name));
    if (space) return {};
    return Fail(NotFoundError({"", "namespaces"}, request.namespace_name));
  }

 private:
  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeNamespaceExists(const AdmissionParts& parts) {
  return std::make_unique<NamespaceExists>(parts.caches);
}

}  // namespace skiff
