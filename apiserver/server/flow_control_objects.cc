// The flow schemas and priority levels that Kubernetes v1.35 starts with.
#include "apiserver/server/bootstrap.h"

namespace skiff {
namespace {

constexpr const char* kApiVersion = "flowcontrol.apiserver.k8s.io/v1";

struct Level {
  const char* name;
  bool exempt;
  int shares;
  int lendable_percent;
  int queues;  // 0: requests over the limit are refused.
  int hand_size;
  int queue_length;
};
constexpr Level kLevels[] = {
    {"exempt", true, 0, 0, 0, 0, 0},
    {"catch-all", false, 5, 0, 0, 0, 0},
    {"system", false, 30, 33, 64, 6, 50},
    {"node-high", false, 40, 25, 64, 6, 50},
    {"leader-election", false, 10, 0, 16, 4, 50},
    {"workload-high", false, 40, 50, 128, 6, 50},
    {"workload-low", false, 100, 90, 128, 6, 50},
    {"global-default", false, 20, 50, 128, 6, 50},
};

Json Named(const char* kind, const char* name) {
  return {{"apiVersion", kApiVersion},
          {"kind", kind},
          {"metadata",
           {{"name", name}, {"annotations", {{"apf.kubernetes.io/autoupdate-spec", "true"}}}}}};
}

Json LevelObject(const Level& level) {
  Json object = Named("PriorityLevelConfiguration", level.name);
  Json amounts = {{"nominalConcurrencyShares", level.shares},
                  {"lendablePercent", level.lendable_percent}};
  if (level.exempt) {
    object["spec"] = {{"type", "Exempt"}, {"exempt", amounts}};
    return object;
  }
  amounts["limitResponse"] = {{"type", level.queues == 0 ? "Reject" : "Queue"}};
  if (level.queues != 0) {
    amounts["limitResponse"]["queuing"] = {{"queues", level.queues},
                                           {"handSize", level.hand_size},
                                           {"queueLengthLimit", level.queue_length}};
  }
  object["spec"] = {{"type", "Limited"}, {"limited", amounts}};
  return object;
}

Json Group(const char* name) {
  return {{"kind", "Group"}, {"group", {{"name", name}}}};
}
Json Person(const char* name) {
  return {{"kind", "User"}, {"user", {{"name", name}}}};
}
Json SystemAccounts() {
  return {{"kind", "ServiceAccount"},
          {"serviceAccount", {{"namespace", "kube-system"}, {"name", "*"}}}};
}

Json RuleOfResources(Json verbs, Json groups, Json resources, bool cluster_scope) {
  Json rule = {{"verbs", std::move(verbs)},
               {"apiGroups", std::move(groups)},
               {"resources", std::move(resources)},
               {"namespaces", Json::array({"*"})}};
  if (cluster_scope) rule["clusterScope"] = true;
  return rule;
}

Json Star() {
  return Json::array({"*"});
}

Json EveryRequest(Json subjects) {
  return {{"subjects", std::move(subjects)},
          {"resourceRules", {RuleOfResources(Star(), Star(), Star(), true)}},
          {"nonResourceRules", {{{"verbs", Star()}, {"nonResourceURLs", Star()}}}}};
}

struct Schema {
  const char* name;
  int precedence;
  const char* level;
  const char* distinguisher;  // nullptr: one flow.
};

Json SchemaObject(const Schema& schema, Json rules) {
  Json object = Named("FlowSchema", schema.name);
  object["spec"] = {{"matchingPrecedence", schema.precedence},
                    {"priorityLevelConfiguration", {{"name", schema.level}}},
                    {"rules", Json::array({std::move(rules)})}};
  if (schema.distinguisher) {
    object["spec"]["distinguisherMethod"] = {{"type", schema.distinguisher}};
  }
  return object;
}

Json Everybody() {
  return Json::array({Group("system:unauthenticated"), Group("system:authenticated")});
}

}  // namespace

std::vector<Json> FlowControlObjects() {
  std::vector<Json> objects;
  for (const Level& level : kLevels) objects.push_back(LevelObject(level));
  const auto add = [&](const Schema& schema, Json rules) {
    objects.push_back(SchemaObject(schema, std::move(rules)));
  };
  add({"exempt", 1, "exempt", nullptr}, EveryRequest(Json::array({Group("system:masters")})));
  add({"probes", 2, "exempt", nullptr},
      {{"subjects", Everybody()},
       {"nonResourceRules",
        {{{"verbs", Json::array({"get"})},
          {"nonResourceURLs", Json::array({"/healthz", "/readyz", "/livez"})}}}}});
  add({"system-leader-election", 100, "leader-election", "ByUser"},
      {{"subjects", Json::array({Person("system:kube-controller-manager"),
                                 Person("system:kube-scheduler"), SystemAccounts()})},
       {"resourceRules",
        {RuleOfResources(Json::array({"get", "create", "update"}),
                      Json::array({"coordination.k8s.io"}), Json::array({"leases"}), false)}}});
  add({"system-node-high", 400, "node-high", "ByUser"},
      {{"subjects", Json::array({Group("system:nodes")})},
       {"resourceRules",
        {RuleOfResources(Star(), Json::array({""}), Json::array({"nodes", "nodes/status"}), true),
         RuleOfResources(Star(), Json::array({"coordination.k8s.io"}), Json::array({"leases"}),
                      false)}}});
  add({"system-nodes", 500, "system", "ByUser"},
      EveryRequest(Json::array({Group("system:nodes")})));
  add({"kube-controller-manager", 800, "workload-high", "ByNamespace"},
      EveryRequest(Json::array({Person("system:kube-controller-manager")})));
  add({"kube-scheduler", 800, "workload-high", "ByNamespace"},
      EveryRequest(Json::array({Person("system:kube-scheduler")})));
  add({"kube-system-service-accounts", 900, "workload-high", "ByNamespace"},
      EveryRequest(Json::array({SystemAccounts()})));
  add({"service-accounts", 9000, "workload-low", "ByUser"},
      EveryRequest(Json::array({Group("system:serviceaccounts")})));
  add({"global-default", 9900, "global-default", "ByUser"}, EveryRequest(Everybody()));
  add({"catch-all", 10000, "catch-all", "ByUser"}, EveryRequest(Everybody()));
  return objects;
}

}  // namespace skiff
