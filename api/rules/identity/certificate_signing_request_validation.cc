#include "api/rules/identity/certificate_signing_request_validation.h"

#include <algorithm>
#include <set>

#include "api/codec/base64.h"
#include "api/gen/certificates_v1.h"
#include "api/rules/checks.h"
#include "api/rules/go_struct.h"
#include "api/rules/identity/x509.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;
using Condition = certificates_v1::CertificateSigningRequestCondition;
using Conditions = std::vector<Condition>;

constexpr int32_t kExpirationSecondsMin = 600;
constexpr Words kUsages = {"any",
                           "cert sign",
                           "client auth",
                           "code signing",
                           "content commitment",
                           "crl sign",
                           "data encipherment",
                           "decipher only",
                           "digital signature",
                           "email protection",
                           "encipher only",
                           "ipsec end system",
                           "ipsec tunnel",
                           "ipsec user",
                           "key agreement",
                           "key encipherment",
                           "microsoft sgc",
                           "netscape sgc",
                           "ocsp signing",
                           "s/mime",
                           "server auth",
                           "signing",
                           "timestamping"};

void ValidateUsages(const std::vector<std::string>& usages, const FieldPath& path,
                    Violations& out) {
  if (usages.empty()) return out.Required(path);
  for (size_t i = 0; i < usages.size(); ++i) CheckOneOf(usages[i], kUsages, path.Index(i), out);
  std::set<std::string_view> seen;
  for (size_t i = 0; i < usages.size(); ++i) {
    if (!seen.insert(usages[i]).second) out.Duplicate(path.Index(i), usages[i]);
  }
}

void ValidateConditions(const Conditions& conditions, Violations& out) {
  const FieldPath path = FieldPath("status").Child("conditions");
  std::set<std::string_view> types;
  bool approved = false;
  bool denied = false;
  for (size_t i = 0; i < conditions.size(); ++i) {
    const Condition& condition = conditions[i];
    const FieldPath at = path.Index(i);
    Require(condition.type, at.Child("type"), out);
    if (condition.status.empty()) {
      out.Required(at.Child("status"));
    } else if (IsOneOf(condition.type, {"Approved", "Denied", "Failed"})) {
      CheckOneOf(condition.status, {"True"}, at.Child("status"), out);
    } else {
      CheckOneOf(condition.status, {"False", "True", "Unknown"}, at.Child("status"), out);
    }
    approved = approved || condition.type == "Approved";
    denied = denied || condition.type == "Denied";
    if (approved && denied && IsOneOf(condition.type, {"Approved", "Denied"})) {
      out.Invalid(path, condition.type, "Approved and Denied conditions are mutually exclusive");
    }
    if (!types.insert(condition.type).second) out.Duplicate(at.Child("type"), condition.type);
  }
}

void ValidateCertificate(const std::string& certificate, Violations& out) {
  if (certificate.empty()) return;
  const std::string fault = CertificatesFault(certificate);
  if (fault.empty()) return;
  out.Invalid(FieldPath("status").Child("certificate"), "<certificate data>", fault);
}

Conditions OfType(const CertificateSigningRequest& object, std::string_view type) {
  Conditions found;
  for (const Condition& condition : object.status.conditions) {
    if (condition.type == type) found.push_back(condition);
  }
  return found;
}

// A decision stays; who does not decide does not touch it.
void ValidateDecisions(const CertificateSigningRequest& object,
                       const CertificateSigningRequest& old, bool may_decide, Violations& out) {
  const FieldPath path = FieldPath("status").Child("conditions");
  for (const char* type : {"Approved", "Denied", "Failed"}) {
    if (OfType(object, type).size() >= OfType(old, type).size()) continue;
    out.Forbidden(path, std::string("updates may not remove a condition of type \"") + type + "\"");
  }
  if (may_decide) return;
  for (const std::string type : {"Approved", "Denied"}) {
    const Conditions now = OfType(object, type);
    const Conditions before = OfType(old, type);
    const std::string of_type = " a condition of type \"" + type + "\"";
    if (now.size() > before.size()) {
      out.Forbidden(path, "updates may not add" + of_type);
    } else if (now.size() == before.size() && !(now == before)) {
      const auto text = [](const Conditions& conditions) {
        Json list = Json::array();
        for (const Condition& condition : conditions) list.push_back(ToJson(condition));
        return list.dump(1);
      };
      out.Forbidden(
          path, "updates may not modify" + of_type + "\n" + UnifiedDiff(text(before), text(now)));
    }
  }
}

}  // namespace

void ValidateSigningRequest(const CertificateSigningRequest& object, Violations& out) {
  const auto& spec = object.spec;
  const FieldPath path("spec");
  if (const std::string fault = RequestFault(spec.request); !fault.empty()) {
    out.Invalid(path.Child("request"),
                spec.request.empty() ? Json(nullptr) : Json(EncodeBase64(spec.request)), fault);
  }
  ValidateUsages(spec.usages, path.Child("usages"), out);
  if (spec.signer_name == "kubernetes.io/legacy-unknown") {
    out.Invalid(path.Child("signerName"), spec.signer_name,
                "the legacy signerName is not allowed via this API version");
  } else {
    ValidateSignerName(spec.signer_name, path.Child("signerName"), out);
  }
  if (spec.expiration_seconds && *spec.expiration_seconds < kExpirationSecondsMin) {
    out.Invalid(path.Child("expirationSeconds"), *spec.expiration_seconds,
                "may not specify a duration less than 600 seconds (10 minutes)");
  }
  ValidateConditions(object.status.conditions, out);
  ValidateCertificate(object.status.certificate, out);
}

void ValidateSigningRequestStatus(const CertificateSigningRequest& object,
                                  const CertificateSigningRequest& old, Violations& out) {
  ValidateConditions(object.status.conditions, out);
  const std::string& before = old.status.certificate;
  if (object.status.certificate != before) ValidateCertificate(object.status.certificate, out);
  ValidateDecisions(object, old, false, out);
  if (!before.empty() && object.status.certificate != before) {
    out.Forbidden(FieldPath("status").Child("certificate"),
                  "updates may not modify existing certificate content");
  }
}

void PrepareSigningRequestApproval(CertificateSigningRequest& object,
                                   const CertificateSigningRequest& old) {
  object.spec = old.spec;
  object.status.certificate = old.status.certificate;
}

void ValidateSigningRequestApproval(const CertificateSigningRequest& object,
                                    const CertificateSigningRequest& old, Violations& out) {
  ValidateConditions(object.status.conditions, out);
  ValidateDecisions(object, old, true, out);
}

}  // namespace skiff
