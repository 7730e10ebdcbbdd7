// What must hold in every cluster at every moment, whatever fails. Sees every revision of the
// objects it is about, in order and from when it is made, by watches of its own that no fault
// touches.
//
//   Invariants invariants(cluster.transport(), unheard);
//   ... the cluster does something ...
//   invariants.Check();
//   EXPECT_EQ(invariants.complaints(), std::vector<std::string>{});
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/gen/apps_v1.h"
#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "client/client.h"
#include "e2e/simulation/budget_laws.h"
#include "e2e/simulation/cron_laws.h"
#include "e2e/simulation/laws.h"

namespace skiff {

class Invariants {
 public:
  // What the network swallowed: nobody can be held to a bound that is passed by such pods.
  struct Unheard {
    // Whether the maker of a pod, ReplicaSet or Job does not know that it made this one.
    std::function<bool(const std::string& uid)> object;
    // Whether its scheduler does not know that it bound this one.
    std::function<bool(const std::string& uid)> binding;
    // Whether one of its statuses was written too late.
    std::function<bool(const ObjectKey& pod)> status;
    // Whether a ReplicaSet was: it may be scaled by who has meanwhile scaled another instead.
    std::function<bool(const ObjectKey& set)> set;
    // Whether some of the controllers' lists may be far behind others: each comes back by itself
    // after the network broke off.
    std::function<bool()> lists;
  };
  Invariants(Transport& transport, const Clock& clock, Unheard unheard);
  ~Invariants();

  // Takes in all that has happened since the last call, and complains of what must not be. Returns
  // whether anything has happened.
  bool Check();
  // Before the server ends: lets go of the watches. The next Check goes on where they were.
  void Disconnect();
  // From now on rolling updates must keep what maxUnavailable promises: nothing but they takes pods
  // away.
  void GuardAvailability(bool on);
  // From now on evictions must keep what budgets promise: nothing but they takes pods away.
  void GuardBudgets(bool on) { budget_laws_.Guard(on); }
  // A write that the server has acknowledged: it must be there at the end.
  void Acknowledged(const core_v1::ConfigMap& object) {
    acknowledged_[KeyOf(object)] = object.data;
  }
  // Nobody knows whether the last write of the object has happened.
  void InDoubt(const ObjectKey& key) { acknowledged_.erase(key); }
  // What was acknowledged and is not there.
  void CheckAcknowledged();
  // The versions of all objects, but of those that change for as long as their writers live.
  std::map<std::string, std::string> Versions();
  Laws& laws() { return laws_; }
  // Of objects that say whose they are: that their owner is there.
  void CheckOwners();

  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  struct Feed {
    Resource resource;
    std::string revision;  // Of the last event.
    std::unique_ptr<WatchStream> stream;
  };
  struct PodState {
    ObjectKey key;
    std::string node;
    std::string owner;  // The uid of its controller.
    bool is_daemon = false;
    bool is_surging = false;  // A daemon's new pod may come beside the old one.
    bool active = false;  // Neither ended nor being deleted.
    bool ready = false;
  };
  // How many there may be. After the wish for fewer there may be more for a while, but no longer
  // any that are new once the controller has seen the wish.
  struct Limit {
    int wanted = 0;
    int allowed = 0;
    bool seen = false;  // The controller has seen what is wanted.
    void Want(int count, bool is_seen);
    // False when there are more than may be.
    bool Accepts(int count);
  };
  struct Set {  // A ReplicaSet or ReplicationController.
    ObjectKey key;
    std::string owner;
    int replicas = 0;
    Limit pods;
  };
  struct DeploymentState {
    ObjectKey key;
    Limit replicas;  // Of all its sets together.
    int least_available = 0;
    bool was_available = false;  // Since availability is guarded.
  };
  void Begin(Feed& feed);
  void Take(const Resource& resource, std::string_view text, bool deleted);
  void TakePod(const core_v1::Pod& pod, bool deleted);
  void TakeDeployment(const apps_v1::Deployment& deployment, bool deleted);
  template <Kind K>
  void TakeSet(const K& set, bool deleted);
  void CheckDeployments();
  void CheckAvailability();
  void CheckSiblings(const core_v1::Pod& pod);
  void CheckDaemons();
  void TakeJob(const batch_v1::Job& job);
  void CheckSlice(const discovery_v1::EndpointSlice& slice);
  void Complain(std::string text);

  Client client_;
  const Unheard unheard_;
  std::vector<Feed> feeds_;
  std::map<std::string, PodState> pods_;                 // By uid.
  std::map<std::string, std::string> bound_;             // Pod uid -> node; never forgotten.
  std::set<std::string> once_ready_;                     // Pod uids.
  std::map<std::string, Set> sets_;                      // By uid.
  std::map<std::string, DeploymentState> deployments_;   // By uid.
  std::set<std::string> surging_;                        // Uids of daemon sets.
  std::set<std::pair<std::string, std::string>> served_;  // Where daemon sets' are ready.
  std::map<std::string, int> parallelism_;               // Job uid -> most active pods.
  std::map<std::string, std::set<std::string>> of_job_;  // Job uid -> uids of all its pods.
  std::map<ObjectKey, std::map<std::string, std::string>> config_maps_;
  std::map<ObjectKey, std::map<std::string, std::string>> acknowledged_;
  bool guards_availability_ = false;
  std::vector<std::string> complaints_;
  Laws laws_;
  BudgetLaws budget_laws_{laws_};
  CronLaws cron_laws_;
};

}  // namespace skiff
