// What a manager does for every controller; the rest is tested with whole controllers.
#include "client/manager.h"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>

#include "api/gen/core_v1.h"
#include "client/reconciler.h"
#include "client/transport.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;

class ThrowsOnce final : public Reconciler<ConfigMap> {
 public:
  explicit ThrowsOnce(std::map<std::string, int>& calls) : calls_(calls) {}
  Result<Requeue> Reconcile(const ConfigMap& map) override {
    if (++calls_[map.metadata.name] == 1 && map.metadata.name == "bad") {
      throw std::runtime_error("no such member");
    }
    return Requeue::None();
  }

 private:
  std::map<std::string, int>& calls_;
};

TEST(ManagerTest, AKeyWhoseReconcilerThrewIsTriedAgain) {
  FakeClock clock;
  SeededRandom random{1};
  InProcessTransport transport{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client{transport, "test"};
  InformerFactory informers{{client, clock, random}};
  SteppedExecutor executor{clock, 1};
  Manager manager{{transport, clock, random, informers, "test"}};
  std::map<std::string, int> calls;
  ControllerBuilder<ConfigMap>(manager, "test").Complete(std::make_unique<ThrowsOnce>(calls));
  std::vector<RawJson> maps;
  for (const char* name : {"bad", "good"}) {
    maps.push_back(Json{{"metadata", {{"name", name}, {"namespace", "default"}, {"uid", name}}}});
  }
  informers.For<ConfigMap>().cache().Replace(std::move(maps), "1");
  manager.Start(executor);
  executor.RunFor(10s);
  EXPECT_EQ(calls, (std::map<std::string, int>{{"bad", 2}, {"good", 1}}));
  manager.Stop();
}

}  // namespace
}  // namespace skiff
