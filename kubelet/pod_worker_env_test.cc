// What containers that a worker starts find in their environments.
#include "kubelet/pod_worker_fixture.h"

namespace skiff::kubelet {
namespace {

class PodWorkerEnvTest : public PodWorkerTest {
 protected:
  core_v1::EnvVarSource& Variable(const std::string& name) {
    auto& variable = pod_.spec.containers[0].env.emplace_back();
    variable.name = name;
    return variable.value_from.Ensure();
  }
};

// The API hears of the addresses only after the first containers have started.
TEST_F(PodWorkerEnvTest, TheNodesAddressesAreThereFromTheFirstStartOn) {
  context_.node_ips = {"192.0.2.1", "2001:db8::1"};
  Variable("ONE").field_ref.Ensure().field_path = "status.hostIP";
  Variable("ALL").field_ref.Ensure().field_path = "status.hostIPs";
  StartWorker();
  ASSERT_EQ(Running("app").size(), 1u);
  EXPECT_EQ(runtime_.created.at("app").envs,
            (Environment{{"ONE", "192.0.2.1"}, {"ALL", "192.0.2.1,2001:db8::1"}}));
}

}  // namespace
}  // namespace skiff::kubelet
