// Whom client certificates name, and whether they are good now: of users by --client-ca-file, of
// the proxy in front of the server by --requestheader-client-ca-file. The TLS layer has verified at
// the handshake that one of these authorities signed. A connection outlives a certificate, and
// authorities that are replaced: the time is looked at on each request, and whose it is once for
// each certificate and each change of the authorities.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/user.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"

namespace skiff {

// What is read of one certificate, once.
struct CertificateHolder {
  User user;  // Name "": it names nobody.
  // Not empty: why it names nobody for certain.
  std::string fault;
  TimePoint not_before;
  TimePoint not_after;
  bool is_client = false;  // Signed by the authorities of users.
  bool is_proxy = false;   // Signed by those of the front proxy.

  bool IsGoodAt(TimePoint now) const { return not_before <= now && now <= not_after; }
};

// Thread-safe.
class ClientCertificates {
 public:
  struct Options {
    std::string client_ca_pem = {};  // Without either the handshake alone decides.
    std::string proxy_ca_pem = {};   // "": there is no front proxy.
  };
  explicit ClientCertificates(Options options)
      : options_(std::make_shared<const Options>(std::move(options))) {}

  // Whoever asks from now on is judged by these authorities. Fails, and changes nothing, where one
  // of the texts is not empty and holds no certificate, or a broken one.
  Result<> Use(Options options);

  // `pem`: the certificate, and those between it and its authority. nullptr when it is none. The
  // certificates of connections that are open are read once each.
  std::shared_ptr<const CertificateHolder> HolderOf(const std::string& pem);

 private:
  static constexpr size_t kKnownMax = 4096;  // Beyond it all are forgotten.
  Mutex mutex_;
  std::shared_ptr<const Options> options_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const CertificateHolder>, std::less<>> known_
      GUARDED_BY(mutex_);
};

}  // namespace skiff
