// A transport that goes on while who asks gets a new certificate, as nodes do.
//
//   auto transport = TRY(MakeRenewableTransport(options));
//   Client client(*transport, "kubelet");
//   ...
//   TRY(transport->Renew(certificate_pem, key_pem));  // `client` has noticed nothing.
#pragma once

#include <memory>
#include <string>

#include "client/transport.h"

namespace skiff {

class RenewableTransport : public Transport {
 public:
  // What is sent from now on is sent as this; requests under way and streams end as they began.
  // Invalid, and nothing changed: a text is not PEM, or the key is another certificate's. Any
  // thread.
  virtual Result<> Renew(const std::string& certificate_pem, const std::string& key_pem) = 0;
};

// As MakeHttpsTransport.
Result<std::unique_ptr<RenewableTransport>> MakeRenewableTransport(HttpsOptions options);

}  // namespace skiff
