// What a joined node's kubelet shows on its port: at first a certificate of its own making, which
// nobody trusts; then one that the cluster has signed, renewed in time.
#pragma once

#include <functional>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "skiff/node_certificates.h"
#include "skiff/scoped_informer.h"

namespace skiff {

class ServingCertificate final : public ControlLoop {
 public:
  static constexpr Duration kRetry = 10s;
  // An unanswered request is given up and made anew after this.
  static constexpr Duration kPatience = 15min;

  struct Options {
    std::string directory;  // Holds pki/kubelet.crt and pki/kubelet.key.
    std::string node_name;
    std::string address;
  };
  // Calls `show` when there is a new one.
  ServingCertificate(CertificateOffice office, Options options,
                     std::function<void(const KeyPair&)> show);

  // The one that is kept, or a new one that nobody has signed. Before the first step.
  Result<KeyPair> Initial();
  Duration Step() override;
  // The requests of this node; started by the owner, after this was made.
  ScopedInformer<certificates_v1::CertificateSigningRequest>& requests() { return requests_; }

 private:
  CertificateOrder Order() const;
  Result<> Ask();
  Result<> Take(const std::string& certificate);
  std::string Path(const char* file) const { return options_.directory + "/pki/" + file; }

  const CertificateOffice office_;
  const Options options_;
  const std::function<void(const KeyPair&)> show_;
  const Log log_{"kubelet"};
  ScopedInformer<certificates_v1::CertificateSigningRequest> requests_;
  std::string current_;  // PEM of the signed certificate; "": none.
  std::string key_;      // Of the request under way.
  std::string request_;  // Its name; "": none is under way.
  Duration asked_at_{};  // Monotonic.
};

}  // namespace skiff
