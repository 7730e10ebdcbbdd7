// The rules of ClusterRoles that are made of others: view, edit, admin, and those of users.
#include <string>
#include <unordered_set>

#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/gen/rbac_v1.h"
#include "api/select/selector.h"
#include "client/reconciler.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using rbac_v1::ClusterRole;
using rbac_v1::PolicyRule;
using Roles = std::vector<Ptr<ClusterRole>>;

constexpr char kManager[] = "clusterrole-aggregation-controller";

// Of the roles that `role` selects, selector after selector and by name, each rule once.
Result<std::vector<PolicyRule>> AggregatedRules(const ClusterRole& role, const Roles& by_name) {
  std::vector<PolicyRule> rules;
  std::unordered_set<std::string> seen;  // Texts that say all of a rule.
  for (const auto& each : role.aggregation_rule->cluster_role_selectors) {
    const LabelSelector selector = TRY(LabelSelector::From(each));
    for (const auto& other : by_name) {
      if (other->metadata.name == role.metadata.name) continue;
      if (!selector.Matches(other->metadata.labels)) continue;
      for (const PolicyRule& rule : other->rules) {
        if (seen.insert(DumpJson(ToJson(rule))).second) rules.push_back(rule);
      }
    }
  }
  return rules;
}

class AggregationReconciler final : public Reconciler<ClusterRole> {
 public:
  explicit AggregationReconciler(Manager& manager)
      : client_(manager.client().transport(), std::string("kube-controller-manager/") + kManager),
        roles_(manager.informer<ClusterRole>()) {}

  Result<Requeue> Reconcile(const ClusterRole& role) override {
    if (!role.aggregation_rule) return Requeue::None();
    Roles roles = roles_.List();
    std::sort(roles.begin(), roles.end(), [](const auto& a, const auto& b) {
      return a->metadata.name < b->metadata.name;
    });
    const auto rules = TRY(AggregatedRules(role, roles));
    if (rules == role.rules) return Requeue::None();
    Json wanted = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
                   {"kind", "ClusterRole"},
                   {"metadata", {{"name", role.metadata.name}, {"uid", role.metadata.uid}}},
                   {"rules", Json::array()}};
    for (const PolicyRule& rule : rules) wanted["rules"].push_back(ToJson(rule));
    const auto written =
        client_.Patch(ClusterRole::Info(), KeyOf(role), PatchType::kApply, wanted);
    // It has just gone; if there is another one of that name, its own event is on the way.
    if (written || written.error().reason == Reason::kConflict) return Requeue::None();
    return Fail(written.error());
  }

 private:
  Client client_;
  const Informer<ClusterRole> roles_;
};

}  // namespace

void AddClusterRoleAggregation(Manager& manager) {
  const auto roles = manager.informer<ClusterRole>();
  ControllerBuilder<ClusterRole>(manager, "clusterrole-aggregation")
      .Watches<ClusterRole>([roles](const ClusterRole&) {
        std::vector<ObjectKey> keys;
        for (const auto& role : roles.List()) {
          if (role->aggregation_rule) keys.push_back(KeyOf(*role));
        }
        return keys;
      })
      .Workers(1)
      .Complete(std::make_unique<AggregationReconciler>(manager));
}

}  // namespace skiff
