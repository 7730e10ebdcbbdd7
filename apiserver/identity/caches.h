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
  // Of one request several may have to list, and a store that keeps silent is waited for once.
  explicit Caches(Store& store) : Caches(store, std::make_shared<ListPause>()) {}
  Caches(Store& store, const ListPausePtr& pause)
      : namespaces(store, pause),
        service_accounts(store, pause),
        limit_ranges(store, pause),
        resource_quotas(store, pause),
        priority_classes(store, pause),
        storage_classes(store, pause),
        ingress_classes(store, pause),
        runtime_classes(store, pause),
        disruption_budgets(store, pause),
        cluster_roles(store, pause),
        cluster_role_bindings(store, pause),
        roles(store, pause),
        role_bindings(store, pause) {}

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
