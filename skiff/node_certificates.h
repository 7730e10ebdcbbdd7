// The certificates of a node that is not the server's own machine: keys are made here and never
// leave; the cluster signs what it approves.
//
//   DIR/pki/ca.crt                       the cluster's authority
//   DIR/pki/kubelet-client-current.pem   who the node is: certificate and key
//   DIR/pki/node-services-current.pem    the same of what serves the cluster's network from it
//   DIR/pki/kubelet.crt, kubelet.key     what its kubelet shows on its port
//   DIR/kubelet.conf                     a kubeconfig that names the first two
#pragma once

#include <string>
#include <vector>

#include "api/gen/certificates_v1.h"
#include "base/certificates.h"
#include "base/id.h"
#include "client/client.h"
#include "client/kubeconfig.h"

namespace skiff {

struct NodeIdentity {
  std::string node_name;
  std::string server;  // "https://10.0.0.5:6443"
  std::string authority_pem;
  KeyPair client;
};

// For signer kubernetes.io/NAME, under a name that follows from the request.
certificates_v1::CertificateSigningRequest NodeRequestOf(std::string_view signer,
                                                         const std::string& request_pem);

// Whether somebody has decided about a request, and then the certificate, or why there is none.
bool IsAnswered(const certificates_v1::CertificateSigningRequest& request);
Result<std::string> AnswerOf(const certificates_v1::CertificateSigningRequest& request);

// What is asked of one signer.
struct WantedCertificate {
  std::string_view signer;  // Of certificates::.
  CertificateOrder order;
};
// What a node asks for as a client, and for its network services.
WantedCertificate NodeClientCertificate(const std::string& node_name);
WantedCertificate NodeServicesCertificate(const std::string& node_name);

struct CertificateOffice {
  Client& client;
  const Clock& clock;
  Random& random;
};
// A client certificate for a new key, through a CertificateSigningRequest. Blocks until it is
// signed, refused or `timeout` is over. Errors say how to mend it.
Result<KeyPair> ObtainClientCertificate(const CertificateOffice& office,
                                        const WantedCertificate& wanted, Duration timeout);

// Reads and writes the files above. Reading: NotFound when this machine has not joined.
Result<NodeIdentity> LoadNodeIdentity(const std::string& directory);
Result<> SaveNodeIdentity(const std::string& directory, const NodeIdentity& identity);

HttpsOptions HttpsOptionsOf(const NodeIdentity& identity);

// The certificate of the node's network services that is kept in `directory`; NotFound when there
// is none, or none that is good now and of that node.
Result<KeyPair> LoadNodeServices(const std::string& directory, const std::string& node_name,
                                 TimePoint now);
// With which one the network services start: the one that is kept, or else a new one. While the
// cluster cannot sign one they start with what there is, be it ended or none: a node that cannot
// reach the API keeps its pods, and CertificateRotation asks until it is answered.
Result<KeyPair> NodeServicesAtStart(const std::string& directory, const std::string& node_name,
                                    const CertificateOffice& as_node, Duration timeout);
Result<> SaveNodeServices(const std::string& directory, const KeyPair& pair);

}  // namespace skiff
