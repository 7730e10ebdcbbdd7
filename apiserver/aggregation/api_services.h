// The APIServices that there are, read out of their objects: which versions other servers answer
// for, and which versions are listed that none of our kinds makes. As fresh as the store, and read
// when they change.
//
//   const auto table = services.Now();
//   if (const auto remote = table->RemoteAt("/apis/metrics.k8s.io/v1beta1/nodes")) ...
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/gen/apiregistration_v1.h"
#include "apiserver/aggregation/resident.h"
#include "apiserver/storage/follower.h"
#include "apiserver/storage/store.h"
#include "base/mutex.h"

namespace skiff {

// A version that another server answers for.
struct RemoteService {
  std::string name;  // "v1beta1.metrics.k8s.io"
  std::string uid;
  std::string group;
  std::string version;
  int group_priority = 0;
  int version_priority = 0;
  std::string service_namespace;
  std::string service_name;
  int port = 443;
  std::string ca_bundle;
  bool insecure = false;
  bool available = false;  // As its condition says.
  // Of all that users write into its object: another one after each of their updates.
  std::string fingerprint;

  std::string server_name() const { return service_name + "." + service_namespace + ".svc"; }
  std::string path() const { return "/apis/" + group + "/" + version; }
  // Whether it leads back to this server, as of webhooks (WebhookPlace::IsThisServer).
  bool IsThisServer() const {
    return service_namespace == "default" && service_name == "kubernetes" && port == 443;
  }
};
using RemoteServicePtr = std::shared_ptr<const RemoteService>;

// A version that is listed because its APIService is there, or that a part of this process answers
// for.
struct ListedVersion {
  std::string group;
  std::string version;
  int group_priority = 0;
  int version_priority = 0;
  bool is_remote = false;
  bool is_resident = false;
};

// An APIService of a version that this server answers for, which does not say so yet.
struct UnsaidLocal {
  std::string name;
  std::string uid;
};

// Immutable.
struct ApiServiceTable {
  std::vector<RemoteServicePtr> remotes;  // By name.
  std::vector<UnsaidLocal> unsaid_locals;
  // All of `remotes`, those of this server that it did not make by itself, and the resident one.
  std::vector<ListedVersion> listed;
  // Whether the resident answers: no APIService says that somebody else does.
  bool has_resident = false;

  // Who answers for a path in or below "/apis/<group>/<version>"; nullptr: this server.
  RemoteServicePtr RemoteAt(std::string_view path) const;
  bool HasGroup(std::string_view group) const;

  std::unordered_map<std::string, RemoteServicePtr> by_path;  // "/apis/<group>/<version>"
};
using ApiServiceTablePtr = std::shared_ptr<const ApiServiceTable>;

inline constexpr const char* kAvailableCondition = "Available";
inline constexpr const char* kLocalReason = "Local";
// On those that a server made: "onstart" of what it has built in, "true" of definitions.
inline constexpr const char* kAutoManagedLabel = "kube-aggregator.kubernetes.io/automanaged";

// Thread-safe. What the server has built in is its own to answer for, whatever is written into an
// APIService of that version: without them there is no server.
class ApiServices {
 public:
  // `resident` may be null; else it outlives this.
  explicit ApiServices(Store& store, const Resident* resident = nullptr);
  ApiServiceTablePtr Now();
  // Of the APIServices that this server made of definitions in those groups, as they are stored:
  // for who cannot read the definitions. The table has none of them. One that cannot be read either
  // is known by its name.
  Result<std::vector<ListedVersion>> OfDefinitions(
      const std::set<std::string, std::less<>>& groups);

 private:
  using ObjectPtr = std::shared_ptr<const apiregistration_v1::APIService>;
  // Whether the table may be another one by that.
  bool Put(const Record& record) REQUIRES(mutex_);
  bool SaysSomething(const apiregistration_v1::APIService& object) const;
  void Rebuild() REQUIRES(mutex_);

  Store& store_;
  const Resident* const resident_;
  Mutex mutex_;
  Follower follower_ GUARDED_BY(mutex_);
  Revision seen_ GUARDED_BY(mutex_);
  // By key; without those that say nothing to anybody, as of definitions there may be ten thousand.
  std::map<std::string, ObjectPtr> objects_ GUARDED_BY(mutex_);
  ApiServiceTablePtr table_ GUARDED_BY(mutex_) = std::make_shared<const ApiServiceTable>();
};

}  // namespace skiff
