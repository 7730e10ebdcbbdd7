// Keeps a certificate of a node good while the node runs, as a kubelet does: when 70 to 90 % of its
// life are over it asks the cluster for the next one.
//
//   CertificateRotation rotation({client, clock, random},
//                                {.signer = certificates::kKubeletClientSigner, .order = order},
//                                current_pem, [&](const KeyPair& next) { return Use(next); });
//   rotation.Start(executor);
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "base/metrics.h"
#include "client/scoped_informer.h"
#include "skiff/node_certificates.h"

namespace skiff {

// When a certificate is asked for anew. `fraction`, of [0, 1), is drawn for each certificate, so
// that nodes that were started together do not ask together.
TimePoint RotationTime(const Validity& validity, double fraction);

class CertificateRotation final : public ControlLoop {
 public:
  // No two requests are made within this; what fails again and again is tried ever less often,
  // until a certificate is not due. One that is due as soon as it is signed is a failure as well:
  // by a clock that is far ahead all are.
  static constexpr Duration kRetry = 10s;
  static constexpr Duration kRetryMax = 10min;
  // An unanswered request is given up and made anew after this.
  static constexpr Duration kPatience = 15min;
  // A node's clock may be set, either way: what is long to go is looked at again after this.
  static constexpr Duration kLookAgain = 15s;

  struct Options {
    std::string_view signer;  // Of certificates::; outlives this.
    CertificateOrder order;
  };
  // Keeps and uses what was signed. When it fails, a new one is asked for.
  using Take = std::function<Result<>(const KeyPair& next)>;

  // `current`: the certificate that is in use, PEM; "": there is none yet that the cluster signed.
  CertificateRotation(CertificateOffice office, Options options, const std::string& current,
                      Take take);
  ~CertificateRotation() override { Stop(); }
  void Start(Executor& executor);
  // While the executor lives. No Take is called afterwards.
  void Stop();
  Duration Step() override;
  // When the certificate ends that is in use; nullopt: there is none that the cluster signed. Any
  // thread.
  std::optional<TimePoint> ends() const;
  // How often one was asked for and not had. Any thread.
  uint64_t failures() const { return failures_; }

 private:
  using Answers = ScopedInformer<certificates_v1::CertificateSigningRequest>;
  void Plan(const std::string& current);
  Duration Failed(const Error& error);
  Result<> Ask();
  Result<> TakeAnswer(const certificates_v1::CertificateSigningRequest& answer);

  const CertificateOffice office_;
  const Options options_;
  const Take take_;
  const Log log_{"certificates"};
  Executor* executor_ = nullptr;
  TimePoint due_;                                 // When the next one is asked for.
  std::atomic<TimePoint> ends_at_ = TimePoint();  // None: there is no certificate.
  std::atomic<uint64_t> failures_ = 0;
  std::string key_;        // Of the request under way.
  std::string request_;    // Its name; "": none is under way.
  Duration asked_at_{};    // Monotonic.
  Duration not_before_{};  // Monotonic.
  Duration retry_ = kRetry;
  std::unique_ptr<Answers> answers_;  // To that request. Last: it calls Wake.
};

// What a kubelet tells of its certificates: kubelet_certificate_manager_*_ttl_seconds, and how
// often they could not be renewed. Both outlive whoever asks `registry` for its text.
void AddCertificateMetrics(MetricRegistry& registry, const Clock& clock,
                           const CertificateRotation& as_client,
                           const CertificateRotation& as_server);

}  // namespace skiff
