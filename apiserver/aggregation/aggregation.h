// Versions that other API servers answer for, as APIServices name them: the parts of that, put
// together.
//
//   const auto remote = aggregation.RemoteAt(path);
//   if (remote) return aggregation.Forward(*remote, request);
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/aggregation/api_services.h"
#include "apiserver/aggregation/availability_loop.h"
#include "apiserver/aggregation/backends.h"
#include "apiserver/aggregation/forwarder.h"
#include "apiserver/aggregation/remote_documents.h"

namespace skiff {

// Thread-safe.
class Aggregation {
 public:
  // What they refer to outlives it.
  struct Parts {
    Store& store;
    const Clock& clock;
    Random& random;
    http::Loops* loops;            // nullptr: nobody can be reached.
    const NodeConnections* nodes;  // nullptr: none is simulated.
    MetricRegistry& metrics;
    AvailabilityLoop::Ask ask;
    const FrontProxyOptions& front_proxy;
    bool rejects_redirects = true;
    bool to_endpoints = false;  // As of ServicePodParts.
    std::string own_host = {};  // As of AvailabilityLoop.
    ForwardLimits limits = {};
    const Resident* resident = nullptr;  // Outlives this.
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
  // Who answers in this process for that path, or for the OpenAPI document of that path; nullptr:
  // nobody does.
  const Resident* ResidentAt(std::string_view path);
  // What is listed because of APIServices, and what the resident has.
  ApiServiceTablePtr Table() { return services_.Now(); }
  Result<std::vector<ListedVersion>> OfDefinitions(
      const std::set<std::string, std::less<>>& groups) {
    return services_.OfDefinitions(groups);
  }
  // Of a version of the table.
  VersionDiscovery DiscoveryOf(const ListedVersion& listed) const;
  // OpenAPI documents that others have: "apis/<group>/<version>" and the hash.
  std::vector<std::pair<std::string, std::string>> OpenApiHashes();
  // What others have in theirs of version 2, in the order of their APIServices.
  std::vector<PackedDocumentPtr> OpenApiV2Documents();

  // For the caller to run; they end before it.
  std::vector<ControlLoop*> loops() { return {&availability_, &documents_}; }
  // Ends every question to another server, and asks none any more.
  void Stop() { backends_.Stop(); }

 private:
  // What the resident says of itself.
  void AskResident();

  const Resident* const resident_;
  VersionDiscovery resident_discovery_;
  std::string resident_openapi_hash_;
  ApiServices services_;
  Backends backends_;
  Forwarder forwarder_;
  AvailabilityLoop availability_;
  RemoteDocuments documents_;
};

}  // namespace skiff
