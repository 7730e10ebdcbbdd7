// The decoded objects that authorization, admission and evictions consult.
#pragma once

#include "api/gen/core_v1.h"
#include "api/gen/networking_v1.h"
#include "api/gen/node_v1.h"
#include "api/gen/policy_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/scheduling_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/objects/object_cache.h"

namespace skiff {

struct Caches {
  explicit Caches(Store& store)
      : namespaces(store),
        service_accounts(store),
        limit_ranges(store),
        resource_quotas(store),
        priority_classes(store),
        storage_classes(store),
        ingress_classes(store),
        runtime_classes(store),
        disruption_budgets(store),
        cluster_roles(store),
        cluster_role_bindings(store),
        roles(store),
        role_bindings(store) {}

  ObjectCache<core_v1::Namespace> namespaces;
  ObjectCache<core_v1::ServiceAccount> service_accounts;
  ObjectCache<core_v1::LimitRange> limit_ranges;
  ObjectCache<core_v1::ResourceQuota> resource_quotas;
  ObjectCache<scheduling_v1::PriorityClass> priority_classes;
  ObjectCache<storage_v1::StorageClass> storage_classes;
  ObjectCache<networking_v1::IngressClass> ingress_classes;
  ObjectCache<node_v1::RuntimeClass> runtime_classes;
  ObjectCache<policy_v1::PodDisruptionBudget> disruption_budgets;
  ObjectCache<rbac_v1::ClusterRole> cluster_roles;
  ObjectCache<rbac_v1::ClusterRoleBinding> cluster_role_bindings;
  ObjectCache<rbac_v1::Role> roles;
  ObjectCache<rbac_v1::RoleBinding> role_bindings;
};

}  // namespace skiff
