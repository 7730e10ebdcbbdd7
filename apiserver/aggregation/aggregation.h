// Versions that other API servers answer for, as APIServices name them: the parts of that, put
// together.
//
//   const auto remote = aggregation.RemoteAt(path);
//   if (remote) return aggregation.Forward(*remote, request);
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/aggregation/api_services.h"
#include "apiserver/aggregation/availability_loop.h"
#include "apiserver/aggregation/backends.h"
#include "apiserver/aggregation/forwarder.h"
#include "apiserver/aggregation/remote_documents.h"

namespace skiff {

class Aggregation {
 public:
  struct Parts {
    Store& store;
    const Clock& clock;
    Random& random;
    http::Loops* loops;
    const NodeConnections* nodes;
    MetricRegistry& metrics;
    AvailabilityLoop::Ask ask;
    bool rejects_redirects = true;
    ForwardLimits limits = {};
  };
  explicit Aggregation(Parts parts);
  // As Backends does.
  Result<> UseCertificate(const std::string& certificate_pem, const std::string& key_pem) {
    return backends_.UseCertificate(certificate_pem, key_pem);
  }

  // Who answers for that path; nullptr: this server.
  RemoteServicePtr RemoteAt(std::string_view path) { return services_.Now()->RemoteAt(path); }
  Result<http::Response> Forward(const RemoteService& remote, const ApiRequest& request) {
    return forwarder_.Forward(remote, request);
  }
  // What is listed because of APIServices.
  ApiServiceTablePtr Table() { return services_.Now(); }
  // Of a version of the table.
  VersionDiscovery DiscoveryOf(const ListedVersion& listed) const;
  // OpenAPI documents that others have: "apis/<group>/<version>" and the hash.
  std::vector<std::pair<std::string, std::string>> OpenApiHashes();

  std::vector<ControlLoop*> loops() { return {&availability_, &documents_}; }
  void Stop() { backends_.Stop(); }

 private:
  ApiServices services_;
  Backends backends_;
  Forwarder forwarder_;
  AvailabilityLoop availability_;
  RemoteDocuments documents_;
};

}  // namespace skiff
