// A whole control plane in this process for tests: the real store on a disk in memory, the real API
// server, all controllers; one thread, a fake clock, a seed.
//
//   TestCluster cluster;
//   cluster.Apply(replica_set).RunUntilIdle();
//   EXPECT_EQ(cluster.List<core_v1::Pod>().size(), 3);
//
// More parts (a scheduler, kubelets) are added to executor() with clients of transport().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/codec/typed.h"
#include "base/control_loop.h"
#include "base/id.h"
#include "client/client.h"
#include "client/informer.h"
#include "client/manager.h"
#include "client/transport.h"
#include "controllers/program.h"

namespace skiff {

// What a transport answers when there is no server.
http::Response Unreachable();

class TestCluster {
 public:
  struct Options {
    uint64_t seed = 1;
    ControllerOptions controllers;
    bool run_controllers = true;
    // Adds further parts to the manager before it starts.
    std::function<void(Manager&)> add_parts;
    std::vector<std::string> authorization_modes = {"AlwaysAllow"};
    // Whether CrashServer loses nothing that was acknowledged.
    bool durable = false;
  };
  TestCluster();
  explicit TestCluster(Options options);
  ~TestCluster();

  // Creates the object, or makes the one that is there equal to it. A refusal fails the test.
  template <Kind K>
  TestCluster& Apply(const K& object) {
    ApplyDocument(K::Info(), ToJson(object));
    return *this;
  }
  // The same for one or more YAML documents; objects without namespace go to "default".
  TestCluster& Apply(const std::string& yaml);

  // The server's process ends; its disk stays. Until StartServer nobody is answered. Streams look
  // into its store: whoever holds one lets go of it before.
  void CrashServer();
  void StartServer();
  bool ServerRuns() const;
  // By the server's key for tokens of service accounts.
  Result<std::string> SignToken(const Json& claims);
  // As a client whose credentials are in the request.
  http::Response AnswerToStranger(const http::Request& request);
  // Whether a write can succeed. A store whose disk was full finds that out by the next one.
  bool TakesWrites() const;
  // From now on the server's disk takes nothing more, or does again.
  void FillDisk(bool full);

  // Lets all parts run until nothing is due at this moment.
  TestCluster& RunUntilIdle();
  // Lets time pass, with all that falls due in it.
  TestCluster& RunFor(Duration length);

  // What the server has now; `namespace_` "" means all.
  template <Kind K>
  std::vector<K> List(const std::string& namespace_ = "") {
    std::vector<K> objects;
    const auto list = client_.List<K>({.namespace_ = namespace_});
    if (!list) {
      Refused("list", list.error());
      return objects;
    }
    for (const auto& object : *list) objects.push_back(*object);
    return objects;
  }
  // nullptr when it does not exist.
  template <Kind K>
  Ptr<K> Get(const ObjectKey& key) {
    const auto found = client_.Get<K>(key);
    if (found) return *found;
    if (found.error().reason != Reason::kNotFound) Refused("get", found.error());
    return nullptr;
  }
  template <Kind K>
  TestCluster& Delete(const ObjectKey& key, const DeleteOptions& options = {}) {
    if (const auto deleted = client_.Delete<K>(key, options); !deleted) {
      Refused("delete", deleted.error());
    }
    return *this;
  }
  // Changes an object as it is now; as its status with `status`.
  template <Kind K, typename Change>
  TestCluster& Edit(const ObjectKey& key, Change change, bool status = false) {
    const auto object = Get<K>(key);
    if (!object) {
      Refused("change", Error{Reason::kNotFound, key.Text() + " does not exist"});
      return *this;
    }
    const auto changed =
        status ? client_.PatchStatus(*object, change) : client_.Patch(*object, change);
    if (!changed) Refused("change", changed.error());
    return *this;
  }

  Client& client() { return client_; }
  Transport& transport() { return *transport_; }
  FakeClock& clock() { return clock_; }
  Random& random() { return random_; }
  SteppedExecutor& executor() { return executor_; }
  Manager& manager() { return *manager_; }

 private:
  struct Server;
  http::Response Answer(const http::Request& request);
  void ApplyDocument(const Resource& resource, Json document);
  static void Refused(const std::string& verb, const Error& error);

  const std::vector<std::string> authorization_modes_;
  const bool durable_;
  FakeClock clock_;
  SeededRandom random_;
  SteppedExecutor executor_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Transport> transport_;
  Client client_;
  Client informer_client_;
  std::unique_ptr<InformerFactory> informers_;
  std::unique_ptr<Manager> manager_;
};

}  // namespace skiff
