#include "skiff/serving_certificate.h"

#include <filesystem>

#include "apiserver/auth/pki.h"
#include "controllers/certificate_rules.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

ListOptions ServingRequests() {
  ListOptions scope;
  scope.field_selector = "spec.signerName=" + std::string(certificates::kKubeletServingSigner);
  return scope;
}

}  // namespace

ServingCertificate::ServingCertificate(CertificateOffice office, Options options,
                                       std::function<void(const KeyPair&)> show)
    : office_(office),
      options_(std::move(options)),
      show_(std::move(show)),
      requests_({office.client, office.clock, office.random}, ServingRequests()) {
  requests_.informer().OnChange([this](const auto&, const Ptr<CertificateSigningRequest>& now) {
    if (now && now->spec.username == "system:node:" + options_.node_name) Wake();
  });
}

CertificateOrder ServingCertificate::Order() const {
  return {.common_name = "system:node:" + options_.node_name,
          .organizations = {"system:nodes"},
          .dns_names = {options_.node_name},
          .ip_addresses = {options_.address},
          .server = true};
}

Result<KeyPair> ServingCertificate::Initial() {
  const auto certificate = ReadWholeFile(Path("kubelet.crt"));
  const auto key = ReadWholeFile(Path("kubelet.key"));
  const TimePoint now = office_.clock.Now();
  if (certificate && key && !NeedsRenewal(*certificate, now)) {
    const auto names = NamesOfCertificate(*certificate);
    // The machine may have come back with another address.
    if (names && names->ip_addresses == Order().ip_addresses) {
      current_ = *certificate;
      return KeyPair{*certificate, *key};
    }
  }
  const auto own = TRY(CertificateAuthority::Create(options_.node_name, now));
  return own.Issue(Order(), now);
}

Duration ServingCertificate::Step() {
  const TimePoint now = office_.clock.Now();
  if (!current_.empty() && !NeedsRenewal(current_, now)) {
    const auto validity = ValidityOf(current_);
    const Duration life = validity->not_after - validity->not_before;
    const auto spare = std::chrono::duration_cast<Duration>(life * kRenewBelow);
    return validity->not_after - now - spare + 1s;
  }
  const Duration monotonic = office_.clock.Monotonic();
  if (request_.empty() || monotonic - asked_at_ >= kPatience) {
    if (const auto asked = Ask(); !asked) {
      log_.Info("serving certificate not asked for", {{"error", asked.error().message}});
      return kRetry;
    }
    asked_at_ = monotonic;
  }
  const auto answer = requests_.informer().Get({"", request_});
  if (!answer || answer->status.certificate.empty()) return asked_at_ + kPatience - monotonic;
  const auto taken = Take(answer->status.certificate);
  request_.clear();
  if (taken) return Duration(0);
  log_.Error("serving certificate not taken", {{"error", taken.error().message}});
  return kRetry;
}

Result<> ServingCertificate::Ask() {
  const SigningKeyPair key = TRY(NewSigningKey(KeyKind::kP256));
  const std::string pem = TRY(MakeCertificateRequest(key.private_pem, Order()));
  const auto request = NodeRequestOf(certificates::kKubeletServingSigner, pem);
  TRY(office_.client.Create(request));
  key_ = key.private_pem;
  request_ = request.metadata.name;
  return {};
}

Result<> ServingCertificate::Take(const std::string& certificate) {
  TRY(WriteWholeFile(Path("kubelet.key"), key_, 0600));
  TRY(WriteWholeFile(Path("kubelet.crt"), certificate, 0644));
  current_ = certificate;
  show_({certificate, key_});
  log_.Info("serving certificate signed", {{"node", options_.node_name}});
  return {};
}

}  // namespace skiff
