// Whom client certificates name, and whether they are good now: of users by --client-ca-file, of
// the proxy in front of the server by --requestheader-client-ca-file. Of those that come by a
// handshake the TLS layer has verified that one of these authorities signed. A connection outlives
// a certificate, those by way of whom it was signed, and authorities that are replaced: the time is
// looked at on each request, and whose it is once for each certificate and each change of the
// authorities, and again when one of its chain is over.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/user.h"
#include "base/certificates.h"
#include "base/client_authorities.h"
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
  bool is_client = false;  // Signed by the authorities of users, and all of that chain is good now.
  bool is_proxy = false;   // The same by those of the front proxy.
  // In which these two are so.
  Validity judged{TimePoint::min(), TimePoint::max()};
  // When the first of that chain of users is over, if it is one's; no later than not_after.
  TimePoint user_until;

  bool IsGoodAt(TimePoint now) const { return not_before <= now && now <= not_after; }
};

// Thread-safe.
class ClientCertificates {
 public:
  struct Options {
    std::string client_ca_pem = {};  // Without either the handshake alone decides.
    std::string proxy_ca_pem = {};   // "": there is no front proxy.
  };
  explicit ClientCertificates(const Options& options);

  // Whoever asks from now on is judged by these authorities. Fails, and changes nothing, where one
  // of the texts is not empty and holds no certificate, or a broken one.
  Result<> Use(const Options& options);

  // Whether there are any of users, without whom the handshake alone decides.
  bool HasAuthorities();

  // `pem`: the certificate, and those between it and its authority. nullptr when it is none. The
  // certificates of connections and sessions are read once each, as long as they are good; those
  // that one of the authorities did not sign once a minute.
  std::shared_ptr<const CertificateHolder> HolderOf(const std::string& pem, TimePoint now);
  // The same of what no handshake has looked at, and anybody may send: without authorities of users
  // it is nobody's, and so it is where its chain is weaker than handshakes ask for. Nothing is kept
  // of it.
  std::shared_ptr<const CertificateHolder> HolderOfSent(const std::string& pem, TimePoint now);

 private:
  static constexpr size_t kKnownMax = 4096;  // Beyond it one of them is forgotten.
  // A clock that is put right may make somebody of nobody.
  static constexpr Duration kNobodyTime = 1min;
  // OpenSSL's, as Debian's handshakes have it: no SHA-1, no RSA below 2048 bits.
  static constexpr int kLevelOfSent = 2;
  struct Authorities {
    explicit Authorities(const Options& options);
    // nullopt: there are none.
    std::optional<ClientAuthorities> of_users;
    std::optional<ClientAuthorities> of_proxies;
  };
  static void Judge(const Authorities& authorities, const std::string& pem, TimePoint now,
                    int level, CertificateHolder& holder);
  static std::shared_ptr<CertificateHolder> Read(const Authorities& authorities,
                                                 const std::string& pem, TimePoint now, int level);

  Mutex mutex_;
  std::shared_ptr<const Authorities> authorities_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const CertificateHolder>, std::less<>> known_
      GUARDED_BY(mutex_);
};

}  // namespace skiff
