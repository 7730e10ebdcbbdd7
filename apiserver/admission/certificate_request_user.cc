// A certificate request belongs to whoever makes it, whatever it says. Kubernetes does this in the
// kind's strategy; here it stands with the plugins, which know the user.
#include "api/gen/certificates_v1.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/auth/shown_user.h"

namespace skiff {
namespace {

class CertificateRequestUser final : public AdmissionPlugin, public Admits {
 public:
  std::string_view name() const override { return "CertificateRequestUser"; }
  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate ||
        !request.Is("certificates.k8s.io", "certificatesigningrequests")) {
      return {};
    }
    auto& spec = request.object->As<certificates_v1::CertificateSigningRequest>()->spec;
    const User user = ShownUser(request.user);
    spec.username = user.name;
    spec.uid = user.uid;
    spec.groups = user.groups;
    spec.extra.clear();
    for (const auto& [key, values] : user.extra) {
      spec.extra[key] = {values.begin(), values.end()};
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeCertificateRequestUser(const AdmissionParts&) {
  return std::make_unique<CertificateRequestUser>();
}

}  // namespace skiff
