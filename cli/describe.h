// What `describe` knows of single kinds. Events are not written here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/describe_pod.h"
#include "cli/session.h"

namespace skiff::cli {

struct DescribeContext {
  Session& session;
  TimePoint now;
  bool show_events = true;
  int chunk_size = 500;
  // Something that the object cannot be described without could not be read: nothing is printed.
  std::optional<Error> failure;
};

// All objects of a kind.
Result<std::vector<Json>> ListForDescribe(DescribeContext& context, const char* type,
                                          const ListOptions& options);
// The same for who cannot do without: none where they cannot be read, which is context.failure.
std::vector<Json> ListNeeded(DescribeContext& context, const char* type,
                             const ListOptions& options);
// "10.1.1.1:80,10.1.1.2:80": the ready endpoints behind a port of that name. Of a slice without
// any port, as where a service's has a name that no container has, the addresses alone.
std::string EndpointsText(const std::vector<Json>& slices, const std::string& port_name);
// Of a volume or a claim, also where an old annotation says it.
std::string StorageClassOf(const Json& object);
// The rows of a LimitRange's table.
void WriteLimits(DescribeWriter& out, const std::string& indent, const Json& range);

// Labels in one line: "a=b,c=d"; "<none>".
std::string PairsText(const Json& pairs);
// Which pods a quota's scope means; "" of one that has no words.
const char* ScopeHelp(const std::string& scope);

void DescribeAttributesClass(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeAutoscaler(DescribeWriter& out, DescribeContext& context, const Json& object);
// Role bindings and cluster role bindings.
void DescribeBinding(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeBudget(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeClaim(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeConfigMap(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeCronJob(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeCsiNode(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeDaemonSet(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeDeployment(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeEndpointSlice(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeEndpoints(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeIpAddress(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeIngress(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeIngressClass(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeJob(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeLimitRange(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeNamespace(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeNetworkPolicy(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeNode(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribePriorityClass(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeQuota(DescribeWriter& out, DescribeContext& context, const Json& object);
// Replica sets and replication controllers.
void DescribeReplicas(DescribeWriter& out, DescribeContext& context, const Json& object);
// Roles and cluster roles.
void DescribeRole(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeSecret(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeService(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeServiceCidr(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeServiceAccount(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeSigningRequest(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeStatefulSet(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeStorageClass(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeVolume(DescribeWriter& out, DescribeContext& context, const Json& object);

}  // namespace skiff::cli
