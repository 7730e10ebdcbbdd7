// Which fields of a Service its type needs, and what an update takes over from the old object.
#pragma once

namespace skiff {

namespace core_v1 {
struct Service;
struct ServiceSpec;
}  // namespace core_v1

// All but ExternalName have cluster addresses.
bool NeedsClusterIp(const core_v1::ServiceSpec& spec);
// NodePort and LoadBalancer. One that wants no ports from now on keeps those it has.
bool NeedsNodePort(const core_v1::ServiceSpec& spec);
bool NeedsHealthCheckNodePort(const core_v1::ServiceSpec& spec);
// From outside the cluster: NodePort, LoadBalancer, or ClusterIP with external addresses.
bool IsExternallyReachable(const core_v1::ServiceSpec& spec);

// Takes over addresses and ports that were given out before and that the client left out, as far as
// both the old and the new type need them. Runs before addresses and ports are given out.
void KeepAllocatedFields(core_v1::Service& object, const core_v1::Service& old);
// Who gives clusterIP alone means clusterIPs too: the list follows where the client left it as it
// was (`old`; nullptr at a creation). One who gives the list alone is told that both are needed.
void AlignClusterIps(core_v1::Service& object, const core_v1::Service* old);
// Clears fields that only the old type needed and that the client left as they were.
void DropFieldsOfOldType(core_v1::Service& object, const core_v1::Service& old);

}  // namespace skiff
